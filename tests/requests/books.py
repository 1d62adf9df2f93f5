"""Whether an answer is true: every fact in it that the simulator's own books know, compared."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.world import Json
from vast_mcp.simulator import Simulator
from vast_mcp.simulator.contract import Contract, port_numbers

HOUR_US = 3_600_000_000
_STARTING = ("provisioning", "created", "loading", "starting", "resuming", "rebooting")
_WORDS = {
    **{stage: {"starting"} for stage in _STARTING},
    "recycling": {"starting"},
    "running": {"ready", "running_no_ssh"},
    "stopping": {"stopping", "stopped"},
    "exited": {"stopped"},
    "ended": {"ended"},
    "scheduling": {"waiting_for_gpu"},
    "outbid": {"outbid"},
    "offline": {"host_offline"},
    "unknown": {"unknown", "host_offline"},
    "stuck": {"starting", "failed"},
}
"""The words for a stage of the simulator; every other stage is a start that failed."""
_DAY_PRICE = re.compile(r"disk (?:still )?(?:costs|is billed at|kept at) \$([\d.]+)/day")
_RENTED_AT = re.compile(r"(?:Rented at|now costs|^Starting\.) \$([\d.]+)/h")


@dataclass(frozen=True)
class Books:
    """The simulator as the vendor would see itself."""

    simulator: Simulator
    running_clock: bool = False

    @property
    def changes(self) -> int:
        """How many requests changed anything so far."""
        return len(self.simulator.mutations())

    def contract(self, instance_id: int) -> Contract:
        """A machine, alive or gone."""
        found = self.simulator.world.contract_ever(instance_id)
        assert found is not None, instance_id
        return found

    def price(self, instance_id: int) -> float:
        """What it costs when it runs, $/h with its disk."""
        one = self.contract(instance_id)
        return one.gpu_usd_per_hour + one.disk_usd_per_hour

    def charged(self, instance_id: int) -> float:
        """What it has cost by now, $."""
        self.simulator.catch_up()
        return self.simulator.books.spent_by(instance_id)["total"]

    def alive(self) -> set[int]:
        """The machines that the vendor has now."""
        self.simulator.catch_up()
        return set(self.simulator.world.instances)

    def stage(self, instance_id: int) -> str:
        """Where its life stands."""
        self.simulator.catch_up()
        return self.contract(instance_id).stage

    def untrue(self, tool: str, answer: Json) -> list[str]:
        """Every fact of an answer that the books contradict, in words."""
        self.simulator.catch_up()
        wrong = [f for row, place in _rows(answer, tool) for f in self._wrong(row, place, answer)]
        if "total_usd" in answer:
            spent = self.simulator.books.spent_usd
            wrong += _unlike(tool, "total_usd", answer["total_usd"], spent, 0.012)
        return wrong

    def _wrong(self, row: Json, place: str, answer: Json) -> Iterator[str]:
        if "offer_id" in row and "reliability" in row:
            yield from self._offer(row, place, answer)
        if isinstance(row.get("instance_id"), int):
            yield from self._machine(row, place)
        if "credit_usd" in row and not self.running_clock:
            world = self.simulator.world
            yield from _unlike(place, "credit_usd", row["credit_usd"], world.book.balance_usd)
            burn = world.burn_usd_per_hour()
            yield from _unlike(place, "usd_per_hour_now", row["usd_per_hour_now"], burn)
        if "charged" in row and not self.running_clock:
            for group in row["charged"]:
                name = str(group["group"])
                if name.startswith("instance-"):
                    real = self.charged(int(name.removeprefix("instance-")))
                    yield from _unlike(place, name, group["usd"], real, 0.012)
        if "sha256" in row:
            data = Path(row["local"]).read_bytes() if Path(row["local"]).is_file() else b""
            if data and hashlib.sha256(data).hexdigest() != row["sha256"]:
                yield f"{place}: {row['local']} has another checksum"

    def _offer(self, row: Json, place: str, answer: Json) -> Iterator[str]:
        world = self.simulator.world
        listings = world.market.listings(world.now_us)
        listing = next((one for one in listings if one.offer_id == row["offer_id"]), None)
        if listing is None:
            yield f"{place}: there is no offer {row['offer_id']}"
            return
        kind = "bid" if "min_bid_usd_per_hour" in row else "on-demand"
        seen = listing.view(world.now_us, kind=kind, disk_gb=answer["disk_gb"])
        yield from _unlike(place, "usd_per_hour", row["usd_per_hour"], seen["dph_total"])
        yield from _unlike(place, "reliability", row["reliability"], seen["reliability2"], 0.001)
        if row["gpu"] != f"{seen['num_gpus']}x {seen['gpu_name']}":
            yield f"{place}: {row['gpu']} is {seen['num_gpus']}x {seen['gpu_name']}"
        if row["open_ports"] != listing.machine.ports:
            yield f"{place}: open_ports {row['open_ports']}, has {listing.machine.ports}"
        for name, told in row.get("columns", {}).items():
            yield from _unlike(place, name, told, seen[name], 1.0)

    def _machine(self, row: Json, place: str) -> Iterator[str]:
        world = self.simulator.world
        number = row["instance_id"]
        if number not in world.instances:
            if row.get("bills", "nothing") != "nothing" or row.get("status") not in {
                None, "destroyed", "gone",
            }:  # fmt: skip
                yield f"{place}: machine {number} is gone, told as {row}"
            return
        one = world.instances[number]
        place = f"{place} {number}"
        yield from self._standing(row, one, place)
        yield from self._money(row, one, place)
        if "gpu" in row and row["gpu"] != f"{one.listing.machine.num_gpus}x {_gpu(one)}":
            yield f"{place}: {row['gpu']} is {one.listing.machine.num_gpus}x {_gpu(one)}"
        if "country" in row and row["country"] not in str(one.listing.machine.facts["geolocation"]):
            yield f"{place}: not in {row['country']}"
        if "disk_gb" in row and row["disk_gb"] != one.order.disk_gb:
            yield f"{place}: disk {row['disk_gb']} is {one.order.disk_gb}"
        for port in row.get("ports", ()):
            inner, _, address = str(port).partition(" -> ")
            outer = {f"{n}": k for n, k in port_numbers(one).items()}
            if str(outer.get(f"{inner.split('/')[0]}/tcp")) not in address:
                yield f"{place}: port {port}, open are {outer}"

    def _standing(self, row: Json, one: Contract, place: str) -> Iterator[str]:
        words = _WORDS.get(one.stage, {"failed"})
        if "state" in row and row["state"] not in words:
            yield f"{place}: told as {row['state']}, is {one.stage}"
        rates = one.rates()
        bills = "nothing" if not rates else "gpu+disk" if "gpu" in rates else "disk"
        if "bills" in row and row["bills"] != bills and one.stage != "stopping":
            yield f"{place}: told to bill {row['bills']}, bills {bills}"
        if row.get("status") == "destroyed":
            yield f"{place}: told as destroyed, is {one.stage}"

    def _money(self, row: Json, one: Contract, place: str) -> Iterator[str]:
        price, disk = one.gpu_usd_per_hour + one.disk_usd_per_hour, one.disk_usd_per_hour * 24
        said = str(row.get("said", ""))
        for name, real in (
            ("usd_per_hour", price),
            ("usd_per_hour_now", sum(one.rates().values())),
            ("disk_usd_per_day", disk),
        ):
            if name in row:
                yield from _unlike(place, name, row[name], real)
        for pattern, real in ((_RENTED_AT, price), (_DAY_PRICE, disk)):
            for told in pattern.findall(said):
                yield from _unlike(place, said, float(told), real)
        if "cost_so_far_usd" in row and not self.running_clock:
            real, told = self.charged(one.id), row["cost_so_far_usd"]
            if not real - 0.02 <= told <= real + 0.03 + price / 12:
                yield f"{place}: cost_so_far_usd {told}, charged {real:.4f}"


def _rows(answer: object, place: str) -> Iterator[tuple[Json, str]]:
    if isinstance(answer, list):
        for one in answer:
            yield from _rows(one, place)
    if isinstance(answer, dict):
        yield answer, place
        for name, one in answer.items():
            yield from _rows(one, f"{place}.{name}")


def _unlike(
    place: str, name: str, told: float, real: float, within: float = 0.001
) -> Iterator[str]:
    if abs(told - real) > within + abs(real) * 0.01:
        yield f"{place}: {name} told as {told}, is {real:.4f}"


def _gpu(one: Contract) -> str:
    return str(one.listing.machine.facts["gpu_name"])
