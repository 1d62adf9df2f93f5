"""The audit chain: every decision and every write, each row's hash over the one before."""

import json
import sqlite3
from collections.abc import Mapping

from vast_mcp.operations import JsonObject
from vast_mcp.store._codec import canonical
from vast_mcp.store.audit_key import GENESIS, broken_link, link
from vast_mcp.store.head import Head, HeadFile, holds
from vast_mcp.store.rows import AuditEntry
from vast_mcp.store.sealing import Cipher


class AuditRows:
    """The part of a transaction that keeps the audit log."""

    _connection: sqlite3.Connection
    _scope: Mapping[str, str]
    _head: HeadFile | None
    _audit_key: bytes
    _cipher: Cipher
    recorded = False
    """Whether this transaction added a row."""

    def record(self, entry: AuditEntry) -> None:
        """Append to the chain: each row's hash covers the one before."""
        last = self._connection.execute(
            "SELECT chain FROM audit ORDER BY seq DESC LIMIT 1"
        ).fetchone()
        previous = GENESIS if last is None else str(last["chain"])
        columns = _audit_columns(entry)
        columns["detail"] = self._cipher.scrub(str(columns["detail"]))
        chain = link(self._audit_key, previous, {**columns, **self._scope})
        named = {**columns, **self._scope, "previous": previous, "chain": chain}
        names, marks = ", ".join(named), ", ".join(f":{name}" for name in named)
        self._connection.execute(f"INSERT INTO audit ({names}) VALUES ({marks})", named)  # noqa: S608  own names
        self.recorded = True

    def audit(self, limit: int = 100) -> list[AuditEntry]:
        """The newest entries, newest first."""
        rows = self._connection.execute("SELECT * FROM audit ORDER BY seq DESC LIMIT ?", (limit,))
        return [_audit_entry(row) for row in rows]

    def broken_audit_link(self) -> int | None:
        """The number of the first row that was altered, removed or inserted; None if whole."""
        return broken_link(self._connection, self._audit_key)

    def audit_fault(self) -> str:
        """What is wrong with the log, in words; empty when it is whole to its last row."""
        head, trouble = self._head, ""
        kept: Head | None = None
        if head is not None:
            try:
                kept = head.read()  # before the rows: it may lag behind them, never lead
            except (OSError, ValueError) as error:
                trouble = f"{head.path} cannot be used ({error})"
        if head is not None and not self._audit_key:
            return f"its key {head.path.with_suffix('.audit-key')} is missing: no row can be proven"
        broken = self.broken_audit_link()
        if broken is not None:
            return f"row {broken} was altered, removed or inserted"
        if head is None or trouble:
            return trouble
        count = self._connection.execute("SELECT COUNT(*) FROM audit").fetchone()[0]
        if kept is None:
            return (
                f"{head.path} is missing: whether the newest rows are complete cannot be known"
                if count
                else ""
            )
        if holds(self._connection, kept):
            return ""
        return (
            f"it had {kept.count} rows and the newest are gone ({count} are there)."
            f" After restoring an older ledger yourself, remove {head.path}"
        )


def _audit_columns(entry: AuditEntry) -> JsonObject:
    return {
        "at_us": entry.at_us,
        "principal": entry.principal,
        "phase": entry.phase,
        "tool": entry.tool,
        "verdict": entry.verdict,
        "subject": entry.subject,
        "digest": entry.digest,
        "policy_digest": entry.policy_digest,
        "detail": canonical(entry.detail),
    }


def _audit_entry(row: sqlite3.Row) -> AuditEntry:
    return AuditEntry(
        at_us=row["at_us"],
        principal=row["principal"],
        phase=row["phase"],
        tool=row["tool"],
        verdict=row["verdict"],
        subject=row["subject"],
        digest=row["digest"],
        policy_digest=row["policy_digest"],
        detail=json.loads(row["detail"]),
    )
