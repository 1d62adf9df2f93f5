"""What a person should be told now: pure, from one look at the account and the books."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from vast_mcp.account.lease_label import user_part
from vast_mcp.clock import DAY_US, MINUTE_US, SECOND_US
from vast_mcp.instances.state import Held
from vast_mcp.keeper.tick import Cause, Deed
from vast_mcp.models import Billing, InboxNote, InstanceState
from vast_mcp.notices.copied import copied
from vast_mcp.notices.notice import Notice, NoticeKind, quoted
from vast_mcp.policy.limits import NotifyRules
from vast_mcp.showing import at_least
from vast_mcp.store import Rental, RentalState
from vast_mcp.units import Usd, UsdPerHour

CONTRACT_US = 3 * DAY_US
UNRESOLVED_US = 10 * MINUTE_US
OVERDUE_US = 10 * MINUTE_US
"""So long after its lease a machine that still bills is one without a lease."""
SHORT_RUNWAY_H = 24.0
NEWS_US = 2 * 60 * MINUTE_US
"""What the vendor told longer ago is no news."""


@dataclass(frozen=True, slots=True)
class Pot:
    """Money with a cap: of a day, a month, a task."""

    key: str
    name: str
    spent: Usd
    cap: Usd


@dataclass(frozen=True, slots=True)
class AccountRound:
    """One look: the machines with their books, what was done about them, the money."""

    held: tuple[Held, ...] = ()
    deeds: tuple[tuple[Deed, Rental | None], ...] = ()
    pots: tuple[Pot, ...] = ()
    credit: Usd | None = None
    """None: not read this time, which is never taken for "none left"."""
    usd_per_hour: UsdPerHour = UsdPerHour()
    notes: tuple[InboxNote, ...] = ()
    """What the vendor itself told the account lately; often nothing, as it is seldom asked."""


def due(
    seen: AccountRound,
    rentals: Sequence[Rental],
    rules: NotifyRules,
    now_us: int,
    sent: Collection[str] = (),
) -> list[Notice]:
    """Every notice whose time has come, without those already sent."""
    # What this very look ended is still shown as it was before.
    ended = {deed.target_id for deed, _ in seen.deeds if deed.status}
    found = [
        *_lease_ends(rentals, rules, now_us),
        *_deeds(seen),
        *_ended_elsewhere(rentals, now_us),
        *_never_up(seen, ended),
        *_machines(seen, ended, now_us),
        *copied(seen.held),
        *_resumed(seen, ended, now_us),
        *_overdue_endpoints(seen, rentals, now_us),
        *_unresolved(rentals, now_us),
        *_spend(seen, rules),
        *_runway(seen, now_us),
    ]
    return [notice for notice in found if notice.key not in sent]


def _lease_ends(rentals: Sequence[Rental], rules: NotifyRules, now_us: int) -> Iterator[Notice]:
    for rental in rentals:
        left_us = rental.lease_ends_us - now_us
        ending = rental.state is RentalState.DESTROYING
        if rental.target_id is None or not rental.running or ending or left_us <= 0:
            continue
        whole_us = rental.lease_ends_us - _began_us(rental)
        fitting = [
            minutes
            for minutes in rules.before_minutes
            if left_us <= minutes * MINUTE_US < whole_us  # a short lease is not told at its start
        ]
        if not fitting:
            continue
        extend = f" More time: vast-mcp extend {rental.target_id} HOURS"
        more = extend if rental.kind == "instance" else ""
        yield _notice(
            NoticeKind.LEASE_ENDS,
            f"{_lease_key(rental)}:{min(fitting)}",
            f"The lease of {_named(rental)} ends at {_hour(rental.lease_ends_us)}, in"
            f" {-(-left_us // MINUTE_US)} min. Then: {_then(rental)}.{more}",
            rental,
        )


def _deeds(seen: AccountRound) -> Iterator[Notice]:
    for deed, one in seen.deeds:
        if one is None:
            continue
        if not deed.status and not one.state.holds_money:
            continue  # it could not be ended because it was gone
        if not deed.status:
            yield _notice(
                NoticeKind.FAILED,
                f"failed:{deed.cause}:{_lease_key(one)}",
                f"{_begun(_named(one))} could not be ended ({_because(deed.cause)}). It still"
                f" costs {one.usd_per_hour}; ending it is tried again every minute. If this"
                " persists, end it in the Vast.ai console.",
                one,
            )
        elif deed.cause is Cause.LEASE:
            yield _notice(
                NoticeKind.LEASE_ENDED,
                f"lease_ended:{_lease_key(one)}",
                f"The lease of {_named(one)} has ended: {_done(one, deed.status)}",
                one,
            )
        elif deed.cause is Cause.START:
            yield _notice(
                NoticeKind.START_GIVEN_UP,
                f"start_given_up:{one.kind}-{one.target_id}:{one.facts.start_us}",
                f"{_begun(_named(one))} did not start within 10 min (its GPU is taken) and was"
                f" stopped again. Start it later or destroy it: its disk costs"
                f" {one.disk_usd_per_hour.per_day}/day.",
                one,
            )
        elif deed.cause is Cause.OUTBID:
            yield _notice(
                NoticeKind.START_GIVEN_UP,
                f"bid_given_up:{one.kind}-{one.target_id}",
                f"The bid for {_named(one)} did not win within 10 min: it never ran, and"
                f" {_done(one, deed.status)} Rent again with a higher bid or another offer.",
                one,
            )


def _ended_elsewhere(rentals: Sequence[Rental], now_us: int) -> Iterator[Notice]:
    """Seen stopped, its lease over, and no keeper did it: the guard inside, or its owner."""
    for rental in rentals:
        over_us = now_us - rental.lease_ends_us
        resting = rental.kind == "instance" and rental.target_id is not None and not rental.running
        if resting and 0 <= over_us < DAY_US and not rental.facts.stop_sent:
            yield _notice(
                NoticeKind.LEASE_ENDED,
                f"lease_ended:{_lease_key(rental)}",
                f"The lease of {_named(rental)} has ended: {_done(rental, 'stopped')}",
                rental,
            )


def _never_up(seen: AccountRound, ended: Collection[int]) -> Iterator[Notice]:
    """Rented by us, and not come up in a quarter of an hour: told, not destroyed unasked."""
    for held in seen.held:
        number = held.instance.instance_id
        if held.not_up_min is not None and number not in ended:
            yield Notice(
                NoticeKind.NOT_UP,
                f"not_up:{number}",
                f"Instance {number}{quoted(held.label)} has not come up in the {held.not_up_min}"
                f" min since it was rented and costs {held.usd_per_hour_now}. Destroy it and rent"
                " another offer; otherwise it is billed until its lease ends.",
                number,
            )


def _machines(seen: AccountRound, ended: Collection[int], now_us: int) -> Iterator[Notice]:
    for held in seen.held:
        if not (held.ours or _marked_inside(held)):
            continue
        one, number = held.instance, held.instance.instance_id
        name = f"instance {number}{quoted(held.label)}"
        if held.state is InstanceState.OUTBID:
            yield Notice(
                NoticeKind.OUTBID,
                outbid_key(number),
                f"{_begun(name)} was outbid and stopped; it resumes by itself when its bid wins"
                f" again.{_bids(held, seen.notes)} Its disk costs"
                f" {one.disk_usd_per_hour.per_day}/day. Raise the bid, wait, or stop it.",
                number,
            )
        ends_us = one.contract_ends_us
        if ends_us is not None and 0 < ends_us - now_us <= CONTRACT_US:
            yield Notice(
                NoticeKind.CONTRACT_ENDS,
                f"contract:{number}:{ends_us // DAY_US}",
                f"The host's contract of {name} ends {_day_and_hour(ends_us)}. Its data may be"
                " deleted 48 h later: copy what you need before it ends.",
                number,
            )
        bills = held.bills is Billing.GPU_AND_DISK and number not in ended
        if bills and _unleased(held, now_us):
            yield Notice(
                NoticeKind.NO_LEASE,
                f"no_lease:{number}{_lease_of(held.rental)}",
                f"{_begun(name)} was rented by vast-mcp and costs {one.usd_per_hour} without a"
                " lease in force. Stop or destroy it; `vast-mcp leases` shows it.",
                number,
            )


def outbid_key(instance_id: int) -> str:
    """Forgotten once the machine runs again, so that the next time is told too."""
    return f"outbid:{instance_id}"


def _lease_of(rental: Rental | None) -> str:
    """Which of a machine's leases it outlived: it may be given another, and outlive that too."""
    return "" if rental is None else f":{rental.lease_ends_us}"


def _bids(held: Held, notes: Sequence[InboxNote]) -> str:
    """The bid that won, by the vendor's own notice where there is one, else by the row."""
    told = _newest("outbid", held, notes)
    yours = told.your_bid if told is not None else None
    least = told.least_bid if told is not None else None
    if yours is not None and least is not None and least > yours:  # once it was told as lower
        return f" Its bid: ${yours.dollars:g}/h; the winning bid: ${least.dollars:g}/h."
    if held.needed_bid:
        return f" Bid needed now: ${at_least(held.needed_bid):g}/h."
    return ""


def _newest(kind: str, held: Held, notes: Sequence[InboxNote]) -> InboxNote | None:
    """The newest notice of this kind about this machine since it was rented."""
    since_us = held.created_us or 0
    fitting = [
        note
        for note in notes
        if note.kind == kind
        and note.instance_id == held.instance.instance_id
        and note.created_us >= since_us
    ]
    return max(fitting, key=lambda one: one.created_us, default=None)


def _resumed(seen: AccountRound, ended: Collection[int], now_us: int) -> Iterator[Notice]:
    """A queued start has come up, perhaps hours later: it bills from now on."""
    for held in seen.held:
        number = held.instance.instance_id
        told = _newest("instance_resumed", held, seen.notes)
        if told is None or not held.ours or number in ended or now_us - told.created_us > NEWS_US:
            continue
        if held.bills is Billing.GPU_AND_DISK:
            yield Notice(
                NoticeKind.RESUMED,
                f"resumed:{number}:{told.note_id}",
                f"Instance {number}{quoted(held.label)} is running again: its queued start came"
                f" up, and it now costs {held.instance.usd_per_hour}.",
                number,
            )


def _unleased(held: Held, now_us: int) -> bool:
    rental = held.rental
    if rental is not None and rental.state.holds_money:
        return now_us - rental.lease_ends_us >= OVERDUE_US
    return held.mark is None and (rental is not None or _marked_inside(held))


def _marked_inside(held: Held) -> bool:
    """Known by its environment alone: its label, and with it its end, was changed.

    A mark in the label that is not ours is another vast-mcp's, which has an end of its own for it.
    """
    raw, named = held.instance.raw_label, held.instance.intent_mark
    return named is not None and not held.copied and user_part(raw) == raw.strip()


def _overdue_endpoints(
    seen: AccountRound, rentals: Sequence[Rental], now_us: int
) -> Iterator[Notice]:
    ended = {deed.target_id for deed, _ in seen.deeds if deed.status == "ended"}
    for rental in rentals:
        overdue = now_us - rental.lease_ends_us >= OVERDUE_US and rental.target_id not in ended
        if rental.kind == "endpoint" and rental.target_id is not None and overdue:
            yield _notice(
                NoticeKind.NO_LEASE,
                f"no_lease:{_lease_key(rental)}",
                f"The lease of {_named(rental)} has ended and a worker of it may still be billed."
                " Ending it is tried again every minute; if this persists, delete it in the"
                " Vast.ai console.",
                rental,
            )


def _unresolved(rentals: Sequence[Rental], now_us: int) -> Iterator[Notice]:
    for rental in rentals:
        sent_us = rental.sent_us or rental.created_us
        lost = rental.target_id is None and rental.state.unresolved
        if lost and now_us - sent_us > UNRESOLVED_US:
            yield _notice(
                NoticeKind.UNRESOLVED,
                f"unresolved:{rental.intent_id}",
                f"A rent sent at {_hour(sent_us)}{quoted(rental.label)} has no answer yet: it may"
                f" or may not exist at {rental.usd_per_hour}. It is being searched for and its"
                " money stays reserved; do not rent again. See: vast-mcp leases",
                rental,
            )


def _spend(seen: AccountRound, rules: NotifyRules) -> Iterator[Notice]:
    for pot in seen.pots:
        if not pot.cap or pot.spent.micros * 100 < pot.cap.micros * rules.spend_percent:
            continue
        share = pot.spent.micros * 100 // pot.cap.micros
        yield Notice(
            NoticeKind.SPEND,
            f"spend:{pot.key}:{rules.spend_percent}",
            f"{share} % of {pot.name} is spent: {pot.spent} of {pot.cap}. What is billed:"
            " vast-mcp leases. To stop everything: vast-mcp freeze --stop-all",
        )


def _runway(seen: AccountRound, now_us: int) -> Iterator[Notice]:
    if seen.credit is None or not seen.usd_per_hour:
        return
    hours = max(0.0, seen.credit.dollars) / seen.usd_per_hour.dollars
    if hours < SHORT_RUNWAY_H:
        yield Notice(
            NoticeKind.RUNWAY,
            f"runway:{now_us // DAY_US}",
            f"The credit of {seen.credit} lasts about {hours:.1f} h at {seen.usd_per_hour}. Then"
            " Vast.ai stops every machine and later deletes disks: add credit, or stop something.",
        )


def _notice(kind: NoticeKind, key: str, text: str, one: Rental) -> Notice:
    return Notice(kind, key, text, one.target_id if one.kind == "instance" else None)


def _lease_key(one: Rental) -> str:
    return f"{one.kind}-{one.target_id}:{one.lease_ends_us}"


def _named(one: Rental) -> str:
    return f"{one.kind} {one.target_id}{quoted(one.label)}"


def _began_us(one: Rental) -> int:
    return one.created_us if one.facts.start_us is None else one.facts.start_us


def _then(one: Rental) -> str:
    if one.kind == "endpoint":
        return "its workers are ended"
    if one.end_act == "destroy":
        return "destroyed with its disk"
    return f"stopped; its disk is billed at {one.disk_usd_per_hour.per_day}/day"


def _done(one: Rental, status: str) -> str:
    if one.kind == "endpoint":
        return (
            "none of its workers is being billed."
            if status == "ended"
            else "its workers are being ended."
        )
    if status == "destroyed":
        return "destroyed, with its disk. Nothing of it is billed any more."
    if status == "destroying":
        return "being destroyed, with its disk. It counts as billed until it is gone."
    word = {"stopped": "stopped", "unknown": "told to stop, not yet confirmed"}.get(
        status, "being stopped"
    )
    per_day = one.disk_usd_per_hour.per_day
    return f"{word}. Its disk is billed at {per_day}/day until destroyed."


def _because(cause: Cause) -> str:
    return {
        Cause.LEASE: "its lease ended",
        Cause.START: "it did not start",
        Cause.UNAPPROVED: "it is not what was approved",
        Cause.REPEAT: "an earlier stop or destroy did not take effect",
        Cause.OUTBID: "its bid did not win",
    }[cause]


def _begun(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def _hour(at_us: int) -> str:
    return f"{_at(at_us):%H:%M} UTC"


def _day_and_hour(at_us: int) -> str:
    return f"{_at(at_us):%d %b, %H:%M} UTC"


def _at(at_us: int) -> datetime:
    return datetime.fromtimestamp(at_us // SECOND_US, UTC)
