"""A machine as the vendor shows it together with what our books know of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from vast_mcp.errors import LedgerUnavailable, NotFound
from vast_mcp.guard.mark import Mark, user_part
from vast_mcp.models import Billing, Instance, InstanceState, billing_of, halted, state_of
from vast_mcp.services._services import Services
from vast_mcp.services.metered import likely_spent
from vast_mcp.services.showing import minute
from vast_mcp.store import Rental, RentalState, Transaction
from vast_mcp.text import LABEL_LIMIT, clean_line
from vast_mcp.units import Usd, UsdPerHour

SECOND_US = 1_000_000
LEASE_WARNING_US = 30 * 60 * SECOND_US
CONTRACT_WARNING_US = 24 * 3600 * SECOND_US
NOT_UP_US = 15 * 60 * SECOND_US
"""A rent that never ran by then: most images are there in five minutes."""
DISK_WARNING = 0.85
LIST_LAG_US = 60 * SECOND_US
"""How long the vendor's list may lag behind a rent or a destroy."""
_PORTS_WAITED_US = 5 * 60 * SECOND_US
"""After this a machine without a direct port is taken for one that has none to give."""
_UNRESOLVED = {RentalState.RESERVED, RentalState.SENDING, RentalState.UNKNOWN}
_UP = {InstanceState.READY, InstanceState.RUNNING_NO_SSH, InstanceState.OUTBID}
"""It runs, or what keeps it from it is told by another word."""
_BEING = {"stop": "stopped", "destroy": "destroyed"}
NO_BOOKS = "The ledger cannot be read: leases, costs and pending rents are not shown in full."


@dataclass(frozen=True, slots=True)
class Held:
    """One instance, our rental of it if any, and what it cost so far."""

    instance: Instance
    now_us: int
    rental: Rental | None = None
    mark: Mark | None = None
    spent: Usd | None = None

    @property
    def ours(self) -> bool:
        """Rented by this server: the books know it or its mark verifies."""
        return self.rental is not None or self.mark is not None

    @property
    def label(self) -> str:
        """The user's part of the label, cleaned."""
        return str(clean_line(user_part(self.instance.raw_label), LABEL_LIMIT))

    @property
    def bills(self) -> Billing:
        """What the meter counts now."""
        return billing_of(self.instance)

    @property
    def stop_sent(self) -> bool:
        """Whether it was we who stopped it."""
        return self.rental is not None and bool(self.rental.details.get("stop_sent"))

    @property
    def created_us(self) -> int | None:
        """When it was rented."""
        return self.rental.created_us if self.rental else self.instance.started_at_us

    @property
    def began_us(self) -> int | None:
        """When it was last asked to run: rented, or started again."""
        started = self.rental.details.get("start_us") if self.rental else None
        return started if isinstance(started, int) else self.created_us

    @property
    def lease_ends_us(self) -> int | None:
        """When it is stopped; None when it rests already or nobody set an end."""
        if self.rental is not None:
            return self.rental.lease_ends_us if self.rental.running else None
        return self.mark.until_us if self.mark and not halted(self.instance) else None

    @property
    def state(self) -> InstanceState:
        """The model's word, made finer by what the books know."""
        word = state_of(self.instance)
        if word is InstanceState.READY and self._awaits_port():
            return InstanceState.RUNNING_NO_SSH
        if word is InstanceState.STOPPED and self._halted_by_others():
            return InstanceState.OUTBID if self.instance.is_bid else InstanceState.FAILED
        if word is InstanceState.WAITING_FOR_GPU and self._never_up():
            return InstanceState.FAILED  # `exited` is where a start begins, but where a rent ends
        return word

    def _never_up(self) -> bool:
        return self.rental is not None and not (self.rental.ever_ran or self.rental.touched)

    @property
    def not_up_min(self) -> int | None:
        """Minutes since a rent that has not come up in fifteen; None for all others."""
        rental = self.rental
        if rental is None or not self._never_up() or not rental.running:
            return None
        if self.state in _UP or rental.state is RentalState.DESTROYING:
            return None
        waited_us = self.now_us - rental.created_us
        return None if waited_us < NOT_UP_US else waited_us // (60 * SECOND_US)

    def _awaits_port(self) -> bool:
        """No way in yet: a direct port takes some seconds, and `args` has no ssh at all.

        A machine that reports its load and still maps no port has none to give: there the proxy is
        the way in.
        """
        one = self.instance
        if "args" in one.runtype.split():
            return True
        if "direc" not in one.runtype or any(port.inside == 22 for port in one.ports):
            return False
        if one.gpu_utilisation_percent is not None and one.ssh_port is not None:
            return False
        return self.began_us is None or self.now_us - self.began_us < _PORTS_WAITED_US

    def _halted_by_others(self) -> bool:
        """Stopped, and not by us: a bid was passed, or a new machine was never placed."""
        one, rental = self.instance, self.rental
        if rental is None:
            return one.is_bid and "outbid" in one.status_message.lower()
        if self.contract_over or not rental.running or rental.details.get("stop_sent"):
            return False
        return one.is_bid or self._never_up()

    @property
    def needed_bid(self) -> UsdPerHour | None:
        """For an outbid machine: the least bid that runs it now."""
        return self.instance.min_bid if self.state is InstanceState.OUTBID else None

    @property
    def warnings(self) -> list[str]:
        """What a person would want to be told without asking."""
        texts = (
            self._not_up_warning(),
            self._lease_warning(),
            self._disk_warning(),
            self._contract_warning(),
            self._destroy_warning(),
        )
        return [text for text in texts if text]

    def _lease_warning(self) -> str:
        if not self.ours:
            bills = self.bills is not Billing.NOTHING
            return "rented elsewhere, no lease: bills until somebody ends it" if bills else ""
        ends_us = self.lease_ends_us
        if ends_us is None or ends_us - self.now_us > LEASE_WARNING_US:
            return ""
        left_min = (ends_us - self.now_us) // (60 * SECOND_US)
        then = self.rental.end_act if self.rental else "stop"
        if left_min < 0:
            return f"the lease is over; it is being {_BEING[then]}"
        return f"lease ends in {left_min} min, then {then}; extend_lease gives more time"

    def _not_up_warning(self) -> str:
        if self.not_up_min is None:
            return ""
        return (
            f"not up after {self.not_up_min} min and bills {self.bills.value}: destroy it and rent"
            " another offer"
        )

    def _disk_warning(self) -> str:
        one = self.instance
        if (
            not one.disk_used_gb
            or one.disk_gb <= 0
            or one.disk_used_gb < DISK_WARNING * one.disk_gb
        ):
            return ""
        return f"disk {one.disk_used_gb / one.disk_gb:.0%} full; it cannot grow"

    @property
    def contract_over(self) -> bool:
        """Past its end a machine cannot be started any more (vast-api §15)."""
        ends_us = self.instance.contract_ends_us
        return ends_us is not None and ends_us <= self.now_us

    def _contract_warning(self) -> str:
        ends_us = self.instance.contract_ends_us
        if ends_us is None or ends_us - self.now_us > CONTRACT_WARNING_US:
            return ""
        if self.contract_over:
            return "the host's contract has ended: it cannot be started, its data may go any time"
        return "the host's contract ends soon; data may be deleted 48 h later"

    def _destroy_warning(self) -> str:
        destroying = self.rental is not None and self.rental.state is RentalState.DESTROYING
        return "being destroyed; still listed" if destroying else ""


@dataclass(frozen=True, slots=True)
class Pending:
    """A rent whose answer was lost, or that is being sent: it may or may not exist."""

    intent: str
    state: str
    since_us: int
    usd_per_hour: UsdPerHour
    label: str


@dataclass(frozen=True, slots=True)
class Fleet:
    """All that is held, and all that may be."""

    held: tuple[Held, ...]
    lost: tuple[Rental, ...] = ()
    """Rentals of every kind that hold money and have no machine or endpoint yet."""
    warnings: tuple[str, ...] = ()

    @property
    def pending(self) -> tuple[Pending, ...]:
        """Instances among the lost whose outcome nobody knows."""
        return tuple(_pending(one) for one in self.lost if _unresolved(one))


async def show_fleet(services: Services) -> Fleet:
    """Every instance of the account, those that bill most first, and unresolved rents.

    Raises:
        ApiError: the list cannot be read in full.
    """
    fleet = await fleet_of(services, await services.reads.list_instances(fresh=False))
    return replace(fleet, held=tuple(sorted(fleet.held, key=_dearest_first)))


async def fleet_of(services: Services, instances: Sequence[Instance]) -> Fleet:
    """A list just read, without its lag: what ended is left out, what is young is asked for.

    Raises:
        ApiError: a machine that the list lacks cannot be read.
    """
    seen = await _with_books(services, instances)
    held = [one for one in seen.held if not _just_destroyed(one)]
    held += await _unlisted(services, seen.young - {one.instance_id for one in instances})
    return Fleet(tuple(held), seen.lost, seen.warnings)


def _just_destroyed(one: Held) -> bool:
    """Seen gone already; the vendor's list may show it for some seconds more (vast-api §7)."""
    ended_us = one.rental.ended_us if one.rental else None
    return ended_us is not None and one.now_us - ended_us < LIST_LAG_US


async def _unlisted(services: Services, missing: frozenset[int]) -> list[Held]:
    """Machines rented a moment ago that the list does not show yet; asked for one by one."""
    found = [
        await services.reads.show_instance(instance_id, fresh=False)
        for instance_id in sorted(missing)
    ]
    return [await hold(services, instance) for instance in found if instance is not None]


async def show_one(services: Services, instance_id: int) -> Held:
    """One instance now.

    Raises:
        NotFound: the account has none of this id; says what became of it if the books know.
    """
    instance = await services.reads.show_instance(instance_id, fresh=False)
    if instance is None:
        raise NotFound(
            await _farewell(services, instance_id), hint="show_instances lists the rest."
        )
    return await hold(services, instance)


async def hold(services: Services, instance: Instance) -> Held:
    """A machine just read, with what the books know of it."""
    return (await _with_books(services, [instance])).held[0]


async def known_rental(services: Services, instance_id: int) -> Rental | None:
    """Our rental of this instance; None when there is none or the books are closed."""
    try:
        return await services.ledger.read(lambda tx: tx.rental_of("instance", instance_id))
    except LedgerUnavailable:
        return None


@dataclass(frozen=True, slots=True)
class _Seen:
    """Listed machines beside the books, and what only the books know."""

    held: tuple[Held, ...]
    lost: tuple[Rental, ...] = ()
    young: frozenset[int] = frozenset()
    """Machines rented so recently that a list may lack them (vast-api §7)."""
    warnings: tuple[str, ...] = ()


async def _with_books(services: Services, instances: Sequence[Instance]) -> _Seen:
    now_us = services.clock.lease_us()
    marks = {one.instance_id: services.marker.read(one.raw_label) for one in instances}

    def read(tx: Transaction) -> _Seen:
        live = tx.live_rentals()
        return _Seen(
            tuple(_held(tx, one, marks[one.instance_id], now_us) for one in instances),
            tuple(rental for rental in live if rental.target_id is None),
            frozenset(
                rental.target_id
                for rental in live
                if rental.kind == "instance"
                and rental.target_id is not None
                and now_us - rental.created_us < LIST_LAG_US
            ),
        )

    try:
        return await services.ledger.read(read)
    except LedgerUnavailable:
        bare = tuple(Held(one, now_us, mark=marks[one.instance_id]) for one in instances)
        return _Seen(bare, warnings=(NO_BOOKS,))


def _held(tx: Transaction, one: Instance, mark: Mark | None, now_us: int) -> Held:
    rental = tx.rental_of("instance", one.instance_id)
    if rental is None:
        return Held(one, now_us, mark=mark)
    spent = likely_spent(rental, tx.segments(rental.intent_id), now_us)
    return Held(one, now_us, rental, mark, spent)


def _unresolved(rental: Rental) -> bool:
    return rental.kind == "instance" and rental.state in _UNRESOLVED


def _pending(rental: Rental) -> Pending:
    return Pending(
        rental.intent_id, rental.state.value, rental.created_us, rental.usd_per_hour, rental.label
    )


def _dearest_first(one: Held) -> tuple[bool, int, int]:
    resting = one.bills is not Billing.GPU_AND_DISK
    return resting, -one.instance.usd_per_hour.micros, one.instance.instance_id


async def _farewell(services: Services, instance_id: int) -> str:
    def read(tx: Transaction) -> tuple[Rental, Usd] | None:
        rental = tx.rental_of("instance", instance_id)
        if rental is None:
            return None
        return rental, likely_spent(rental, tx.segments(rental.intent_id), now_us)

    now_us = services.clock.lease_us()
    try:
        known = await services.ledger.read(read)
    except LedgerUnavailable:
        known = None
    if known is None:
        return f"There is no instance {instance_id} on this account."
    rental, spent = known
    when = f" since {minute(rental.ended_us)}" if rental.ended_us else ""
    return f"Instance {instance_id} does not exist any more{when}; by our meter it cost {spent}."
