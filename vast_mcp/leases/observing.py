"""One complete list of the account, and what it says about our books.

Found, gone, resumed, lost and never recorded: everything is written down in one transaction, and
absence is concluded only from complete lists (docs/hazards.md#reading).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from vast_mcp.account.belonging import Bearers
from vast_mcp.account.context import Account
from vast_mcp.account.lease_label import Mark, endpoint_intent, user_part
from vast_mcp.clock import MINUTE_US
from vast_mcp.leases import books
from vast_mcp.leases.reconcile import (
    ABSENT_LISTS,
    adopt,
    count_absence,
    hold_unmarked,
    labelled,
    result_of,
    seems_ours,
)
from vast_mcp.models import Instance
from vast_mcp.store import Gpus, LeaseFacts, Rental, RentalState, Segment, Transaction
from vast_mcp.units import Usd

PRINCIPAL = "local"
"""Whose a machine is that was taken in: the same for all processes of this machine."""
_YOUNG_US = 2 * MINUTE_US
_MISSES = 3
_STALE_US = 3 * MINUTE_US
"""A reservation this old that is still being "sent" belongs to a process that died."""


async def observe_all(account: Account, instances: Sequence[Instance], began_us: int) -> list[str]:
    """Bring the books in line with one complete list; what was found is said in words."""
    by_id = {instance.instance_id: instance for instance in instances}
    endpoints = await _unresolved_endpoints(account)

    def write(tx: Transaction) -> list[str]:
        now_us = account.now_us()
        said: list[str] = []
        for rental in tx.live_rentals():
            if rental.kind == "endpoint":
                said += _resolve_endpoint(tx, rental, endpoints, now_us)
            elif rental.target_id is None:
                said += _resolve(tx, account, rental, instances, began_us, now_us)
            else:
                _observe_one(tx, rental, by_id.get(rental.target_id), began_us, now_us)
        said += _take_back(tx, account, instances, began_us, now_us)
        return said

    return await account.ledger.write(write)


async def observe_found(account: Account, instances: Sequence[Instance], began_us: int) -> None:
    """Write down what was seen of these machines. What is not among them is not judged."""

    def write(tx: Transaction) -> None:
        now_us = account.now_us()
        for instance in instances:
            rental = tx.rental_of("instance", instance.instance_id)
            if rental is not None and rental.state.holds_money:
                _observe_one(tx, rental, instance, began_us, now_us)

    if instances:
        await account.ledger.write(write)


def _observe_one(
    tx: Transaction, rental: Rental, seen: Instance | None, began_us: int, now_us: int
) -> None:
    if seen is None and not _believably_gone(tx, rental, began_us):
        return
    if seen is not None and rental.facts.missed:
        rental = tx.update_rental(rental, facts=replace(rental.facts, missed=0))
    books.observe(tx, rental, seen, now_us, began_us)


async def _unresolved_endpoints(account: Account) -> dict[str, int]:
    """Listed endpoints by the intent in their name; not read when no endpoint is unresolved.

    Names can be copied: of several with one intent the first made is the one.
    """
    live = await account.ledger.read(lambda tx: tx.live_rentals())
    if not any(rental.kind == "endpoint" and rental.target_id is None for rental in live):
        return {}
    listed = await account.reads.endpoints()
    newest_first = sorted(listed, key=lambda one: -one.endpoint_id)
    return {
        intent: endpoint.endpoint_id
        for endpoint in newest_first
        if (intent := endpoint_intent(endpoint.raw_name)) is not None
    }


def _resolve_endpoint(
    tx: Transaction, rental: Rental, endpoints: Mapping[str, int], now_us: int
) -> list[str]:
    """A lost endpoint is found by its name; one that never comes keeps its money to its end."""
    if rental.target_id is not None or now_us - rental.created_us < _STALE_US:
        return []
    endpoint_id = endpoints.get(rental.intent_id)
    if endpoint_id is not None:
        adopt(tx, rental.intent_id, endpoint_id, now_us)
        return [f"intent {rental.intent_id} was found as endpoint {endpoint_id}"]
    if now_us >= rental.lease_ends_us:
        books.close(tx, rental, RentalState.ABSENT, now_us)
        return [f"endpoint intent {rental.intent_id} never existed; released"]
    return []


def _believably_gone(tx: Transaction, rental: Rental, began_us: int) -> bool:
    """Whether a complete list that lacks a machine proves it gone.

    Lists lag behind a create, so a young machine is not judged. One that was destroyed must be
    missing twice in lists read after that, one that nobody asked to destroy three times in a row.
    """
    if began_us - (rental.settled_us or rental.created_us) < _YOUNG_US:
        return False
    destroying = rental.state is RentalState.DESTROYING
    if destroying and began_us < rental.facts.destroy_us:
        return False  # it was read before the destroy was sent
    missed = rental.facts.missed + 1
    tx.update_rental(rental, facts=replace(rental.facts, missed=missed))
    return missed >= (ABSENT_LISTS if destroying else _MISSES)


def _resolve(
    tx: Transaction,
    account: Account,
    rental: Rental,
    instances: Sequence[Instance],
    began_us: int,
    now_us: int,
) -> list[str]:
    """An intent without an instance: found, proven absent, or still unknown."""
    if not rental.state.unresolved:
        return []
    one = result_of(
        account, rental, [instance for instance in instances if _free(tx, rental, instance)]
    )
    if one is not None:  # at once: its mark proves it, whoever may still be sending
        adopted = adopt(tx, rental.intent_id, one.instance_id, now_us)
        if adopted is not None:
            books.observe(tx, adopted, one, now_us, began_us)
        return [f"intent {rental.intent_id} was found as instance {one.instance_id}"]
    if (said := _resolve_unmarked(tx, account, rental, instances, began_us, now_us)) is not None:
        return said
    if rental.state is not RentalState.UNKNOWN and now_us - rental.created_us < _STALE_US:
        return []
    if rental.state is RentalState.RESERVED:  # never marked as sending: nothing left
        books.close(tx, rental, RentalState.ABSENT, now_us)
        return [f"intent {rental.intent_id} was never sent; released"]
    rental = tx.update_rental(rental, state=RentalState.UNKNOWN)
    after = count_absence(tx, rental, began_us, now_us)
    if after.state is RentalState.ABSENT:
        return [f"intent {rental.intent_id} never existed; released"]
    return []


def _free(tx: Transaction, rental: Rental, one: Instance) -> bool:
    """Whether no other rental has this machine."""
    known = tx.rental_of("instance", one.instance_id)
    return known is None or known.intent_id == rental.intent_id


def _resolve_unmarked(
    tx: Transaction,
    account: Account,
    rental: Rental,
    instances: Sequence[Instance],
    began_us: int,
    now_us: int,
) -> list[str] | None:
    """The machine that the vendor named and that lacks our mark; None: there is none.

    It counts as long as it is there. A person may adopt it, or end it; we do neither.
    """
    held, named = rental.facts.unmarked_id, rental.facts.named_id
    one = next((instance for instance in instances if instance.instance_id in (held, named)), None)
    if held is None:
        one = one or next(
            (machine for machine in instances if labelled(account, rental, machine)), None
        )
        if one is None or not _free(tx, rental, one) or not seems_ours(account, rental, one):
            return None
        hold_unmarked(tx, rental, one, now_us)
        said = (
            f"instance {one.instance_id} at {one.usd_per_hour} is probably intent"
            f" {rental.intent_id}, but lacks our lease mark: its cost is counted and nothing here"
            f" ends it. `vast-mcp extend {one.instance_id} HOURS` adopts it"
        )
        return [said]
    if one is not None:
        tx.update_rental(rental, facts=replace(rental.facts, missed=0))
    elif _believably_gone(tx, rental, began_us):
        books.close(tx, rental, RentalState.GONE, now_us)
        return [f"unmarked instance {held} is gone"]
    return []


def _take_back(
    tx: Transaction, account: Account, instances: Sequence[Instance], began_us: int, now_us: int
) -> list[str]:
    """Our machines that no open book holds: the ledger was lost, or is older than they are.

    A copied mark takes nothing in: what is shown and the notices tell of such machines.
    """
    said = []
    bearers = Bearers(account.marker, instances)
    for instance in instances:
        whose = bearers.whose(instance, tx)
        known = whose.rental
        if whose.mark is not None and known is None:
            known = tx.rental(whose.mark.intent_id)
        if known is not None:
            listed_before = began_us <= (known.ended_us or 0) <= now_us
            if not known.state.holds_money and not listed_before:
                books.reopen(tx, known, instance, now_us)
                said.append(f"instance {instance.instance_id} exists after all; it counts again")
            elif whose.mark is not None:
                _follow_label(tx, known, whose.mark)
        elif whose.mark is not None:
            _take_in(tx, instance, whose.mark, now_us)
            said.append(
                f"instance {instance.instance_id} has our lease mark and was added to the ledger"
            )
    return said


def _follow_label(tx: Transaction, rental: Rental, mark: Mark) -> None:
    """Its own mark names a later end than the books: they are a copy, or older than an extension.

    Extensions only add, and stand in the books before the label; a start may set an earlier end,
    so what was started here keeps that of the books.
    """
    if rental.running and not rental.touched and mark.until_us > rental.lease_ends_us:
        tx.extend_lease(rental.intent_id, mark.until_us)
        tx.update_rental(rental, lease_ends_us=mark.until_us)


def _take_in(tx: Transaction, one: Instance, mark: Mark, now_us: int) -> None:
    """Books for a machine of ours that had none, from what its label and the vendor say."""
    began_us = min(one.started_at_us or now_us, now_us)
    rental = Rental(
        intent_id=mark.intent_id,
        principal=PRINCIPAL,
        kind="instance",
        state=RentalState.ACTIVE,
        request_key=f"adopted {one.instance_id}",
        digest="",
        label=user_part(one.raw_label),
        usd_per_hour=one.usd_per_hour,
        disk_usd_per_hour=one.disk_usd_per_hour,
        created_us=began_us,
        lease_ends_us=mark.until_us,
        asked=True,
        machine_id=one.machine_id,
        target_id=one.instance_id,
        ever_ran=True,
        facts=LeaseFacts(
            gpus=Gpus(one.num_gpus, one.gpu_name),
            adopted=True,
            stop_sent=one.intended_status == "stopped",
        ),
    )
    lease = Segment(mark.intent_id, "lease", one.usd_per_hour, Usd(), began_us, mark.until_us)
    tx.add_rental(rental, [lease])
    books.observe(tx, rental, one, now_us, now_us)
