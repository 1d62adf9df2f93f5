"""Whether the key may end machines: what was tried, and when it has to be tried again."""

from dataclasses import dataclass

from vast_mcp.account.context import Account
from vast_mcp.actions.prove_rights import MAY, MAY_NOT, ProveRights
from vast_mcp.clock import SECOND_US
from vast_mcp.errors import VastMcpError
from vast_mcp.guard.act import Caller
from vast_mcp.guard.door import Guard
from vast_mcp.leases.observing import PRINCIPAL

DAILY_US = 24 * 3600 * SECOND_US
AGAIN_US = 3600 * SECOND_US
"""After a try that taught nothing."""


@dataclass(frozen=True, slots=True)
class Rights:
    """What a try has shown. `may_end` is None where it has shown nothing."""

    at_us: int
    may_end: bool | None
    says: str


class RightsWatch:
    """Remembers the latest try of this process, and makes one a day while one of our rentals lives.

    A two-factor session can end, and a permission can be taken away, in the middle of a lease;
    nobody would notice before its end, when nothing here could stop the machine.
    """

    def __init__(self, guard: Guard, account: Account) -> None:
        self._guard = guard
        self._ledger = account.ledger
        self._clock = account.clock
        self._keys = account.keys
        self._key = account.keys.current
        self._latest: Rights | None = None

    @property
    def latest(self) -> Rights | None:
        """What is known of the key in use; None when it has not been tried."""
        return self._latest if self._key == self._keys.current else None

    async def prove(self, caller: Caller) -> Rights:
        """Try it now.

        Raises:
            VastMcpError: it could not be tried, or a rule forbids it (read-only).
        """
        outcome = await self._guard.correct(ProveRights(), caller)
        may_end = {MAY: True, MAY_NOT: False}.get(outcome.status)
        return self._note(may_end, outcome.said)

    async def daily(self) -> Rights | None:
        """Try it if that is due and one of our rentals lives; what is new, else None."""
        known, now_us = self.latest, self._clock.utc_us()
        if known is not None:
            pause_us = AGAIN_US if known.may_end is None else DAILY_US
            if 0 <= now_us - known.at_us < pause_us:
                return None
        try:
            rentals = await self._ledger.read(lambda tx: tx.live_rentals())
            if not any(
                rental.kind == "instance" and rental.target_id is not None for rental in rentals
            ):
                return None
            return await self.prove(Caller(principal=PRINCIPAL, client="keeper"))
        except VastMcpError as error:
            return self._note(None, str(error))

    def _note(self, may_end: bool | None, says: str) -> Rights:
        self._key = self._keys.current
        self._latest = Rights(self._clock.utc_us(), may_end, says)
        return self._latest
