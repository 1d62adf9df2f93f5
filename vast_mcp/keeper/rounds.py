"""The keeper: looks at the account about once a minute and ends what is over, asked or not.

It holds no rule of its own: one look is `keeper.tick.look_once`, which may only reduce spend. The
first look is made at start-up, before any tool that changes something answers.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable

from vast_mcp.clock import SECOND_US, Clock
from vast_mcp.errors import VastMcpError
from vast_mcp.guard.door import Guard
from vast_mcp.keeper.rights import RightsWatch
from vast_mcp.keeper.tick import Tick, look_once

PERIOD_S = 60.0
"""A lease's end is acted on at most this many lease-seconds late."""
SHORTEST_S = 2.0
"""Real seconds between two looks, however fast a simulated clock runs."""
FIRST_WITHIN_S = 1.0
"""The first look is taken this soon, or at once when something that changes anything is called."""
_logger = logging.getLogger(__name__)
Listener = Callable[[Tick], Awaitable[None]]


class Keeper:
    """Enforces leases for as long as `run` runs. One per account and process."""

    def __init__(
        self,
        guard: Guard,
        clock: Clock,
        *,
        listeners: Iterable[Listener] = (),
        rights: RightsWatch | None = None,
    ) -> None:
        self._rights = rights
        self._guard = guard
        self._clock = clock
        self._listeners = tuple(listeners)
        self._troubled = False

    async def run(self) -> None:
        """Look, wait, look again, until cancelled."""
        await self._guard.sweep.wanted(FIRST_WITHIN_S)
        lease_us, real_s = self._clock.lease_us(), self._clock.monotonic_s()
        while True:
            seen = await self.look()
            await self.check_rights()
            now_us, now_s = self._clock.lease_us(), self._clock.monotonic_s()
            pause_s = pause_after((now_us - lease_us) / SECOND_US, now_s - real_s)
            lease_us, real_s = now_us, now_s
            if seen is not None and seen.next_within_s is not None:
                pause_s = min(pause_s, max(SHORTEST_S, seen.next_within_s))
            await self._clock.sleep(pause_s * self._clock.jitter(0.8, 1.0))

    async def look(self) -> Tick | None:
        """One look and what follows from it; None when the account could not be read."""
        try:
            seen = await look_once(self._guard)
        except VastMcpError as error:
            self._complain(error)
            return None
        except Exception:  # leases must go on being enforced, whatever broke
            _logger.exception("lease check: a defect; the next look tries again")
            return None
        if seen.unread is None:
            self._troubled = False
        else:
            self._complain(seen.unread)
        for line in seen.did:
            _logger.info("lease check: %s", line)
        for line in seen.failed if seen.unread is None else ():
            _logger.warning("lease check: %s", line)
        for listener in self._listeners if seen.unread is None else ():
            try:
                await listener(seen)
            except Exception:  # whoever listens must not end the looking
                _logger.exception("lease check: a listener failed")
        return seen if seen.unread is None else None

    async def check_rights(self) -> None:
        """Once a day, while one of our rentals lives: may the key still end it?"""
        try:
            found = await self._rights.daily() if self._rights else None
        except Exception:  # as for a look
            _logger.exception("key check: a defect; the next look tries again")
            return
        if found is not None and found.may_end is False:
            _logger.warning("key check: this key may not end machines: %s", found.says)

    def _complain(self, error: VastMcpError) -> None:
        """One line when the trouble begins, not one a minute."""
        if not self._troubled:
            _logger.warning("lease check: %s", error)
        self._troubled = True


def pause_after(lease_s: float, real_s: float) -> float:
    """Real seconds until the next look, from how far the lease clock moved in the last round.

    A lease clock that runs faster than ours (`serve --simulate --speed`) is looked at more often.
    """
    pace = lease_s / real_s if real_s > 0 else 1.0
    if pace <= 0:
        return PERIOD_S
    return min(PERIOD_S, max(SHORTEST_S, PERIOD_S / pace))
