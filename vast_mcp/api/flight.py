"""Equal reads at the same time are one request: the first asks, the others wait for its answer.

A `fresh` question joins only a request that has not left yet (it waits for its slot), so its answer
never describes a moment before it was put. For all others an answer is kept for a second after its
request left, unless something was written since.
"""

import copy
from collections.abc import Awaitable, Callable

import anyio

from vast_mcp.api.classify import TIMED_OUT, lost
from vast_mcp.clock import Clock
from vast_mcp.errors import ApiError
from vast_mcp.operations import Call, Json

Departing = Callable[[], None]
"""Called when the request leaves."""
_REASKED_FROM_S = 1.0
KEPT_S = 1.0
"""How long an answer stands for an equal question."""


class _Open:
    """A question that is being asked."""

    def __init__(self) -> None:
        self.departed = False
        self.landed = anyio.Event()
        self.answer: Json = None
        self.error: Exception | None = None
        self.done = False

    def depart(self) -> None:
        self.departed = True


class Flight:
    """The questions of one connection that are on their way, and the answers of the last second."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._open: dict[tuple[str, bool], _Open] = {}
        self._kept: dict[str, tuple[float, Json]] = {}
        self._writes = 0

    def forget(self) -> None:
        """Something is written: no answer to a request that has left stands any longer."""
        self._writes += 1
        self._kept.clear()

    async def share(
        self,
        call: Call,
        ask: Callable[[Departing], Awaitable[Json]],
        *,
        fresh: bool,
        recent: bool = False,
        urgent: bool,
        left_s: Callable[[], float],
    ) -> Json:
        """The answer of an equal question on its way, else of one that is asked now.

        With `recent` an answer of the last second will do.

        An error is everybody's too, except that the first one's time ran out: who has time left
        asks again. If whoever asks is cancelled, one of those who wait takes over. Urgent
        questions never wait for one in the ordinary queue.

        Raises:
            ApiError: the question's error, or none came within `left_s`.
        """
        key = (call.digest, urgent)
        reasked = False
        kept = self._standing(call) if recent else None
        if kept is not None:
            return kept[1]
        while True:
            flight = self._open.get(key)
            if flight is None or (fresh and flight.departed):
                return await self._ask(key, ask)
            await _land(flight, call, left_s())
            if not flight.done:
                continue
            error = flight.error
            if error is None:
                return flight.answer
            if _ran_out(error) and not reasked and left_s() > _REASKED_FROM_S:
                reasked = True
                continue
            raise copy.copy(error)  # one traceback per reader

    def _standing(self, call: Call) -> tuple[float, Json] | None:
        now_s = self._clock.monotonic_s()
        self._kept = {
            digest: kept for digest, kept in self._kept.items() if 0 <= now_s - kept[0] < KEPT_S
        }
        return self._kept.get(call.digest)

    async def _ask(
        self, key: tuple[str, bool], ask: Callable[[Departing], Awaitable[Json]]
    ) -> Json:
        flight = _Open()
        self._open[key] = flight
        left: list[tuple[float, int]] = []

        def depart() -> None:
            flight.depart()
            left.append((self._clock.monotonic_s(), self._writes))

        try:
            flight.answer = await ask(depart)
            flight.done = True
            if left and left[-1][1] == self._writes:
                self._kept[key[0]] = (left[-1][0], flight.answer)
        except Exception as error:
            flight.error, flight.done = error, True
            raise
        finally:
            if self._open.get(key) is flight:  # a fresh one may have taken its place
                del self._open[key]
            flight.landed.set()
        return flight.answer


async def _land(flight: _Open, call: Call, left_s: float) -> None:
    with anyio.move_on_after(max(0.0, left_s)):
        await flight.landed.wait()
    if not flight.landed.is_set():
        raise lost(call.operation, left=False, cause="no answer in time", code=TIMED_OUT)


def _ran_out(error: Exception) -> bool:
    return isinstance(error, ApiError) and error.code in {TIMED_OUT, "own_pace"}
