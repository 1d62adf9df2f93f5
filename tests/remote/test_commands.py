import asyncio
import random  # noqa: TID251  seeded below
import resource
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.remote.servers import BIG, in_process, needs_sshd, openssh
from tests.world import report, scale
from vast_mcp.clock import SystemClock
from vast_mcp.errors import InputInvalid
from vast_mcp.remote.address import Address
from vast_mcp.remote.command import CommandProgress, HeadTail, command_line, run_command
from vast_mcp.remote.errors import RemoteFailed
from vast_mcp.remote.forward import Forwards
from vast_mcp.remote.pool import SessionPool
from vast_mcp.text import clean


def test_directory_and_variables_stand_before_all_of_the_command() -> None:
    """One quoted string: what follows a `;` runs in the directory too, or not at all."""
    line = command_line("true; pwd", directory="/no such", env={"A": "x'; touch /tmp/evil; '"})
    ran = subprocess.run(["sh", "-c", line], capture_output=True, check=False)
    assert ran.stdout == b""
    assert ran.returncode != 0


def test_generated_values_reach_the_shell_unchanged(tmp_path: Path) -> None:
    """Quoting: names beginning with `-`, quotes, newlines and dollars inject nothing."""
    draw = random.Random(1)
    pieces = ["-", "'", '"', "$(id)", "`id`", "\n", " ", ";", "&&", "\\", "a", "*", "~", "!", "é"]
    for _ in range(200 if BIG else 40):
        value = "".join(draw.choice(pieces) for _ in range(draw.randint(1, 8)))
        name = "".join(c for c in value if c >= " ") or "x"
        folder = tmp_path / f"-{name}".replace("/", "_")
        folder.mkdir(exist_ok=True)
        line = command_line(
            'printf %s "$V"; printf "|"; pwd', directory=str(folder), env={"V": value}
        )
        ran = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=True)
        assert ran.stdout == f"{value}|{folder}\n"


def test_a_directory_named_minus_is_no_option() -> None:
    """`cd -` would go elsewhere."""
    assert command_line("pwd", directory="-").startswith("cd -- ./- ")
    assert command_line("pwd", directory="~/x").startswith("cd -- ./x ")


@pytest.mark.parametrize("env", [{"A B": "x"}, {"-x": "x"}, {"A;id": "x"}, {"": "x"}, {"A\n": "x"}])
def test_what_is_no_variable_name_is_refused(env: dict[str, str]) -> None:
    """Names of variables go unquoted, so only names pass."""
    with pytest.raises(InputInvalid):
        command_line("true", env=env)


def test_nul_and_emptiness_are_refused() -> None:
    """A shell would cut at NUL and run half."""
    for command in ("a\0b", "", "  "):
        with pytest.raises(InputInvalid):
            command_line(command)


def test_head_and_tail_are_kept_and_all_is_counted() -> None:
    """The output cap keeps both ends and says what is missing."""
    kept = HeadTail(10)
    for start in range(0, 1000, 7):
        kept.add(bytes(str(n % 10).encode()[0] for n in range(start, min(start + 7, 1000))))
    assert kept.total == 1000
    assert kept.text() == "0123456789\n… [980 bytes left out] …\n0123456789"


def test_an_unfinished_escape_does_not_hide_the_gap() -> None:
    """Foreign bytes must not swallow our own words."""
    kept = HeadTail(8)
    kept.add(b"abc\x1b]0;titl" + b"x" * 50)
    assert "bytes left out" in kept.text()


@needs_sshd
async def test_exit_code_signal_and_both_streams_come_back(tmp_path: Path) -> None:
    """run_command over a real sshd."""
    async with openssh(tmp_path) as machine:
        session = await machine.session()
        clock = SystemClock()
        told: list[CommandProgress] = []
        done = await run_command(
            session, "echo out; echo err >&2; exit 3", clock=clock, directory=str(tmp_path),
            progress=told.append,
        )  # fmt: skip
        killed = await run_command(session, "kill -9 $$", clock=clock)
        assert (done.exit_code, done.signal, done.output) == (3, None, "out\nerr\n")
        assert (killed.exit_code, killed.signal) == (None, "KILL")
        await session.close()


@needs_sshd
async def test_the_time_limit_kills_the_whole_process_group(tmp_path: Path) -> None:
    """Nothing is left running after a timeout, children included."""
    mark = tmp_path / "alive"
    async with openssh(tmp_path) as machine:
        session = await machine.session()
        line = f"(while :; do date +%s%N > {shlex.quote(str(mark))}; sleep 0.05; done) & wait"
        result = await run_command(session, line, clock=SystemClock(), timeout_s=0.6)
        assert result.timed_out
        before = mark.read_text()
        await SystemClock().sleep(0.3)
        assert mark.read_text() == before
        await session.close()


@needs_sshd
async def test_a_cancelled_call_kills_its_command(tmp_path: Path) -> None:
    """A client that gives up leaves nothing running."""
    mark = tmp_path / "alive"
    async with openssh(tmp_path) as machine:
        session = await machine.session()
        line = f"while :; do date +%s%N > {shlex.quote(str(mark))}; sleep 0.05; done"
        running = asyncio.create_task(run_command(session, line, clock=SystemClock()))
        while not mark.exists():
            await SystemClock().sleep(0.02)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await SystemClock().sleep(0.3)
        before = mark.read_text()
        await SystemClock().sleep(0.2)
        assert mark.read_text() == before
        await session.close()


@needs_sshd
@pytest.mark.parametrize("device", ["/dev/zero", "/dev/urandom"])
async def test_huge_and_binary_output_needs_little_memory_and_is_valid_text(
    device: str, tmp_path: Path
) -> None:
    """Output of 1 GB and of binary bytes: bounded memory, bounded answer, valid text."""
    count = scale("OUTPUT_BYTES", 1_000_000_000 if BIG else 64_000_000)
    async with openssh(tmp_path) as machine:
        session = await machine.session()
        await run_command(session, f"head -c 9000000 {device}", clock=SystemClock())
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        result = await run_command(
            session, f"head -c {count} {device}", clock=SystemClock(), timeout_s=300
        )
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        report(
            f"\n{count / 1e9:g} GB of {device}: {result.elapsed_s:.1f} s, RSS {peak / 1024:.0f} MB"
            f" at most, {(peak - before) / 1024:.0f} MB more than before;"
            f" the answer has {len(result.output)} characters"
        )
        assert result.output_bytes == count
        assert len(result.output) < 140_000
        assert (peak - before) / 1024 < 48
        assert clean(result.output, 1_000_000) == result.output
        result.output.encode()
        await session.close()


async def test_a_server_without_commands_is_told_as_such(tmp_path: Path) -> None:
    """A machine may only copy files."""
    async with in_process(tmp_path) as machine:
        session = await machine.session()
        with pytest.raises(RemoteFailed):
            await run_command(session, "true", clock=SystemClock())
        await session.close()


@needs_sshd
async def test_a_forward_listens_on_loopback_and_outlives_its_connection(tmp_path: Path) -> None:
    """forward_port: http://127.0.0.1:N for as long as the server lives."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.readexactly(4)).upper())
        writer.close()

    async with openssh(tmp_path) as machine:
        far = await asyncio.start_server(answer, "127.0.0.1", 0)
        pool = SessionPool(key=machine.key, known_hosts=machine.known_hosts, clock=SystemClock())
        forwards = Forwards(pool)

        async def locate() -> list[Address]:
            return [machine.where]

        port = far.sockets[0].getsockname()[1]
        forward = await forwards.open(7, port, locate)
        assert forward == await forwards.open(7, port, locate)
        for _ in range(2):
            reader, writer = await asyncio.open_connection("127.0.0.1", forward.local_port)
            writer.write(b"ping")
            assert await reader.read() == b"PING"
            writer.close()
            await pool.drop(7)  # the connection is lost; the forward is not
        bound = forwards._open[7, port][1].sockets[0].getsockname()[0]
        assert bound == "127.0.0.1"
        await forwards.close()
        await pool.close()
        far.close()
