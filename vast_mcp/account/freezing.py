"""The big red switch: a person freezes all spending of the account, for every process at once.

It lies in the ledger, so the transaction that would reserve money for a rent reads it under the
same lock: a freeze that was written before is never passed.
"""

from datetime import UTC, datetime

from vast_mcp.clock import SECOND_US, Clock
from vast_mcp.store import AuditEntry, Freeze, Ledger, Transaction


def said_of(freeze: Freeze | None) -> str:
    """A freeze for a sentence: `a person at 2026-11-20 18:30 UTC`; empty when there is none."""
    if freeze is None:
        return ""
    at = datetime.fromtimestamp(freeze.at_us // SECOND_US, UTC)
    return f"{freeze.who} at {at:%Y-%m-%d %H:%M} UTC"


async def freeze(ledger: Ledger, clock: Clock, who: str = "a person") -> Freeze:
    """Close all spending; the freeze that stands is given back, an older one if there is one.

    Raises:
        LedgerUnavailable: it could not be written down, so nothing is frozen.
    """

    def write(tx: Transaction) -> Freeze:
        tx.record(_entry(clock, "freeze", "frozen"))
        return tx.freeze(clock.utc_us(), who)

    return await ledger.write(write)


async def unfreeze(ledger: Ledger, clock: Clock) -> Freeze | None:
    """Open spending again, within the limits; what was lifted, or None.

    Raises:
        LedgerUnavailable: it could not be written down, so it stays frozen.
    """

    def write(tx: Transaction) -> Freeze | None:
        tx.record(_entry(clock, "unfreeze", "lifted"))
        return tx.unfreeze(clock.utc_us())

    return await ledger.write(write)


async def frozen(ledger: Ledger) -> str:
    """The freeze that stands, for a sentence; empty when there is none.

    Raises:
        LedgerUnavailable: the books cannot be read.
    """
    return said_of(await ledger.read(lambda tx: tx.frozen()))


def _entry(clock: Clock, tool: str, verdict: str) -> AuditEntry:
    return AuditEntry(
        at_us=clock.utc_us(), principal="local", phase="decision", tool=tool, verdict=verdict
    )
