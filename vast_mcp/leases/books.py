"""The books follow what is seen: a machine that stopped, ran or is gone changes what is reserved.

Every function takes a transaction and an observed state; none guesses. A stop shrinks a reservation
only once the machine was *seen* stopped. An outbid machine resumes by itself, so it goes on
counting until we have stopped it; so does one whose start is on its way.
"""

from dataclasses import replace

from vast_mcp.clock import MINUTE_US, SECOND_US
from vast_mcp.leases.approved import ROUNDING, breach_of_rental
from vast_mcp.models import Billing, Instance, billing_of, billing_told, halted
from vast_mcp.store import KeyState, LowStretch, Rental, RentalState, Segment, Transaction
from vast_mcp.store.exposure import current_rate
from vast_mcp.units import Usd, UsdPerHour

BILLING_TAIL_US = 5 * MINUTE_US
"""So long the vendor may go on charging after a destroy: up to 290 s over 34 rentals, 2 min in the
median (charges seen in 2026-10)."""
SEEN_HOLDS_US = 3 * MINUTE_US
"""Seen twice so near together, it was the same in between."""
_NOTED_EVERY_US = 45 * SECOND_US
_MOST_STRETCHES = 200
"""A machine that changes more often is told at the price that is counted."""
_RISE_ARRIVES_US = 3 * MINUTE_US


def observe(
    tx: Transaction, rental: Rental, instance: Instance | None, now_us: int, read_us: int
) -> Rental:
    """Write down what an authenticated, complete read showed of this rental's machine.

    `read_us` is when that read began. One that began before a stop, start or bid which the books
    know already shows the machine as it was, and says nothing of its price and state now.
    """
    if not rental.state.holds_money:  # ended since that read: money set aside now is never freed
        return rental
    if instance is None:
        return close(tx, rental, RentalState.GONE, now_us)
    if instance.actual_status == "running" and not rental.ever_ran:
        rental = tx.update_rental(rental, ever_ran=True)
    if not rental.facts.checked:
        rental = _compare(tx, rental, instance)
    if read_us < rental.facts.seen_us <= now_us:  # none from a later clock
        return rental
    return _follow(tx, rental, instance, now_us, read_us)


def _follow(
    tx: Transaction, rental: Rental, instance: Instance, now_us: int, read_us: int
) -> Rental:
    """What it costs and does now."""
    rental = _metered(tx, rental, instance, now_us)
    if instance.usd_per_hour > rental.usd_per_hour + ROUNDING:
        rental = reprice(tx, rental, instance.usd_per_hour, now_us)
    rests = halted(instance)
    for_good = not instance.is_bid or rental.facts.stop_sent
    if rests and rental.facts.starting and not rental.facts.stop_sent:
        return rental
    rental = _start_seen(tx, rental, instance, read_us)
    if rental.running and rests and for_good:
        return rest(tx, rental, now_us, read_us)
    if not rental.running and billing_of(instance) is Billing.GPU_AND_DISK:
        # Started elsewhere: its lease still holds, and a stop of ours from before is answered.
        facts = replace(rental.facts, stop_sent=False, seen_us=read_us)
        rental = tx.update_rental(rental, facts=facts)
        return resume(tx, rental, now_us)
    return rental


def _metered(tx: Transaction, rental: Rental, instance: Instance, now_us: int) -> Rental:
    """Note what it bills where that is less than what is counted: for telling what it has cost.

    What the caps count stays what was approved; the vendor's charges correct both. A stretch is
    `[from, rate, until]`: seen so at both ends. Nothing is noted of a machine that bills in full.
    """
    rates = {Billing.DISK: instance.disk_usd_per_hour, Billing.NOTHING: UsdPerHour()}
    rate = rates.get(billing_told(instance), rental.usd_per_hour)
    if rate >= current_rate(rental):
        return rental
    low = rental.facts.low
    last = low[-1] if low else None
    if last and last.rate_micros == rate.micros and now_us - last.until_us <= SEEN_HOLDS_US:
        if now_us - last.until_us < _NOTED_EVERY_US:
            return rental
        low = (*low[:-1], last._replace(until_us=now_us))
    elif len(low) < _MOST_STRETCHES:
        low = (*low, LowStretch(now_us, rate.micros, now_us))
    return tx.update_rental(rental, facts=replace(rental.facts, low=low))


def _start_seen(tx: Transaction, rental: Rental, instance: Instance, read_us: int) -> Rental:
    """A start of ours has arrived; and once it came up it is never given up any more."""
    facts = rental.facts
    if facts.starting:
        facts = replace(facts, starting=False, seen_us=read_us)
    if instance.actual_status == "running" and facts.came_up is False:
        facts = replace(facts, came_up=True)
    return rental if facts is rental.facts else tx.update_rental(rental, facts=facts)


def _compare(tx: Transaction, rental: Rental, instance: Instance) -> Rental:
    """The first sight of a machine that nobody could look at when it came.

    Its true price counts from its first second; that it is dearer, or another machine than the one
    approved, stands in the books until the keeper has acted on it.
    """
    breach = breach_of_rental(instance, rental)
    facts = replace(rental.facts, checked=True, breach=breach or "")
    tx.reprice_lease(rental.intent_id, instance.usd_per_hour)
    return tx.update_rental(rental, usd_per_hour=instance.usd_per_hour, facts=facts)


def reopen(tx: Transaction, rental: Rental, instance: Instance, now_us: int) -> Rental:
    """The books took it for over or never made, and the vendor shows it: it counts again."""
    never = rental.state in {RentalState.REFUSED, RentalState.ABSENT}
    began_us = rental.created_us if never else min(now_us, rental.ended_us or now_us)
    rate = rental.usd_per_hour if never else max(rental.usd_per_hour, instance.usd_per_hour)
    tx.add_segment(Segment(rental.intent_id, "lease", rate, Usd(), began_us, rental.lease_ends_us))
    rental = tx.update_rental(
        rental,
        state=RentalState.ACTIVE,
        target_id=instance.instance_id,
        usd_per_hour=rate,
        running=True,
        ended_us=None,
        settled_us=now_us,
        facts=replace(rental.facts, checked=False, missed=0),
    )
    return observe(tx, rental, instance, now_us, now_us)


def rest(tx: Transaction, rental: Rental, now_us: int, read_us: int) -> Rental:
    """Seen stopped: GPU time ends now, the disk goes on."""
    tx.close_segments(rental.intent_id, now_us)
    tx.add_segment(Segment(rental.intent_id, "disk", rental.disk_usd_per_hour, Usd(), now_us, None))
    facts = replace(rental.facts, breach="", starting=False, seen_us=read_us, rested_us=now_us)
    return tx.update_rental(rental, running=False, facts=facts)


def resume(tx: Transaction, rental: Rental, now_us: int, until_us: int | None = None) -> Rental:
    """Running (again) from now, under its lease."""
    until_us = rental.lease_ends_us if until_us is None else until_us
    tx.close_segments(rental.intent_id, now_us)
    tx.add_segment(Segment(rental.intent_id, "lease", rental.usd_per_hour, Usd(), now_us, until_us))
    return tx.update_rental(rental, running=True, lease_ends_us=until_us)


def reprice(tx: Transaction, rental: Rental, rate: UsdPerHour, now_us: int) -> Rental:
    """Another price from now on: a changed bid."""
    rental = tx.update_rental(rental, usd_per_hour=rate)
    if not rental.running:
        return rental
    return resume(tx, rental, now_us)


def rise(tx: Transaction, rental: Rental, intent_id: str, now_us: int) -> Rental:
    """A call is about to send what makes it dearer; until it has settled, nobody lowers it."""
    facts = replace(rental.facts, rise_intent=intent_id, raised_us=now_us)
    return tx.update_rental(rental, facts=facts)


def settle(
    tx: Transaction, rental: Rental, intent_id: str, rate: UsdPerHour, now_us: int
) -> Rental:
    """What this call read back is its price, unless a dearer one of another is on its way."""
    sent_us = now_us - rental.facts.raised_us
    if rental.facts.rise_intent == intent_id:
        rental = tx.update_rental(rental, facts=replace(rental.facts, rise_intent=""))
    elif rental.facts.rise_intent and 0 <= sent_us < _RISE_ARRIVES_US:
        rate = max(rate, rental.usd_per_hour)
    if rate == rental.usd_per_hour:
        return rental
    rental = tx.update_rental(rental, facts=replace(rental.facts, seen_us=now_us))
    return reprice(tx, rental, rate, now_us)


def close(tx: Transaction, rental: Rental, state: RentalState, now_us: int) -> Rental:
    """Over: no more is reserved than a machine's last minutes. What never existed owes nothing."""
    tail_us = BILLING_TAIL_US if rental.kind == "instance" else 0
    if state in {RentalState.REFUSED, RentalState.ABSENT}:
        tx.drop_segments(rental.intent_id)
    else:
        tx.close_segments(rental.intent_id, now_us + tail_us)
    if rental.state is state:
        return rental
    return tx.update_rental(rental, state=state, running=False, ended_us=now_us)


def note_key(tx: Transaction, intent_id: str, key: KeyState) -> None:
    """How our SSH key stands on its machine now."""
    rental = tx.rental(intent_id)
    if rental is not None:
        tx.update_rental(rental, facts=replace(rental.facts, key=key))
