"""Asking again: only reads, only when nothing can have happened, only inside a deadline."""

from vast_mcp.api.classify import TIMED_OUT, read_answer
from vast_mcp.api.connection import READ_TIMEOUT_S, Connection
from vast_mcp.clock import Clock
from vast_mcp.errors import ApiError, RateLimited, VendorDown
from vast_mcp.operations import Call, Json

RETRIES = 3
"""After the first try (safety §3)."""
SHORTEST_WAIT_S = 0.5
LONGEST_WAIT_S = 8.0
LONGEST_ASKED_S = 60.0
"""A longer Retry-After than this is not waited for; the official client gives up there too."""
_PASSING = frozenset({None, 408, 502, 503, 504})


class Deadline:
    """An end on the monotonic clock."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._ends_s = clock.monotonic_s() + seconds

    @property
    def left_s(self) -> float:
        """Seconds until it; zero or less when it has passed."""
        return self._ends_s - self._clock.monotonic_s()


async def ask(connection: Connection, call: Call, deadline: Deadline) -> Json:
    """The answer to a read, asked up to four times within the deadline.

    Raises:
        ApiError: the last try's error; one that repeating cannot cure comes at once.
    """
    for tries in range(RETRIES + 1):
        try:
            return await _once(connection, call, deadline)
        except (RateLimited, VendorDown) as error:
            wait_s = _wait(error, tries, connection.clock)
            if wait_s is None or tries == RETRIES or wait_s >= deadline.left_s:
                raise
            await connection.clock.sleep(wait_s)
    raise VendorDown(f"{call.operation.name}: not answered.")


async def _once(connection: Connection, call: Call, deadline: Deadline) -> Json:
    timeout_s = min(READ_TIMEOUT_S, deadline.left_s)
    if timeout_s <= 0:
        raise VendorDown(f"{call.operation.name}: no time left to ask.", code=TIMED_OUT)
    reply = await connection.send(call, timeout_s=timeout_s)
    return read_answer(call.operation, reply, connection.scrub)


def _wait(error: ApiError, tries: int, clock: Clock) -> float | None:
    """Seconds to wait before the next try; None when another try is pointless."""
    if isinstance(error, RateLimited):
        asked_s = error.retry_after_s
        if error.code == "search_quota_exceeded" or (asked_s or 0) > LONGEST_ASKED_S:
            return None
        if asked_s is not None:
            return asked_s + clock.jitter(0.0, SHORTEST_WAIT_S)
    elif error.status not in _PASSING or error.code == TIMED_OUT:
        return None
    return clock.jitter(SHORTEST_WAIT_S, min(LONGEST_WAIT_S, 2.0 ** (tries + 1)))
