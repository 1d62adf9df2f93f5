"""The key of the audit chain: who holds the ledger alone cannot add a row that verifies.

It lies in a private file beside the ledger and is made with the ledger. A ledger that was written
before there was a key is chained once more under it, if its old chain is whole. The head file notes
that there is a key, so that a removed one is missed and not made again.
"""

import hashlib
import hmac
import secrets
import sqlite3
from pathlib import Path

from vast_mcp.config import load_or_make_secret
from vast_mcp.operations import JsonObject
from vast_mcp.store._codec import canonical
from vast_mcp.store.head import Head, HeadFile

GENESIS = "0" * 64
NO_KEY = b""
"""The chain of a ledger in memory, and of one whose key is missing."""
CHAINED = (
    "tenant", "account", "at_us", "principal", "phase", "tool", "verdict", "subject", "digest",
    "policy_digest", "detail",
)  # fmt: skip
"""What a link covers, as it lies in the file: not one byte of it can change unseen."""


def link(key: bytes, previous: str, columns: JsonObject) -> str:
    """A row's own hash, over the one before and all that the row says."""
    said = (previous + canonical(columns)).encode()
    return hmac.new(key, said, hashlib.sha256).hexdigest() if key else _plain(said)


def _plain(said: bytes) -> str:
    return hashlib.sha256(said).hexdigest()


def broken_link(connection: sqlite3.Connection, key: bytes) -> int | None:
    """The number of the first row that was altered, removed or inserted; None if whole."""
    previous = GENESIS
    for expected, row in enumerate(connection.execute("SELECT * FROM audit ORDER BY seq"), start=1):
        columns = {name: row[name] for name in CHAINED}
        if (
            row["seq"] != expected
            or row["previous"] != previous
            or row["chain"] != link(key, previous, columns)
        ):
            return expected
        previous = str(row["chain"])
    return None


def key_of(connection: sqlite3.Connection, ledger: Path, head: HeadFile) -> bytes:
    """The key beside this ledger, made if there never was one; `NO_KEY` if it was taken away.

    Raises:
        sqlite3.Error: the ledger cannot be read or chained.
        ConfigInvalid: the key file is not private, or damaged.
        OSError: it cannot be read or made.
    """
    path = ledger.with_name(f"{ledger.name}.audit-key")
    if path.exists():
        return load_or_make_secret(path)
    connection.execute("BEGIN IMMEDIATE")  # processes that open it at once take turns
    try:
        key = _made(connection, path, head)
    except BaseException:
        connection.rollback()
        raise
    return key


def _made(connection: sqlite3.Connection, path: Path, head: HeadFile) -> bytes:
    """Inside the transaction; commits it."""
    fresh = path.with_name(f"{path.name}.new")
    if path.exists():
        connection.rollback()
        return load_or_make_secret(path)
    if fresh.exists() and broken_link(connection, load_or_make_secret(fresh)) is None:
        connection.rollback()  # it was chained under this key just before a crash
        fresh.replace(path)
        return load_or_make_secret(path)
    kept = _kept(head)
    if kept is not None and kept.keyed:
        connection.rollback()
        return NO_KEY
    fresh.unlink(missing_ok=True)
    key = load_or_make_secret(fresh, length=32)
    if broken_link(connection, NO_KEY) is None:
        _chain_again(connection, key)
    connection.commit()
    fresh.replace(path)
    if kept is not None:
        head.path.unlink(missing_ok=True)  # its hash is of the old chain
        head.follow(connection, keyed=True)
    return key


def _kept(head: HeadFile) -> Head | None:
    try:
        return head.read()
    except ValueError:
        return None


def _chain_again(connection: sqlite3.Connection, key: bytes) -> None:
    previous = GENESIS
    for row in connection.execute("SELECT * FROM audit ORDER BY seq").fetchall():
        chain = link(key, previous, {name: row[name] for name in CHAINED})
        connection.execute(
            "UPDATE audit SET previous = ?, chain = ? WHERE seq = ?", (previous, chain, row["seq"])
        )
        previous = chain


def memory_key() -> bytes:
    """For a ledger that dies with its process."""
    return secrets.token_bytes()
