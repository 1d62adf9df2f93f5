"""Commands on the machine: one quoted string out, a bounded and cleaned text back."""

import asyncio
import re
import shlex
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vast_mcp.clock import Clock
from vast_mcp.errors import InputInvalid
from vast_mcp.remote.errors import RemoteFailed, SshUnavailable
from vast_mcp.remote.session import SshSession
from vast_mcp.remote.threads import finished
from vast_mcp.text import Untrusted, clean, clean_line

if TYPE_CHECKING:
    import asyncssh

KEEP_BYTES = 64 * 1024
"""Kept of each end of the output."""
_READ = 256 * 1024
_GRACE_S = 5.0
_PROGRESS_S = 1.0
_LONGEST = 64 * 1024
# `$$` leads the process group: sshd begins a session for each command. Its own `signal` request
# would do, but OpenSSH refuses that for root, and on these machines everybody is root.
_TELL_PID = "echo vmcp-pid:$$ && "
_PID = re.compile(rb"^vmcp-pid:(\d{1,10})\n", re.MULTILINE)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}\Z")


@dataclass(frozen=True, slots=True)
class CommandProgress:
    """What a running command has said so far."""

    output_bytes: int
    elapsed_s: float
    last_line: Untrusted


@dataclass(frozen=True, slots=True)
class CommandResult:
    """How a command ended. Exactly one of `exit_code`, `signal` is set, or neither if it was cut.

    `output` has standard output and error in the order they came, as a terminal shows them.
    """

    exit_code: int | None
    signal: str | None
    timed_out: bool
    output: Untrusted
    output_bytes: int
    left_out_bytes: int
    elapsed_s: float


class HeadTail:
    """The first and the last bytes of a stream, and a count of all: memory does not grow."""

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._head = bytearray()
        self._tail = bytearray()
        self.total = 0

    def add(self, data: bytes) -> None:
        """Take in the next piece."""
        self.total += len(data)
        room = self._keep - len(self._head)
        if room > 0:
            self._head += data[:room]
            data = data[room:]
        if data:
            self._tail += data[-self._keep :]
            if len(self._tail) > self._keep:
                del self._tail[: len(self._tail) - self._keep]

    @property
    def left_out(self) -> int:
        """Bytes that are in neither end."""
        return self.total - len(self._head) - len(self._tail)

    def text(self) -> Untrusted:
        """Both ends as clean text, with a line between them that says what is missing."""
        head = _decode(self._head)
        if not self.left_out:
            return clean(_decode(self._head + self._tail), self._keep * 2)
        gap = f"\n… [{self.left_out} bytes left out] …\n"
        # Cleaned one by one: an unfinished escape at the end of the head would eat the gap.
        return Untrusted(clean(head, self._keep) + gap + clean(_decode(self._tail), self._keep))

    def last_line(self) -> Untrusted:
        """The last line with something in it."""
        recent = _decode((self._tail or self._head)[-2000:])
        lines = [line for line in re.split(r"[\r\n]+", recent) if line.strip()]
        return clean_line(lines[-1] if lines else "")


def _decode(data: bytes | bytearray) -> str:
    return data.decode("utf-8", "replace")


def command_line(command: str, *, directory: str = "", env: Mapping[str, str] | None = None) -> str:
    """The one string that the machine's shell gets.

    The command is evaluated by that shell as it stands: quoting it whole keeps `cd` and the
    variables in front of all of it, also of what comes after a `;`.

    Raises:
        InputInvalid: NUL in any part, a bad name, or too long.
    """
    steps: list[str] = []
    if directory:
        steps.append(f"cd -- {shlex.quote(_directory(directory))}")
    for name, value in (env or {}).items():
        if not _NAME.match(name):
            raise InputInvalid("env", f"{clean_line(name, 40)!r} is not a variable name.")
        steps.append(f"export {name}={shlex.quote(value)}")
    line = " && ".join([*steps, f"eval {shlex.quote(command)}"]) if steps else command
    if "\0" in line:
        raise InputInvalid("command", "it contains a NUL character.")
    if not command.strip():
        raise InputInvalid("command", "it is empty.")
    if len(line) > _LONGEST:
        raise InputInvalid("command", f"longer than {_LONGEST} characters.", hint="Upload a file.")
    return line


def _directory(text: str) -> str:
    """Relative means the home directory, where a session begins; `-` is a directory's name."""
    if any(ord(char) < 32 for char in text):
        raise InputInvalid("directory", "it contains control characters.")
    if text == "~" or text.startswith("~/"):
        text = text[2:] or "."
    return text if text.startswith("/") else f"./{text}"


async def run_command(
    session: SshSession,
    command: str,
    *,
    clock: Clock,
    directory: str = "",
    env: Mapping[str, str] | None = None,
    timeout_s: float = 600.0,
    keep_bytes: int = KEEP_BYTES,
    progress: Callable[[CommandProgress], None] | None = None,
) -> CommandResult:
    """Run a command to its end, or kill its process group at the time limit or on cancellation.

    Raises:
        InputInvalid: the command cannot be sent as given.
        SshUnavailable: the connection was lost; the command may go on over there.
    """
    line = _TELL_PID + command_line(command, directory=directory, env=env)
    process = await start(session, line)
    running = _Running(session, process, clock, HeadTail(keep_bytes), progress)
    kept = running.kept
    began_s = clock.monotonic_s()
    reading = asyncio.create_task(running.read())
    limit = asyncio.create_task(clock.sleep(timeout_s))
    try:
        await asyncio.wait({reading, limit}, return_when=asyncio.FIRST_COMPLETED)
        timed_out = not reading.done()
        if timed_out:
            await running.kill(reading)
    except asyncio.CancelledError:
        await finished(asyncio.ensure_future(running.signal("KILL")))  # no time for manners
        raise
    finally:
        limit.cancel()
        reading.cancel()
        await asyncio.gather(reading, limit, return_exceptions=True)
        process.close()
    if not timed_out and session.closed and process.exit_status is None:
        raise SshUnavailable(
            "The connection was lost while the command ran.",
            reason="lost",
            hint="It may still be running there: check before starting it again.",
        )
    signal = process.exit_signal
    return CommandResult(
        exit_code=None if signal else process.exit_status,
        signal=str(clean_line(signal[0], 20)) if signal else None,
        timed_out=timed_out,
        output=kept.text(),
        output_bytes=kept.total,
        left_out_bytes=kept.left_out,
        elapsed_s=clock.monotonic_s() - began_s,
    )


async def start(session: SshSession, line: str) -> "asyncssh.SSHClientProcess[bytes]":
    """Begin a command with its two outputs in one stream of bytes.

    Raises:
        SshUnavailable: the connection is gone.
        RemoteFailed: the machine runs no commands.
    """
    import asyncssh  # noqa: PLC0415

    try:
        return await session.connection.create_process(
            line, encoding=None, stderr=asyncssh.STDOUT, request_pty=False
        )
    except asyncssh.ChannelOpenError as error:
        raise RemoteFailed(
            "The machine's SSH server does not run commands.", hint=str(clean_line(error.reason))
        ) from error
    except (OSError, asyncssh.Error) as error:
        raise SshUnavailable(
            "The connection was lost.", reason="lost", hint="Try again."
        ) from error


class _Running:
    """A command while it runs: reads it, and knows how to end it with all its children."""

    def __init__(
        self,
        session: SshSession,
        process: "asyncssh.SSHClientProcess[bytes]",
        clock: Clock,
        kept: HeadTail,
        progress: Callable[[CommandProgress], None] | None,
    ) -> None:
        self.kept = kept
        self._session = session
        self._process = process
        self._clock = clock
        self._progress = progress
        self._pid = ""
        self._opening: bytes | None = b""

    async def read(self) -> None:
        """Until the end of output and process. The channel's window bounds what waits."""
        began_s = told_s = self._clock.monotonic_s()
        while data := await self._process.stdout.read(_READ):
            self.kept.add(self._without_pid(data))
            now_s = self._clock.monotonic_s()
            if self._progress and now_s - told_s >= _PROGRESS_S:
                told_s = now_s
                self._progress(
                    CommandProgress(self.kept.total, now_s - began_s, self.kept.last_line())
                )
        self.kept.add(self._opening or b"")
        await self._process.wait_closed()

    def _without_pid(self, data: bytes) -> bytes:
        """Take our line out of the output; a shell's start-up files may speak before it."""
        if self._opening is None:
            return data
        data = self._opening + data
        if found := _PID.search(data):
            self._pid, self._opening = found[1].decode(), None
            return data[: found.start()] + data[found.end() :]
        if len(data) > _LONGEST:
            self._opening = None
            return data
        self._opening = data
        return b""

    async def kill(self, reading: asyncio.Task[None]) -> None:
        """Ask the process group to end, then make it."""
        for name in ("TERM", "KILL"):
            await self.signal(name)
            grace = asyncio.create_task(self._clock.sleep(_GRACE_S))
            await asyncio.wait({reading, grace}, return_when=asyncio.FIRST_COMPLETED)
            grace.cancel()
            if reading.done():
                return

    async def signal(self, name: str) -> None:
        """Send a signal to the whole group, by a command of its own."""
        import asyncssh  # noqa: PLC0415

        with suppress(OSError, asyncssh.Error):
            self._process.send_signal(name)
        if not self._pid:
            return
        with suppress(OSError, asyncssh.Error, TimeoutError):
            async with asyncio.timeout(_GRACE_S):
                await self._session.connection.run(f"kill -{name} -- -{self._pid}", check=False)
