"""The vendor's side of the money: exact to the microsecond, apart from what clients count."""

from dataclasses import dataclass, field

from vast_mcp.clock import HOUR_US

NANO = 1_000_000_000
KINDS = ("gpu", "disk", "bwd", "bwu")
"""What a charge can be for: GPU, storage, traffic down and up (docs/vendor-api.md#billing)."""


@dataclass(slots=True)
class Segment:
    """A stretch of time at one rate. `work` is nano-dollars per hour times µs: exact."""

    start_us: int
    end_us: int
    rate_nano: int

    def work(self, since_us: int, until_us: int) -> int:
        """The part of this segment inside the window."""
        overlap = min(self.end_us, until_us) - max(self.start_us, since_us)
        return self.rate_nano * max(0, overlap)


@dataclass(slots=True)
class Account:
    """What one contract, volume or worker has cost, by kind."""

    source: str
    segments: dict[str, list[Segment]] = field(default_factory=dict)
    lumps: list[tuple[int, str, int]] = field(default_factory=list)

    def run(self, kind: str, rate_nano: int, start_us: int, end_us: int) -> None:
        """Charge that rate from start to end; neighbours of one rate become one segment."""
        if rate_nano == 0 or end_us <= start_us:
            return
        stretch = self.segments.setdefault(kind, [])
        if stretch and stretch[-1].end_us == start_us and stretch[-1].rate_nano == rate_nano:
            stretch[-1].end_us = end_us
        else:
            stretch.append(Segment(start_us, end_us, rate_nano))

    def charge(self, at_us: int, kind: str, usd: float) -> None:
        """A sum at one instant, as traffic is."""
        self.lumps.append((at_us, kind, round(usd * NANO)))

    def nano(self, kind: str, since_us: int = 0, until_us: int = 1 << 62) -> int:
        """Nano-dollars of that kind inside the window, rounded down once."""
        work = sum(part.work(since_us, until_us) for part in self.segments.get(kind, ()))
        lumps = sum(
            sum_ for at, what, sum_ in self.lumps if what == kind and since_us <= at < until_us
        )
        return work // HOUR_US + lumps

    def work(self) -> int:
        """Everything so far in nano-dollars times µs per hour, not rounded anywhere."""
        stretches = (part for kind in self.segments.values() for part in kind)
        flowing = sum(part.rate_nano * (part.end_us - part.start_us) for part in stretches)
        return flowing + HOUR_US * sum(nano for _, _, nano in self.lumps)

    def total_nano(self) -> int:
        """Everything this source has cost so far."""
        return sum(self.nano(kind) for kind in KINDS)


class Book:
    """All accounts and the credit they draw on. Amounts leave as dollars, exact to 9 places."""

    def __init__(self, credit_usd: float) -> None:
        self._credit_nano = round(credit_usd * NANO)
        self.accounts: dict[str, Account] = {}
        self._running: dict[str, Account] = {}
        self._closed_nano = 0
        self._closed_work = 0

    def account(self, source: str) -> Account:
        """The account of a source such as `instance-<id>` or `volume-<id>`, opened if new."""
        found = self.accounts.get(source)
        if found is None:
            found = self.accounts[source] = self._running[source] = Account(source)
        return found

    def close(self, source: str) -> None:
        """Nothing is charged to it any more: its sums are added up once, not at every look."""
        account = self._running.pop(source, None)
        if account is not None:
            self._closed_nano += account.total_nano()
            self._closed_work += account.work()

    def deposit(self, usd: float) -> None:
        """Add credit, or take it with a negative sum (a test's lever)."""
        self._credit_nano += round(usd * NANO)

    @property
    def balance_nano(self) -> int:
        """Credit left, in nano-dollars."""
        return self._credit_nano - self._spent_nano()

    def _spent_nano(self) -> int:
        return self._closed_nano + sum(x.total_nano() for x in self._running.values())

    def empty_in_us(self, burn_nano: int) -> int:
        """Microseconds until the credit is used up at that rate per hour; 0 when it is already.

        Computed without rounding in between, so it names the same instant from wherever one looks.
        """
        spent = self._closed_work + sum(account.work() for account in self._running.values())
        left = self._credit_nano * HOUR_US - spent
        return max(0, -(-left // burn_nano))

    @property
    def balance_usd(self) -> float:
        """Credit left."""
        return self.balance_nano / NANO

    @property
    def spent_usd(self) -> float:
        """Everything ever charged, by any source."""
        return self._spent_nano() / NANO

    def spent_by(self, contract_id: int) -> dict[str, float]:
        """Dollars one instance has cost: `gpu`, `disk`, `traffic` and `total`; zeros if unknown."""
        account = self.accounts.get(f"instance-{contract_id}")
        sums = {kind: account.nano(kind) / NANO if account else 0.0 for kind in KINDS}
        traffic = sums["bwd"] + sums["bwu"]
        total = sums["gpu"] + sums["disk"] + traffic
        return {"gpu": sums["gpu"], "disk": sums["disk"], "traffic": traffic, "total": total}
