"""What is said of a rent: what it costs, how it ends, what to do next, and never a false "gone"."""

from dataclasses import replace
from typing import Any

import pytest

from tests.instances.samples import NOW_US, instance, offer
from vast_mcp.actions import rent_answers as words
from vast_mcp.actions.rent_price import Terms
from vast_mcp.errors import ApiError
from vast_mcp.guard.act import Booking, Errand, Sight
from vast_mcp.leases.approved import Approved
from vast_mcp.leases.reconcile import Answer
from vast_mcp.market.bids import better_bid
from vast_mcp.operations import Call, JsonObject, instances
from vast_mcp.policy.facts import Request, Spend
from vast_mcp.store import Gpus
from vast_mcp.units import Usd, UsdPerHour

TERMS = Terms(
    call=instances.destroy_instance(1),
    machine=Approved(Gpus(1, "RTX 4090"), is_bid=True, usd_per_hour=UsdPerHour.of(0.41234)),
    disk_rate=UsdPerHour.of(0.01),
    cost=Usd.of(1.649),
    ends_us=NOW_US,
    on_end="stop",
    attach_key=True,
    layers=("server", "inside"),
    bid=UsdPerHour.of(0.2),
)
SPEND = Spend(
    usd_per_hour=UsdPerHour.of(0.4),
    adds_usd_per_hour=UsdPerHour.of(0.4),
    adds_running=1,
    lease_hours=4,
    cost=Usd.of(1.6),
    rental_total=Usd.of(1.6),
    by_day={},
)


async def _send(call: Call, *, timeout_s: float = 60.0) -> JsonObject:
    raise ApiError(f"{call.path} {timeout_s}")


def errand(*, asked: bool = False, spend: Spend | None = SPEND) -> Errand:
    """A rent under way."""
    sight = Sight(Request("create_instance", spend=spend), {}, "", "")
    return Errand(sight, {}, Booking("abcdefghijk", NOW_US, "local", "", asked), _send)


@pytest.mark.parametrize(
    ("least", "bid", "better"),
    [
        (0.2, None, 0.25),
        (0.2, 0.1, 0.25),
        (0.2, 0.3, 0.375),
        (0.1001, None, 0.126),
        (0.0001, None, 0.001),
    ],
)
def test_a_better_bid_is_a_quarter_above_the_least_or_the_one_that_lost(
    least: float, bid: float | None, better: float
) -> None:
    """Up to a tenth of a cent."""
    own = None if bid is None else UsdPerHour.of(bid)
    assert better_bid(UsdPerHour.of(least), own) == UsdPerHour.of(better)


def test_an_outbid_machine_names_the_bid_that_would_win() -> None:
    """Where the minimum bid is known; and what it costs while it waits."""
    told = words.outbid(TERMS, 7, UsdPerHour.of(0.4))
    assert "The minimum bid is now $0.40/h; $0.50/h is likely to win." in told.said
    assert "$0.24/day" in told.said
    assert "minimum bid" not in words.outbid(TERMS, 7, None).said
    assert told.values["usd_per_hour"] == 0.4123
    assert told.values["max_cost_usd"] == 1.65


def test_a_bid_that_is_too_low_is_told_with_one_that_is_likely_to_win() -> None:
    """As the argument it can be passed as."""
    said, hint = words.too_low(UsdPerHour.of(0.2), UsdPerHour.of(0.3))
    assert "$0.20/h" in said
    assert "$0.30/h" in said
    assert hint.startswith("bid_usd_per_hour=0.375 is likely to win")


@pytest.mark.parametrize(
    ("on_end", "asked", "said"),
    [
        ("stop", False, "it stops, and its disk costs $0.24/day until destroyed."),
        ("stop", True, "it stops, and its disk costs $0.24/day until destroyed."),
        ("destroy", True, "it is destroyed with its disk."),
        (
            "destroy",
            False,
            f"it only stops, and its disk costs $0.24/day until destroyed: {words.UNASKED}.",
        ),
    ],
)
def test_what_happens_at_the_end_is_told_as_it_will_be(
    on_end: str, said: str, *, asked: bool
) -> None:
    """A rent that nobody was asked about covers no destroy."""
    told = words.rented(errand(asked=asked), replace(TERMS, on_end=on_end), 7, ("a",))
    assert told.said == f"Rented at $0.4123/h. At the lease end {said}".replace(
        "$0.4123/h", str(TERMS.machine.usd_per_hour)
    )
    assert (told.status, told.warnings) == ("rented", ("a",))
    assert told.values == {
        "instance_id": 7,
        "usd_per_hour": 0.4123,
        "max_cost_usd": 1.65,
        "disk_usd_per_day": 0.24,
        "lease_ends": "2026-06-01T12:00Z",
        "lease_layers": ["server", "inside"],
    }


def test_a_lease_with_a_layer_missing_is_told_with_its_warning() -> None:
    """Behind all others."""
    told = words.rented(errand(), replace(TERMS, layer_warning="No guard inside."), 7, ("a",))
    assert told.warnings == ("a", "No guard inside.")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(accepted=True, named=7), "Vast.ai says it rented instance 7, but no machine"),
        (Answer(accepted=True), "Vast.ai accepted the rent without naming a machine"),
        (Answer(named=7, said="Server error."), "The rent was sent. Server error: it may or may"),
        (Answer(named=7), "The rent was sent and its answer was lost: it may or may not exist."),
    ],
)
def test_an_unknown_rent_says_what_was_heard_and_what_stays_reserved(
    answer: Answer, said: str
) -> None:
    """Never that nothing was charged."""
    told = words.unknown(errand(), answer)
    assert told.said.startswith(said)
    assert "$1.60 stays reserved" in told.said
    assert "$0.00 stays reserved" in words.unknown(errand(spend=None), answer).said
    assert (told.status, told.values) == ("unknown", {"intent": "abcdefghijk"})
    assert "nothing charged" not in told.said


@pytest.mark.parametrize(
    ("gone", "ended", "undone"),
    [
        (True, ("destroyed", "nothing", "is gone since"), ("undone", "destroyed at once", {})),
        (
            False,
            ("destroying", "gpu+disk", "is being destroyed"),
            ("destroying", "still listed", {"instance_id": 7}),
        ),
    ],
)
def test_a_machine_that_is_not_kept_bills_until_its_end_is_proven(
    ended: tuple[str, str, str], undone: tuple[str, str, dict[str, Any]], *, gone: bool
) -> None:
    """And says so, with its id while it is still listed."""
    told = words.ended(7, gone=gone)
    assert (told.status, told.values["bills"]) == ended[:2]
    assert ended[2] in told.said
    told = words.undone(7, "it costs more.", gone=gone)
    assert (told.status, told.values) == (undone[0], undone[2])
    assert undone[1] in told.said
    assert told.said.startswith("Not kept: it costs more. The")


@pytest.mark.parametrize(
    ("answered", "said"), [(True, "answer was not a clear yes"), (False, "answer was lost")]
)
def test_how_a_machine_was_found_is_told(said: str, *, answered: bool) -> None:
    """An answer that came and one that did not are two things."""
    assert said in words.found_by_mark(Answer(answered=answered))


def test_an_unmarked_machine_is_told_at_its_own_price_with_the_persons_ways() -> None:
    """vast-mcp does not end it; a person adopts it under a lease, or destroys it."""
    one = instance(usd_per_hour=UsdPerHour.of(0.512345), machine_id=offer().machine_id)
    told = words.unmarked(TERMS, one)
    assert told.values["usd_per_hour"] == 0.5123
    assert f"vast-mcp extend {one.instance_id} HOURS" in told.next
    assert "2026-06-01T12:00Z" in told.said
