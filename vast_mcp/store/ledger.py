"""The ledger: one SQLite file per account, shared by every process, each reservation exact.

`BEGIN IMMEDIATE` before the first read makes a reservation one indivisible step: of sixteen
processes that each read "one slot left", exactly one writes. `synchronous=FULL`
puts the intent on the disk before the request leaves.

See docs/hazards.md#money.
"""

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

import anyio
import anyio.to_thread

from vast_mcp.config import private_file
from vast_mcp.errors import ConfigInvalid, LedgerUnavailable
from vast_mcp.store.audit_key import key_of, memory_key
from vast_mcp.store.head import HeadFile
from vast_mcp.store.schema import MIGRATIONS
from vast_mcp.store.sealing import Cipher, NoCipher, seal_old_rows
from vast_mcp.store.transaction import Transaction

_T = TypeVar("_T")
_BUSY_TIMEOUT_S = 15.0
Work = Callable[[Transaction], _T]


class Ledger(Protocol):
    """The books, wherever they are kept."""

    @property
    def place(self) -> str:
        """Where they are, for people: a path."""
        ...

    async def read(self, work: Work[_T]) -> _T:
        """Run this over a consistent view.

        Raises:
            LedgerUnavailable: the books cannot be read.
        """
        ...

    async def write(self, work: Work[_T]) -> _T:
        """Run this as one indivisible, durable step; an exception inside undoes all of it.

        Raises:
            LedgerUnavailable: the books cannot be written.
        """
        ...

    async def close(self) -> None:
        """Let go of the file."""
        ...


class SqliteLedger:
    """A ledger in one SQLite file, or in memory with `path=None`."""

    def __init__(
        self,
        path: Path | None,
        *,
        tenant: str = "local",
        account: str = "",
        cipher: Cipher | None = None,
    ) -> None:
        self._path = path
        self._cipher = cipher or NoCipher()
        self._head = None if path is None else HeadFile(path)
        self._tenant = tenant
        self._account = account
        self._audit_key = memory_key()
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        """Device and number of the file that the connection has open."""
        self._turn = anyio.Lock()
        self._pen = threading.Lock()
        """Held by the thread at work: a task that is cancelled gives up its turn before the thread
        is done, and the next must not begin inside that transaction."""

    @property
    def place(self) -> str:
        """The file's path, or a word for a ledger that dies with the process."""
        return "memory" if self._path is None else str(self._path)

    async def read(self, work: Work[_T]) -> _T:
        """Run this over a consistent view."""
        return await self._transact("BEGIN", work)

    async def write(self, work: Work[_T]) -> _T:
        """Run this as one indivisible, durable step."""
        return await self._transact("BEGIN IMMEDIATE", work)

    async def close(self) -> None:
        """Close the file; a later call opens it again."""
        async with self._turn:
            await anyio.to_thread.run_sync(self._shut)

    def _shut(self) -> None:
        with self._pen:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    async def _transact(self, begin: str, work: Work[_T]) -> _T:
        async with self._turn:
            return await anyio.to_thread.run_sync(self._alone, begin, work)

    def _alone(self, begin: str, work: Work[_T]) -> _T:
        with self._pen:
            return self._run(begin, work)

    def _run(self, begin: str, work: Work[_T]) -> _T:
        try:
            connection = self._still_there() or self._open()
            connection.execute(begin)
            transaction = Transaction(
                connection,
                tenant=self._tenant,
                account=self._account,
                head=self._head,
                audit_key=self._audit_key,
                cipher=self._cipher,
            )
            try:
                result = work(transaction)
            except BaseException:
                connection.rollback()
                raise
            connection.commit()
        except (sqlite3.Error, OSError, ConfigInvalid) as error:
            raise LedgerUnavailable(
                f"The ledger {self.place} cannot be used ({error}).",
                hint="Spending is closed until it can be; stop and destroy still work. Run"
                " `vast-mcp doctor`.",
            ) from error
        if transaction.recorded and self._head is not None:
            self._head.follow(connection, keyed=bool(self._audit_key))
        return result

    def _open(self) -> sqlite3.Connection:
        file = None if self._path is None else _prepare(self._path)
        connection = sqlite3.connect(
            self._path or ":memory:",
            timeout=_BUSY_TIMEOUT_S,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA secure_delete = ON")  # what is deleted is overwritten
            _migrate(connection)
            if self._path is not None:
                self._audit_key = key_of(connection, self._path, HeadFile(self._path))
            if not isinstance(self._cipher, NoCipher):
                seal_old_rows(connection, self._cipher)
        except BaseException:
            connection.close()
            raise
        self._connection, self._file = connection, file
        return connection

    def _still_there(self) -> sqlite3.Connection | None:
        """The open connection; None once another file, or none, lies where its file was.

        A directory that was removed, a ledger that was restored: the open file lives on unseen,
        and a process that kept to it would see no freeze and share no cap with the others.
        """
        if self._connection is not None and self._path is not None:
            if _file_at(self._path) == self._file:
                return self._connection
            self._connection.close()
            self._connection = None
        return self._connection


def _file_at(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _prepare(path: Path) -> tuple[int, int] | None:
    private_file(path)
    return _file_at(path)


def _migrate(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > len(MIGRATIONS):
            raise sqlite3.DatabaseError("it was written by a newer vast-mcp")
        for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
            for statement in script.split(";"):
                if statement.strip():
                    connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number}")
        if version == 0:  # nothing was ever written in plain text
            connection.execute("INSERT INTO compacted (done) VALUES (1)")
    except BaseException:
        connection.rollback()
        raise
    connection.commit()
