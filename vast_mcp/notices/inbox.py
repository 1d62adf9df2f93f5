"""The account's own notices, read sparingly: a second witness of what happened to a machine.

The row of a machine that was outbid still says that it runs; the inbox names both bids. Only what
is told to a person comes from it: it decides nothing.
"""

from collections.abc import Iterable

from vast_mcp.api.reads import Reads
from vast_mcp.clock import Clock
from vast_mcp.errors import ApiError, Forbidden, NotFound, Unauthorized, VendorRefused
from vast_mcp.models import InboxNote, Instance, InstanceState, state_of

EVERY_S = 300.0
"""The pace towards the vendor is shared by everything."""
REFUSED_FOR_S = 6 * 3600.0
"""A key that may not read it, or a route that is gone, is not asked about again at once."""
_DEADLINE_S = 10.0
_QUEUED = InstanceState.WAITING_FOR_GPU


class InboxReader:
    """Reads at most every five minutes, and only while there is something to learn."""

    def __init__(self, reads: Reads, clock: Clock) -> None:
        self._reads = reads
        self._clock = clock
        self._not_before_s = 0.0
        self._last: tuple[InboxNote, ...] = ()
        self._queued: set[int] = set()
        """Machines whose start waited when they were last seen: how that ended is still to come."""

    async def notes(self, machines: Iterable[Instance]) -> tuple[InboxNote, ...]:
        """What was last read, read again if it is time and a machine is a bid's or was queued."""
        seen = tuple(machines)
        queued = {note.instance_id for note in seen if state_of(note) is _QUEUED}
        self._queued |= queued
        if not self._queued and not any(instance.is_bid for instance in seen):
            return ()
        now_s = self._clock.monotonic_s()
        if now_s < self._not_before_s:
            return self._last
        self._not_before_s = now_s + EVERY_S
        try:
            self._last = tuple(await self._reads.inbox(deadline_s=_DEADLINE_S))
            self._queued = queued
        except (Forbidden, NotFound, Unauthorized, VendorRefused):
            self._not_before_s = now_s + REFUSED_FOR_S
        except ApiError:
            return self._last
        return self._last
