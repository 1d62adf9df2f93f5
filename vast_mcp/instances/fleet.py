"""Everything rented: the vendor's list together with what our books know."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from vast_mcp.account.belonging import Bearers, Belonging
from vast_mcp.account.context import Account
from vast_mcp.api.instance_reads import InstanceReading
from vast_mcp.clock import SECOND_US
from vast_mcp.errors import ApiError, LedgerUnavailable, NotFound
from vast_mcp.instances.cost_estimate import likely_spent
from vast_mcp.instances.state import Held
from vast_mcp.leases.halting import fate_of
from vast_mcp.leases.remembered import holds, is_young, remembered
from vast_mcp.leases.rent_fates import TOLD_FOR_US, Fate, fates_among
from vast_mcp.models import Billing, Instance
from vast_mcp.store import Rental, Transaction
from vast_mcp.units import Usd, UsdPerHour, minute

LIST_LAG_US = 60 * SECOND_US
"""How long the vendor's list may lag behind a rent or a destroy."""
_ASKED_ONE_BY_ONE = 5
_CREDIT_WITHIN_S = 12.0
"""A burst of calls waits up to ten seconds for its turn at this route."""
_OWN_ROWS = 25
_OWN_WITHIN_S = 1.5
"""For our own machines beside a long list: an answer is given within two seconds."""
"""Machines that a list lacks and that are looked for on their own; each costs a request."""
NO_BOOKS = "The ledger cannot be read: leases, costs and pending rents are incomplete."


@dataclass(frozen=True, slots=True)
class PendingRent:
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
    fates: tuple[Fate, ...] = ()
    """What became of rents whose answer was lost, for an hour."""

    @property
    def unlisted(self) -> tuple[Held, ...]:
        """Our machines that the vendor does not show now, as the ledger has them."""
        return tuple(machine for machine in self.held if not machine.instance.listed)

    @property
    def unlisted_words(self) -> str:
        """A sentence about them; empty when the vendor shows all."""
        young: list[str] = []
        old: list[str] = []
        for machine in self.unlisted:
            new = machine.rental is not None and is_young(machine.rental, machine.now_us)
            (young if new else old).append(str(machine.instance.instance_id))
        said = []
        if young:
            said.append(
                f"{len(young)} rent{'s' * (len(young) > 1)} not listed yet: {', '.join(young)}."
            )
        if old:
            said.append(f"Not shown by Vast.ai now, counted as billed: {', '.join(old)}.")
        return " ".join(said)

    @property
    def pending(self) -> tuple[PendingRent, ...]:
        """Instances among the lost whose outcome nobody knows."""
        return tuple(_pending(fate) for fate in self.lost if _unresolved(fate))


async def show_fleet(account: Account) -> Fleet:
    """Every instance of the account, those that bill most first, and unresolved rents.

    Raises:
        ApiError: the list cannot be read in full.
    """
    reading = await account.cache.listed()
    age = account.cache.age_words(reading)
    fleet = await fleet_of(account, reading.instances, began_us=reading.began_us, age=age)
    return replace(fleet, held=tuple(sorted(fleet.held, key=_dearest_first)))


async def fleet_of(
    account: Account,
    instances: Sequence[Instance],
    *,
    began_us: int | None = None,
    age: str = "",
) -> Fleet:
    """A list just read, without its lag: what ended is left out, what it lacks is looked for.

    A machine that our ledger holds and neither the list nor its own answer shows stands there as
    the ledger has it: a list proves no end, and just after a rent it lags behind. Of a long list,
    read some time ago (`began_us`, and `age` in words), what this server rented is read again.
    """
    if age:
        instances = await _with_own(account, instances)
    seen = await _with_books(account, instances)
    since_us = account.clock.lease_us() if began_us is None else began_us
    held = [machine for machine in seen.held if not _just_destroyed(machine, since_us)]
    listed = {instance.instance_id for instance in instances}
    held += await _unlisted(
        account, [rental for rental in seen.open if rental.target_id not in listed]
    )
    held = list(await credit_told(account, held))
    return Fleet(
        tuple(held), seen.lost, (*seen.warnings, age) if age else seen.warnings, seen.fates
    )


async def _with_own(account: Account, instances: Sequence[Instance]) -> tuple[Instance, ...]:
    """A list read some time ago with the rows of our own machines as they are now."""
    try:
        live = await account.ledger.read(lambda tx: tx.live_rentals())
        labels = [
            account.marker.label(rental.label, rental.intent_id, rental.lease_ends_us)
            for rental in live
            if rental.target_id is not None and rental.kind == "instance"
        ]
        if not labels:
            return tuple(instances)
        own = await account.reads.list_instances(
            labels=labels[-_OWN_ROWS:], fresh=False, deadline_s=_OWN_WITHIN_S
        )
    except (ApiError, LedgerUnavailable):
        return tuple(instances)
    now = {instance.instance_id: instance for instance in own}
    listed = {machine.instance_id for machine in instances}
    return (
        *(now.get(shown_instance.instance_id, shown_instance) for shown_instance in instances),
        *(instance for instance in own if instance.instance_id not in listed),
    )


def _just_destroyed(one: Held, since_us: int) -> bool:
    """Seen gone since the list was read; and for some seconds more it may still be shown."""
    ended_us = one.rental.ended_us if one.rental else None
    return ended_us is not None and since_us - ended_us < LIST_LAG_US


async def _unlisted(account: Account, missing: Sequence[Rental]) -> list[Held]:
    """Machines of the ledger that the list does not show; the newest are asked for by id."""
    found: list[Instance] = []
    newest = sorted(missing, key=lambda one: -one.created_us)
    for at, rental in enumerate(newest):
        look = InstanceReading(None)
        if at < _ASKED_ONE_BY_ONE:
            try:
                look = await account.reads.look(rental.target_id or 0, fresh=False, listed=False)
            except ApiError:
                look = InstanceReading(None)
        if look.gone:
            continue
        found.append(look.instance or remembered(rental, account.clock.lease_us()))
    return [await hold(account, instance) for instance in found]


async def show_one(account: Account, instance_id: int) -> Held:
    """One instance now; as our ledger has it where the vendor does not show it.

    Raises:
        NotFound: the account has none of this id; says what became of it if the books know.
        ApiError: it cannot be read.
    """
    look = await account.reads.look(instance_id, fresh=False)
    instance = look.instance
    if instance is None:
        rental = None if look.gone else await known_rental(account, instance_id)
        if rental is None or not holds(rental):
            if look.trouble is not None:
                raise look.trouble
            raise await gone(account, instance_id)
        instance = remembered(rental, account.clock.lease_us())
    return await hold(account, instance)


async def hold(account: Account, instance: Instance) -> Held:
    """A machine just read, with what the books know of it."""
    held = (await _with_books(account, [instance])).held[0]
    return (await credit_told(account, [held]))[0]


async def credit_told(account: Account, held: Sequence[Held]) -> tuple[Held, ...]:
    """The same; where the account's credit alone could tell why a machine stands still, with it."""
    if not any(held_machine.stop_may_be_credit for held_machine in held):
        return tuple(held)
    try:
        empty = (await account.reads.account(deadline_s=_CREDIT_WITHIN_S)).credit <= Usd()
    except ApiError:
        empty = False
    return tuple(replace(machine, no_credit=empty) for machine in held)


async def known_rental(account: Account, instance_id: int) -> Rental | None:
    """Our rental of this instance; None when there is none or the books are closed."""
    try:
        return await account.ledger.read(lambda tx: tx.rental_of("instance", instance_id))
    except LedgerUnavailable:
        return None


@dataclass(frozen=True, slots=True)
class _Seen:
    """Listed machines beside the books, and what only the books know."""

    held: tuple[Held, ...]
    lost: tuple[Rental, ...] = ()
    open: tuple[Rental, ...] = ()
    """Machines that the books hold as not ended."""
    warnings: tuple[str, ...] = ()
    fates: tuple[Fate, ...] = ()


async def _with_books(account: Account, instances: Sequence[Instance]) -> _Seen:
    now_us = account.clock.lease_us()
    bearers = account.cache.bearers(instances)

    def read(tx: Transaction) -> _Seen:
        live = tx.live_rentals()
        return _Seen(
            tuple(held_of(tx, bearers, instance, now_us) for instance in instances),
            tuple(rental for rental in live if rental.target_id is None),
            tuple(
                open_rental
                for open_rental in live
                if open_rental.kind == "instance" and holds(open_rental)
            ),
            fates=fates_among(tx.rentals_since(now_us - TOLD_FOR_US), now_us),
        )

    try:
        return await account.ledger.read(read)
    except LedgerUnavailable:
        bare = tuple(_held(machine, now_us, bearers.whose(machine, None)) for machine in instances)
        return _Seen(bare, warnings=(NO_BOOKS,))


def held_of(tx: Transaction, bearers: Bearers, one: Instance, now_us: int) -> Held:
    """A machine with what the books know of it and cost so far."""
    held = _held(one, now_us, bearers.whose(one, tx))
    if held.rental is None:
        return held
    spent = likely_spent(held.rental, tx.segments(held.rental.intent_id), now_us)
    return replace(held, spent=spent)


def _held(one: Instance, now_us: int, whose: Belonging) -> Held:
    return Held(one, now_us, whose.rental, whose.mark, copied=whose.copied)


def _unresolved(rental: Rental) -> bool:
    return rental.kind == "instance" and rental.state.unresolved


def _pending(rental: Rental) -> PendingRent:
    return PendingRent(
        rental.intent_id, rental.state.value, rental.created_us, rental.usd_per_hour, rental.label
    )


def _dearest_first(one: Held) -> tuple[bool, int, int]:
    resting = one.bills is not Billing.GPU_AND_DISK
    return resting, -one.instance.usd_per_hour.micros, one.instance.instance_id


async def gone(account: Account, instance_id: int) -> NotFound:
    """What a read says of a machine that does not exist: what became of it, if the books know."""
    said = await farewell(account, instance_id)
    return NotFound(said, hint="show_instances lists what exists.")


async def farewell(account: Account, instance_id: int) -> str:
    """Since when it does not exist any more, why, and what it cost."""

    def read(tx: Transaction) -> tuple[Rental, Usd] | None:
        rental = tx.rental_of("instance", instance_id)
        if rental is None:
            return None
        return rental, likely_spent(rental, tx.segments(rental.intent_id), now_us)

    now_us = account.clock.lease_us()
    try:
        known = await account.ledger.read(read)
    except LedgerUnavailable:
        known = None
    if known is None:
        return f"There is no instance {instance_id} on this account."
    rental, spent = known
    when = f" since {minute(rental.ended_us)}" if rental.ended_us else ""
    why = fate_of(rental)
    return f"Instance {instance_id} no longer exists{when} ({why}); by our meter it cost {spent}."
