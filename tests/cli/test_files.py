"""`serve --files DIR`: further directories for copying, opened by a person at start-up."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.shell import shell
from tests.transports.processes import Server, started

SIMULATED = ("--simulate", "--seed", "3")


async def told(server: Server, **given: str) -> dict[str, Any]:
    """The facts of a prompt: the shortest way to see which directories are open."""
    await server.greet()
    answer = await server.ask(2, "prompts/get", name="run_script", arguments=given)
    (_, fenced, _) = answer["messages"][0]["content"]["text"].split("```", 2)
    facts: dict[str, Any] = json.loads(fenced.removeprefix("json"))
    return facts


async def test_files_may_be_copied_from_and_to_every_directory_that_was_opened(
    tmp_path: Path,
) -> None:
    """A further root for local paths, repeatable."""
    for name in ("one", "two", "three"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.txt").write_text("12345")
    where = {name: str(tmp_path / name) for name in ("one", "two", "three")}
    async with started(
        tmp_path, *SIMULATED, "--files", where["one"], "--files", where["two"]
    ) as server:
        paths = ",".join(f"{folder}/a.txt" for folder in where.values())
        facts = await told(server, command="x", upload=paths)
    first, second, third = facts["uploads"]
    assert (first["bytes"], second["bytes"]) == (5, 5)
    assert "outside the directories" in third["cannot_be_sent"]


async def test_the_environment_opens_directories_too_and_the_flag_wins(tmp_path: Path) -> None:
    """Start-up choices have a twin in the environment."""
    for name in ("one", "two", "three"):
        (tmp_path / name).mkdir()
    twin = f"{tmp_path / 'one'}:{tmp_path / 'two'}"
    async with started(tmp_path, *SIMULATED, VAST_MCP_FILES=twin) as server:
        facts = await told(server, command="x")
    by_twin = [Path(one["directory"]).name for one in facts["local_files"]]
    async with started(
        tmp_path, *SIMULATED, "--files", str(tmp_path / "three"), VAST_MCP_FILES=twin
    ) as server:
        facts = await told(server, command="x")
    by_flag = [Path(one["directory"]).name for one in facts["local_files"]]
    assert by_twin == ["vast-mcp", "one", "two"]
    assert by_flag == ["vast-mcp", "three"]


@pytest.mark.parametrize(
    ("folder", "why"),
    [
        ("{home}/missing", "no such directory"),
        ("{home}/note.txt", "not a directory"),
        ("/", "the whole disk"),
        ("", "no directory"),
        ("{home}", "the home directory"),
        ("~", "the home directory"),
        ("{home}/..", "the home directory, or contains it"),
        ("{home}/to-home", "the home directory"),
        ("{home}/.ssh", "contain secrets"),
        ("{home}/state", "ledger and keys"),
        ("{home}/state/vast-mcp/jobs", "ledger and keys"),
        ("{home}/config/vast-mcp", "the policy file"),
        (str(Path(__file__).parents[2]), "own code"),
    ],
)
async def test_a_directory_that_must_not_be_opened_is_wrong_usage(
    tmp_path: Path, folder: str, why: str
) -> None:
    """Not the disk, not the home directory, nothing of ours: a copy could rewrite the limits."""
    async with shell(tmp_path) as at:
        (at.home / "note.txt").write_text("")
        (at.home / "to-home").symlink_to(at.home)
        for name in (".ssh", "state/vast-mcp/jobs", "config/vast-mcp"):
            (at.home / name).mkdir(parents=True)
        named = folder.format(home=at.home)
        done = await at.run("serve", "--files", named)
    assert (done.code, done.out) == (2, "")
    assert f"--files {named or repr(named)}: " in done.err
    assert why in done.err
    assert "Traceback" not in done.err


async def test_a_wrong_directory_in_the_environment_names_the_variable(tmp_path: Path) -> None:
    """Who set it has to know where."""
    async with shell(tmp_path) as at:
        at.extra["VAST_MCP_FILES"] = "/"
        done = await at.run("serve")
    assert done.code == 2
    assert "VAST_MCP_FILES /: that is the whole disk" in done.err


async def test_the_help_names_the_flag(tmp_path: Path) -> None:
    """`serve --help`."""
    async with shell(tmp_path) as at:
        done = await at.run("serve", "--help")
    assert "--files DIR" in done.out
    assert "VAST_MCP_FILES" in done.out
