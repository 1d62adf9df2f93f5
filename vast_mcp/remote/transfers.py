"""Copies that may outlast the call that began them: each is a task of the server's own life.

A call waits a while and then answers with the copy's id; the same call again finds the same copy,
waits on, and takes its end. An interrupted copy leaves its stage and is resumed by the next one.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from vast_mcp.clock import SECOND_US, Clock
from vast_mcp.remote.errors import SshUnavailable
from vast_mcp.remote.progress import CopyProgress, CopyReport, Report
from vast_mcp.telling import Stand, Tell, nobody, wait_telling
from vast_mcp.units import size_words

TOLD_FOR_S = 600.0
"""An end that nobody has asked for is told so long."""
_MOST = 16
_ID_LENGTH = 8
Work = Callable[[Report], Awaitable[CopyReport]]


@dataclass(slots=True)
class Transfer:
    """One copy, under way or just ended."""

    copy_id: str
    key: str
    instance_id: int
    said: str
    """What is copied where, for people."""
    by_vendor: bool
    """The vendor's machines move it; this server only looks whether it has arrived."""
    began_s: float
    task: asyncio.Task[CopyReport]
    progress: CopyProgress | None = None
    ended_us: int | None = None

    @property
    def running(self) -> bool:
        """Whether it still moves."""
        return not self.task.done()


def stand_of(transfer: Transfer) -> Stand:
    """A copy for whoever waits: bytes of how many, how fast, and how much longer at that rate."""
    now = transfer.progress
    if now is None:
        return Stand(0, None, "The copy is starting.")
    done, total, rate = now.done_bytes, now.total_bytes, now.bytes_per_s
    said = f"{now.phase}: {size_words(done)} of {size_words(total)}"
    if total:
        said += f" ({done / total:.0%})"
    if now.phase == "moving" and rate > 0:
        said += f", {size_words(int(rate))}/s, about {(total - done) / rate:.0f} s left"
    return Stand(done, total, f"{said}.")


class Transfers:
    """The copies of one server. Belongs to one event loop; close it at the end."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._by_key: dict[str, Transfer] = {}
        self._closed = False

    def find(self, key: str) -> Transfer | None:
        """The copy of this very call whose end nobody has taken yet."""
        self._expire(key, TOLD_FOR_S)
        return self._by_key.get(key)

    def named(self, copy_id: str) -> Transfer | None:
        """The copy of this id."""
        return next(
            (transfer for transfer in self._by_key.values() if transfer.copy_id == copy_id), None
        )

    def list(self) -> tuple[Transfer, ...]:
        """All of them, the oldest first."""
        return tuple(self._by_key.values())

    def begin(
        self, key: str, instance_id: int, said: str, work: Work, *, by_vendor: bool = False
    ) -> Transfer:
        """Start a copy; the one of the same key that is still there is given back instead.

        Raises:
            SshUnavailable: too many run already, or the server is shutting down.
        """
        # Longer than `find` tells of it: what that saw, and nobody was asked about, is not begun.
        self._expire(key, TOLD_FOR_S * 2)
        if known := self._by_key.get(key):
            return known
        self._forget_ended()
        if self._closed or len(self._by_key) >= _MOST:
            raise SshUnavailable(
                f"{len(self._by_key)} copies are running, the maximum.",
                reason="busy",
                hint="Try again when one has ended.",
            )
        copy_id = f"copy-{self._clock.random_id(_ID_LENGTH)}"

        def report(progress: CopyProgress) -> None:
            if known := self._by_key.get(key):
                known.progress = progress

        async def run() -> CopyReport:
            return await work(report)

        transfer = Transfer(
            copy_id,
            key,
            instance_id,
            said,
            by_vendor,
            self._clock.monotonic_s(),
            asyncio.create_task(run()),
        )
        self._by_key[key] = transfer
        transfer.task.add_done_callback(lambda _: self._note_end(transfer))
        return transfer

    def _note_end(self, transfer: Transfer) -> None:
        transfer.ended_us = self._clock.utc_us()

    def _expire(self, key: str, after_s: float) -> None:
        """Forget an end from so long ago: the same call means the files as they are now.

        By the wall clock, since a computer that slept wakes up on another day.
        """
        known = self._by_key.get(key)
        if known is None or known.ended_us is None:
            return
        if not 0 <= self._clock.utc_us() - known.ended_us < after_s * SECOND_US:
            self._retire(key)

    def _retire(self, key: str) -> None:
        task = self._by_key.pop(key).task
        if not task.cancelled():
            task.exception()  # seen here, so that it is not reported as lost

    async def wait(
        self, transfer: Transfer, seconds: float, tell: Tell = nobody
    ) -> CopyReport | None:
        """Its report, which is then forgotten here; None when it needs longer.

        Meanwhile `tell` hears how far it is.

        Raises:
            VastMcpError: what ended it.
        """
        await wait_telling(self._clock, transfer.task, seconds, lambda: stand_of(transfer), tell)
        if transfer.running:
            return None
        self._forget(transfer)
        if transfer.task.cancelled():
            raise SshUnavailable(
                "The copy was cancelled; what has arrived is kept.",
                reason="lost",
                hint="The same copy again resumes where it stopped.",
            )
        return transfer.task.result()

    async def cancel(self, copy_id: str) -> bool:
        """End a copy; whether it was under way. Whoever waits for it is told.

        What has arrived stays in its stage, nothing of it is put in place, and the same copy begun
        again goes on from there. One that the vendor carries out is only no longer watched: who
        cancels it tells the vendor first.
        """
        found = self.named(copy_id)
        if found is None or not found.running:
            return False
        self._forget(found)
        found.task.cancel()
        await asyncio.wait({found.task})
        return found.task.cancelled()

    def _forget(self, transfer: Transfer) -> None:
        """Not one of the same key that was begun since."""
        if self._by_key.get(transfer.key) is transfer:
            del self._by_key[transfer.key]

    async def drop(self, instance_id: int) -> None:
        """End the machine's copies."""
        for copy in [
            transfer for transfer in self._by_key.values() if transfer.instance_id == instance_id
        ]:
            await self.cancel(copy.copy_id)
            self._forget(copy)

    async def close(self) -> None:
        """End all; none is begun afterwards."""
        self._closed = True
        tasks = [transfer.task for transfer in self._by_key.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._by_key.clear()

    def _forget_ended(self) -> None:
        """Ends that nobody came back for make room, the oldest first."""
        ended = [key for key, one in self._by_key.items() if not one.running]
        for key in ended[: max(0, len(self._by_key) - _MOST + 1)]:
            self._retire(key)
