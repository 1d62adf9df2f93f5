"""Words in, words out, exit codes; and the demonstration."""

import asyncio
import os
import pty
import sys
from pathlib import Path

import pytest

from tests.cli.shell import LONGEST_S, shell
from tests.release.pictures import stale
from vast_mcp.cli.codes import Exit, code_for
from vast_mcp.cli.main import COMMANDS, parser_for
from vast_mcp.errors import (
    ConfigInvalid,
    KeyMissing,
    LedgerUnavailable,
    NotFound,
    PolicyDenied,
    VastMcpError,
    VendorDown,
)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`--help` works for each, and says what it is for."""
    with pytest.raises(SystemExit) as left:
        parser_for([command]).parse_args([command, "--help"])
    assert left.value.code == 0
    assert COMMANDS[command][1][1:20] in capsys.readouterr().out.replace("\n", " ")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigInvalid("x"), Exit.USAGE),
        (KeyMissing("x"), Exit.USAGE),
        (NotFound("x"), Exit.FAILED),
        (PolicyDenied("x"), Exit.REFUSED),
        (VendorDown("x"), Exit.VENDOR),
        (LedgerUnavailable("x"), Exit.FAILED),
    ],
)
def test_exit_codes_follow_the_kind_of_error(error: VastMcpError, code: Exit) -> None:
    """What the person can mend by themselves is not called the vendor's failure."""
    assert code_for(error) is code


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["serv"], "did you mean `vast-mcp serve`"),
        (["serve", "--toolsets", "nonsense"], "unknown set"),
        (["serve", "--simulate-port", "0"], "only works with --simulate"),
        (["serve", "--simulate", "--simulate-port", "99999"], "from 0 to 65535"),
        (["serve", "--transport", "http", "--port", "99999"], "from 0 to 65535"),
        (["simulate", "--port", "99999"], "from 0 to 65535"),
        (["serve", "--simulate", "--speed", "0"], "speed"),
        (["serve", "--simulate", "--transport", "http", "--host", "0.0.0.0"], "token is needed"),
    ],
)
async def test_wrong_words_end_with_2_and_one_reason(
    words: list[str], said: str, tmp_path: Path
) -> None:
    """No traceback, nothing on stdout: it may be a client that reads it."""
    async with shell(tmp_path) as at:
        done = await at.run(*words)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    "words", [["serve", "--simulate", "--simulate-port"], ["simulate", "--port"]], ids=" ".join
)
async def test_a_port_that_is_taken_is_said_in_one_line(words: list[str], tmp_path: Path) -> None:
    """A second simulator on the same port is a newcomer's mistake, not a crash."""
    async with shell(tmp_path) as at:
        done = await at.run(*words, at.address.rsplit(":", 1)[1])
    assert done.code in {1, 2}
    assert "in use" in done.err.splitlines()[-1]
    assert "Traceback" not in done.err


async def test_serving_at_a_terminal_says_what_it_waits_for(tmp_path: Path) -> None:
    """Whoever types the bare command is not left before a silent screen; stdout stays empty."""
    ours, theirs = pty.openpty()
    async with shell(tmp_path) as at:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "vast_mcp", "serve", "--simulate",
            env=at.environment, stdin=theirs,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        os.close(theirs)
        assert process.stderr is not None
        said = await asyncio.wait_for(process.stderr.readuntil(b"lists commands.\n"), LONGEST_S)
        os.write(ours, b"\x04")  # the end of the input, as typed
        out, _ = await asyncio.wait_for(process.communicate(), LONGEST_S)
    os.close(ours)
    assert "waiting for an MCP client" in said.decode()
    assert (process.returncode, out) == (0, b"")


async def test_the_policy_is_explained_with_the_code_of_its_answer(tmp_path: Path) -> None:
    """A refusal is 3."""
    async with shell(tmp_path) as at:
        fine = await at.run("policy", "explain", "create", "--gpu", "RTX 4090", "--hours", "2")
        refused = await at.run(
            "policy", "explain", "create", "--gpu", "H100", "--hours", "2", "--usd-per-hour", "4"
        )
    assert (fine.code, refused.code) == (0, 3)


async def test_the_demonstration_holds(tmp_path: Path) -> None:
    """The whole conversation over stdio, in less than a minute, without colour off a terminal."""
    async with shell(tmp_path) as at:
        done = await at.run("demo")
    assert done.code == 0, done.out + done.err
    assert "Every step held." in done.out
    assert "<no " not in done.out  # an answer that is shown is one that was given
    assert "\x1b" not in done.out
    assert stale(done.out) == [], "run `make pictures`"  # the README shows what it says
