"""Asking again: only reads, only when nothing can have happened, only inside a deadline."""

from vast_mcp.api.classify import TIMED_OUT, read_answer
from vast_mcp.api.connection import READ_TIMEOUT_S, Connection
from vast_mcp.api.flight import Departing
from vast_mcp.clock import Clock
from vast_mcp.errors import ApiError, RateLimited, VendorDown
from vast_mcp.operations import Call, Json

RETRIES = 3
"""After the first try (docs/hazards.md#retries)."""
SHORTEST_WAIT_S = 0.5
LONGEST_WAIT_S = 8.0
LONGEST_ASKED_S = 60.0
"""A longer Retry-After than this is not waited for; the official client gives up there too."""
_PASSING = frozenset({None, 408, 502, 503, 504})
_FAIR_TIMEOUT_S = 5.0
"""Who waited less than this has not shown that the vendor is down."""


class Deadline:
    """An end on the monotonic clock, and how the asking is done until then.

    `fresh`: something is decided by the answer. It begins after the question, and is asked even
    while the breaker holds up what is only shown. `recent`: even so, an answer that is at most a
    second old and younger than our last write will do. `urgent`: it goes before other reads;
    `background`: behind them.
    """

    def __init__(
        self,
        clock: Clock,
        seconds: float,
        *,
        fresh: bool = True,
        recent: bool = False,
        urgent: bool = False,
        background: bool = False,
    ) -> None:
        self.fresh = fresh
        self.recent = recent or not fresh
        self.urgent = urgent
        self.background = background
        self._clock = clock
        self._ends_s = clock.monotonic_s() + seconds

    @property
    def left_s(self) -> float:
        """Seconds until it; zero or less when it has passed."""
        return self._ends_s - self._clock.monotonic_s()


async def ask(connection: Connection, call: Call, deadline: Deadline) -> Json:
    """The answer to a read, asked up to four times within the deadline; equal ones share it.

    Raises:
        ApiError: the last try's error; one that repeating cannot cure comes at once.
    """

    async def asked(departing: Departing) -> Json:
        return await _until_answered(connection, call, deadline, departing)

    if call.operation.method == "PUT":  # it asks a host to do something, each time anew
        return await asked(lambda: None)
    return await connection.flight.share(
        call,
        asked,
        fresh=deadline.fresh,
        recent=deadline.recent,
        urgent=deadline.urgent,
        left_s=lambda: deadline.left_s,
    )


async def _until_answered(
    connection: Connection, call: Call, deadline: Deadline, departing: Departing
) -> Json:
    for tries in range(RETRIES + 1):
        try:
            return await _once(connection, call, deadline, departing)
        except (RateLimited, VendorDown) as error:
            wait_s = _wait(error, tries, connection.clock)
            if wait_s is None or tries == RETRIES or wait_s >= deadline.left_s:
                raise
            if isinstance(error, VendorDown) and not _may_repeat(connection, call):
                raise
            await connection.clock.sleep(wait_s)
    raise VendorDown(f"{call.operation.name}: not answered.")


async def _once(
    connection: Connection, call: Call, deadline: Deadline, departing: Departing
) -> Json:
    operation, breaker = call.operation, connection.breaker
    timeout_s = min(READ_TIMEOUT_S, deadline.left_s)
    if timeout_s <= 0:
        raise VendorDown(f"{operation.name}: no time left to ask.", code=TIMED_OUT)
    if not deadline.fresh:
        breaker.check(operation.host)
    try:
        reply = await connection.send(
            call,
            timeout_s=timeout_s,
            urgent=deadline.urgent,
            background=deadline.background,
            departing=departing,
        )
    except VendorDown as error:
        if error.code != TIMED_OUT or timeout_s >= _FAIR_TIMEOUT_S:
            breaker.failed(operation.host)
        raise
    if reply.status >= 500:
        breaker.failed(operation.host)
    return read_answer(operation, reply, connection.scrub)


def _may_repeat(connection: Connection, call: Call) -> bool:
    return connection.breaker.may_repeat(call.operation.host)


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
