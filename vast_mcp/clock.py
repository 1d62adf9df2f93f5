"""Time, sleep and randomness behind one protocol, so that tests own all three."""

import heapq
import secrets
import string
import time
from typing import Protocol

import anyio
import anyio.lowlevel

SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US
CODE_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
"""No digits and no vowels: a code never reads as a number or as a word."""
_ID_LETTERS = string.ascii_lowercase + string.digits


class Clock(Protocol):
    """What a room may know about time and chance."""

    def utc_us(self) -> int:
        """This machine's wall clock, in microseconds since 1970 UTC. Plans expire by it."""
        ...

    def lease_us(self) -> int:
        """The wall clock that leases and meters follow, in microseconds since 1970 UTC.

        The same as `utc_us`, except under `serve --simulate`, where it is the simulator's.
        """
        ...

    def monotonic_s(self) -> float:
        """Seconds that never run backwards. Timeouts and waits follow it."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait that many monotonic seconds."""
        ...

    def real_s(self) -> float:
        """Seconds a person lives by, never the simulator's: how fast an answer came."""
        ...

    async def real_sleep(self, seconds: float) -> None:
        """Wait that many of a person's seconds."""
        ...

    def doubt(self) -> str:
        """Why no lease may be begun or ended now; empty if nothing speaks against `lease_us`."""
        ...

    def skew_s(self) -> float | None:
        """How far this machine's wall clock is ahead of the vendor's; None if that is not known."""
        ...

    def vendor(self) -> "Clock":
        """The clock the vendor lives by: this one, except under `serve --simulate`."""
        ...

    def random_id(self, length: int) -> str:
        """A fresh unguessable text of lower-case letters and digits."""
        ...

    def random_code(self) -> str:
        """Six fresh capital letters for a plan: speakable, never mistaken for an id."""
        ...

    def jitter(self, low: float, high: float) -> float:
        """A number drawn evenly between the two bounds, to spread retries."""
        ...


class SystemClock:
    """The real thing."""

    def utc_us(self) -> int:
        """This machine's wall clock in microseconds."""
        return time.time_ns() // 1000

    def lease_us(self) -> int:
        """Leases follow this machine's wall clock."""
        return self.utc_us()

    def monotonic_s(self) -> float:
        """The operating system's monotonic clock."""
        return time.monotonic()  # noqa: TID251  this is the clock

    async def sleep(self, seconds: float) -> None:
        """Suspend the task; cancellation ends it early."""
        await anyio.sleep(max(0.0, seconds))  # noqa: TID251  this is the clock

    def real_s(self) -> float:
        """The operating system's monotonic clock, whatever a subclass makes of time."""
        return time.monotonic()  # noqa: TID251  this is the clock

    async def real_sleep(self, seconds: float) -> None:
        """Suspend the task; cancellation ends it early."""
        await anyio.sleep(max(0.0, seconds))  # noqa: TID251  this is the clock

    def doubt(self) -> str:
        """Nobody has contradicted this clock."""
        return ""

    def skew_s(self) -> float | None:
        """Nobody was asked."""
        return None

    def vendor(self) -> Clock:
        """The vendor's time is ours."""
        return self

    def random_id(self, length: int) -> str:
        """From the operating system's entropy."""
        return "".join(secrets.choice(_ID_LETTERS) for _ in range(length))

    def random_code(self) -> str:
        """From the operating system's entropy."""
        return "".join(secrets.choice(CODE_LETTERS) for _ in range(6))

    def jitter(self, low: float, high: float) -> float:
        """From the operating system's entropy."""
        return low + (high - low) * secrets.randbelow(1_000_001) / 1_000_000


class ScaledClock(SystemClock):
    """A wall clock that starts at a given instant and runs `speed` times as fast as the real one.

    The simulator's clock. Its `monotonic_s` and `sleep` are scaled as well: a sleep of one
    simulated minute at speed 60 takes one real second.
    """

    def __init__(self, *, start_us: int | None = None, speed: float = 1.0) -> None:
        if not 0 < speed <= 100_000:
            raise ValueError("speed must be above 0 and at most 100000")
        self.speed = speed
        self._epoch_s = super().monotonic_s()
        self._start_us = super().utc_us() if start_us is None else start_us

    def utc_us(self) -> int:
        """Simulated wall clock in microseconds."""
        return self._start_us + int(self.monotonic_s() * SECOND_US)

    def monotonic_s(self) -> float:
        """Simulated seconds since this clock was made."""
        return (super().monotonic_s() - self._epoch_s) * self.speed

    async def sleep(self, seconds: float) -> None:
        """Wait that many simulated seconds."""
        await super().sleep(seconds / self.speed)


class PairedClock(SystemClock):
    """This machine's clock for people and timeouts, the vendor's for leases and meters."""

    def __init__(self, vendor: Clock) -> None:
        self._vendor = vendor

    def lease_us(self) -> int:
        """The simulator's wall clock."""
        return self._vendor.utc_us()

    def vendor(self) -> Clock:
        """The simulator's clock."""
        return self._vendor


class ManualClock(SystemClock):
    """A clock that stands still until it is moved.

    With `auto_advance`, a sleep moves the clock forward itself and returns at once, so that a
    waiting tool runs through its simulated minutes without real time passing. Without it, sleepers
    wait until `advance` has carried the clock past their time. Ids come from a counter.
    """

    def __init__(
        self, start_us: int = 1_780_315_200 * SECOND_US, *, auto_advance: bool = False
    ) -> None:
        self._now_us = start_us
        self._start_us = start_us
        self._auto_advance = auto_advance
        self._sleepers: list[tuple[int, int, anyio.Event]] = []
        self._count = 0
        self._real_s = 0.0
        self._real_sleepers: list[tuple[float, anyio.Event]] = []

    def utc_us(self) -> int:
        """Where the clock stands."""
        return self._now_us

    def monotonic_s(self) -> float:
        """Seconds moved since the clock was made."""
        return (self._now_us - self._start_us) / SECOND_US

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock has been moved that far (or move it, with `auto_advance`)."""
        wake_us = self._now_us + int(max(0.0, seconds) * SECOND_US)
        if self._auto_advance:
            await anyio.lowlevel.checkpoint()
            self._now_us = max(self._now_us, wake_us)
            return
        event = anyio.Event()
        self._count += 1
        heapq.heappush(self._sleepers, (wake_us, self._count, event))
        await event.wait()

    def real_s(self) -> float:
        """Moved by `think` alone: a person's time does not pass because a machine loads."""
        return self._real_s

    async def real_sleep(self, seconds: float) -> None:
        """Wait until a person has thought that long."""
        event = anyio.Event()
        self._real_sleepers.append((self._real_s + seconds, event))
        await event.wait()

    def think(self, seconds: float) -> None:
        """Let a person's time pass, and wake whoever waits for it."""
        self._real_s += seconds
        for wake_s, event in self._real_sleepers:
            if wake_s <= self._real_s:
                event.set()
        self._real_sleepers = [
            sleeper for sleeper in self._real_sleepers if sleeper[0] > self._real_s
        ]

    def move(self, seconds: float) -> None:
        """Set the clock forward (or back, when negative) without waking anyone."""
        self._now_us += int(seconds * SECOND_US)

    async def advance(self, seconds: float) -> None:
        """Move forward, waking each sleeper at its own time and letting it run."""
        target_us = self._now_us + int(seconds * SECOND_US)
        while self._sleepers and self._sleepers[0][0] <= target_us:
            wake_us, _, event = heapq.heappop(self._sleepers)
            self._now_us = max(self._now_us, wake_us)
            event.set()
            for _ in range(20):
                await anyio.lowlevel.checkpoint()
        self._now_us = max(self._now_us, target_us)
        for _ in range(20):
            await anyio.lowlevel.checkpoint()
