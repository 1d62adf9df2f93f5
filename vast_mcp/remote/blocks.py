"""One big file, many blocks at once: up by SFTP writes, down by a stream or SFTP reads."""

import asyncio
import hashlib
import os
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from functools import partial
from typing import TYPE_CHECKING, cast

from vast_mcp.remote.checksums import PIECE, as_operand, local_digest, script_line
from vast_mcp.remote.errors import RemoteFailed
from vast_mcp.remote.intake import take_output
from vast_mcp.remote.progress import Meter
from vast_mcp.remote.session import SshSession
from vast_mcp.remote.sink import BUFFER, Sink
from vast_mcp.remote.threads import begin, finished, in_thread

if TYPE_CHECKING:
    import asyncssh

# OpenSSH takes packets up to 256 KiB; its `limits` extension says 255 KiB of content. Servers
# without that extension get the 32 KiB that every SFTP server must take.
_BIG_BLOCK = 255 * 1024
_SAFE_BLOCK = 32 * 1024
_IN_FLIGHT = 32
IN_FLIGHT_BYTES = _BIG_BLOCK * _IN_FLIGHT
"""After a cut, this much of a partial file's end may have holes and is sent again."""
_STREAM = 'exec dd if="$1" bs=1048576 skip="$2" count="$3" 2>/dev/null'


def resume_offset(present: int, size: int) -> int:
    """Where to go on with a partial file of that length: whole MiB, before any possible hole."""
    if present > size:
        return 0
    return max(0, present - IN_FLIGHT_BYTES) // PIECE * PIECE


async def send_file(
    sftp: "asyncssh.SFTPClient",
    descriptor: int,
    target: str,
    *,
    size: int,
    mtime_s: int,
    executable: bool,
    offset: int,
    meter: Meter,
) -> str:
    """Send an open file from `offset` on; the digest of all of it.

    The time is set last: a file with the right time is whole.

    Raises:
        RemoteFailed: it became shorter than `size`.
    """
    import asyncssh  # noqa: PLC0415

    block = min(sftp.limits.max_write_len or _SAFE_BLOCK, _BIG_BLOCK)
    digest = await in_thread(lambda: local_digest(descriptor, offset))
    flags = asyncssh.FXF_WRITE | asyncssh.FXF_CREAT | (0 if offset else asyncssh.FXF_TRUNC)
    mode = asyncssh.SFTPAttrs(permissions=0o755 if executable else 0o644)
    async with sftp.open(target.encode(), flags, mode, encoding=None, block_size=0) as file:

        async def write(data: bytes, at: int) -> None:
            await file.write(data, at)
            meter.add(len(data))

        await _at_once(_pieces(descriptor, offset, size, block, digest), write)
        await file.truncate(size)
        await file.setstat(asyncssh.SFTPAttrs(atime=mtime_s, mtime=mtime_s))
    return digest.hexdigest()


async def _pieces(
    descriptor: int, offset: int, size: int, block: int, digest: "hashlib._Hash"
) -> AsyncGenerator[tuple[bytes, int], None]:
    """The file in blocks; read and hashed some at a time, while those before are on their way.

    Close it before the descriptor: a thread reads ahead.
    """

    def read(at: int) -> bytes:
        data = os.pread(descriptor, min(block * 8, size - at), at)
        digest.update(data)
        return data

    ahead = begin(partial(read, offset)) if offset < size else None
    try:
        while ahead:
            data = await finished(ahead)
            if not data:
                raise RemoteFailed("A file became shorter while it was being copied.")
            begun, offset = offset, offset + len(data)
            ahead = begin(partial(read, offset)) if offset < size else None
            for start in range(0, len(data), block):
                yield data[start : start + block], begun + start
    finally:
        if ahead:
            with suppress(OSError):
                await finished(ahead)


async def _at_once(
    blocks: AsyncGenerator[tuple[bytes, int], None], work: Callable[[bytes, int], Awaitable[None]]
) -> None:
    """Work on blocks in order, up to a bound of them unfinished."""
    places = asyncio.Semaphore(_IN_FLIGHT)

    async def one(data: bytes, at: int) -> None:
        try:
            await work(data, at)
        finally:
            places.release()

    try:
        async with aclosing(blocks), asyncio.TaskGroup() as group:
            async for data, at in blocks:
                await places.acquire()
                group.create_task(one(data, at))
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from errors


async def receive_file(
    session: SshSession,
    sftp: "asyncssh.SFTPClient",
    source: str,
    descriptor: int,
    *,
    size: int,
    offset: int,
    stream: bool,
    meter: Meter,
) -> str:
    """Fetch a file from `offset` on into an open one; the digest of all of it.

    A stream from the machine's `dd` is half again as fast as SFTP reads; where commands do not
    run, SFTP it is.

    Raises:
        RemoteFailed: it cannot be read over there, or is shorter than planned.
    """
    digest = await in_thread(lambda: local_digest(descriptor, offset))
    sink = Sink(descriptor, offset, size, digest, meter)
    try:
        if stream and offset < size:
            first, count = offset // PIECE, (size - offset) // PIECE + 1
            line = script_line(_STREAM, as_operand(source), str(first), str(count))
            with suppress(RemoteFailed):
                await take_output(session, line, sink)
            await sink.finish()
        if sink.position < size:
            await _read_rest(sftp, source, sink)
    finally:
        await sink.settle()
    await in_thread(lambda: os.ftruncate(descriptor, size))
    return digest.hexdigest()


async def _read_rest(sftp: "asyncssh.SFTPClient", source: str, sink: Sink) -> None:
    block = min(sftp.limits.max_read_len or _SAFE_BLOCK, _BIG_BLOCK)
    async with sftp.open(source.encode(), "rb", block_size=block, max_requests=_IN_FLIGHT) as file:
        at = sink.position
        while at < sink.size:
            await file.seek(at)
            data = await file.read(min(BUFFER, sink.size - at))
            if not data:
                raise RemoteFailed(
                    "A file on the machine became shorter while it was being copied.",
                    hint="Copy it again when nothing is writing to it.",
                )
            at += len(data)
            if not sink.put(cast(bytes, data)):  # opened without an encoding
                await sink.drain()
        await sink.finish()
