"""Notices on their way: written with their claim, gone once they arrived, whoever carried them."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from vast_mcp.store.sealing import Cipher


@dataclass(frozen=True, slots=True)
class Letter:
    """A notice that was claimed and has not arrived yet."""

    key: str
    kind: str
    text: str
    instance_id: int | None
    made_us: int
    taken_us: int = 0
    """When a process last set out with it, by this machine's wall clock; 0: it lies here."""
    tries: int = 0


class OutboxRows:
    """The part of a transaction that keeps notices until they arrive."""

    _connection: sqlite3.Connection
    _scope: Mapping[str, str]
    _cipher: Cipher

    def add_letter(self, letter: Letter) -> None:
        """Keep it until it arrives."""
        self._connection.execute(
            "INSERT OR REPLACE INTO outbox (notice_key, tenant, account, kind, text, instance_id,"
            " made_us, taken_us, tries) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                letter.key, self._scope["tenant"], self._scope["account"], letter.kind,
                self._cipher.scrub(letter.text), letter.instance_id, letter.made_us,
                letter.taken_us, letter.tries,
            ),
        )  # fmt: skip

    def letters(self) -> list[Letter]:
        """All that have not arrived, oldest first."""
        return [
            Letter(*row)
            for row in self._connection.execute(
                "SELECT notice_key, kind, text, instance_id, made_us, taken_us, tries"
                " FROM outbox ORDER BY made_us, rowid"
            )
        ]

    def take_letter(self, key: str, at_us: int) -> None:
        """This process sets out with it."""
        self._connection.execute(
            "UPDATE outbox SET taken_us = ?, tries = tries + 1 WHERE notice_key = ?", (at_us, key)
        )

    def return_letter(self, key: str, least_tries: int = 0) -> None:
        """It did not arrive: whoever looks next may try."""
        self._connection.execute(
            "UPDATE outbox SET taken_us = 0, tries = MAX(tries, ?) WHERE notice_key = ?",
            (least_tries, key),
        )

    def drop_letter(self, key: str) -> None:
        """It arrived, or is given up."""
        self._connection.execute("DELETE FROM outbox WHERE notice_key = ?", (key,))
