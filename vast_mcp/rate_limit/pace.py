"""The distance between two calls, kept by all processes of an account together.

A small SQLite file beside the ledger, not synced to the disk: losing it loses only politeness.
Time in it is the vendor's wall clock, the one clock that the processes share. The rules are in
`slots`.
"""

import logging
import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

import anyio
import anyio.to_thread

from vast_mcp.clock import SECOND_US, Clock
from vast_mcp.config import private_file
from vast_mcp.errors import RateLimited
from vast_mcp.operations import Host, Money, Operation
from vast_mcp.rate_limit.slots import (
    BUDGET_WINDOW_US,
    LONGEST_PUSH_US,
    MOST_INTERVALS,
    SCHEMA,
    VERSION,
    Book,
    Grant,
    Lane,
    SlotRequest,
)

_logger = logging.getLogger(__name__)
_T = TypeVar("_T")
_RESOLUTION_US = 1000
_BUSY_TIMEOUT_MS = 1000
_UNUSABLE_FOR_S = 60.0


class Pace(Protocol):
    """Whoever hands out the slots."""

    async def turn(
        self,
        operation: Operation,
        *,
        urgent: bool = False,
        background: bool = False,
        patience_s: float | None = None,
    ) -> None:
        """Wait until a call of this kind may leave.

        What saves money (stop, destroy) waits behind no other calls than its like; an `urgent`
        read goes before the reads that are not, a `background` one behind them.

        Raises:
            RateLimited: it would take longer than `patience_s`, or the day's quota is used up.
                Nothing was sent.
        """
        ...

    async def pushed_back(
        self, operation: Operation, retry_after_s: float | None, *, quota: bool = False
    ) -> None:
        """The vendor refused one: no other of its kind for that long.

        `quota` says that the account's daily quota for this kind is used up.
        """
        ...

    async def arrived(self, operation: Operation) -> None:
        """One was answered, so it arrived by now: the next keeps its distance from here.

        The vendor counts from arrivals, and a request may be long under way.
        """
        ...


class SharedPace:
    """Slots for the calls of every process that opens the same file; of this one, without a path.

    `clock` is the vendor's: it counts the intervals. While the file cannot be used the slots are
    kept in memory, and what is lost is only that the other processes are not seen.
    """

    def __init__(self, path: Path | None, clock: Clock) -> None:
        self._clock = clock
        self._file = None if path is None else _Slots(path)
        self._memory = _Slots(None)
        self._turn = anyio.Lock()
        self._unusable_until_s: float | None = None
        self._told = False

    async def turn(
        self,
        operation: Operation,
        *,
        urgent: bool = False,
        background: bool = False,
        patience_s: float | None = None,
    ) -> None:
        """Wait until a call of this kind may leave.

        Raises:
            RateLimited: it would take longer than `patience_s`, or the day's quota is used up.
                Nothing was sent.
        """
        longest_s = MOST_INTERVALS * operation.interval_s + LONGEST_PUSH_US / SECOND_US
        patience_s = longest_s if patience_s is None else min(patience_s, longest_s)
        began_us = self._clock.lease_us()
        ends_us = began_us + int(patience_s * SECOND_US)
        lane = _lane(operation, urgent=urgent, background=background)
        queued = False
        while True:
            now_us = self._clock.lease_us()
            if lane is Lane.BACKGROUND and now_us - began_us >= BUDGET_WINDOW_US:
                lane = Lane.ORDINARY  # it has waited its turn
            grant = await self._run(
                partial(_take, _wish(operation, lane, ends_us - now_us, queued))
            )
            if grant.refused:
                raise _refusal(operation, grant)
            if grant.wait_us > 0:
                await self._clock.sleep((grant.wait_us + _RESOLUTION_US) / SECOND_US)
            if grant.leaves:
                return
            queued = True

    async def pushed_back(
        self, operation: Operation, retry_after_s: float | None, *, quota: bool = False
    ) -> None:
        """The vendor refused one: tell all processes."""

        def work(book: Book) -> bool:
            kind, interval_s = _kind_of(operation), operation.interval_s
            book.push(kind, interval_s, retry_after_s, quota=quota)
            return True

        await self._run(work)

    async def arrived(self, operation: Operation) -> None:
        """One was answered: the next of its kind keeps its distance from now, in all processes."""

        def work(book: Book) -> bool:
            book.arrive(_kind_of(operation), int(operation.interval_s * SECOND_US))
            return True

        await self._run(work)

    async def close(self) -> None:
        """Let go of the file; a later call opens it again."""
        async with self._turn:
            self._memory.close()
            if self._file is not None:
                self._file.close()

    async def _run(self, work: Callable[[Book], _T]) -> _T:
        """One short transaction: in the file, or in memory where that cannot be used."""
        if self._file is None:
            return self._memory.transact(work, self._clock)
        async with self._turn:
            now_s = self._clock.monotonic_s()
            if self._unusable_until_s is not None:
                if 0 < self._unusable_until_s - now_s <= _UNUSABLE_FOR_S:
                    return self._memory.transact(work, self._clock)
                self._unusable_until_s = None
            try:
                return await self._patiently(self._file, work)
            except (sqlite3.Error, OSError) as error:
                self._unusable_until_s = now_s + _UNUSABLE_FOR_S
                if not self._told:
                    self._told = True
                    _logger.warning("%s is not used: %s", self._file.name, error)
                return self._memory.transact(work, self._clock)

    async def _patiently(self, file: "_Slots", work: Callable[[Book], _T]) -> _T:
        # The transaction takes 50 µs, less than the way to a thread and back; only opening the
        # file and waiting for another process are left to a thread.
        if file.is_open:
            try:
                return file.transact(work, self._clock)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                    raise
        return await anyio.to_thread.run_sync(file.transact_waiting, work, self._clock)


class _Slots:
    """The rows: in a file that other processes have open too, or in this process's memory."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None

    @property
    def name(self) -> str:
        """For a message."""
        return "memory" if self._path is None else self._path.name

    @property
    def is_open(self) -> bool:
        """Whether no file has to be opened first."""
        return self._connection is not None

    def close(self) -> None:
        """A later transaction opens it again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def transact_waiting(self, work: Callable[[Book], _T], clock: Clock) -> _T:
        """As `transact`, waiting a second for another process."""
        connection = self._connection or self._open()
        connection.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
        try:
            return self.transact(work, clock)
        finally:
            connection.execute("PRAGMA busy_timeout = 0")

    def transact(self, work: Callable[[Book], _T], clock: Clock) -> _T:
        """Run this as one step."""
        connection = self._connection or self._open()
        try:
            connection.execute("BEGIN IMMEDIATE")
            # The time is taken under the lock: grants are in the order of their instants.
            result = work(Book(connection, clock.lease_us()))
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.rollback()
            raise
        return result

    def _open(self) -> sqlite3.Connection:
        if self._path is not None:
            private_file(self._path)
        connection = sqlite3.connect(
            self._path or ":memory:",
            timeout=_BUSY_TIMEOUT_MS / 1000,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = OFF")
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version > VERSION:
                raise sqlite3.DatabaseError("it was written by a newer vast-mcp")
            if version < VERSION:
                connection.executescript(f"{SCHEMA} PRAGMA user_version = {VERSION};")
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        return connection


def _wish(operation: Operation, lane: Lane, patience_us: int, queued: bool) -> SlotRequest:
    return SlotRequest(
        _kind_of(operation),
        int(operation.interval_s * SECOND_US),
        lane,
        patience_us,
        queued,
        shared=operation.host is Host.CONSOLE,
    )


def _take(wish: SlotRequest, book: Book) -> Grant:
    return book.take(wish)


def _kind_of(operation: Operation) -> str:
    return f"{operation.method} {operation.path}"


def _lane(operation: Operation, *, urgent: bool, background: bool) -> Lane:
    if operation.money is Money.SAVES:
        return Lane.SAVING
    if urgent:
        return Lane.URGENT
    return Lane.BACKGROUND if background else Lane.ORDINARY


def _refusal(operation: Operation, grant: Grant) -> RateLimited:
    wait_s = grant.wait_us / SECOND_US
    if grant.refused == "quota":
        return RateLimited(
            f"{operation.name}: this account's search quota for the day is used up; not sent.",
            hint="The quota resets at 00:00 UTC; until then reuse the offer ids you have.",
            code="search_quota_exceeded",
            retry_after_s=wait_s,
        )
    return RateLimited(
        f"{operation.name}: too many calls of this account are waiting; not sent.",
        hint=f"Try again in {wait_s:.0f} s.",
        code="own_pace",
        retry_after_s=wait_s,
    )
