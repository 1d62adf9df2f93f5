"""Which clock lease ends follow, when this computer's and the vendor's disagree.

Every answer of the vendor carries a `Date`. One of them proves nothing: a proxy may be wrong. Three
that agree, over at least a minute, confirm the vendor's time, which this computer's monotonic clock
then carries on. Where the confirmed time and the local clock are more than ten minutes apart the
confirmed one decides. Until it is confirmed, such a difference means doubt: nothing is rented and
no lease is ended, since either would follow a clock that nobody can vouch for.
"""

import email.utils
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median
from typing import Protocol
from urllib.parse import urlsplit

import httpx2

from vast_mcp.clock import SECOND_US, Clock
from vast_mcp.config import is_loopback

AGREEING = 3
OVER_S = 60.0
"""The least time between the first and the last of the answers that agree."""
DECIDES_US = 10 * 60 * SECOND_US
"""From here on the confirmed time of the vendor decides."""
WARNS_US = 60 * SECOND_US
_TOLERANCE_US = 5 * SECOND_US
"""`Date` has whole seconds, and an answer may take some."""
_MOST_KEPT = 16


@dataclass(frozen=True, slots=True)
class _Heard:
    """One `Date`, as how far the vendor's clock is ahead of our monotonic one."""

    at_s: float
    ahead_us: int


def instant_us(date: str | None) -> int | None:
    """A `Date` header as microseconds UTC; None for what is no date."""
    try:
        moment = email.utils.parsedate_to_datetime(date or "")
        moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        return int(moment.timestamp() * SECOND_US)
    except (TypeError, ValueError, OverflowError):
        return None


class VendorTime:
    """What the `Date`s say together. Pure but for what it has heard."""

    def __init__(self) -> None:
        self._heard: tuple[_Heard, ...] = ()
        self._confirmed_us: int | None = None

    def hear(self, date_us: int, at_s: float) -> None:
        """One answer's `Date`, in microseconds UTC, and our monotonic seconds when it came."""
        newest = _Heard(at_s, date_us - int(at_s * SECOND_US))
        agreeing = [reading for reading in self._heard if _agree(reading, newest)]
        self._heard = _thinned([*agreeing, newest])
        if len(self._heard) >= AGREEING and at_s - self._heard[0].at_s >= OVER_S:
            self._confirmed_us = int(median(date.ahead_us for date in self._heard))
        elif self._confirmed_us is not None and not _near(self._confirmed_us, newest.ahead_us):
            self._confirmed_us = None  # this computer slept, or one of the clocks was set

    def confirmed_us(self, at_s: float) -> int | None:
        """The vendor's wall clock now; None while nothing is confirmed."""
        return None if self._confirmed_us is None else self._confirmed_us + int(at_s * SECOND_US)

    def last_us(self, at_s: float) -> int | None:
        """What the newest `Date` alone would make of now."""
        return self._heard[-1].ahead_us + int(at_s * SECOND_US) if self._heard else None


def _agree(one: _Heard, other: _Heard) -> bool:
    return abs(one.ahead_us - other.ahead_us) <= _TOLERANCE_US


def _near(one_us: int, other_us: int) -> bool:
    return abs(one_us - other_us) <= WARNS_US


def _thinned(heard: Sequence[_Heard]) -> tuple[_Heard, ...]:
    """The first and the last ones: a busy minute must not push out the one it is measured from."""
    return (*heard[:1], *heard[1:][-(_MOST_KEPT - 1) :])


class SimulatedTime:
    """A vendor on loopback is a simulator: its clock, whatever its speed, is simply used."""

    def __init__(self) -> None:
        self._at_s: float | None = None
        self._date_us = 0
        self._pace = 1.0

    def hear(self, date_us: int, at_s: float) -> None:
        """The newest `Date`; how fast it moved since one at least ten seconds ago is its pace."""
        if self._at_s is None:
            self._at_s, self._date_us = at_s, date_us
            return
        passed_s = at_s - self._at_s
        if passed_s >= 10.0 and date_us > self._date_us:
            self._pace = (date_us - self._date_us) / SECOND_US / passed_s
            self._at_s, self._date_us = at_s, date_us
        elif date_us < self._date_us:
            self._at_s, self._date_us, self._pace = at_s, date_us, 1.0

    def now_us(self, at_s: float) -> int | None:
        """The simulator's wall clock now; None before its first answer."""
        if self._at_s is None:
            return None
        return self._date_us + int((at_s - self._at_s) * self._pace * SECOND_US)


class Judge(Protocol):
    """Decides about lease time."""

    def hear(self, date_us: int, at_s: float) -> None:
        """One answer's `Date`."""
        ...

    def lease_us(self, local_us: int, at_s: float) -> int:
        """The instant that leases follow."""
        ...

    def doubt(self, local_us: int, at_s: float) -> str:
        """Why no lease may be begun or ended now; empty if nothing speaks against it."""
        ...

    def skew_us(self, local_us: int, at_s: float) -> int | None:
        """How far the local clock is ahead of the vendor's, as far as that is known."""
        ...


class VendorJudge:
    """For the real vendor: local time, unless a confirmed time contradicts it by ten minutes."""

    def __init__(self) -> None:
        self._time = VendorTime()

    def hear(self, date_us: int, at_s: float) -> None:
        """One answer's `Date`."""
        self._time.hear(date_us, at_s)

    def lease_us(self, local_us: int, at_s: float) -> int:
        """The confirmed time where it decides, else the local one."""
        confirmed_us = self._time.confirmed_us(at_s)
        if confirmed_us is None or abs(confirmed_us - local_us) <= DECIDES_US:
            return local_us
        return confirmed_us

    def doubt(self, local_us: int, at_s: float) -> str:
        """A difference of more than ten minutes that is not confirmed yet."""
        last_us = self._time.last_us(at_s)
        if last_us is None or self._time.confirmed_us(at_s) is not None:
            return ""
        if abs(last_us - local_us) <= DECIDES_US:
            return ""
        return (
            f"This computer's clock says {_words(local_us)}, Vast.ai's answers say"
            f" {_words(last_us)}: until three answers over a minute confirm the vendor's time, no"
            " lease is started or ended."
        )

    def skew_us(self, local_us: int, at_s: float) -> int | None:
        """By the confirmed time, else by the newest `Date`."""
        vendor_us = self._time.confirmed_us(at_s)
        vendor_us = self._time.last_us(at_s) if vendor_us is None else vendor_us
        return None if vendor_us is None else local_us - vendor_us


class SimulatorJudge:
    """For a simulator on loopback."""

    def __init__(self) -> None:
        self._time = SimulatedTime()

    def hear(self, date_us: int, at_s: float) -> None:
        """One answer's `Date`."""
        self._time.hear(date_us, at_s)

    def lease_us(self, local_us: int, at_s: float) -> int:
        """The simulator's, once it has answered."""
        now_us = self._time.now_us(at_s)
        return local_us if now_us is None else now_us

    def doubt(self, local_us: int, at_s: float) -> str:  # noqa: ARG002
        """A simulator's clock is its own."""
        return ""

    def skew_us(self, local_us: int, at_s: float) -> int | None:  # noqa: ARG002
        """Of no meaning."""
        return None


class JudgedClock:
    """The local clock, but lease time as the judge has it."""

    def __init__(self, local: Clock, judge: Judge) -> None:
        self._local = local
        self._judge = judge

    def hear(self, date: str | None) -> None:
        """An answer's `Date` header as it came; what is no date is not heard."""
        date_us = instant_us(date)
        if date_us is not None:
            self._judge.hear(date_us, self._local.monotonic_s())

    def lease_us(self) -> int:
        """The instant that leases and meters follow."""
        return self._judge.lease_us(self._local.lease_us(), self._local.monotonic_s())

    def doubt(self) -> str:
        """Why no lease may be begun or ended now; empty if nothing speaks against it."""
        return self._judge.doubt(self._local.lease_us(), self._local.monotonic_s())

    def skew_s(self) -> float | None:
        """How far the local clock is ahead of the vendor's; None while that is not known."""
        skew_us = self._judge.skew_us(self._local.lease_us(), self._local.monotonic_s())
        return None if skew_us is None else skew_us / SECOND_US

    def utc_us(self) -> int:
        """This machine's wall clock."""
        return self._local.utc_us()

    def monotonic_s(self) -> float:
        """This machine's monotonic clock."""
        return self._local.monotonic_s()

    async def sleep(self, seconds: float) -> None:
        """Wait that many monotonic seconds."""
        await self._local.sleep(seconds)

    def real_s(self) -> float:
        """A person's seconds."""
        return self._local.real_s()

    async def real_sleep(self, seconds: float) -> None:
        """Wait that many of a person's seconds."""
        await self._local.real_sleep(seconds)

    def vendor(self) -> Clock:
        """The vendor's time is ours, corrected."""
        return self

    def random_id(self, length: int) -> str:
        """As the local clock."""
        return self._local.random_id(length)

    def random_code(self) -> str:
        """As the local clock."""
        return self._local.random_code()

    def jitter(self, low: float, high: float) -> float:
        """As the local clock."""
        return self._local.jitter(low, high)


class DateHearing(httpx2.AsyncBaseTransport):
    """Hands every `Date` that the vendor's own host sends to the clock."""

    def __init__(
        self, inner: httpx2.AsyncBaseTransport, clock: JudgedClock, *, api_base: str
    ) -> None:
        self._inner = inner
        self._clock = clock
        self._host = urlsplit(api_base).netloc.lower()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Hand on, listen on the way back."""
        response = await self._inner.handle_async_request(request)
        if request.url.netloc.decode("ascii").lower() == self._host:
            self._clock.hear(response.headers.get("date"))
        return response

    async def aclose(self) -> None:
        """Close what is underneath."""
        await self._inner.aclose()


def judged(clock: Clock, api_base: str) -> JudgedClock | None:
    """The clock for this vendor; None where the vendor runs inside this process and shares ours."""
    if clock.vendor() is not clock:
        return None
    return JudgedClock(clock, SimulatorJudge() if is_loopback(api_base) else VendorJudge())


def _words(at_us: int) -> str:
    return f"{datetime.fromtimestamp(at_us / SECOND_US, UTC):%Y-%m-%d %H:%M} UTC"
