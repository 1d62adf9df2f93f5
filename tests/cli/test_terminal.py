"""What people's commands print: fitted to a terminal, plain where it is piped."""

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.shell import shell
from tests.cli.test_freeze import rented_at
from vast_mcp.actions import StopInstance
from vast_mcp.cli.main import main
from vast_mcp.cli.pending import as_row
from vast_mcp.cli.terminal import WIDTH, aligned, paragraph, print_finding, print_table
from vast_mcp.guard.act import Caller, Pending

HEAD = ("what", "state", "label")
ROWS = [("instance 1", "ready", "a [bold]label[/bold]"), ("volume 22", "", "")]


def _at_a_terminal(script: str, columns: int, **more: str) -> str:
    """What a person sees there."""
    person, terminal = pty.openpty()
    environment = {
        "PATH": os.environ["PATH"],
        "COLUMNS": str(columns),
        "TERM": "xterm-256color",
        **more,
    }
    with subprocess.Popen([sys.executable, "-c", script], stdout=terminal, env=environment) as ran:
        os.close(terminal)
        seen = b""
        try:
            while chunk := os.read(person, 65536):
                seen += chunk
        except OSError:  # how Linux says that the other end is closed
            pass
    os.close(person)
    assert ran.returncode == 0
    return seen.decode().replace("\r\n", "\n")


TABLE = f"from vast_mcp.cli.terminal import print_table; print_table({HEAD!r}, {ROWS!r})"


def test_piped_it_is_plain_columns(capsys: pytest.CaptureFixture[str]) -> None:
    """As scripts have read it so far."""
    print_table(HEAD, ROWS)
    print_finding("ok", "key", "from VAST_API_KEY")
    assert capsys.readouterr().out == (
        "what        state  label\n"
        "instance 1  ready  a [bold]label[/bold]\n"
        "volume 22\n"
        "ok     key          from VAST_API_KEY\n"
    )
    assert aligned([("a", "b"), ("ccc", "d")]) == ["a    b", "ccc  d"]


def test_on_a_terminal_it_has_rules_and_colour_and_brackets_stay_brackets() -> None:
    """A label is no markup, whoever wrote it."""
    seen = _at_a_terminal(TABLE, 80)
    assert "\x1b[1m" in seen
    assert "─" in seen
    assert "a [bold]label[/bold]" in seen


def test_without_colour_there_is_none() -> None:
    """NO_COLOR, as everywhere."""
    seen = _at_a_terminal(TABLE, 80, NO_COLOR="1")
    assert "\x1b[3" not in seen
    assert "instance 1" in seen


def test_a_narrow_terminal_gets_a_block_for_each_row() -> None:
    """Nine columns on 80 would be words cut into pieces."""
    seen = re.sub(r"\x1b\[[\d;]*m", "", _at_a_terminal(TABLE, 30))
    assert [line.split() for line in seen.splitlines()] == [
        ["instance", "1"],
        ["state", "ready"],
        ["label", "a", "[bold]label[/bold]"],
        ["volume", "22"],
    ]


def test_a_question_is_wrapped_at_words() -> None:
    """Never wider than is good to read."""
    text = paragraph("Rent a machine for two hours? " * 8, "  ")
    assert max(map(len, text.splitlines())) <= WIDTH
    assert all(line.startswith("  ") for line in text.splitlines())


async def test_scripts_get_json_from_every_list(tmp_path: Path) -> None:
    """leases, pending, doctor; a price is a number, a plan has its id."""
    async with shell(tmp_path, hours_ago=1) as at:
        number = await rented_at(at, "mine")
        at.world.run_until_ready()
        leases = json.loads((await at.run("leases", "--json")).out)
        doctor = json.loads((await at.run("doctor", "--json")).out)
        async with at.runtime() as runtime:
            stop = StopInstance(number)
            pending = await runtime.session.guard.propose(stop, Caller(client="terminal"))
        assert isinstance(pending, Pending)
    (row,) = leases["rows"]
    assert (row["what"], row["made_by"]) == (f"instance {number}", "us")
    assert isinstance(row["price"], float)
    assert (leases["frozen"], leases["warnings"]) == ("", [])
    assert {line["result"] for line in doctor} <= {"ok", "note"}
    told = as_row(pending.plan)
    assert (told["plan_id"], told["approved"]) == (pending.plan.plan_id, False)
    assert "Stop" in str(told["question"])


def test_the_policy_is_there_as_json_too(capsys: pytest.CaptureFixture[str]) -> None:
    """Each limit with its value and where it is from."""
    assert main(["policy", "show", "--json"]) == 0
    policy = json.loads(capsys.readouterr().out)
    assert policy["limits"][0] == {
        "limit": "limits.max_usd_per_hour",
        "value": "$3.00/h",
        "from": "built-in",
    }


def test_serve_loads_nothing_that_draws_tables() -> None:
    """A client waits while it starts."""
    script = (
        "import sys, vast_mcp.cli.main, vast_mcp.cli.serve, vast_mcp.server, vast_mcp.transports\n"
        "print([name for name in ('rich', 'vast_mcp.cli.terminal', 'tomlkit', 'keyring')"
        " if sys.modules.get(name)])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert ran.stdout == "[]\n"
