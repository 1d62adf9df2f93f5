"""Keeping the vendor's documented distance between two calls of one kind (vast-api §3).

A slot is taken before a request leaves, so that bursts wait here instead of being refused there. A
429 pushes the next slot back by what the vendor asked for. `LocalPace` does it for one process;
the twin that all processes of an account share is handed in from the store.
"""

from dataclasses import dataclass
from typing import Protocol

from vast_mcp.clock import SECOND_US, Clock
from vast_mcp.errors import RateLimited
from vast_mcp.operations import Money, Operation

MARGIN_S = 0.05
"""Beyond the documented interval: two clocks never agree to the millisecond."""
LONGEST_PUSH_S = 60.0
"""A longer Retry-After is cut: only the day's quota closes anything for longer."""
MOST_INTERVALS = 50
"""A queue longer than that is refused here rather than joined."""
_DAY_US = 24 * 3600 * SECOND_US
_RESOLUTION_S = 0.001


class Pace(Protocol):
    """Whoever hands out the slots: one process, or all that share an account."""

    async def turn(
        self, operation: Operation, *, urgent: bool = False, patience_s: float | None = None
    ) -> None:
        """Wait until a call of this kind may leave.

        What saves money (stop, destroy) waits behind no other calls than its like; an `urgent`
        read goes before the reads that are not.

        Raises:
            RateLimited: it would take longer than `patience_s`, or the day's quota is used up.
                Nothing was sent.
        """
        ...

    async def pushed_back(
        self, operation: Operation, retry_after_s: float | None, *, quota: bool = False
    ) -> None:
        """The vendor refused one: no other of its kind for that long.

        `quota` says that the account's daily quota for this kind is used up.
        """
        ...

    async def arrived(self, operation: Operation) -> None:
        """One was answered, so it arrived by now: the next keeps its distance from here.

        The vendor counts from arrivals, and a request may be long under way.
        """
        ...


@dataclass(slots=True)
class _Kind:
    """One kind's slots, in seconds of the vendor's monotonic clock."""

    last_s: float = float("-inf")
    free_s: float = 0.0
    pushed_s: float = 0.0
    closed_until_us: int = 0


class LocalPace:
    """Slots for the calls of this process. `clock` is the vendor's: it counts the intervals."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kinds: dict[str, _Kind] = {}

    async def turn(
        self, operation: Operation, *, urgent: bool = False, patience_s: float | None = None
    ) -> None:
        """Take the next free slot of this kind and wait for it."""
        if operation.interval_s <= 0:
            return
        kind = self._kinds.setdefault(kind_of(operation), _Kind())
        step_s = operation.interval_s + MARGIN_S
        now_s = self._clock.monotonic_s()
        ahead = urgent or operation.money is Money.SAVES
        slot_s = max(now_s, kind.last_s + step_s)
        if not ahead:
            _refuse_closed(operation, kind.closed_until_us - self._clock.lease_us())
            slot_s = max(slot_s, kind.free_s, kind.pushed_s)
            _refuse_long(operation, slot_s - now_s, patience_s)
        kind.free_s = max(kind.free_s, slot_s + step_s)
        if ahead:  # the slot is taken at once: whoever is in the queue moves behind it
            kind.last_s = slot_s
            await self._wait_until(slot_s)
            return
        while slot_s > self._clock.monotonic_s():
            await self._wait_until(slot_s)
            slot_s = max(slot_s, kind.last_s + step_s, kind.pushed_s)
        kind.last_s = self._clock.monotonic_s()

    async def pushed_back(
        self, operation: Operation, retry_after_s: float | None, *, quota: bool = False
    ) -> None:
        """Move the next slot behind the vendor's wish."""
        kind = self._kinds.setdefault(kind_of(operation), _Kind())
        wish_s = operation.interval_s if retry_after_s is None else retry_after_s
        wished_s = self._clock.monotonic_s() + min(wish_s, LONGEST_PUSH_S)
        kind.pushed_s = max(wished_s, kind.pushed_s)
        if quota:
            kind.closed_until_us = (self._clock.lease_us() // _DAY_US + 1) * _DAY_US

    async def arrived(self, operation: Operation) -> None:
        """Move the next slot behind this one's answer."""
        kind = self._kinds.setdefault(kind_of(operation), _Kind())
        kind.pushed_s = max(kind.pushed_s, self._clock.monotonic_s() + operation.interval_s)

    async def _wait_until(self, slot_s: float) -> None:
        wait_s = slot_s - self._clock.monotonic_s()
        if wait_s > 0:
            await self._clock.sleep(wait_s + _RESOLUTION_S)


def kind_of(operation: Operation) -> str:
    """What the vendor counts together: one route and method, whatever the body says."""
    return f"{operation.method} {operation.path}"


def _refuse_closed(operation: Operation, left_us: int) -> None:
    # A clock that was set back by days must not keep it closed for days.
    if 0 < left_us <= _DAY_US:
        raise RateLimited(
            f"{operation.name}: the day's search quota of this account is used up; not sent.",
            hint="It starts anew at 00:00 UTC; use ids you have until then.",
            code="search_quota_exceeded",
            retry_after_s=left_us / SECOND_US,
        )


def _refuse_long(operation: Operation, wait_s: float, patience_s: float | None) -> None:
    longest_s = MOST_INTERVALS * operation.interval_s + LONGEST_PUSH_S
    if wait_s > min(longest_s, longest_s if patience_s is None else patience_s):
        raise RateLimited(
            f"{operation.name}: too many calls of this kind are waiting for their turn; not sent.",
            hint=f"Try again in {wait_s:.0f} s.",
            code="own_pace",
            retry_after_s=wait_s,
        )
