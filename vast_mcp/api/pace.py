"""Keeping the vendor's documented distance between two calls of one kind (vast-api §3).

A slot is taken before a request leaves, so that bursts wait here instead of being refused there. A
429 pushes the next slot back by what the vendor asked for.
"""

from typing import Protocol

from vast_mcp.clock import Clock
from vast_mcp.operations import Operation

MARGIN_S = 0.05
"""Beyond the documented interval: two clocks never agree to the millisecond."""


class Pace(Protocol):
    """Whoever hands out the slots: one process, or all that share an account."""

    async def turn(self, operation: Operation) -> None:
        """Wait until a call of this kind may leave."""
        ...

    async def pushed_back(self, operation: Operation, retry_after_s: float) -> None:
        """The vendor refused one: no other of its kind for that long."""
        ...


class LocalPace:
    """Slots for the calls of this process. `clock` is the vendor's: it counts the intervals."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._free_at_s: dict[str, float] = {}

    async def turn(self, operation: Operation) -> None:
        """Take the next free slot of this kind and wait for it."""
        if operation.interval_s <= 0:
            return
        kind = kind_of(operation)
        now_s = self._clock.monotonic_s()
        slot_s = max(now_s, self._free_at_s.get(kind, 0.0))
        self._free_at_s[kind] = slot_s + operation.interval_s + MARGIN_S
        if slot_s > now_s:
            await self._clock.sleep(slot_s - now_s)

    async def pushed_back(self, operation: Operation, retry_after_s: float) -> None:
        """Move the next slot behind the vendor's wish."""
        kind = kind_of(operation)
        wished_s = self._clock.monotonic_s() + retry_after_s
        self._free_at_s[kind] = max(wished_s, self._free_at_s.get(kind, 0.0))


def kind_of(operation: Operation) -> str:
    """What the vendor counts together: one route and method, whatever the body says."""
    return f"{operation.method} {operation.path}"
