"""Reads are asked again, within limits (docs/hazards.md#retries).

See docs/hazards.md#retries, docs/vendor-api.md#transport.
"""

import httpx2
import pytest

from tests.api.vendor import Wire, connect, ok
from vast_mcp.api.breaker import FAILURES
from vast_mcp.api.classify import TIMED_OUT
from vast_mcp.api.reads import Reads
from vast_mcp.api.retry import Deadline
from vast_mcp.clock import ManualClock
from vast_mcp.errors import (
    ApiError,
    RateLimited,
    Unauthorized,
    VendorDown,
    VendorRefused,
    VendorUnreadable,
)

GONE = ok({"instances": None})


async def ask(
    *answers: httpx2.Response | Exception, deadline_s: float = 300.0
) -> tuple[int, float]:
    """How many requests it took until an answer came, and how many seconds were slept."""
    wire, clock = Wire(answers), ManualClock(auto_advance=True)
    assert await Reads(connect(wire, clock=clock)).show_instance(7, deadline_s=deadline_s) is None
    return len(wire.seen), clock.monotonic_s()


@pytest.mark.parametrize(
    "fault",
    [
        httpx2.ConnectError("x"),
        httpx2.ConnectTimeout("x"),
        httpx2.ReadError("x"),
        httpx2.RemoteProtocolError("x"),
        *(httpx2.Response(status) for status in (408, 429, 502, 503, 504)),
    ],
    ids=lambda f: type(f).__name__ if isinstance(f, Exception) else str(f.status_code),
)
async def test_a_passing_fault_is_tried_again_after_a_wait(fault: httpx2.Response) -> None:
    """Only connection errors, 408, 429, 502, 503, 504; jitter between 0.5 and 8 s."""
    tries, slept = await ask(fault, GONE)
    assert tries == 2
    assert 0.5 <= slept <= 2.0


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (httpx2.Response(500), VendorDown),
        (httpx2.ReadTimeout("x"), VendorDown),
        (httpx2.Response(401, json={"error": "auth_error"}), Unauthorized),
        (httpx2.Response(400, json={"error": "invalid_args"}), VendorRefused),
        (httpx2.Response(200, content=b"<html>"), VendorUnreadable),
        (httpx2.Response(429, json={"error": "search_quota_exceeded"}), RateLimited),
        (httpx2.Response(429, headers={"retry-after": "61"}), RateLimited),
    ],
)
async def test_what_repeating_cannot_cure_is_asked_once(
    answer: httpx2.Response | Exception, kind: type[ApiError]
) -> None:
    """A used-up search quota and a Retry-After above 60 s are never retried."""
    wire = Wire([answer])
    with pytest.raises(kind):
        await Reads(connect(wire)).show_instance(7)
    assert len(wire.seen) == 1


async def test_three_retries_are_the_most() -> None:
    """At most three, then the last error (docs/hazards.md#retries)."""
    wire, clock = Wire([httpx2.Response(503)]), ManualClock(auto_advance=True)
    with pytest.raises(VendorDown):
        await Reads(connect(wire, clock=clock)).show_instance(7, deadline_s=300)
    assert len(wire.seen) == 4
    assert 1.5 <= clock.monotonic_s() <= 14.0


async def test_the_vendors_own_wait_is_obeyed() -> None:
    """Retry-After in seconds, in the header or in the body (docs/vendor-api.md#rate-limits)."""
    limited = httpx2.Response(429, json={"msg": "too frequent", "retry_after": 10})
    tries, slept = await ask(limited, GONE)
    assert tries == 2
    assert 10.0 <= slept <= 10.5


async def test_no_wait_outlasts_the_deadline() -> None:
    """A wait that would pass the deadline is not begun: the error comes now."""
    wire = Wire([httpx2.Response(429, headers={"retry-after": "20"})])
    clock = ManualClock(auto_advance=True)
    with pytest.raises(RateLimited) as raised:
        await Reads(connect(wire, clock=clock), deadline_s=15).show_instance(7)
    assert raised.value.retry_after_s == 20
    assert clock.monotonic_s() == 0
    assert len(wire.seen) == 1


class Even(ManualClock):
    """A clock whose waits are always the shortest, or always the longest that they may be."""

    def __init__(self, part: int) -> None:
        super().__init__(auto_advance=True)
        self._part = part

    def jitter(self, low: float, high: float) -> float:
        """One of the two bounds."""
        return (low, high)[self._part]


LIMITED_FOR_A_MINUTE = httpx2.Response(429, headers={"retry-after": "60"})


@pytest.mark.parametrize(
    ("fault", "times", "shortest", "longest"),
    [
        (httpx2.Response(503), 1, 0.5, 2),
        (httpx2.Response(503), 2, 1.0, 6),
        (httpx2.Response(503), 3, 1.5, 14),
        (httpx2.Response(429), 2, 1.0, 6),
        (httpx2.Response(429, headers={"retry-after": "0"}), 3, 0, 1.5),
        (httpx2.Response(429, headers={"retry-after": "3"}), 2, 6, 7),
        (LIMITED_FOR_A_MINUTE, 1, 60, 60.5),
    ],
)
async def test_each_wait_lies_between_two_bounds(
    fault: httpx2.Response, times: int, shortest: float, longest: float
) -> None:
    """Twice as long each time, eight seconds at most; or as the vendor asks and a little more."""
    for part, slept_s in enumerate((shortest, longest)):
        clock = Even(part)
        wire = Wire([*[httpx2.Response(fault.status_code, headers=fault.headers)] * times, GONE])
        await Reads(connect(wire, clock=clock), deadline_s=300).show_instance(7)
        assert (len(wire.seen), clock.monotonic_s()) == (times + 1, slept_s)


@pytest.mark.parametrize(("deadline_s", "tries"), [(60.5, 1), (60.501, 2)])
async def test_a_wait_that_would_use_up_the_deadline_is_not_begun(
    deadline_s: float, tries: int
) -> None:
    """There must be time left for the answer."""
    clock = Even(1)
    clock.move(100)
    wire = Wire([LIMITED_FOR_A_MINUTE, GONE])
    reads = Reads(connect(wire, clock=clock))
    if tries == 1:
        with pytest.raises(RateLimited):
            await reads.show_instance(7, deadline_s=deadline_s)
    else:
        await reads.show_instance(7, deadline_s=deadline_s)
    assert len(wire.seen) == tries


def test_what_is_left_of_a_deadline_shrinks_with_the_clock() -> None:
    """Whatever the clock stood at when it was set, and below nothing when it has passed."""
    clock = ManualClock()
    clock.move(1000)
    deadline = Deadline(clock, 10)
    assert deadline.left_s == 10
    clock.move(4)
    assert deadline.left_s == 6
    clock.move(7)
    assert deadline.left_s == -1


@pytest.mark.parametrize(("fresh", "recent"), [(True, False), (False, True)])
def test_a_question_goes_neither_before_nor_behind_others_unless_it_says_so(
    fresh: bool, recent: bool
) -> None:
    """What is only shown may be a second old; what decides is asked."""
    deadline = Deadline(ManualClock(), 10, fresh=fresh)
    assert (deadline.recent, deadline.urgent, deadline.background) == (recent, False, False)
    assert Deadline(ManualClock(), 10).fresh


async def test_without_time_left_nothing_is_sent() -> None:
    """The error says so, and does not look like an outage."""
    wire = Wire([GONE])
    with pytest.raises(VendorDown, match="no time left") as raised:
        await Reads(connect(wire)).show_instance(7, deadline_s=0)
    assert (raised.value.code, len(wire.seen)) == (TIMED_OUT, 0)


@pytest.mark.parametrize(("deadline_s", "held_up"), [(4.9, False), (5.0, True)])
async def test_only_who_waited_five_seconds_has_seen_that_the_vendor_is_down(
    deadline_s: float, held_up: bool
) -> None:
    """Impatience of one caller does not hold up the others."""
    wire = Wire([httpx2.ReadTimeout("x")])
    reads = Reads(connect(wire), deadline_s=deadline_s)
    for _ in range(FAILURES + 1):
        with pytest.raises(VendorDown) as raised:
            await reads.gpu_names()
    assert (raised.value.code == "breaker_open") is held_up
    assert len(wire.seen) == FAILURES + (not held_up)


async def test_a_connection_that_fails_shows_it_however_little_time_there_was() -> None:
    """Refused is refused."""
    wire = Wire([httpx2.ConnectError("x")])
    reads = Reads(connect(wire), deadline_s=0.4)
    for _ in range(FAILURES + 1):
        with pytest.raises(VendorDown) as raised:
            await reads.gpu_names()
    assert raised.value.code == "breaker_open"
