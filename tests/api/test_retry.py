"""Reads are asked again, within limits (docs/hazards.md#retries).

See docs/hazards.md#retries, docs/vendor-api.md#transport.
"""

import httpx2
import pytest

from tests.api.vendor import Wire, connect, ok
from vast_mcp.api.reads import Reads
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
