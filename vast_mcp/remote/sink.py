"""Where the bytes of one incoming file go: written and hashed in threads of its own.

Both threads run through; buffers go from the event loop to the writer, on to the hasher, and back.
On a busy computer that is what counts: nobody waits for the event loop to get a turn before the
next buffer is begun.
"""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import TYPE_CHECKING

from vast_mcp.remote.errors import RemoteFailed
from vast_mcp.remote.progress import Meter
from vast_mcp.remote.threads import finished, in_thread

if TYPE_CHECKING:
    import hashlib

BUFFER = 2 * 1024 * 1024
_BUFFERS = 8
# Not more at once: Linux takes memory for it in one piece, and fetching such a piece costs a
# virtual machine five times the processor time at 2 MiB as at 32 KiB (Linux 6.18, Firecracker).
_WRITE = 128 * 1024
_MOST_SURPLUS = 2 * 1024 * 1024
_Filled = tuple[bytearray, int, int]
"""A buffer, how much of it counts, and where in the file that goes."""


class Sink:
    """Takes a file's bytes in order. Each is copied once, into the buffer it is written from.

    `position` is the end of what was handed to the threads. Close it with `settle` in any case.
    """

    def __init__(
        self, descriptor: int, offset: int, size: int, digest: "hashlib._Hash", meter: Meter
    ) -> None:
        self.position = offset
        self.size = size
        self._descriptor = descriptor
        self._digest = digest
        self._meter = meter
        self._buffer = bytearray(min(BUFFER, max(0, size - offset)))
        self._filled = 0
        self._over = b""
        self._surplus = 0
        self._made = 1
        self._free: list[bytearray] = []
        self._freed = asyncio.Event()
        self._threads: _Threads | None = None

    def put(self, data: bytes) -> bool:
        """Take the next bytes, at most a buffer's length; False: no more before `drain`.

        Those beyond the planned size are dropped, and not for ever.
        """
        left = self.size - self.position - self._filled - len(self._over)
        wanted = data if len(data) <= left else data[:left]
        self._surplus += len(data) - len(wanted)
        self._meter.add(len(wanted))
        while wanted:
            count = min(len(self._buffer) - self._filled, len(wanted))
            self._buffer[self._filled : self._filled + count] = wanted[:count]
            self._filled += count
            wanted = wanted[count:]
            if wanted and not self._hand_over():
                self._over += wanted
                break
        return not self._over and self._surplus <= _MOST_SURPLUS

    async def drain(self) -> None:
        """Wait for room.

        Raises:
            RemoteFailed: the machine sends far more than was asked for.
            OSError: the disk is full or broken.
        """
        if self._surplus > _MOST_SURPLUS:
            raise RemoteFailed("The machine sends more than was requested.")
        while self._over:
            self._freed.clear()
            if self._hand_over():
                self._buffer[: len(self._over)] = self._over  # never longer than a buffer
                self._filled, self._over = len(self._over), b""
            elif self._threads and self._threads.failed:
                await self.settle()  # which raises what ended them
            else:
                await self._freed.wait()

    async def finish(self) -> None:
        """Have all of it written and hashed."""
        await self.drain()
        if self._threads is None:
            buffer, count, at = self._buffer, self._filled, self.position
            await in_thread(lambda: self._directly(buffer, count, at))
        else:
            self._threads.take((self._buffer, self._filled, self.position))
            self._buffer = bytearray(len(self._buffer))
        self.position += self._filled
        self._filled = 0
        await self.settle()

    async def settle(self) -> None:
        """Until no thread uses the file."""
        if self._threads:
            threads, self._threads = self._threads, None
            await threads.end()

    def _hand_over(self) -> bool:
        """Give the full buffer to the threads and take a free one, if there is one."""
        if not self._free and self._made < _BUFFERS:
            self._made += 1
            self._free.append(bytearray(len(self._buffer)))
        if not self._free:
            return False
        self._threads = self._threads or _Threads(self._write, self._hash, self._freed)
        self._threads.take((self._buffer, self._filled, self.position))
        self.position += self._filled
        self._buffer, self._filled = self._free.pop(), 0
        return True

    def _directly(self, buffer: bytearray, count: int, at: int) -> None:
        self._write((buffer, count, at))
        self._digest.update(memoryview(buffer)[:count])

    def _write(self, item: _Filled) -> None:
        buffer, count, at = item
        view = memoryview(buffer)[:count]
        while view:
            written = os.pwrite(self._descriptor, view[:_WRITE], at)
            view, at = view[written:], at + written

    def _hash(self, item: _Filled) -> None:
        buffer, count, _ = item
        self._digest.update(memoryview(buffer)[:count])
        self._free.append(buffer)


class _Threads:
    """The writer and the hasher of one file, each working through a queue in order."""

    def __init__(
        self,
        write: Callable[[_Filled], None],
        sum_up: Callable[[_Filled], None],
        freed: asyncio.Event,
    ) -> None:
        self.failed = False
        self._write = write
        self._sum_up = sum_up
        self._freed = freed
        self._to_write: SimpleQueue[_Filled | None] = SimpleQueue()
        self._to_hash: SimpleQueue[_Filled | None] = SimpleQueue()
        self._loop = asyncio.get_running_loop()
        # Not the loop's own pool: that is small, and half a file's threads in it could wait for
        # the other half for ever.
        self._pool = ThreadPoolExecutor(2, "vast-mcp-sink")
        self._writing = self._loop.run_in_executor(self._pool, self._write_all)
        self._hashing = self._loop.run_in_executor(self._pool, self._hash_all)

    def take(self, item: _Filled) -> None:
        """The next buffer."""
        self._to_write.put(item)

    async def end(self) -> None:
        """Until both have worked off what they have; raises what went wrong in them."""
        self._to_write.put(None)
        try:
            await finished(self._writing)
        finally:
            try:
                await finished(self._hashing)
            finally:
                self._pool.shutdown(wait=False)

    def _write_all(self) -> None:
        try:
            while (item := self._to_write.get()) is not None:
                self._write(item)
                self._to_hash.put(item)
        except BaseException:
            self.failed = True
            raise
        finally:
            self._to_hash.put(None)

    def _hash_all(self) -> None:
        while (item := self._to_hash.get()) is not None:
            self._sum_up(item)
            self._loop.call_soon_threadsafe(self._freed.set)
        self._loop.call_soon_threadsafe(self._freed.set)
