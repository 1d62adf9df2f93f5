"""A rent in the books: what a yes still covers, when a call is a repeat, what is set aside."""

from dataclasses import replace
from typing import Any

import pytest

from tests.instances.samples import NOW_US, SECOND_US, instance, offer
from vast_mcp.account.belonging import Belonging
from vast_mcp.actions.base import Seen
from vast_mcp.actions.rent import REPLAY_TTL_US, CreateInstance, CreateSight
from vast_mcp.actions.rent_price import Price, round_up
from vast_mcp.errors import InputInvalid
from vast_mcp.guard.act import Booking, Sight
from vast_mcp.operations import Json, JsonObject
from vast_mcp.policy.facts import Owner, Request, Target
from vast_mcp.store import (
    Gpus,
    KeyState,
    LeaseFacts,
    Rental,
    RentalState,
    Segment,
    SqliteLedger,
    Transaction,
)
from vast_mcp.text import Untrusted
from vast_mcp.units import Usd, UsdPerHour

ACT = CreateInstance(offer().offer_id, 4.0, max_price_usd_per_hour=1.0)
PRICE = Price(offer(), UsdPerHour.of(0.41), 50.0, 4.0)
SNAPSHOT = PRICE.snapshot()
SIGHT = CreateSight(Request("create_instance"), SNAPSHOT, "", "", price=PRICE)
BOOKING = Booking("abcdefghijk", NOW_US, "local", "", asked=False)


@pytest.mark.parametrize(
    ("then", "holds"),
    [
        ({}, True),
        ({"rate_micros": PRICE.rate.micros + 1}, True),
        ({"rate_micros": PRICE.rate.micros - 1}, False),
        ({"rate_micros": None}, False),
        ({"rate_micros": "9"}, False),
        ({"offer_id": 1}, False),
        ({"machine_id": 2}, False),
        ({"gpu_name": "RTX 3090"}, False),
        ({"num_gpus": 2}, False),
        ({"is_bid": True}, False),
        ({"disk_gb": 60.0}, False),
    ],
)
def test_a_yes_holds_for_the_same_offer_at_no_higher_price(
    then: JsonObject, *, holds: bool
) -> None:
    """A fall is welcome, a micro-dollar more is another question."""
    approved: dict[str, Json] = {**SNAPSHOT, **then}
    assert ACT.holds(approved, Sight(Request("create_instance"), SNAPSHOT, "", "")) is holds


async def replayed(
    act: CreateInstance, changes: dict[str, Any], by: CreateInstance, principal: str = "local"
) -> Rental | None:
    """What a call by `by` is told of the rent that `act` made, as it stands by now."""

    def write(tx: Transaction) -> Rental | None:
        act.reserve(tx, BOOKING, SIGHT)
        made = tx.rental(BOOKING.intent_id)
        assert made is not None
        tx.update_rental(made, **changes)
        return by.replay(tx, principal, NOW_US)

    return await SqliteLedger(None).write(write)


GONE = {"state": RentalState.GONE, "running": False}


@pytest.mark.parametrize(
    ("changes", "repeats"),
    [
        ({"state": RentalState.RESERVED}, True),
        ({"state": RentalState.UNKNOWN}, True),
        ({"state": RentalState.ACTIVE}, True),
        ({"state": RentalState.DESTROYING}, True),
        ({"state": RentalState.REFUSED, "ended_us": NOW_US}, False),
        ({"state": RentalState.ABSENT, "ended_us": NOW_US}, False),
        ({**GONE, "ended_us": NOW_US - REPLAY_TTL_US + 1}, True),
        ({**GONE, "ended_us": NOW_US - REPLAY_TTL_US}, False),
        ({**GONE, "ended_us": NOW_US}, True),
    ],
)
async def test_the_same_call_is_a_repeat_while_its_machine_may_be_there_or_just_ended(
    changes: dict[str, Any], *, repeats: bool
) -> None:
    """Two minutes after its end the same arguments mean another machine; after a no at once."""
    found = await replayed(ACT, changes, ACT)
    assert (found is not None) is repeats


async def test_other_arguments_or_another_principal_are_no_repeat() -> None:
    """Another machine is meant; unless a key was given, which names one machine."""
    active = {"state": RentalState.ACTIVE}
    assert await replayed(ACT, active, replace(ACT, disk_gb=60.0)) is None
    assert await replayed(ACT, active, ACT, "token:other") is None
    keyed = replace(ACT, request_key="one")
    assert await replayed(keyed, active, replace(ACT, request_key="two")) is None
    with pytest.raises(InputInvalid, match="already used with other arguments"):
        await replayed(keyed, active, replace(keyed, disk_gb=60.0))
    refused = {"state": RentalState.REFUSED, "ended_us": NOW_US}
    assert await replayed(keyed, refused, replace(keyed, disk_gb=60.0)) is None


async def reserved(act: CreateInstance) -> tuple[Rental, list[Segment], Usd | None]:
    """The rental, its money and the cap of its task."""

    def write(tx: Transaction) -> tuple[Rental | None, list[Segment], Usd | None]:
        act.reserve(tx, BOOKING, SIGHT)
        made = tx.rental(BOOKING.intent_id)
        task = "" if made is None else made.task
        return made, list(tx.segments(BOOKING.intent_id)), tx.task_cap(task) if task else None

    made, parts, cap = await SqliteLedger(None).write(write)
    assert made is not None
    return made, parts, cap


async def test_a_rent_sets_its_lease_and_its_traffic_aside_before_it_is_sent() -> None:
    """The whole lease at the shown price, to the minute; ten gigabytes of download beside it."""
    made, parts, _ = await reserved(replace(ACT, lease_hours=4.5))
    ends_us = NOW_US + 4 * 3600 * SECOND_US + 1800 * SECOND_US
    assert (made.state, made.lease_ends_us) == (RentalState.RESERVED, ends_us)
    assert (made.offer_id, made.machine_id, made.on_end) == (offer().offer_id, 1, "stop")
    lease, traffic = sorted(parts, key=lambda one: one.kind)
    assert (lease.kind, lease.rate, lease.from_us, lease.until_us, lease.fixed) == (
        "lease",
        PRICE.rate,
        NOW_US,
        ends_us,
        Usd(0),
    )
    assert (traffic.kind, traffic.fixed, traffic.rate) == ("traffic", Usd.of(0.1), UsdPerHour(0))
    assert traffic.closed_us == NOW_US


@pytest.mark.parametrize(
    ("act", "task", "cap"),
    [
        (ACT, "", None),
        (replace(ACT, task="lora"), "lora", None),
        (replace(ACT, task="lora", max_cost_usd=3.0), "lora", Usd.of(3)),
        (replace(ACT, max_cost_usd=3.0), "rental abcdefghijk", Usd.of(3)),
    ],
)
async def test_a_cap_of_the_call_is_kept_for_its_task_or_for_the_rental_alone(
    act: CreateInstance, task: str, cap: Usd | None
) -> None:
    """Later starts and extensions of this machine count against it as well."""
    made, _, kept = await reserved(act)
    assert (made.task, made.max_cost, kept) == (task, cap, cap)


@pytest.mark.parametrize(
    ("act", "facts"),
    [
        (ACT, LeaseFacts(is_bid=False, key=KeyState.DUE)),
        (replace(ACT, bid_usd_per_hour=0.2), LeaseFacts(is_bid=True, key=KeyState.DUE)),
        (replace(ACT, connect="args"), LeaseFacts(is_bid=False, key=KeyState.NONE)),
        (replace(ACT, connect="jupyter"), LeaseFacts(is_bid=False, key=KeyState.DUE)),
    ],
)
async def test_the_books_know_what_was_approved_and_whether_a_key_is_due(
    act: CreateInstance, facts: LeaseFacts
) -> None:
    """A machine that is found later is compared with it; one without SSH needs no key."""
    made, _, _ = await reserved(act)
    gpus = Gpus(1, "RTX 4090")
    assert made.facts == replace(facts, gpus=gpus, disk_gb=50.0, guarded_inside=True)


def test_a_rent_is_decided_on_its_lease_and_its_traffic_together() -> None:
    """Four hours at $0.41 and ten gigabytes at a cent; the traffic belongs to the first day."""
    late = Price(offer(), UsdPerHour.of(0.41), 50.0, 24.0)
    for price, lease in ((PRICE, 1.64), (late, 9.84)):
        spend = price.spend(NOW_US, image="ubuntu", task="lora", max_cost_usd=3.0)
        assert spend.cost == spend.rental_total == Usd.of(lease) + Usd.of(0.1)
        assert sum(spend.by_day.values(), Usd(0)) == spend.cost
    assert spend.by_day == {"2026-06-01": Usd.of(5.02), "2026-06-02": Usd.of(4.92)}
    assert (spend.task, spend.max_cost_usd, spend.adds_running) == ("lora", Usd.of(3), 1)
    assert spend.max_contract_hours == 30 * 24


@pytest.mark.parametrize(
    ("changes", "copied", "words"),
    [
        ({}, "", "1x RTX 4090, rented 1 Jun"),
        ({"started_at_us": None}, "", "1x RTX 4090"),
        ({"owner": Owner.FOREIGN}, "", "1x RTX 4090, rented 1 Jun, not rented by this server"),
        (
            {"owner": Owner.FOREIGN},
            "it is that of another",
            "1x RTX 4090, rented 1 Jun, not rented by this server, its lease mark is a copy",
        ),
    ],
)
def test_a_question_says_which_machine_and_whose(
    changes: dict[str, Any], copied: str, words: str
) -> None:
    """GPU, day and owner: what a person knows it by."""
    changes = dict(changes)
    target = Target("instance", 1, "", changes.pop("owner", Owner.OURS))
    seen = Seen(instance(**changes), None, target, None, Belonging(copied=copied))
    assert seen.words == words


@pytest.mark.parametrize(
    ("changes", "on_end", "words"),
    [
        (
            {},
            "destroy",
            (
                "Rent 1x RTX 4090 (24 GB) in Sweden for up to 4 h? $0.41/h with 50 GB disk: at most"
                " $1.64, traffic about $0.10 extra. Then: destroyed with its disk. vastai/pytorch,"
                " host up 99.0%, free for 30 days. Offer 30000001."
            ),
        ),
        (
            {"rental": "interruptible", "location": Untrusted(""), "duration_s": 2 * 86_400 - 1},
            "stop",
            (
                "Rent 1x RTX 4090 (24 GB) in SE for up to 4 h? $0.41/h (interruptible) with 50 GB"
                " disk: at most $1.64, traffic about $0.10 extra. Then: stopped, disk kept at"
                " $0.25/day. vastai/pytorch, host up 99.0%, free for 1 days. Offer 30000001."
            ),
        ),
        (
            {"location": Untrusted(""), "country": "", "num_gpus": 8, "gpu_ram_gb": 47.9},
            "destroy",
            (
                "Rent 8x RTX 4090 (47 GB) for up to 4 h? $0.41/h with 50 GB disk: at most $1.64,"
                " traffic about $0.10 extra. Then: destroyed with its disk. vastai/pytorch, host up"
                " 99.0%, free for 30 days. Offer 30000001."
            ),
        ),
    ],
)
def test_the_question_of_a_rent_reads_as_designed(
    changes: dict[str, Any], on_end: str, words: str
) -> None:
    """The money first, then what becomes of the disk, then what host it is."""
    price = Price(offer(**changes), UsdPerHour.of(0.41), 50.0, 4.0)
    assert price.question(image="vastai/pytorch:2.4", on_end=on_end) == words


@pytest.mark.parametrize(
    ("micros", "rounded"), [(0, 0), (1, 100), (99, 100), (100, 100), (101, 200), (410_000, 410_000)]
)
def test_a_price_is_rounded_up_to_what_a_person_is_shown(micros: int, rounded: int) -> None:
    """To a hundredth of a cent and never below the offer."""
    assert round_up(UsdPerHour(micros)) == UsdPerHour(rounded)


def test_a_rent_is_decided_on_every_fact_of_its_offer() -> None:
    """Of both directions of traffic the more expensive; each limit finds its own field."""
    one = offer(
        download_usd_per_gb=0.01, upload_usd_per_gb=0.03, verified=False, datacenter=True,
        num_gpus=2, rental="interruptible", country="DE",
    )  # fmt: skip
    price = Price(one, UsdPerHour.of(0.41), 60.0, 4.0)
    spend = price.spend(NOW_US, image="ubuntu", task="", max_cost_usd=None)
    assert spend.usd_per_gb_traffic == Usd.of(0.03)
    assert (spend.verified, spend.datacenter, spend.num_gpus) == (False, True, 2)
    assert (spend.usd_per_hour, spend.adds_usd_per_hour) == (price.rate, price.rate)
    assert (spend.disk_gb, spend.gpu_name, spend.country) == (60.0, "RTX 4090", "DE")
    assert (spend.image, spend.lease_hours, spend.max_cost_usd) == ("ubuntu", 4.0, None)
    approved = price.approved(UsdPerHour.of(0.5))
    assert (approved.gpus, approved.is_bid) == (Gpus(2, "RTX 4090"), True)
