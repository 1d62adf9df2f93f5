"""The ledger's file, opened by hand."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path


@contextmanager
def opened(path: Path | str) -> Iterator[sqlite3.Connection]:
    """What is changed is committed at the end, and the file is closed."""
    with closing(sqlite3.connect(path)) as connection, connection:
        yield connection


def break_ledgers(state: Path) -> None:
    """Nothing in this state directory is a ledger any more; the pace of requests is kept."""
    for book in state.glob("*.db*"):
        if not book.name.startswith("pace"):
            book.write_bytes(b"this is no ledger")
