"""Which books an act is written in: the ledger, or a spare in memory when it cannot be used."""

from vast_mcp.clock import Clock
from vast_mcp.errors import LedgerUnavailable
from vast_mcp.store import Ledger, Transaction

SPARE_S = 60.0
ALWAYS_OPEN = frozenset({"stop_instance", "destroy_instance"})
"""Acts that no broken ledger, budget or breaker may block."""


class Shelf:
    """The two books, and which of them is fit for what."""

    def __init__(self, ledger: Ledger, spare: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._spare = spare
        self._clock = clock
        self._spare_until_s = 0.0

    async def books_for(self, tool: str) -> Ledger:
        """The ledger; for stop and destroy a spare one in memory when it cannot be used.

        It must be *writable*: one that can only be read records no plan. Once it failed, the spare
        is used for a minute, so that a question and its answer meet in the same books.
        """
        if tool not in ALWAYS_OPEN:
            await self._ledger.read(lambda _: None)
            return self._ledger
        if self._clock.monotonic_s() < self._spare_until_s:
            return self._spare
        try:
            await self._ledger.write(_leaf_through)
        except LedgerUnavailable:
            self._spare_until_s = self._clock.monotonic_s() + SPARE_S
            return self._spare
        return self._ledger

    def spare_for(self, tool: str, failed: Ledger) -> Ledger | None:
        """Where an act goes on whose books failed half-way; None where it must not."""
        if tool not in ALWAYS_OPEN or failed is self._spare:
            return None
        self._spare_until_s = self._clock.monotonic_s() + SPARE_S
        return self._spare


def _leaf_through(tx: Transaction) -> None:
    """Look at every table an end needs: a book that opens may still have torn pages."""
    tx.live_rentals()
    tx.open_plans()
    tx.audit(1)
