"""The output of a command of ours, handed on as it comes: the fast way down.

`pipe` goes through asyncssh's streams, which gather, join and copy each byte on its way. For a file
of many gigabytes that is half of the work, so here the bytes go straight from the channel into the
taker's own buffer.
"""

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from vast_mcp.remote.errors import RemoteFailed, SshUnavailable
from vast_mcp.remote.session import SshSession

if TYPE_CHECKING:
    import asyncssh


class Taker(Protocol):
    """What the bytes go into."""

    def put(self, data: bytes) -> bool:
        """Take them, now; whether more may come before `drain`. Raises nothing."""
        ...

    def drain(self) -> Awaitable[None]:
        """Make room; what it raises ends the command."""
        ...


@dataclass(slots=True)
class _State:
    ended: bool = False
    full: bool = False
    wake: asyncio.Event = field(default_factory=asyncio.Event)


async def take_output(session: SshSession, line: str, taker: Taker) -> None:
    """Run a command line and hand its standard output on until it ends; how it ends is not told.

    Raises:
        RemoteFailed: the machine runs no commands.
        SshUnavailable: the connection was lost.
    """
    import asyncssh  # noqa: PLC0415

    state = _State()
    try:
        channel, _ = await session.connection.create_session(
            lambda: _intake(taker, state), line, encoding=None, request_pty=False
        )
    except asyncssh.ChannelOpenError as error:
        raise RemoteFailed("The machine's SSH server does not run commands.") from error
    except (OSError, asyncssh.Error) as error:
        raise _lost() from error
    try:
        channel.write_eof()
        while not state.ended:
            await state.wake.wait()
            state.wake.clear()
            if state.full:
                state.full = False
                await taker.drain()
                channel.resume_reading()
    finally:
        state.ended = True
        with suppress(OSError):
            channel.send_signal("KILL")
        channel.close()
        channel.resume_reading()  # what still waits is dropped: a paused channel never closes
    if session.closed and channel.get_exit_status() is None:
        raise _lost()


def _intake(taker: Taker, state: _State) -> "asyncssh.SSHClientSession[bytes]":
    import asyncssh  # noqa: PLC0415

    class Intake(asyncssh.SSHClientSession[bytes]):
        def connection_made(self, chan: "asyncssh.SSHClientChannel[bytes]") -> None:
            self.channel = chan

        def data_received(self, data: bytes, datatype: "asyncssh.DataType") -> None:
            if datatype is None and not state.ended and not taker.put(data):
                self.channel.pause_reading()
                state.full = True
                state.wake.set()

        def connection_lost(self, exc: Exception | None) -> None:
            del exc  # the connection itself tells
            state.ended = True
            state.wake.set()

    return Intake()


def _lost() -> SshUnavailable:
    return SshUnavailable("The connection was lost.", reason="lost", hint="Try again.")
