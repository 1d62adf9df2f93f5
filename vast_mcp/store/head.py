"""The audit chain's newest link, kept twice: a chain alone cannot show that its end is gone.

A private file beside the ledger holds how many rows there are and the last one's hash. It is
written after the rows are safe, so a crash in between leaves it behind, never ahead.
"""

import json
import os
import sqlite3
from dataclasses import asdict, dataclass
from pathlib import Path

_MOST_ROWS = 2**63 - 1
"""The highest row number that the database can be asked for."""


@dataclass(frozen=True, slots=True)
class Head:
    """How long the chain was, and its last link."""

    count: int
    chain: str
    keyed: bool = False
    """Whether the chain stands under a key."""


class HeadFile:
    """The file. Nothing waits for it: a head that cannot be kept is found by `audit verify`."""

    def __init__(self, ledger: Path) -> None:
        self.path = ledger.with_name(f"{ledger.name}.head")

    def read(self) -> Head | None:
        """What it holds; None: there is no such file.

        Raises:
            OSError: it cannot be read.
            ValueError: it holds something else.
        """
        try:
            kept = json.loads(self.path.read_text(encoding="ascii"))
            head = Head(int(kept["count"]), str(kept["chain"]), bool(kept.get("keyed")))
        except FileNotFoundError:
            return None
        except (KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise ValueError("it is no audit head") from error
        if not 0 <= head.count <= _MOST_ROWS:
            raise ValueError("it is no audit head")
        return head

    def follow(self, connection: sqlite3.Connection, *, keyed: bool) -> None:
        """Bring it up to the newest row; one that the rows do not bear out stays, as evidence."""
        try:
            connection.execute("BEGIN IMMEDIATE")  # processes take turns, so it never falls back
            try:
                kept = self.read()
                newest = connection.execute(
                    "SELECT seq, chain FROM audit ORDER BY seq DESC LIMIT 1"
                ).fetchone()
                if newest is not None and (kept is None or holds(connection, kept)):
                    keyed = keyed or (kept is not None and kept.keyed)
                    self._keep(Head(newest["seq"], newest["chain"], keyed))
            finally:
                connection.rollback()
        except (sqlite3.Error, OSError, ValueError):
            return

    def _keep(self, head: Head) -> None:
        fresh = self.path.with_name(f"{self.path.name}.new")
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0)
        with os.fdopen(os.open(fresh, flags, 0o600), "w", encoding="ascii") as file:
            json.dump(asdict(head), file)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.path)


def holds(connection: sqlite3.Connection, head: Head) -> bool:
    """Whether the chain still has this link where it was."""
    found = connection.execute("SELECT chain FROM audit WHERE seq = ?", (head.count,)).fetchone()
    return found is not None and found["chain"] == head.chain
