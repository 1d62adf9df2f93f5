"""A command of ours on the machine, with bytes going in and bytes coming out at once."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vast_mcp.remote.command import HeadTail
from vast_mcp.remote.errors import RemoteFailed, SshUnavailable
from vast_mcp.remote.session import SshSession
from vast_mcp.text import Untrusted, clean_line

if TYPE_CHECKING:
    import asyncssh

_READ = 1024 * 1024

Feed = AsyncIterator[bytes]
Take = Callable[[bytes], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class PipeEnd:
    """How it ended; `said` is what it wrote to standard error."""

    exit_code: int | None
    said: Untrusted


async def pipe(
    session: SshSession, line: str, *, feed: Feed | None = None, take: Take | None = None
) -> PipeEnd:
    """Run a command line, feeding it and taking its output until both end.

    A command that stops reading is no error here; its exit code tells.

    Raises:
        RemoteFailed: the machine runs no commands.
        SshUnavailable: the connection was lost.
    """
    import asyncssh  # noqa: PLC0415

    errors = HeadTail(1000)
    try:
        process = await session.connection.create_process(line, encoding=None, request_pty=False)
    except asyncssh.ChannelOpenError as error:
        raise RemoteFailed("The machine's SSH server does not run commands.") from error
    except (OSError, asyncssh.Error) as error:
        raise _lost() from error
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_feed(process, feed))
            group.create_task(_drain(process.stderr, errors))
            while data := await process.stdout.read(_READ):
                if take:
                    await take(data)
        await process.wait_closed()
    except BaseExceptionGroup as group_error:
        raise _first(group_error) from group_error
    except asyncssh.Error as error:
        raise _lost() from error
    finally:
        with suppress(OSError):
            process.send_signal("KILL")
        process.close()
    if session.closed and process.exit_status is None:
        raise _lost()
    return PipeEnd(process.exit_status, clean_line(errors.text(), 300))


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first cause: a group would hide our own errors from those who catch them."""
    import asyncssh  # noqa: PLC0415

    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return _lost() if isinstance(error, asyncssh.Error) else error


def _lost() -> SshUnavailable:
    return SshUnavailable("The connection was lost.", reason="lost", hint="Try again.")


async def _feed(process: "asyncssh.SSHClientProcess[bytes]", feed: Feed | None) -> None:
    try:
        if feed:
            async for data in feed:
                process.stdin.write(data)
                await process.stdin.drain()
        process.stdin.write_eof()
    except (BrokenPipeError, ConnectionError):
        return


async def _drain(reader: "asyncssh.SSHReader[bytes]", kept: HeadTail) -> None:
    while data := await reader.read(65536):
        kept.add(data)
