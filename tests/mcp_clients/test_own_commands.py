"""The clients' own programs read what we wrote, and write what we ask of them.

`make clients` installs them; where they are absent these tests are skipped.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.mcp_clients.homes import LAUNCH, SAMPLES, client, written
from vast_mcp.errors import ConfigInvalid
from vast_mcp.mcp_clients import files, json_text
from vast_mcp.mcp_clients.changes import Kind, carry_out, planned
from vast_mcp.mcp_clients.clients import Computer
from vast_mcp.mcp_clients.launch import Launch

PROGRAMS = Path(__file__).parents[2] / ".clients" / "node_modules" / ".bin"
QUIET = {
    # No client's program leaves this machine during a test.
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "DISABLE_TELEMETRY": "1",
    "DISABLE_AUTOUPDATER": "1",
}


def _computer(home: Path, program: str) -> Computer:
    """A fresh home in which this client's program is on the PATH."""
    if not (PROGRAMS / program).exists():
        pytest.skip(f"{program} is not installed: run `make clients`")
    path = f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}"
    environ = {"HOME": str(home), "PATH": path, **QUIET}
    return Computer(home, "linux", environ, lambda name: shutil.which(name, path=path))


def _said(here: Computer, *words: str) -> str:
    done = subprocess.run(
        [str(PROGRAMS / words[0]), *words[1:]],
        env=dict(here.environ), cwd=here.home, stdin=subprocess.DEVNULL, capture_output=True,
        text=True, timeout=60, check=False,
    )  # fmt: skip
    return done.stdout or done.stderr


@pytest.mark.oracle
@pytest.mark.parametrize(
    ("name", "program", "listing"),
    [
        ("codex", "codex", ("mcp", "get", "vast", "--json")),
        ("claude-code", "claude", ("mcp", "get", "vast")),
        ("gemini", "gemini", ("mcp", "list")),
    ],
)
def test_the_client_reads_the_entry_back_and_its_own_command_takes_it_out(
    tmp_path: Path, name: str, program: str, listing: tuple[str, ...]
) -> None:
    """Put in by its own command, changed in the file by us, read by it, removed by it."""
    here, known = _computer(tmp_path, program), client(name)
    path = written(tmp_path, name, SAMPLES[name])
    change = planned(known, here, LAUNCH)
    assert change.command[0].endswith(program)
    assert carry_out(change, here) is not None
    assert planned(known, here, LAUNCH).kind is Kind.NOTHING
    other = Launch(str(tmp_path / "else" / "vast-mcp"), ("serve", "--read-only"))
    change = planned(known, here, other)
    assert (change.kind, change.command) == (Kind.CHANGE, ())
    carry_out(change, here)
    said = _said(here, program, *listing)
    assert other.command in said
    assert "--read-only" in said
    carry_out(planned(known, here, None), here)
    assert planned(known, here, None).kind is Kind.NOTHING
    assert path.exists()


@pytest.mark.oracle
def test_codex_reads_a_file_that_only_we_wrote(tmp_path: Path) -> None:
    """Its own parser over our text, arguments with spaces and all."""
    here = _computer(tmp_path, "codex")
    path = written(tmp_path, "codex", SAMPLES["codex"])
    change = planned(client("codex"), here, LAUNCH)
    files.write(path, change.after, before=change.before)
    said = _said(here, "codex", "mcp", "get", "vast", "--json")
    read = json.loads(said[said.index("{") : said.rindex("}") + 1])
    assert read["transport"]["command"] == LAUNCH.command
    assert read["transport"]["args"] == list(LAUNCH.args)


def _program(folder: Path, name: str, script: str) -> Computer:
    """A computer on which this program is the only one."""
    folder.mkdir()
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o700)
    environ = {"HOME": str(folder.parent), "PATH": "/usr/bin:/bin"}
    return Computer(
        folder.parent, "linux", environ, lambda asked: str(path) if asked == name else None
    )


def test_vs_codes_command_gets_the_entry_as_its_help_shows_it(tmp_path: Path) -> None:
    """`code --add-mcp` takes an object with a name; a stand-in notes what it was given."""
    given = tmp_path / "given"
    file = tmp_path / ".config" / "Code" / "User" / "mcp.json"
    file.parent.mkdir(parents=True)
    entry = {"servers": {"vast": {"command": LAUNCH.command, "args": list(LAUNCH.args)}}}
    (tmp_path / "entry.json").write_text(json.dumps(entry))
    here = _program(
        tmp_path / "bin",
        "code",
        f'echo "$1" > {given}; echo "$2" >> {given}; cp {tmp_path}/entry.json {file}',
    )
    carry_out(planned(client("vscode"), here, LAUNCH), here)
    flag, told = given.read_text().splitlines()
    assert flag == "--add-mcp"
    assert json.loads(told) == {
        "name": "vast",
        "command": LAUNCH.command,
        "args": list(LAUNCH.args),
    }
    assert json_text.value_at(file.read_text(), ("servers", "vast", "command")) == LAUNCH.command
    windows = Computer(tmp_path, "win32", here.environ, here.which)
    assert planned(client("vscode"), windows, LAUNCH).command == ()


@pytest.mark.parametrize(
    ("script", "told"),
    [("echo 'no such scope' >&2; exit 3", "refused .exit 3.: no such scope"), ("true", "not show")],
)
def test_a_clients_command_that_does_not_do_it_is_told(
    tmp_path: Path, script: str, told: str
) -> None:
    """With its own words, and the other way."""
    here = _program(tmp_path / "bin", "codex", script)
    with pytest.raises(ConfigInvalid, match=rf"{told}.*--print codex"):
        carry_out(planned(client("codex"), here, LAUNCH), here)
