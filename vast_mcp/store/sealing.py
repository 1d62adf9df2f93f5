"""Columns that nobody who reads the file may read: a plan's arguments, a job's command.

They hold what a person or model typed, environment values and start scripts among it. They are
encrypted before they reach the database, so its pages, its write-ahead log and every copy of the
file hold no plain text of them.
"""

import base64
import binascii
import hashlib
import hmac
import sqlite3
from collections.abc import Callable

_MARK = "s1:"
_NONCE = 12
UNREADABLE = ""
"""What a column reads as that was sealed with another key."""


class Cipher:
    """AES-256-GCM under a key derived from the seal key; equal texts have equal seals."""

    def __init__(self, seal_key: bytes, scrub: Callable[[str], str] = str) -> None:
        self.scrub = scrub
        """Takes known secrets out of what is written in plain text."""
        self._key = hmac.digest(seal_key, b"vast-mcp ledger", hashlib.sha256)

    def close(self, text: str) -> str:
        """The text sealed; what is sealed already, or empty, stays."""
        if not text or text.startswith(_MARK):
            return text
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415  slow import

        plain = text.encode()
        nonce = hmac.digest(self._key, plain, hashlib.sha256)[:_NONCE]
        sealed = nonce + AESGCM(self._key).encrypt(nonce, plain, None)
        return _MARK + base64.b64encode(sealed).decode()

    def open(self, text: str) -> str:
        """What was sealed; plain text as it stands, `UNREADABLE` if sealed with another key."""
        if not text.startswith(_MARK):
            return text
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

        try:
            raw = base64.b64decode(text[len(_MARK) :], validate=True)
            return AESGCM(self._key).decrypt(raw[:_NONCE], raw[_NONCE:], None).decode()
        except (InvalidTag, binascii.Error, ValueError):
            return UNREADABLE


class NoCipher(Cipher):
    """For books in memory and in tests: nothing is sealed."""

    def __init__(self) -> None:
        super().__init__(b"")

    def close(self, text: str) -> str:
        """As it stands."""
        return text


def seal_old_rows(connection: sqlite3.Connection, cipher: Cipher) -> None:
    """Seal what earlier releases wrote in plain text, and overwrite where it stood.

    A ledger that others hold open cannot be compacted now; the next opening tries again.
    """
    if connection.execute("SELECT 1 FROM compacted").fetchone() is not None:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        _seal_all(connection, cipher)
    except BaseException:
        connection.rollback()
        raise
    connection.commit()
    try:
        connection.execute("VACUUM")
        busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        if not busy:
            connection.execute("INSERT INTO compacted (done) VALUES (1)")
    except sqlite3.OperationalError:
        return


def _seal_all(connection: sqlite3.Connection, cipher: Cipher) -> None:
    ended = "state NOT IN ('open', 'claimed')"
    connection.execute(f"UPDATE plans SET arguments = '{{}}' WHERE {ended}")  # noqa: S608  own text
    for plan_id, *texts in connection.execute(
        "SELECT plan_id, arguments, question FROM plans"
    ).fetchall():
        arguments, question = map(cipher.close, texts)
        connection.execute(
            "UPDATE plans SET arguments = ?, question = ? WHERE plan_id = ?",
            (arguments, question, plan_id),
        )
    for job_id, command, ended_us in connection.execute(
        "SELECT job_id, json_extract(spec, '$.command'), ended_us FROM jobs"
    ).fetchall():
        if command:
            kept = "" if ended_us is not None else cipher.close(command)
            connection.execute(
                "UPDATE jobs SET spec = json_set(spec, '$.command', ?) WHERE job_id = ?",
                (kept, job_id),
            )
