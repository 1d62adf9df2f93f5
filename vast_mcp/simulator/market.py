"""What is for rent at a given instant, at which price, and what was promised to whoever looked.

See docs/vendor-api.md#offers.
"""

from dataclasses import dataclass, replace
from functools import cached_property

from vast_mcp.clock import HOUR_US, SECOND_US
from vast_mcp.simulator.chance import Chance
from vast_mcp.simulator.machines import Machine, draw_machines
from vast_mcp.simulator.wire import JsonObject

MONTH_HOURS = 720
"""The vendor's month: $/GB/month ÷ 720 is $/GB/h."""

_LISTED_SHARE = 0.9
_PRICE_EPOCH_US = 3 * HOUR_US
_KEPT_AFTER_SHOWING_US = 2 * HOUR_US + 600 * SECOND_US
"""A shown offer stays rentable at its price this long: the two hours promised, and a margin."""
_RENEWAL_US = 30 * 24 * HOUR_US


@dataclass(frozen=True, slots=True)
class Listing:
    """One ask: the price a machine is offered at. USD per hour are for all its GPUs together."""

    offer_id: int
    machine: Machine
    gpu_usd_per_hour: float
    min_bid_usd_per_hour: float
    ends_us: int

    def storage_usd_per_hour(self, disk_gb: float) -> float:
        """What a disk of that size costs each hour, running or not."""
        return self.machine.storage_usd_per_gb_month * disk_gb / MONTH_HOURS

    def view(self, now_us: int, *, kind: str, disk_gb: float) -> JsonObject:
        """The offer as a search shows it; `kind` is on-demand, bid or reserved."""
        machine = self.machine
        base = self.min_bid_usd_per_hour if kind == "bid" else self.gpu_usd_per_hour
        storage = self.storage_usd_per_hour(disk_gb)
        total = base + storage
        discounted = base * (1 - machine.discount) + storage
        since = machine.listed_ago_s
        duration = max(0.0, (self.ends_us - now_us) / SECOND_US)
        costs = cost_split(base, storage, discount=machine.discount if kind == "reserved" else 0.0)
        return {
            **machine.facts,
            "id": self.offer_id,
            "ask_contract_id": self.offer_id,
            "bundle_id": self.offer_id + 1,
            "is_bid": kind == "bid",
            "dph_base": base,
            "dph_total": total,
            "dph_total_adj": total,
            "discounted_dph_total": discounted,
            "storage_total_cost": storage,
            "min_bid": self.min_bid_usd_per_hour,
            "vram_costperhour": base / (machine.card.ram_mb * machine.num_gpus),
            "dlperf_per_dphtotal": machine.card.dlperf * machine.num_gpus / total,
            "flops_per_dphtotal": machine.card.tflops * machine.num_gpus / total,
            "score": machine.card.dlperf * machine.num_gpus / total * machine.reliability**4,
            "start_date": since if since is None else now_us / SECOND_US - since,
            "end_date": self.ends_us / SECOND_US,
            "duration": duration,
            "time_remaining": f"{int(duration // 86400)} days",
            "time_remaining_isbid": "",
            "avail_vol_ask_id": volume_ask_id(self.offer_id),
            "avail_vol_dph": machine.storage_usd_per_gb_month / MONTH_HOURS,
            "avail_vol_size": machine.disk_gb,
            "search": costs,
            "instance": costs,
        }

    def volume_row(self, offer: JsonObject) -> JsonObject:
        """The volume beside this offer as `bundles` lists it (recorded 2026-08-24): no GPU."""
        return {
            **offer,
            "id": volume_ask_id(self.offer_id),
            "ask_contract_id": volume_ask_id(self.offer_id),
            "resource_type": "disk",
            "num_gpus": 0,
            "gpu_name": "N/A",
            "gpu_ram": None,
            "gpu_frac": 0.0,
            "compute_cap": None,
            "cpu_ram": 0,
            "verified": None,
            "min_bid": None,
            "dph_total": offer["storage_total_cost"],
        }


def cost_split(gpu: float, storage: float, *, discount: float = 0.0) -> JsonObject:
    """The `search` / `instance` price dictionaries of offers and instances, in $/h."""
    return {
        "gpuCostPerHour": gpu,
        "diskHour": storage,
        "totalHour": gpu + storage,
        "discountTotalHour": gpu * discount,
        "discountedTotalPerHour": gpu * (1 - discount) + storage,
    }


def volume_ask_id(offer_id: int) -> int:
    """The volume offer that stands beside a GPU offer; from another range than offers."""
    return offer_id + 100_000_000


class Market:
    """All listings as a pure function of seed and time, bent by what was shown, rented or set."""

    def __init__(self, chance: Chance, born_us: int) -> None:
        self._chance = chance
        self._born_us = born_us
        self._kept: dict[int, tuple[Listing, int]] = {}
        self._rented: set[int] = set()
        self._withdrawn: set[int] = set()
        self._relistings: dict[int, int] = {}
        self._habits: dict[int, tuple[int, int]] = {}
        self._drawn: dict[int, tuple[tuple[int, int], Listing | None]] = {}
        self.raced: set[int] = set()
        """Offers that are still shown although somebody else has just taken them."""

    @cached_property
    def machines(self) -> tuple[Machine, ...]:
        """Every host, drawn at the first look: nobody pays for a market he does not see."""
        return draw_machines(self._chance)

    def listings(self, now_us: int) -> list[Listing]:
        """What could be rented now."""
        found = (self._listing(machine, now_us) for machine in self.machines)
        return [listing for listing in found if listing is not None]

    def find(self, offer_id: int, now_us: int) -> Listing | None:
        """The listing behind an offer id, or None when it is gone or never was."""
        return next((x for x in self.listings(now_us) if x.offer_id == offer_id), None)

    def show(self, listing: Listing, now_us: int) -> None:
        """Somebody has seen this price: keep it rentable for two hours from now."""
        self._kept[listing.machine.index] = (listing, now_us + _KEPT_AFTER_SHOWING_US)

    def rent(self, listing: Listing) -> None:
        """The machine is somebody's now; its offer is gone."""
        self._rented.add(listing.machine.index)
        self._kept.pop(listing.machine.index, None)

    def give_back(self, machine: Machine) -> None:
        """The machine is free again, under a new offer id as on the vendor."""
        self._rented.discard(machine.index)
        self._relistings[machine.index] = self._relistings.get(machine.index, 0) + 1

    def withdraw(self, offer_id: int, now_us: int) -> None:
        """Somebody else has rented it: the offer is gone although it was shown."""
        listing = self.require(offer_id, now_us)
        self._kept.pop(listing.machine.index, None)
        self._withdrawn.add(offer_id)

    def reprice(
        self,
        offer_id: int,
        now_us: int,
        *,
        gpu_usd: float | None = None,
        bid_usd: float | None = None,
    ) -> None:
        """The host changes its price, shown or not. Both sums are $/h without disk."""
        listing = self.require(offer_id, now_us)
        changed = replace(
            listing,
            gpu_usd_per_hour=listing.gpu_usd_per_hour if gpu_usd is None else gpu_usd,
            min_bid_usd_per_hour=listing.min_bid_usd_per_hour if bid_usd is None else bid_usd,
        )
        self.show(changed, now_us)

    def drift(self, offer_ids: set[int], factor: float, now_us: int) -> None:
        """These offers cost that many times as much from now on, bids too."""
        for listing in self.listings(now_us):
            if listing.offer_id in offer_ids:
                changed = replace(
                    listing,
                    gpu_usd_per_hour=round(listing.gpu_usd_per_hour * factor, 4),
                    min_bid_usd_per_hour=round(listing.min_bid_usd_per_hour * factor, 4),
                )
                self.show(changed, now_us)

    def require(self, offer_id: int, now_us: int) -> Listing:
        """The listing, or a KeyError: a lever was given an id that is not for rent."""
        listing = self.find(offer_id, now_us)
        if listing is None:
            raise KeyError(f"offer {offer_id} is not on the market")
        return listing

    def bid_floor(self, machine: Machine, now_us: int) -> float:
        """The lowest bid that wins this machine now, in $/h for the whole of it."""
        epoch = (now_us - self._born_us) // _PRICE_EPOCH_US
        drift = self._chance.between(0.85, 1.3, "bid drift", machine.index, epoch)
        return round(machine.usd_per_hour * machine.bid_share * drift, 4)

    def next_bid_change_us(self, now_us: int) -> int:
        """When bid floors move next."""
        epoch = (now_us - self._born_us) // _PRICE_EPOCH_US
        return self._born_us + (epoch + 1) * _PRICE_EPOCH_US

    def _listing(self, machine: Machine, now_us: int) -> Listing | None:
        if machine.index in self._rented:
            return None
        kept = self._kept.get(machine.index)
        if kept is not None and now_us < kept[1]:
            return kept[0]
        listing = self._draw(machine, now_us)
        return None if listing is None or listing.offer_id in self._withdrawn else listing

    def _draw(self, machine: Machine, now_us: int) -> Listing | None:
        since_us = now_us - self._born_us
        life_us, offset_us = self._habit(machine.index)
        generation = (since_us + offset_us) // life_us
        # Both summands only grow, so a number is never used twice by one machine.
        edition = generation + self._relistings.get(machine.index, 0)
        epoch = since_us // _PRICE_EPOCH_US
        seen = self._drawn.get(machine.index)
        if seen is None or seen[0] != (edition, epoch):
            seen = ((edition, epoch), self._draw_anew(machine, edition, epoch, now_us))
            self._drawn[machine.index] = seen
        listing, ends_us = seen[1], self._end(machine, now_us)
        if listing is None or listing.ends_us == ends_us:
            return listing
        return replace(listing, ends_us=ends_us)

    def _habit(self, index: int) -> tuple[int, int]:
        """How long this host leaves an ask as it is, and where in that span it was born."""
        if index not in self._habits:
            dice = self._chance.dice("habit", index)
            life_us = int(dice.between(8, 72)) * HOUR_US
            self._habits[index] = (life_us, int(dice.fraction() * life_us))
        return self._habits[index]

    def _draw_anew(self, machine: Machine, edition: int, epoch: int, now_us: int) -> Listing | None:
        if self._chance.fraction("listed", machine.index, edition) > _LISTED_SHARE:
            return None
        drift = self._chance.between(0.93, 1.08, "price drift", machine.index, epoch)
        return Listing(
            offer_id=_offer_id(machine.index, edition),
            machine=machine,
            gpu_usd_per_hour=round(machine.usd_per_hour * drift, 4),
            min_bid_usd_per_hour=self.bid_floor(machine, now_us),
            ends_us=self._end(machine, now_us),
        )

    def _end(self, machine: Machine, now_us: int) -> int:
        end_us = self._born_us + machine.lasts_s * SECOND_US
        missed = now_us + 6 * HOUR_US - end_us
        return end_us if missed <= 0 else end_us + (1 + missed // _RENEWAL_US) * _RENEWAL_US


def _offer_id(index: int, edition: int) -> int:
    """Eight digits, never the same twice: a walk through the range in steps of a prime."""
    return 30_000_000 + (edition * 1_000 + index + 1) * 7_919 % 60_000_000
