"""What an offer costs for a lease: the figures a rent is decided on, asked about and held to."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from vast_mcp.actions.base import plain_number
from vast_mcp.clock import SECOND_US
from vast_mcp.leases.approved import Approved
from vast_mcp.models import Offer
from vast_mcp.operations import Call, JsonObject
from vast_mcp.policy.facts import Spend
from vast_mcp.store import RENT_AGREEMENT, Gpus, RentAgreement, split_by_day
from vast_mcp.text import clean_line
from vast_mcp.units import Usd, UsdPerHour, seconds_from_hours, storage_rate

TRAFFIC_GB = 10.0
"""What a rent is expected to download: the image and a data set. Reserved beside the lease."""
LeastBid = Callable[[], Awaitable[UsdPerHour | None]]
"""What the offer asks for at least now; None: the offer is gone, or is not read."""


@dataclass(frozen=True, slots=True)
class Price:
    """An offer with a disk for some hours, at the rate a person is shown."""

    offer: Offer
    rate: UsdPerHour
    disk_gb: float
    hours: float

    @property
    def disk_rate(self) -> UsdPerHour:
        """What goes on while the machine is stopped."""
        return storage_rate(self.offer.storage_usd_per_gb_month, self.disk_gb)

    @property
    def lease_cost(self) -> Usd:
        """The whole lease at this rate."""
        return self.rate.over(seconds_from_hours(self.hours))

    @property
    def traffic(self) -> Usd:
        """The expected download."""
        return Usd.ceil(self.offer.download_usd_per_gb * TRAFFIC_GB)

    @property
    def gpus(self) -> Gpus:
        """What the machine has."""
        return Gpus(self.offer.num_gpus, self.offer.gpu_name)

    @property
    def is_bid(self) -> bool:
        """Whether it may be outbid."""
        return self.offer.rental == "interruptible"

    def approved(self, rate: UsdPerHour) -> Approved:
        """The machine that must come, when this rate was said yes to."""
        return Approved(self.gpus, self.is_bid, rate)

    def snapshot(self) -> JsonObject:
        """What a yes is given to: this offer on this machine at this rate."""
        agreed = RentAgreement(
            offer_id=self.offer.offer_id,
            machine_id=self.offer.machine_id,
            gpu_name=self.offer.gpu_name,
            num_gpus=self.offer.num_gpus,
            is_bid=self.is_bid,
            disk_gb=self.disk_gb,
            rate=self.rate,
        )
        return RENT_AGREEMENT.encode(agreed)

    def spend(self, now_us: int, *, image: str, task: str, max_cost_usd: float | None) -> Spend:
        """The rent as the policy sees it."""
        cost = self.lease_cost + self.traffic
        return spend_on(
            self.offer,
            rate=self.rate,
            hours=self.hours,
            cost=cost,
            by_day=self._by_day(now_us),
            disk_gb=self.disk_gb,
            image=image,
            task=task,
            max_cost_usd=None if max_cost_usd is None else Usd.of(max_cost_usd),
        )

    def _by_day(self, now_us: int) -> dict[str, Usd]:
        ends_us = now_us + seconds_from_hours(self.hours) * SECOND_US
        days = split_by_day(self.rate, now_us, ends_us)
        first = next(iter(days), "")
        return {**days, first: days.get(first, Usd()) + self.traffic}

    def question(self, *, image: str, on_end: str) -> str:
        """The rent in a person's words, the money first, the offer's number last."""
        offer, disk = self.offer, plain_number(self.disk_gb)
        place = str(offer.location).partition(",")[0] or offer.country
        where = f" in {clean_line(place, 24)}" if place else ""
        kind = " (interruptible)" if offer.rental == "interruptible" else ""
        end = (
            f"stopped, disk kept at {self.disk_rate.per_day}/day"
            if on_end == "stop"
            else "destroyed with its disk"
        )
        return (
            f"Rent {offer.num_gpus}x {offer.gpu_name} ({int(offer.gpu_ram_gb)} GB){where} for up to"
            f" {plain_number(self.hours)} h? {self.rate}{kind} with {disk} GB disk: at most"
            f" {self.lease_cost}, traffic about {self.traffic} extra. Then: {end}."
            f" {clean_line(image.partition(':')[0], 48)}, host up {offer.reliability:.1%}, free for"
            f" {offer.duration_s // 86_400} days. Offer {offer.offer_id}."
        )


def round_up(rate: UsdPerHour) -> UsdPerHour:
    """Up to a hundredth of a cent: the digits a person is shown and holds the vendor to."""
    return UsdPerHour(-(-rate.micros // 100) * 100)


def spend_on(
    offer: Offer,
    *,
    rate: UsdPerHour,
    hours: float,
    cost: Usd,
    by_day: Mapping[str, Usd],
    disk_gb: float,
    image: str,
    task: str,
    max_cost_usd: Usd | None = None,
) -> Spend:
    """One more machine of this offer, as every limit looks at it: a rent's, and a job's."""
    return Spend(
        usd_per_hour=rate,
        adds_usd_per_hour=rate,
        adds_running=1,
        lease_hours=hours,
        cost=cost,
        rental_total=cost,
        by_day=by_day,
        disk_gb=disk_gb,
        usd_per_gb_traffic=Usd.ceil(max(offer.download_usd_per_gb, offer.upload_usd_per_gb)),
        gpu_name=offer.gpu_name,
        num_gpus=offer.num_gpus,
        image=image,
        country=offer.country,
        datacenter=offer.datacenter,
        verified=offer.verified,
        max_contract_hours=offer.max_hours,
        task=task,
        max_cost_usd=max_cost_usd,
    )


@dataclass(frozen=True, slots=True)
class Terms:
    """What was approved, and how it is to be done."""

    call: Call
    machine: Approved
    """The machine that comes must be this one, and not more expensive."""
    disk_rate: UsdPerHour
    cost: Usd
    ends_us: int
    on_end: str
    attach_key: bool
    layers: tuple[str, ...] = ()
    """What will end the lease: `server`, `watch`, `inside`."""
    layer_warning: str = ""
    page: int | None = None
    """The port inside of a page that a person can open once it runs."""
    bid: UsdPerHour | None = None
    least_bid: LeastBid | None = None
