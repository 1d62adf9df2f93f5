"""The hosts of the market: drawn once from the seed, the same for every clock.

See docs/vendor-api.md#offers.
"""

from dataclasses import dataclass, replace
from functools import cached_property

from vast_mcp.simulator.catalogue import BOARDS, CARDS, DISKS, DRIVERS, PLACES, PROCESSORS, Card
from vast_mcp.simulator.chance import Chance, Dice
from vast_mcp.simulator.wire import JsonObject

_HOUR_S = 3600
_RENTAL_SIZES = (1, 1, 1, 1, 1, 2, 2, 4, 4, 8)


@dataclass(frozen=True)
class Machine:
    """One host's rentable share: `num_gpus` cards of it are offered together as one ask."""

    id: int
    index: int
    host_id: int
    card: Card
    num_gpus: int
    gpu_frac: float
    usd_per_hour: float
    verified: bool
    datacenter: bool
    reliability: float
    place: tuple[str, str]
    inet_down_mbps: float
    inet_up_mbps: float
    inet_down_usd_per_gb: float
    inet_up_usd_per_gb: float
    storage_usd_per_gb_month: float
    disk_gb: float
    ports: int
    lasts_s: int
    discount: float
    bid_share: float
    ip: str
    cuda: float
    driver: str
    cpu: tuple[str, int, float]
    disk: tuple[str, float]
    board: str
    vms_enabled: bool
    static_ip: bool
    geolocation: str | None = None
    """As offers show it: mostly `Region, CC`; see `_written_place` for the other forms."""
    listed_ago_s: float | None = None
    """When the offer began, as seconds before it is looked at; None in half of the offers."""

    @cached_property
    def facts(self) -> JsonObject:
        """The offer fields that never change, under the vendor's names and units."""
        return {**self._identity(), **self._gpu(), **self._host(), **self._network()}

    def _identity(self) -> JsonObject:
        return {
            "machine_id": self.id,
            "host_id": self.host_id,
            "hosting_type": 1 if self.datacenter else 0,
            "datacenter": self.datacenter,
            "verification": "verified" if self.verified else "unverified",
            "verified": self.verified,
            "vericode": 1 if self.verified else 0,
            "external": None,
            "rentable": True,
            "rented": False,
            "resource_type": "gpu",
            "cluster_id": None,
            "vms_enabled": self.vms_enabled,
            "is_vm_deverified": False,
            "reliability": self.reliability,
            "reliability2": self.reliability,
            "expected_reliability": self.reliability,
            "reliability_mult": round(0.9 + self.reliability / 10, 4),
            "credit_discount_max": self.discount,
            "discount_rate": self.discount,
        }

    def _gpu(self) -> JsonObject:
        card = self.card
        return {
            "num_gpus": self.num_gpus,
            "gpu_name": card.name,
            "gpu_arch": card.arch,
            "gpu_ram": card.ram_mb,
            "gpu_total_ram": card.ram_mb * self.num_gpus,
            "gpu_frac": self.gpu_frac,
            "gpu_lanes": 16,
            "gpu_mem_bw": card.mem_bw_gb_s,
            "gpu_max_power": card.max_watt,
            "gpu_max_temp": 83.0,
            "gpu_display_active": False,
            "gpu_ids": [self.id * 10 + slot for slot in range(self.num_gpus)],
            "compute_cap": card.compute_cap,
            "cuda_max_good": self.cuda,
            "driver_version": self.driver,
            "driver_vers": _driver_number(self.driver),
            "bw_nvlink": 0.0,
            "total_flops": round(card.tflops * self.num_gpus, 2),
            "dlperf": round(card.dlperf * self.num_gpus, 2),
            "pci_gen": 4.0,
            "pcie_bw": 24.3,
        }

    def _host(self) -> JsonObject:
        cores = self.cpu[1]
        return {
            "cpu_name": self.cpu[0],
            "cpu_arch": "amd64",
            "cpu_cores": cores,
            "cpu_cores_effective": round(cores * self.gpu_frac, 1),
            "cpu_ghz": self.cpu[2],
            "cpu_ram": 64_000 * max(1, round(self.num_gpus / self.gpu_frac)),
            "has_avx": 1,
            "disk_space": self.disk_gb,
            "disk_name": self.disk[0],
            "disk_bw": self.disk[1],
            "mobo_name": self.board,
            "os_version": "22.04",
            "nw_disk_min_bw": None,
            "nw_disk_max_bw": None,
            "nw_disk_avg_bw": None,
        }

    def _network(self) -> JsonObject:
        return {
            "inet_up": self.inet_up_mbps,
            "inet_down": self.inet_down_mbps,
            "inet_up_cost": self.inet_up_usd_per_gb,
            "inet_down_cost": self.inet_down_usd_per_gb,
            "internet_up_cost_per_tb": round(self.inet_up_usd_per_gb * 1000, 3),
            "internet_down_cost_per_tb": round(self.inet_down_usd_per_gb * 1000, 3),
            "direct_port_count": self.ports,
            "static_ip": self.static_ip,
            "public_ipaddr": self.ip,
            "geolocation": self.geolocation,
            "geolocode": sum(map(ord, self.geolocation or "")),
            "storage_cost": self.storage_usd_per_gb_month,
        }


def draw_machines(chance: Chance) -> tuple[Machine, ...]:
    """All hosts of this seed, in the catalogue's order of cards."""
    cards = [card for card in CARDS for _ in range(card.weight)]
    return tuple(
        _machine(index, card, chance.dice("machine", index), chance.dice("oddity", index))
        for index, card in enumerate(cards)
    )


def _machine(index: int, card: Card, dice: Dice, odd: Dice) -> Machine:
    num_gpus = dice.pick(_RENTAL_SIZES)
    whole = max(num_gpus, dice.pick((num_gpus, num_gpus, 8)))
    verified = dice.fraction() < 0.8
    # Consumer cards stand in datacenters too (recorded: an RTX 5090 with hosting_type 1).
    datacenter = dice.fraction() < 0.6 if card.datacenter else index % 6 == 4
    each = card.usd_per_hour * dice.between(0.8, 1.45) * (1.0 if verified else 0.8)
    down = round(dice.between(80, 6000 if datacenter else 1500), 1)
    driver, cuda = dice.pick(DRIVERS if card.compute_cap < 1200 else DRIVERS[3:])
    usual = Machine(
        id=10_000 + index * 37 + dice.whole(0, 30),
        index=index,
        host_id=50_000 + dice.whole(0, 9_000),
        card=card,
        num_gpus=num_gpus,
        gpu_frac=num_gpus / whole,
        usd_per_hour=round(each * num_gpus, 4),
        verified=verified,
        datacenter=datacenter,
        reliability=round(dice.between(0.985, 0.9995) if verified else dice.between(0.7, 0.99), 4),
        place=dice.pick(PLACES),
        inet_down_mbps=down,
        inet_up_mbps=round(down * dice.between(0.4, 1.0), 1),
        inet_down_usd_per_gb=dice.pick((0.0, 0.0005, 0.001, 0.002, 0.003, 0.005)),
        inet_up_usd_per_gb=dice.pick((0.001, 0.003, 0.005, 0.01, 0.02, 0.06)),
        storage_usd_per_gb_month=dice.pick((0.1, 0.149333, 0.15, 0.2, 0.25, 0.3)),
        disk_gb=round(dice.between(120, 2400) * (1 + num_gpus / 4), 1),
        ports=dice.pick((0, 4, 16, 50, 100, 199, 250)),
        lasts_s=int(dice.pick((0.5, 2, 5, 12, 30, 60, 120, 200)) * 24 * _HOUR_S),
        discount=dice.pick((0.2, 0.3, 0.4)),
        bid_share=dice.between(0.4, 0.72),
        ip=f"203.0.113.{1 + index % 250}",  # a documentation network: nobody can reach it
        cuda=cuda,
        driver=driver,
        cpu=dice.pick(PROCESSORS),
        disk=dice.pick(DISKS),
        board=dice.pick(BOARDS),
        vms_enabled=dice.fraction() < 0.3,
        static_ip=dice.fraction() < 0.7,
    )
    return _with_oddities(usual, odd)


def _with_oddities(usual: Machine, odd: Dice) -> Machine:
    """What recorded offers show now and then, from a stream of its own.

    Disk from $0.0013 to $0.93 per GB and month, traffic up to $0.039 per GB, a least bid above the
    on-demand price (0.907 against 0.40, recorded 2026-09-05), places in other forms.
    """
    dear_disk, dear_traffic, dear_bid = (odd.fraction() < share for share in (0.08, 0.06, 0.1))
    storage, traffic = odd.pick((0.0013333333333333335, 0.4, 0.6, 0.93333333)), 0.0390625
    bid_share = odd.between(1.0, 2.3)
    return replace(
        usual,
        storage_usd_per_gb_month=storage if dear_disk else usual.storage_usd_per_gb_month,
        inet_down_usd_per_gb=traffic if dear_traffic else usual.inet_down_usd_per_gb,
        bid_share=bid_share if dear_bid else usual.bid_share,
        geolocation=_written_place(usual.place, odd.fraction()),
        listed_ago_s=round(odd.between(60, 900_000), 3) if odd.fraction() < 0.5 else None,
    )


def _written_place(place: tuple[str, str], roll: float) -> str | None:
    """`Region, CC`, or a form that is rarer: the code alone, three parts, nothing."""
    region, code = place
    if roll < 0.03:
        return None
    if roll < 0.08:
        return code
    return f"Old Town, {region}, {code}" if roll < 0.13 else f"{region}, {code}"


def _driver_number(version: str) -> int:
    """`535.86.05` is 535086005 on the wire (docs/vendor-api.md#filter-language)."""
    major, minor, patch = version.split(".")
    return int(major) * 1_000_000 + int(minor) * 1_000 + int(patch)
