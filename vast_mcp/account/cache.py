"""The account as last read, kept so that one decision is one set of facts.

A small account is read again whenever its facts are older than ten seconds. One whose list takes
long to read (a page of 25 each few seconds) is read in the background by the keeper; decisions use
its last complete reading while that is young enough, and never a part of one.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from vast_mcp.account.belonging import Bearers
from vast_mcp.account.lease_label import Marker
from vast_mcp.api.pages import Between, Progress
from vast_mcp.api.reads import Reads
from vast_mcp.clock import Clock
from vast_mcp.errors import RateLimited
from vast_mcp.models import Instance, VendorAccount, billing_of, rate_of
from vast_mcp.units import UsdPerHour

FRESH_S = 10.0
LONG_ROWS = 100
"""An account with more machines is not read while somebody waits: four pages, about ten seconds."""
PER_PAGE_S = 3.4
"""What a page in the background takes, for an estimate."""
_PAGE_ROWS = 25
_IN_USE_S = 600.0


@dataclass(frozen=True, slots=True)
class Reading:
    """One complete list of the account's machines. Seconds are of the monotonic clock."""

    instances: tuple[Instance, ...]
    began_us: int
    began_s: float
    ended_s: float

    @property
    def long(self) -> bool:
        """Whether it is too long to be read while somebody waits."""
        return len(self.instances) > LONG_ROWS

    @property
    def good_for_s(self) -> float:
        """How long after its end a decision may stand on it: half as long again as it took."""
        return max(FRESH_S, 1.5 * (self.ended_s - self.began_s))


@dataclass(frozen=True, slots=True)
class Facts:
    """What the vendor says about the whole account."""

    account: VendorAccount
    instances: tuple[Instance, ...]
    bearers: Bearers
    """Whose they are."""
    began_us: int = 0
    """When the reading of the machines began."""
    age: str = ""
    """In words, where the list is too long to be read on demand."""


class AccountCache:
    """Reads the account and its machines.

    `attended`: a keeper reads long lists in the background; without one whoever asks waits for all
    of it.
    """

    def __init__(
        self, reads: Reads, clock: Clock, marker: Marker, *, attended: bool = False
    ) -> None:
        self._reads = reads
        self._clock = clock
        self._marker = marker
        self._attended = attended
        self._reading: Reading | None = None
        self._account: tuple[float, VendorAccount] | None = None
        self._current = False
        """Whether nothing was written since the last reading began."""
        self._progress: Progress | None = None
        self._asked_s: float | None = None

    def forget(self) -> None:
        """After a write: the next look is a fresh one, where that is possible."""
        self._current = False
        self._account = None

    @property
    def before(self) -> frozenset[int]:
        """The ids of the last complete list: what was there before a rent that follows."""
        last = self._reading
        return frozenset() if last is None else frozenset(x.instance_id for x in last.instances)

    def bearers(self, instances: Iterable[Instance] = ()) -> Bearers:
        """Whose these machines are, beside those of the last complete list."""
        found = {
            instance.instance_id: instance
            for instance in (self._reading.instances if self._reading else ())
        }
        return Bearers(self._marker, {**found, **{x.instance_id: x for x in instances}}.values())

    @property
    def is_long(self) -> bool:
        """Whether the last complete list was too long to be read within a call."""
        return self._reading is not None and self._reading.long

    @property
    def in_use(self) -> bool:
        """Whether somebody asked for the account in the last ten minutes."""
        now_s = self._clock.monotonic_s()
        return self._asked_s is not None and now_s - self._asked_s < _IN_USE_S

    async def read_all(self, *, urgent: bool = False, between: Between | None = None) -> Reading:
        """Read the whole list now, however long it takes, and keep it.

        `between` is awaited between two pages.

        Raises:
            ApiError: a page cannot be read; the last complete reading stands.
        """
        began_us, began_s = self._clock.lease_us(), self._clock.monotonic_s()
        self._current = True

        found = tuple(await self._reads.list_instances(urgent=urgent, between=between))
        reading = Reading(found, began_us, began_s, self._clock.monotonic_s())
        self._reading = reading
        return reading

    async def attend(self, between: Between) -> Reading:
        """The keeper's reading: whoever asks meanwhile is told how far it has come.

        Raises:
            ApiError: as `read_all`.
        """

        async def page(progress: Progress) -> None:
            self._progress = progress
            await between(progress)

        try:
            return await self.read_all(urgent=True, between=page)
        finally:
            self._progress = None

    async def facts(self, *, max_age_s: float = FRESH_S) -> Facts:
        """What a decision stands on: read now unless younger than `max_age_s`.

        Of a long list the last complete reading, if it ended no longer ago than half as long again
        as it took; the ledger knows what was rented since.

        Raises:
            RateLimited: the list is long and was last read too long ago; nothing is decided.
            ApiError: it cannot be read; that is never taken for "nothing there".
        """
        reading = await self._for_a_decision(max_age_s)
        return await self._facts_of(reading, max_age_s)

    async def seen(self) -> Facts:
        """The same for what is only shown: of a long list the last complete reading of any age.

        Raises:
            RateLimited: the list is long and is being read for the first time.
            ApiError: it cannot be read.
        """
        self._asked_s = now_s = self._clock.monotonic_s()
        last = self._reading
        if (attended := self._attended_reading()) is not None:
            return await self._facts_of(attended, FRESH_S)
        if last is None or not self._current or now_s - last.began_s > FRESH_S:
            last = await self._read_unless_long("Not shown yet")
        return await self._facts_of(last, FRESH_S)

    def _attended_reading(self) -> Reading | None:
        """The last complete reading of a long list that a keeper reads again and again."""
        last = self._reading
        return last if last is not None and last.long and self._attended else None

    async def listed(self) -> Reading:
        """The machines alone, read now; of a long list the last complete reading.

        Raises:
            RateLimited: the list is long and is being read for the first time.
            ApiError: it cannot be read.
        """
        self._asked_s = now_s = self._clock.monotonic_s()
        if (attended := self._attended_reading()) is not None:
            return attended
        began_us = self._clock.lease_us()
        found = await self._reads.list_instances(
            fresh=False, between=self._unless_long("Not shown yet")
        )
        return Reading(tuple(found), began_us, now_s, self._clock.monotonic_s())

    def age_words(self, reading: Reading) -> str:
        """How old a long reading is and what to do; empty for one that is read on demand."""
        if not (reading.long and self._attended):
            return ""
        now_s = self._clock.monotonic_s()
        age_s, took_s = now_s - reading.began_s, reading.ended_s - reading.began_s
        return (
            f"As of {age_s:.0f} s ago: reading all {len(reading.instances):,} instances takes"
            f" {took_s:.0f} s. One by its id, and what this server rented, is read live."
        )

    async def _for_a_decision(self, max_age_s: float) -> Reading:
        self._asked_s = now_s = self._clock.monotonic_s()
        last = self._reading
        if last is not None:
            if self._current and now_s - last.began_s <= max_age_s:
                return last
            if last.long and self._attended:
                if now_s - last.ended_s <= last.good_for_s:
                    return last
                raise self._too_old(last, now_s - last.ended_s)
        return await self._read_unless_long("Not done, nothing charged")

    async def _read_unless_long(self, not_done: str) -> Reading:
        if not self._attended:
            return await self.read_all()
        if self._progress is not None:
            await self._unless_long(not_done)(self._progress)
        return await self.read_all(between=self._unless_long(not_done))

    def _unless_long(self, not_done: str) -> Between:
        async def between(progress: Progress) -> None:
            if progress.total > LONG_ROWS and self._attended:
                raise self._being_read(not_done, self._progress or progress)

        return between

    def _being_read(self, not_done: str, progress: Progress) -> RateLimited:
        left_s = PER_PAGE_S * -(-(progress.total - progress.rows) // _PAGE_ROWS)
        return RateLimited(
            f"{not_done}: the account's {progress.total:,} instances are being read for the first"
            f" time ({progress.rows:,} so far); about {left_s:.0f} s left.",
            hint=f"Ask again in {left_s:.0f} s. One instance by its id, stop and destroy work now.",
            code="account_being_read",
            retry_after_s=left_s,
        )

    def _too_old(self, last: Reading, age_s: float) -> RateLimited:
        progress = self._progress
        rows_left = len(last.instances) if progress is None else progress.total - progress.rows
        left_s = PER_PAGE_S * -(-rows_left // _PAGE_ROWS)
        return RateLimited(
            f"Not done, nothing charged: the account's {len(last.instances):,} instances were"
            f" last read completely {age_s:.0f} s ago; a decision about money needs a reading at"
            f" most {last.good_for_s:.0f} s old.",
            hint=f"They are being read; call again in about {left_s:.0f} s. Stop and destroy work"
            " now.",
            code="account_being_read",
            retry_after_s=left_s,
        )

    async def _facts_of(self, reading: Reading, max_age_s: float) -> Facts:
        now_s = self._clock.monotonic_s()
        if self._account is None or now_s - self._account[0] > max_age_s:
            self._account = (now_s, await self._reads.account())
        return Facts(
            account=self._account[1],
            instances=reading.instances,
            bearers=Bearers(self._marker, reading.instances),
            began_us=reading.began_us,
            age=self.age_words(reading),
        )


def rate_now(instance: Instance) -> UsdPerHour:
    """What a machine is counted to bill per hour in its present state."""
    return rate_of(instance, billing_of(instance))
