"""Which machine a rent became: found by its mark, never by an id in an answer.

A create has no idempotency key, so the intent's id travels in the label and in the environment.
An id that the vendor's answer names is a claim: it may be another's machine, an older one that we
rented, or no id at all. A machine is the result of a rent only if it was not there before and bears
the intent's mark.

Absence is believed only after three good, complete reads of which the last began after a horizon.
A request whose answer was lost may be executed late: fifteen minutes. One that the vendor answered
is over: five minutes cover the lag of its lists.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from vast_mcp.account.belonging import first_of, near
from vast_mcp.account.context import Account
from vast_mcp.clock import MINUTE_US
from vast_mcp.errors import ApiError
from vast_mcp.leases import books
from vast_mcp.models import Instance
from vast_mcp.store import LeaseFacts, Rental, RentalState, Transaction

HORIZON_US = 15 * MINUTE_US
ANSWERED_HORIZON_US = 5 * MINUTE_US
GOOD_READS = 3
ABSENT_LISTS = 2
"""Complete lists without a machine that together prove its end; one proves nothing."""
_SEARCH_FOR_S = 15.0
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 4.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for a rent, where it is no known refusal."""

    said: str = ""
    """In words, for the person."""
    accepted: bool = False
    """A plain success."""
    answered: bool = True
    """False: it was lost, or is not the vendor's own."""
    named: int | None = None
    """The instance id in it: a claim."""
    failed: bool = False
    """It called itself an error."""

    def noted(self, facts: LeaseFacts, now_us: int, before: frozenset[int]) -> LeaseFacts:
        """What the books keep of it while nobody knows; what is noted already stands."""
        if self.answered and facts.answered_us is None:
            facts = replace(facts, answered_us=now_us)
        new = self.accepted and self.named is not None and self.named not in before
        return replace(facts, named_id=self.named) if new and facts.named_id is None else facts


@dataclass(frozen=True, slots=True)
class FoundRent:
    """A machine that a rent became, or seems to have become.

    `proven`: it bears the mark. Else it is the unmarked one that the vendor named: counted and
    told, and left to a person.
    """

    instance: Instance
    read_us: int
    """When the read that showed it began."""
    proven: bool = True


def result_of(
    account: Account,
    rental: Rental,
    instances: Sequence[Instance],
    before: frozenset[int] = frozenset(),
) -> Instance | None:
    """The machine among these that this rent became: marked, and not there before it was sent."""
    new = [instance for instance in instances if instance.instance_id not in before]
    return first_of(account.marker, rental, new)


def seems_ours(account: Account, rental: Rental, one: Instance) -> bool:
    """Whether a machine may be what this rent became though its environment does not say so.

    It must be new, on the machine that was rented, and nobody else's. That a plain success named
    it, or that its label names this rent, and that it was not in the last list before the send,
    the caller knows.
    """
    mark = account.marker.read(one.raw_label)
    return (
        (mark is None or mark.intent_id == rental.intent_id)
        and one.intent_mark is None
        and one.machine_id == rental.machine_id
        and near(one, rental)
    )


def labelled(account: Account, rental: Rental, one: Instance) -> bool:
    """Whether its label names this rent."""
    mark = account.marker.read(one.raw_label)
    return mark is not None and mark.intent_id == rental.intent_id


async def find(
    account: Account, rental: Rental, answer: Answer, before: frozenset[int]
) -> FoundRent | None:
    """Look for it for some seconds, so that most rents are resolved in the call.

    What the answer names is looked at first; the list is searched for the mark.
    """
    until_s = account.clock.monotonic_s() + _SEARCH_FOR_S
    pause_s = _FIRST_PAUSE_S
    named = answer.named if answer.named not in before else None
    unmarked: Instance | None = None
    while True:
        read_us = account.now_us()
        if named is not None and unmarked is None:
            shown = await _shown(account, named)
            if shown is not None and result_of(account, rental, [shown], before) is not None:
                return FoundRent(shown, read_us)
            if shown is not None:
                unmarked = shown
        read_us = account.now_us()
        listed = await _listed(account, rental)
        found = result_of(account, rental, listed or [], before)
        if found is not None:
            return FoundRent(found, read_us)
        lacking = unmarked if answer.accepted and listed is not None else None
        if lacking and seems_ours(account, rental, lacking) and await _unclaimed(account, lacking):
            return FoundRent(lacking, read_us, proven=False)
        if account.clock.monotonic_s() + pause_s > until_s:
            return None
        await account.clock.sleep(pause_s)
        pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)


async def _shown(account: Account, instance_id: int) -> Instance | None:
    try:
        return await account.reads.show_instance(instance_id)
    except ApiError:
        return None


async def _listed(account: Account, rental: Rental) -> list[Instance] | None:
    """All machines; of a long account those with this rent's very label."""
    label = None
    if account.cache.is_long:
        label = account.marker.label(rental.label, rental.intent_id, rental.lease_ends_us)
    try:
        return list(await account.reads.list_instances(label=label))
    except ApiError:
        return None  # unreadable is not empty: it only means "not found yet"


async def _unclaimed(account: Account, one: Instance) -> bool:
    known = await account.ledger.read(lambda tx: tx.rental_of("instance", one.instance_id))
    return known is None


def adopt(tx: Transaction, intent_id: str, instance_id: int, settled_us: int) -> Rental | None:
    """The intent became this instance; its price is still to be checked.

    Whoever comes second with the same finding changes nothing: the first may have gone on by now,
    and a machine that is being destroyed, or gone, must not count as rented again.
    """
    rental = tx.rental(intent_id)
    if rental is None or rental.target_id == instance_id:
        return rental
    return tx.update_rental(
        rental,
        state=RentalState.ACTIVE,
        target_id=instance_id,
        settled_us=settled_us,
        facts=replace(rental.facts, checked=False, unmarked_id=None),
    )


def hold_unmarked(tx: Transaction, rental: Rental, one: Instance, now_us: int) -> Rental:
    """The vendor named this new machine and it lacks our mark: its cost counts, nothing is done.

    It stays unresolved, so that none of our acts takes it for one of our machines.
    """
    if one.usd_per_hour > rental.usd_per_hour:
        rental = books.reprice(tx, rental, one.usd_per_hour, now_us)
    facts = replace(rental.facts, unmarked_id=one.instance_id, missed=0)
    return tx.update_rental(rental, state=RentalState.UNKNOWN, facts=facts)


def unmarked_of(tx: Transaction, instance_id: int) -> Rental | None:
    """The unresolved rent that this unmarked machine seems to have come from."""
    return next(
        (rental for rental in tx.live_rentals() if rental.facts.unmarked_id == instance_id), None
    )


def count_absence(tx: Transaction, rental: Rental, read_began_us: int, now_us: int) -> Rental:
    """One more good read that did not show it; the last needed one proves it absent."""
    answered_us = rental.facts.answered_us
    if answered_us is not None:
        settled_us, horizon_us = answered_us, ANSWERED_HORIZON_US
    else:
        settled_us, horizon_us = rental.sent_us or rental.created_us, HORIZON_US
    if read_began_us < settled_us:  # it shows the account as it was before
        return rental
    reads = rental.facts.good_reads + 1
    rental = tx.update_rental(rental, facts=replace(rental.facts, good_reads=reads))
    if reads >= GOOD_READS and read_began_us >= settled_us + horizon_us:
        return books.close(tx, rental, RentalState.ABSENT, now_us)
    return rental
