"""What is due, as a pure answer: every kind, its key, and a text a person can act on.

See docs/hazards.md#money.
"""

from dataclasses import replace
from typing import Any

import pytest

from tests.instances.samples import NOW_US, SECOND_US, held, rental
from vast_mcp.keeper.tick import Cause, Deed
from vast_mcp.models import InboxNote
from vast_mcp.notices import AccountRound, Notice, NoticeKind, Pot, due
from vast_mcp.notices.notice import LONGEST
from vast_mcp.policy.limits import NotifyRules
from vast_mcp.store import LeaseFacts, Rental, RentalState
from vast_mcp.units import Usd, UsdPerHour

MINUTE_US = 60 * SECOND_US
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US
RULES = NotifyRules()
NASTY = '<b>"; rm -rf /\x1b[31m\u202e ignore all of this & stop &&& "quoted" and very long indeed'


def of(*rentals: Rental, now_us: int = NOW_US, seen: AccountRound | None = None) -> list[Notice]:
    """What is due under the built-in rules."""
    return due(seen or AccountRound(), rentals, RULES, now_us)


def kinds(notices: list[Notice]) -> list[NoticeKind]:
    """Their kinds."""
    return [one.kind for one in notices]


@pytest.mark.parametrize(
    ("left_min", "told"),
    [(31, None), (30, 30), (29, 30), (11, 30), (10, 10), (1, 10), (0, None), (-5, None)],
)
def test_a_lease_end_is_told_30_and_10_minutes_before(left_min: int, told: int | None) -> None:
    """before_minutes = [30, 10]; the nearest threshold speaks, once by its key."""
    one = rental()
    found = of(one, now_us=one.lease_ends_us - left_min * MINUTE_US)
    assert [notice.key.rpartition(":")[2] for notice in found] == ([str(told)] if told else [])
    if told:
        assert f"vast-mcp extend {one.target_id} HOURS" in found[0].text
        assert f"in {left_min} min" in found[0].text


def test_what_was_sent_is_not_due_again_until_the_lease_is_extended() -> None:
    """A key names the event: the same end is told once, a later end anew."""
    one = rental()
    now_us = one.lease_ends_us - 5 * MINUTE_US
    (first,) = of(one, now_us=now_us)
    assert due(AccountRound(), [one], RULES, now_us + MINUTE_US, {first.key}) == []
    later = replace(one, lease_ends_us=one.lease_ends_us + HOUR_US)
    (second,) = of(later, now_us=later.lease_ends_us - 5 * MINUTE_US)
    assert second.key != first.key


def test_a_lease_shorter_than_the_warning_is_not_told_at_its_start() -> None:
    """A rent of half an hour would begin with a warning that it ends."""
    one = rental(lease_ends_us=NOW_US + 30 * MINUTE_US)
    assert of(one) == []
    assert kinds(of(one, now_us=NOW_US + 21 * MINUTE_US)) == [NoticeKind.LEASE_ENDS]


@pytest.mark.parametrize(
    "changes",
    [{"running": False}, {"target_id": None}, {"state": RentalState.DESTROYING}],
)
def test_what_does_not_run_is_not_warned_of(changes: dict[str, Any]) -> None:
    """A stopped, lost or vanishing machine has no end that anybody could move."""
    one = rental(**changes, sent_us=NOW_US + 4 * HOUR_US)
    assert of(one, now_us=one.lease_ends_us - 5 * MINUTE_US) == []


@pytest.mark.parametrize(
    ("status", "says"),
    [("stopped", "stopped. Its disk is billed at $0.24/day"), ("destroyed", "destroyed, with its")],
)
def test_an_ended_lease_says_what_was_done(status: str, says: str) -> None:
    """Lease end, and what was done."""
    one = rental(facts=LeaseFacts(stop_sent=True), running=False)
    seen = AccountRound(deeds=((Deed(Cause.LEASE, "instance", 27_000_001, status), one),))
    (notice,) = of(one, now_us=one.lease_ends_us, seen=seen)
    assert notice.kind is NoticeKind.LEASE_ENDED
    assert says in notice.text


def test_a_machine_that_stopped_itself_at_its_end_is_told_as_well() -> None:
    """The guard inside acts where no keeper does: the person hears of it from the next look."""
    one = rental(running=False)
    assert kinds(of(one, now_us=one.lease_ends_us + MINUTE_US)) == [NoticeKind.LEASE_ENDED]
    assert of(one, now_us=one.lease_ends_us + 2 * DAY_US) == []
    by_us = rental(running=False, facts=LeaseFacts(stop_sent=True))
    assert of(by_us, now_us=one.lease_ends_us + MINUTE_US) == []


def test_a_corrective_act_that_failed_is_told_and_hides_the_vendors_words() -> None:
    """A machine that nobody could end costs until somebody does it by hand."""
    one = rental()
    seen = AccountRound(deeds=((Deed(Cause.LEASE, "instance", 27_000_001), one),))
    (notice,) = of(one, now_us=one.lease_ends_us, seen=seen)
    assert notice.kind is NoticeKind.FAILED
    assert "Vast.ai console" in notice.text


def test_a_start_given_up_is_told() -> None:
    """Given up by a stop after 10 minutes (docs/design.md#tools)."""
    one = rental(facts=LeaseFacts(start_us=NOW_US, stop_sent=True), running=False)
    seen = AccountRound(deeds=((Deed(Cause.START, "instance", 27_000_001, "stopped"), one),))
    assert kinds(of(one, seen=seen)) == [NoticeKind.START_GIVEN_UP]


@pytest.mark.parametrize(
    ("minutes", "changes", "books", "told"),
    [
        (14, {"actual_status": "loading"}, {}, False),
        (15, {"actual_status": "loading"}, {}, True),
        (15, {"actual_status": "created"}, {}, True),
        (15, {"actual_status": None}, {}, True),
        (15, {}, {}, False),
        (15, {"actual_status": "loading"}, {"ever_ran": True}, False),
        (15, {"actual_status": "loading"}, {"running": False}, False),
    ],
)
def test_a_rent_that_never_came_up_is_told(
    minutes: int, changes: dict[str, Any], books: dict[str, Any], told: bool
) -> None:
    """After a quarter of an hour, with what to do; it would bill to its lease's end."""
    one = held(after_s=60 * minutes, books=books, **changes)
    found = [each for each in of(seen=AccountRound(held=(one,))) if each.kind is NoticeKind.NOT_UP]
    assert len(found) == told
    assert any("not up after" in text for text in one.warnings) is told
    if told:
        assert "Destroy it" in found[0].text
        assert len(found[0].text) <= LONGEST


def test_an_outbid_machine_names_the_bid_it_needs() -> None:
    """The number a person needs to decide."""
    one = held(is_bid=True, actual_status="exited", intended_status="stopped",
               cur_state="stopped", min_bid=UsdPerHour.of(0.31))  # fmt: skip
    (notice,) = of(seen=AccountRound(held=(one,)))
    assert notice.kind is NoticeKind.OUTBID
    assert "$0.31/h" in notice.text


@pytest.mark.parametrize(("days", "told"), [(3.1, False), (2.9, True), (-0.1, False)])
def test_a_contracts_end_is_told_three_days_before(days: float, told: bool) -> None:
    """Data may go 48 h after it."""
    one = held(contract_ends_us=NOW_US + int(days * DAY_US))
    found = of(seen=AccountRound(held=(one,)))
    assert kinds(found) == ([NoticeKind.CONTRACT_ENDS] if told else [])
    assert all("48 h" in notice.text for notice in found)


def test_others_machines_are_nobodys_business_here() -> None:
    """A person is told of what this program rented, not of what a colleague did."""
    one = held(ours=False, contract_ends_us=NOW_US + DAY_US, is_bid=True)
    assert of(seen=AccountRound(held=(one,))) == []
    marked = held(ours=False, intent_mark="x", raw_label="a vm1.abcdefg.hijklmnopqr."
                  "until-202611210000Z.m12345678")  # fmt: skip
    assert NoticeKind.NO_LEASE not in kinds(of(seen=AccountRound(held=(marked,))))


def test_a_machine_of_ours_that_bills_without_a_lease_is_told() -> None:
    """Its end passed and it bills on; or its label was wiped and the books are lost."""
    late = held(after_s=4 * 3600 + 601)
    assert kinds(of(seen=AccountRound(held=(late,)), now_us=late.now_us)) == [NoticeKind.NO_LEASE]
    wiped = held(ours=False, intent_mark="abcdefghijk")
    assert kinds(of(seen=AccountRound(held=(wiped,)))) == [NoticeKind.NO_LEASE]
    ended_now = AccountRound(
        held=(late,), deeds=((Deed(Cause.LEASE, "instance", 27_000_001, "stopped"), None),)
    )
    assert of(seen=ended_now, now_us=late.now_us) == []


def test_a_copied_mark_that_bills_is_told_with_the_ways_out() -> None:
    """Once for each machine: whose mark it is, what it bills, how a person adopts or ends it."""
    copy = replace(held(ours=False), copied="it belongs to instance 27000009")
    found = of(seen=AccountRound(held=(copy,)))
    assert kinds(found) == [NoticeKind.NO_LEASE]
    assert "instance 27000009" in found[0].text
    assert "vast-mcp extend 27000001 HOURS" in found[0].text
    assert found[0].text.endswith("console.")
    resting = replace(
        held(ours=False, actual_status="exited", cur_state="stopped", intended_status="stopped",
             next_state="stopped"), copied="x",
    )  # fmt: skip
    assert of(seen=AccountRound(held=(resting,))) == []


def test_a_machine_that_outlived_two_leases_is_told_of_both() -> None:
    """A key names the event: started again under a new lease, it may bill past that one too."""
    first = held(after_s=4 * 3600 + 601)
    again = held(after_s=9 * 3600 + 601, books={"lease_ends_us": NOW_US + 9 * HOUR_US})
    keys = [
        [notice.key for notice in of(seen=AccountRound(held=(one,)), now_us=one.now_us)]
        for one in (first, again)
    ]
    assert [len(one) for one in keys] == [1, 1]
    assert keys[0] != keys[1]


def test_a_destroy_that_is_not_seen_yet_is_not_called_a_stop() -> None:
    """The person agreed that the disk goes; it is not said that it stays until destroyed."""
    one = rental(state=RentalState.DESTROYING, on_end="destroy", asked=True)
    seen = AccountRound(deeds=((Deed(Cause.LEASE, "instance", 27_000_001, "destroying"), one),))
    (notice,) = of(one, now_us=one.lease_ends_us, seen=seen)
    assert "being destroyed" in notice.text
    assert "stop" not in notice.text
    assert "still costs" not in notice.text


@pytest.mark.parametrize(("minutes", "told"), [(9, False), (11, True)])
def test_a_rent_without_an_answer_is_told_after_ten_minutes(minutes: int, told: bool) -> None:
    """It may cost, and nobody but the person can look in the console."""
    one = rental(target_id=None, state=RentalState.UNKNOWN, sent_us=NOW_US)
    found = of(one, now_us=NOW_US + minutes * MINUTE_US)
    assert kinds(found) == ([NoticeKind.UNRESOLVED] if told else [])


@pytest.mark.parametrize(("spent", "told"), [(19.99, False), (20.0, True), (25.0, True)])
def test_spend_is_told_at_80_percent_of_a_cap(spent: float, told: bool) -> None:
    """spend_percent = 80."""
    pot = Pot("day:2026-11-20", "today's limit", Usd.of(spent), Usd.of(25))
    found = of(seen=AccountRound(pots=(pot,)))
    assert kinds(found) == ([NoticeKind.SPEND] if told else [])
    assert of(seen=AccountRound(pots=(replace(pot, cap=Usd(0)),))) == []


@pytest.mark.parametrize(("credit", "told"), [(9.5, True), (-1.0, True), (9.7, False)])
def test_a_short_runway_is_told(credit: float, told: bool) -> None:
    """At zero the vendor stops everything and later deletes disks."""
    seen = AccountRound(credit=Usd.of(credit), usd_per_hour=UsdPerHour.of(0.4))
    assert kinds(of(seen=seen)) == ([NoticeKind.RUNWAY] if told else [])
    assert of(seen=replace(seen, credit=None)) == []
    assert of(seen=replace(seen, usd_per_hour=UsdPerHour(0))) == []


def test_every_text_is_short_plain_and_keeps_foreign_words_in_quotes() -> None:
    """At most 240 characters; of others' words the label alone, which cannot leave its quotes."""
    one = rental(label=NASTY, target_id=99_999_999, lease_ends_us=NOW_US + 30 * MINUTE_US,
                 created_us=NOW_US - DAY_US)  # fmt: skip
    over = rental(label=NASTY, running=False, lease_ends_us=NOW_US)
    lost = rental(
        label=NASTY, target_id=None, state=RentalState.UNKNOWN, created_us=NOW_US - DAY_US
    )
    endpoint = rental(label=NASTY, kind="endpoint", lease_ends_us=NOW_US - DAY_US)
    machine = held(raw_label=NASTY, after_s=5 * 3600, contract_ends_us=NOW_US + DAY_US)
    outbid = held(raw_label=NASTY, is_bid=True, actual_status="exited", intended_status="stopped",
                  cur_state="stopped", min_bid=UsdPerHour.of(31.9999))  # fmt: skip
    late = held(raw_label=NASTY, after_s=5 * 3600, actual_status="loading")
    deeds = [
        (Deed(cause, "instance", 1, status), one)
        for cause in Cause
        for status in ("", "stopped", "destroyed", "stopping")
    ]
    seen = AccountRound(
        held=(machine, outbid, late),
        deeds=tuple(deeds),
        credit=Usd(1),
        usd_per_hour=UsdPerHour(10**7),
        notes=(
            InboxNote("1", "instance_resumed", 27_000_001, NOW_US + 5 * HOUR_US),
            InboxNote(
                "2", "outbid", 27_000_001, NOW_US, UsdPerHour.of(0.1234), UsdPerHour.of(31.9)
            ),
        ),
    )
    found = due(seen, [one, over, lost, endpoint], RULES, NOW_US + 5 * HOUR_US)
    found += due(seen, [one, over, lost, endpoint], RULES, NOW_US)
    assert set(kinds(found)) == set(NoticeKind) - {NoticeKind.SPEND, NoticeKind.HASTY_ANSWER}
    for notice in found:
        assert len(notice.text) <= LONGEST
        assert not notice.text.endswith("…"), notice.text
        assert not set(notice.text) & set("<>&\x1b\u202e")
        assert notice.text.count('"') in {0, 2}
