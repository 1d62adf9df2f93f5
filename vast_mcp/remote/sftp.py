"""The SFTP side of a copy: names as bytes, errors as ours, listings, folders, renames."""

import asyncio
import posixpath
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vast_mcp.remote.errors import RemoteFailed, SshUnavailable
from vast_mcp.remote.selection import Names
from vast_mcp.remote.session import SshSession
from vast_mcp.text import clean_line

if TYPE_CHECKING:
    import asyncssh

_PARALLEL = 32


@dataclass(frozen=True, slots=True)
class FileStat:
    """Size and time of a file that is there."""

    size: int
    mtime_s: int


@asynccontextmanager
async def open_sftp(session: SshSession) -> AsyncIterator["asyncssh.SFTPClient"]:
    """An SFTP channel whose names are bytes: a stranger's names need not be Unicode.

    Raises:
        RemoteFailed: the machine has no SFTP, or refused something inside.
        SshUnavailable: the connection was lost.
    """
    with told("SFTP"):
        async with session.connection.start_sftp_client(path_encoding=None) as sftp:
            yield sftp


@contextmanager
def told(what: str) -> Iterator[None]:
    """Turn asyncssh's errors into ours."""
    import asyncssh  # noqa: PLC0415

    try:
        yield
    except (asyncssh.SFTPConnectionLost, asyncssh.SFTPNoConnection, ConnectionError) as error:
        raise SshUnavailable(
            "The connection was lost.", reason="lost", hint="Try again."
        ) from error
    except asyncssh.SFTPError as error:
        raise RemoteFailed(
            f"The machine refused {clean_line(what)}: {clean_line(error.reason)}."
        ) from error
    except asyncssh.ChannelOpenError as error:
        raise RemoteFailed("The machine's SSH server does not copy files.") from error
    except asyncssh.Error as error:
        raise SshUnavailable(
            "The connection was lost.", reason="lost", hint="Try again."
        ) from error


async def list_files(
    sftp: "asyncssh.SFTPClient", base: str, folders: Iterable[Names]
) -> dict[str, FileStat]:
    """Regular files directly in `base` and in these folders below it; missing folders are empty."""
    import asyncssh  # noqa: PLC0415

    found: dict[str, FileStat] = {}
    for folder in ((), *folders):
        with suppress(asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath, asyncssh.SFTPNotADirectory):
            async for entry in sftp.scandir(posixpath.join(base, *folder).encode()):
                if entry.attrs.type == asyncssh.FILEXFER_TYPE_REGULAR:
                    raw = entry.filename
                    name = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw
                    seen = FileStat(entry.attrs.size or 0, int(entry.attrs.mtime or 0))
                    found["/".join((*folder, name))] = seen
    return found


async def is_directory(sftp: "asyncssh.SFTPClient", path: str) -> bool:
    """Whether a directory stands there."""
    return bool(await sftp.isdir(path.encode()))


async def make_directories(
    sftp: "asyncssh.SFTPClient", base: str, folders: Iterable[Names]
) -> None:
    """Make these folders below `base`, parents first; those that exist are left alone."""
    for folder in folders:
        await sftp.makedirs(posixpath.join(base, *folder).encode(), exist_ok=True)


async def move_over(sftp: "asyncssh.SFTPClient", source: str, target: str) -> None:
    """Put a file in place in one step, replacing what stands there."""
    await sftp.posix_rename(source.encode(), target.encode())


async def each(work: Callable[[str], Awaitable[None]], names: Iterable[str]) -> None:
    """The same for many names, some at once."""
    pending = iter(names)

    async def worker() -> None:
        for name in pending:  # one iterator for all: each name is taken once
            await work(name)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(_PARALLEL):
                group.create_task(worker())
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from errors


async def remove_folder(sftp: "asyncssh.SFTPClient", path: str) -> None:
    """Remove a folder of ours and what is in it; links in it are removed, not followed."""
    import asyncssh  # noqa: PLC0415

    with suppress(asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath):
        await sftp.rmtree(path.encode(), ignore_errors=True)
