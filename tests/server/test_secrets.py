"""The key never leaves: not in answers, not in errors, not in the list, not in a log line.

See docs/design.md#foreign-text-and-secrets, docs/hazards.md#agents.
"""

import logging
from pathlib import Path

import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError

from tests.tools.ssh_world import ssh_world
from tests.world import Mode, World
from vast_mcp.cli.logs import configure
from vast_mcp.served import TOOLS
from vast_mcp.text import Redactor

KEY = "sim-key"
ARGUMENTS = {
    "instance_id": 27000000,
    "offer_id": 27000000,
    "plan_id": KEY,
    "endpoint_name": KEY,
    "template_hash": KEY,
    "max_usd_per_worker_hour": 0.5,
    "hours": 1,
    "bid_usd_per_hour": 0.1,
    "label": KEY,
    "path": f"/{KEY}",
    "paths": [f"/{KEY}"],
    "command": f"ls {KEY}",
    "lease_hours": 1,
    "query": f"gpu_name={KEY}",
}


async def everything_said(client: Client) -> list[str]:
    """What every tool, resource and prompt answers, errors and refusals included."""
    said = [str(client.instructions), (await client.list_tools()).model_dump_json()]
    for tool in (await client.list_tools()).tools:
        known = tool.input_schema.get("properties", {})
        given = {name: value for name, value in ARGUMENTS.items() if name in known}
        said.append((await client.call_tool(tool.name, given)).model_dump_json())
        said.append((await client.call_tool(tool.name, {KEY: KEY})).model_dump_json())
    said.append((await client.call_tool(KEY, {})).model_dump_json())
    said += [await _read(client, one.uri) for one in (await client.list_resources()).resources]
    said.append(await _read(client, f"vast://{KEY}"))
    for name in (*[one.name for one in (await client.list_prompts()).prompts], KEY):
        try:
            said.append((await client.get_prompt(name, {})).model_dump_json())
        except MCPError as error:
            said.append(str(error))
    return said


async def _read(client: Client, uri: str) -> str:
    try:
        (content,) = (await client.read_resource(uri)).contents
    except MCPError as error:
        return error.error.message
    return getattr(content, "text", "")


@pytest.mark.parametrize("mode", ["auto", "legacy"])
@pytest.mark.parametrize("toolsets", ["default", "all"])
async def test_nothing_that_leaves_the_server_holds_the_key(
    tmp_path: Path,
    mode: Mode,
    toolsets: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Secrets never appear; a label that repeats one is masked too."""
    configure_like_the_command_line()
    world = World(tmp_path, toolsets=toolsets)
    world.simulator.add_foreign_instance(label=f"token {KEY}")
    with caplog.at_level(logging.INFO):
        async with world.connect(mode, answer="decline") as client:
            said = await everything_said(client)
    assert len(said) > len(TOOLS)
    leaks = [text[:200] for text in said if KEY in text]
    assert not leaks
    assert not [q for q in world.questions if KEY in q]


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_question_masks_a_key_that_a_label_repeats(tmp_path: Path, mode: Mode) -> None:
    """The question is the one text that leaves on another way than an answer."""
    world = World(tmp_path)
    foreign = world.simulator.add_foreign_instance(label=f"my {KEY}")
    async with world.connect(mode) as client:
        answer = await client.call_tool("stop_instance", {"instance_id": foreign})
    (question,) = world.questions
    assert '"my [secret]"' in question
    assert KEY not in question
    assert KEY not in answer.model_dump_json()


def configure_like_the_command_line() -> None:
    """Only the levels: the handlers belong to pytest."""
    logging.getLogger("httpx2").setLevel(logging.WARNING)


async def test_a_command_is_not_logged_with_its_environment(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The SSH library would print each command line, values and all, even at INFO."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    canary = "canary-env-5d41402abc4b"
    try:
        configure(Redactor([]), "DEBUG")
        async with ssh_world(tmp_path) as lab:
            machine = await lab.machine()
            done = await lab.run(machine, "printenv GREETING", env={"GREETING": canary})
    finally:
        root.handlers[:] = before
        root.setLevel(level)
    assert canary in done["untrusted_output"]
    written = capsys.readouterr().err
    assert canary not in written


def test_a_log_line_and_its_traceback_are_scrubbed(capsys: pytest.CaptureFixture[str]) -> None:
    """Log lines never carry the key, not even a defect's traceback."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    try:
        configure(Redactor(["a-very-secret-key"]))
        try:
            raise ValueError("a-very-secret-key")
        except ValueError:
            logging.getLogger("vast_mcp").exception("with a-very-secret-key")
        logging.getLogger("httpx2").info("HTTP Request: GET https://x/?api_key=other")
    finally:
        root.handlers[:] = before
        root.setLevel(level)
    written = capsys.readouterr().err
    assert "[secret]" in written
    assert "a-very-secret-key" not in written
    assert "HTTP Request" not in written
