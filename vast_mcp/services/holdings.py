"""Everything the account holds that can bill: machines, volumes, endpoints, and until when."""

from dataclasses import dataclass

from vast_mcp.errors import ApiError, LedgerUnavailable
from vast_mcp.guard.acts import short_name
from vast_mcp.guard.mark import user_part
from vast_mcp.guard.view import Facts, rate_now
from vast_mcp.models import Account, Instance, Volume, billing_of, state_of
from vast_mcp.operations import JsonObject
from vast_mcp.services._services import Services
from vast_mcp.services.endpoints import SeenEndpoint, endpoints_seen
from vast_mcp.services.showing import dollars, given, minute
from vast_mcp.store import Rental
from vast_mcp.text import clean_line
from vast_mcp.units import UsdPerHour

LABEL_SHOWN = 60
_SIDE_READ_S = 12.0
"""How long one of the lists beside the machines may take before it is said to be missing."""


@dataclass(frozen=True, slots=True)
class Holding:
    """One thing on the account, what it bills now and when it ends."""

    kind: str
    """`instance`, `volume` or `endpoint`."""
    target_id: int
    what: str
    bills: str
    usd_per_hour: UsdPerHour | None
    """None: it bills, and nobody here knows how much."""
    state: str = ""
    label: str = ""
    ours: bool = False
    lease_ends_us: int | None = None
    then: str = ""
    """What happens at the lease's end."""

    def row(self) -> JsonObject:
        """For an answer; the label is somebody else's text."""
        ends_us = self.lease_ends_us
        return given(
            {
                f"{self.kind}_id": self.target_id,
                "what": self.what,
                "state": self.state,
                "bills": self.bills,
                "usd_per_hour": None if self.usd_per_hour is None else dollars(self.usd_per_hour),
                "made_by": "us" if self.ours else "others",
                "lease_ends": None if ends_us is None else minute(ends_us),
                "untrusted_label": str(clean_line(self.label, LABEL_SHOWN)),
            }
        )


@dataclass(frozen=True, slots=True)
class Holdings:
    """What was read, complete or with the gaps named in `warnings`."""

    account: Account
    facts: Facts
    held: tuple[Holding, ...]
    warnings: tuple[str, ...]

    @property
    def usd_per_hour(self) -> UsdPerHour:
        """All known rates together."""
        return sum((one.usd_per_hour or UsdPerHour(0) for one in self.held), UsdPerHour(0))


async def holdings(services: Services) -> Holdings:
    """Read all of it.

    Raises:
        ApiError: account or machines could not be read. Volumes or endpoints that could not are a
            warning, never "none".
    """
    facts = await services.view.facts()
    warnings: list[str] = []
    held = await machines(services, facts)
    try:
        volumes = await services.reads.volumes(deadline_s=_SIDE_READ_S)
        held += [_volume(volume) for volume in volumes]
    except ApiError as error:
        warnings.append(f"Volumes could not be read and are not counted: {error}")
    try:
        seen = await endpoints_seen(services)
        known = {one.instance_id for one in facts.instances}
        held += [_endpoint(one) for one in seen if not _listed_as_machines(one, known)]
    except ApiError as error:
        warnings.append(f"Endpoints could not be read and are not counted: {error}")
    unpriced = [one for one in held if one.usd_per_hour is None]
    if unpriced:
        warnings.append(f"{len(unpriced)} endpoint(s) not made here bill at an unknown price.")
    return Holdings(facts.account, facts, tuple(held), tuple(warnings))


async def machines(services: Services, facts: Facts) -> list[Holding]:
    """The machines of the account with their leases; the ledger may be missing."""
    try:
        live = await services.ledger.read(lambda tx: tx.live_rentals())
    except LedgerUnavailable:
        live = []
    rentals = {one.target_id: one for one in live if one.kind == "instance"}
    return [machine(services, one, rentals.get(one.instance_id)) for one in facts.instances]


def machine(services: Services, one: Instance, rental: Rental | None) -> Holding:
    """One machine as a holding."""
    mark = services.marker.read(one.raw_label)
    ends_us = rental.lease_ends_us if rental is not None else mark.until_us if mark else None
    destroys = rental is not None and rental.on_end == "destroy"
    disk = f"stopped; its disk goes on at {one.disk_usd_per_hour.per_day}/day"
    return Holding(
        kind="instance",
        target_id=one.instance_id,
        what=f"{one.num_gpus}x {one.gpu_name}",
        state=state_of(one).value,
        bills=billing_of(one).value,
        usd_per_hour=rate_now(one),
        label=user_part(one.raw_label),
        ours=rental is not None or mark is not None,
        lease_ends_us=ends_us,
        then="destroyed with its disk" if destroys else disk,
    )


def _volume(volume: Volume) -> Holding:
    return Holding(
        kind="volume",
        target_id=volume.volume_id,
        what=f"{volume.disk_gb:g} GB volume",
        bills="disk",
        usd_per_hour=volume.usd_per_hour,
        label=str(volume.label),
    )


def _endpoint(one: SeenEndpoint) -> Holding:
    return Holding(
        kind="endpoint",
        target_id=one.endpoint.endpoint_id,
        what=f"endpoint, {one.billing} of up to {one.endpoint.max_workers} workers bill",
        state=one.endpoint.state,
        bills="workers" if one.billing else "nothing",
        usd_per_hour=one.rate,
        label=short_name(one.endpoint.raw_name),
        ours=one.rental is not None,
        lease_ends_us=one.rental.lease_ends_us if one.rental is not None else None,
        then="its workers are ended",
    )


def _listed_as_machines(one: SeenEndpoint, instance_ids: set[int]) -> bool:
    """Whether all its workers stand among the machines already, so as not to count them twice."""
    workers = one.workers or ()
    return bool(workers) and all(worker.worker_id in instance_ids for worker in workers)
