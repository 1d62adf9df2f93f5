"""Equal reads at the same time are one request: the first asks, the others wait for its answer.

Nothing is kept once the answer has come. A `fresh` question joins only a request that has not left
yet (it waits for its slot), so its answer never describes a moment before it was put.
"""

import copy
from collections.abc import Awaitable, Callable

import anyio

from vast_mcp.api.classify import TIMED_OUT, lost
from vast_mcp.errors import ApiError
from vast_mcp.operations import Call, Json

Departing = Callable[[], None]
"""Called when the request leaves."""
_REASKED_FROM_S = 1.0


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
    """The questions of one connection that are on their way."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, bool], _Open] = {}

    async def share(
        self,
        call: Call,
        ask: Callable[[Departing], Awaitable[Json]],
        *,
        fresh: bool,
        urgent: bool,
        left_s: Callable[[], float],
    ) -> Json:
        """The answer of an equal question on its way, else of one that is asked now.

        An error is everybody's too, except that the first one's time ran out: who has time left
        asks again. If whoever asks is cancelled, one of those who wait takes over. Urgent
        questions never wait for one in the ordinary queue.

        Raises:
            ApiError: the question's error, or none came within `left_s`.
        """
        key = (call.digest, urgent)
        reasked = False
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

    async def _ask(
        self, key: tuple[str, bool], ask: Callable[[Departing], Awaitable[Json]]
    ) -> Json:
        flight = _Open()
        self._open[key] = flight
        try:
            flight.answer = await ask(flight.depart)
            flight.done = True
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
