"""Everything the account holds that can bill: machines, volumes, endpoints, and until when."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from vast_mcp.account.cache import Facts
from vast_mcp.account.context import Account
from vast_mcp.account.lease_label import user_part
from vast_mcp.actions import short_name
from vast_mcp.errors import ApiError
from vast_mcp.instances.fleet import fleet_of
from vast_mcp.instances.state import Held
from vast_mcp.models import Billing, InstanceState, VendorAccount, Volume
from vast_mcp.operations import JsonObject
from vast_mcp.showing import LABEL_SHOWN, dollars, given
from vast_mcp.store import Rental, RentalState
from vast_mcp.text import clean_line
from vast_mcp.units import UsdPerHour, minute
from vast_mcp.views.endpoints import SeenEndpoint, endpoints_seen

_SIDE_READ_S = 12.0
"""How long one of the lists beside the machines may take before it is said to be missing."""


@dataclass(frozen=True, slots=True)
class Holding:
    """One thing on the account, what it bills now and when it ends."""

    kind: str
    """`instance`, `volume` or `endpoint`; `intent` for a rent whose answer was lost."""
    target_id: int
    what: str
    bills: str
    usd_per_hour: UsdPerHour | None
    """Now; of a rent that may not exist, its price. None: it bills, nobody knows how much."""
    state: str = ""
    label: str = ""
    ours: bool = False
    lease_ends_us: int | None = None
    then: str = ""
    """What happens at the lease's end."""
    since_us: int | None = None
    """When it began to cost."""
    why: str = ""
    """Why it bills, in some words of ours."""
    intent: str = ""
    """Of a rent that is not known to exist."""

    @property
    def unresolved(self) -> bool:
        """It may or may not exist: its money is reserved, nothing of it is known to bill."""
        return self.kind == "intent"

    @property
    def runs(self) -> bool:
        """A machine that computes or is about to, an endpoint that may rent workers."""
        if self.kind == "endpoint":
            return self.bills != "nothing" or self.state == "active"
        idle = {InstanceState.STOPPED, InstanceState.FAILED, InstanceState.ENDED}
        return self.kind == "instance" and self.state not in idle

    @property
    def shown_label(self) -> str:
        """Somebody else's text, cleaned and short."""
        return str(clean_line(self.label, LABEL_SHOWN))

    def row(self) -> JsonObject:
        """For an answer; the label is somebody else's text."""
        ends_us = self.lease_ends_us
        name: JsonObject = (
            {"intent": self.intent} if self.unresolved else {f"{self.kind}_id": self.target_id}
        )
        return given(
            {
                **name,
                "what": self.what,
                "state": self.state,
                "bills": self.bills,
                "why": self.why,
                "since": None if self.since_us is None else minute(self.since_us),
                "usd_per_hour" if self.unresolved else "usd_per_hour_now": (
                    None if self.usd_per_hour is None else dollars(self.usd_per_hour)
                ),
                "made_by": "us" if self.ours else "others",
                "lease_ends": None if ends_us is None else minute(ends_us),
                "untrusted_label": self.shown_label,
            }
        )


@dataclass(frozen=True, slots=True)
class Holdings:
    """What was read, complete or with the gaps named in `warnings`."""

    account: VendorAccount
    facts: Facts
    held: tuple[Holding, ...]
    warnings: tuple[str, ...]

    @property
    def usd_per_hour(self) -> UsdPerHour:
        """All known rates together; a rent that may not exist is reserved, not counted here."""
        rates = (machine.usd_per_hour for machine in self.held if not machine.unresolved)
        return sum((rate or UsdPerHour() for rate in rates), UsdPerHour())


async def holdings(account: Account) -> Holdings:
    """Read all of it.

    Raises:
        ApiError: account or machines could not be read. Volumes or endpoints that could not are a
            warning, never "none".
    """
    facts = await account.cache.seen()
    fleet = await fleet_of(account, facts.instances, began_us=facts.began_us, age=facts.age)
    warnings = [*fleet.warnings, *filter(None, [fleet.unlisted_words])]
    warnings += [fate.words for fate in fleet.fates]
    held = [machine(held_machine) for held_machine in fleet.held]
    held += [_lost(rental) for rental in fleet.lost]
    try:
        volumes = await account.reads.volumes(deadline_s=_SIDE_READ_S)
        held += [_volume(volume) for volume in volumes]
    except ApiError as error:
        warnings.append(f"Volumes could not be read and are not counted: {error}")
    try:
        seen = await endpoints_seen(account)
        held = [_as_worker(held_machine, seen) for held_machine in held]
        known = {held_machine.instance.instance_id for held_machine in fleet.held}
        held += [_endpoint(endpoint, known) for endpoint in seen]
    except ApiError as error:
        warnings.append(f"Endpoints could not be read and are not counted: {error}")
    unpriced = [held_machine for held_machine in held if held_machine.usd_per_hour is None]
    if unpriced:
        warnings.append(
            f"{len(unpriced)} endpoint(s) made elsewhere are billed at an unknown price."
        )
    return Holdings(facts.account, facts, tuple(held), tuple(warnings))


async def machines(account: Account, facts: Facts) -> list[Holding]:
    """The machines of the account with their leases; the ledger may be missing.

    Raises:
        ApiError: a machine that the list lacks cannot be read.
    """
    fleet = await fleet_of(account, facts.instances, began_us=facts.began_us, age=facts.age)
    return [machine(held_machine) for held_machine in fleet.held]


def machine(seen: Held) -> Holding:
    """One machine as a holding."""
    one, rental, ends_us = seen.instance, seen.rental, seen.lease_ends_us
    destroys = rental is not None and rental.end_act == "destroy"
    disk = f"stopped; its disk is billed at {one.disk_usd_per_hour.per_day}/day"
    return Holding(
        kind="instance",
        target_id=one.instance_id,
        what=f"{one.num_gpus}x {one.gpu_name}",
        state=seen.state.value,
        bills=seen.bills.value,
        usd_per_hour=seen.usd_per_hour_now,
        label=user_part(one.raw_label),
        ours=seen.ours,
        lease_ends_us=ends_us,
        then="destroyed with its disk" if destroys else disk,
        since_us=seen.created_us,
        why=_why(seen, over=ends_us is not None and ends_us <= seen.now_us),
    )


def _why(seen: Held, *, over: bool) -> str:
    if seen.bills is Billing.NOTHING:
        return ""
    if not seen.ours:
        whose = "its lease mark is a copy, not ours" if seen.copied else "rented elsewhere"
        return f"{whose}; nothing here ends it"
    if seen.bills is Billing.GPU_AND_DISK:
        if not seen.instance.listed:
            return "rented, not shown by Vast.ai; not proven gone"
        return "its lease has ended, it is being ended" if over else "running under its lease"
    if seen.state is InstanceState.ENDED:
        return "its command has ended: its disk, until destroyed"
    if seen.state is InstanceState.OUTBID and not seen.no_credit:
        return "outbid: its disk; resumes if its bid wins"
    if seen.why:
        return f"stopped ({seen.why}): its disk until destroyed"
    if seen.state is InstanceState.STOPPED:
        return "stopped: its disk until destroyed"
    return "its disk, while it is not up"


def _lost(rental: Rental) -> Holding:
    sending = rental.state is not RentalState.UNKNOWN
    return Holding(
        kind="intent",
        target_id=0,
        intent=rental.intent_id,
        what=f"{rental.kind}, {'being sent' if sending else 'no answer yet'}",
        state=rental.state.value,
        bills="unknown",
        usd_per_hour=rental.usd_per_hour,
        label=rental.label,
        ours=True,
        lease_ends_us=rental.lease_ends_us,
        then="released once it is known not to exist",
        since_us=rental.sent_us or rental.created_us,
        why="may or may not exist; its money stays reserved",
    )


def _volume(volume: Volume) -> Holding:
    return Holding(
        kind="volume",
        target_id=volume.volume_id,
        what=f"{volume.disk_gb:g} GB volume",
        bills="disk",
        usd_per_hour=volume.usd_per_hour,
        label=str(volume.label),
        why="storage, until it is deleted",
    )


def _as_worker(one: Holding, endpoints: Sequence[SeenEndpoint]) -> Holding:
    """A machine that an endpoint rented ends with it: workers are listed as ordinary instances."""
    if one.kind != "instance" or one.ours:
        return one
    for seen in endpoints:
        if any(worker.worker_id == one.target_id for worker in seen.workers or ()):
            name = f"endpoint {seen.endpoint.endpoint_id}"
            ends_us = seen.lease_ends_us
            return replace(
                one, why=f"a worker of {name}", lease_ends_us=ends_us, then=f"ended with {name}"
            )
    return one


def _endpoint(one: SeenEndpoint, machines: set[int]) -> Holding:
    """An endpoint at the price of the workers that do not stand among the machines already."""
    listed = sum(worker.bills and worker.worker_id in machines for worker in one.workers or ())
    return Holding(
        kind="endpoint",
        target_id=one.endpoint.endpoint_id,
        what=f"endpoint, {one.billing} of up to {one.endpoint.max_workers} workers billed",
        state=one.endpoint.state,
        bills="workers" if one.billing else "nothing",
        usd_per_hour=one.rate_of(one.billing - listed),
        label=short_name(one.endpoint.raw_name),
        ours=one.rental is not None,
        lease_ends_us=one.lease_ends_us,
        then="its workers are ended",
        since_us=one.rental.created_us if one.rental is not None else None,
        why=_why_workers(one),
    )


def _why_workers(one: SeenEndpoint) -> str:
    if not one.billing:
        return ""
    return "its workers, though its lease has ended" if one.over else "its workers, at most"
