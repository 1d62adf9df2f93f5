"""The second decision: frozen, asked for more, void, and what the whole account runs at."""

from dataclasses import replace
from typing import Any

import pytest

from tests.guard.test_closed_plans import PLAN
from tests.instances.samples import NOW_US, instance, rental
from tests.policy.cases import machine, rent
from vast_mcp.account.belonging import Bearers
from vast_mcp.account.cache import Facts
from vast_mcp.account.lease_label import Marker
from vast_mcp.clock import ManualClock
from vast_mcp.guard.act import Caller, Sight
from vast_mcp.guard.redeem import Claims, _account_rate, _asks_for_more
from vast_mcp.models import VendorAccount
from vast_mcp.policy import Allow, Ask, Decision, Deny, Level, Limits
from vast_mcp.policy.facts import Request
from vast_mcp.store import Plan, PlanState, Rental, RentalState, SqliteLedger, Transaction
from vast_mcp.text import Untrusted
from vast_mcp.units import Usd, UsdPerHour

ASKING = Caller(can_ask=True)


async def judged(sight: Sight, *, frozen: bool = False) -> Decision:
    """The decision by empty books, which a person may have frozen."""

    def judge(tx: Transaction) -> Decision:
        if frozen:
            tx.freeze(NOW_US, "a person")
        return Claims(ManualClock()).judge(tx, sight, ASKING, Limits(), None)

    return await SqliteLedger(None).write(judge)


@pytest.mark.parametrize(
    ("action", "open_"),
    [
        ("stop_instance", True),
        ("destroy_instance", True),
        ("create_instance", False),
        ("start_instance", False),
        ("extend_lease", False),
        ("no_such_act", False),
    ],
)
async def test_while_frozen_only_what_ends_cost_is_decided_as_ever(
    action: str, *, open_: bool
) -> None:
    """A person's freeze stands above every limit; stop and destroy do not even look at it."""
    spend = None if open_ else rent().spend
    sight = Sight(Request(action, machine(), spend), {}, "", "")
    decision = await judged(sight, frozen=True)
    if open_:
        assert decision == await judged(sight)
        assert not isinstance(decision, Deny)
    else:
        assert isinstance(decision, Deny)


async def test_the_strictest_of_several_requests_decides_and_a_sight_may_insist_on_a_question() -> (
    None
):
    """One machine of a stranger among ours makes it a person's; a price nobody saw makes it ask."""
    ours = Request("stop_instance", machine(never_ran=True))
    theirs = Request("destroy_instance", replace(machine(), owner=machine().owner.FOREIGN))
    alone = await judged(Sight(ours, {}, "", ""))
    both = await judged(Sight(ours, {}, "", "", also=(theirs,)))
    assert alone != both
    assert both == await judged(Sight(theirs, {}, "", ""))
    free = Request("label_instance", machine())
    assert isinstance(await judged(Sight(free, {}, "", "")), Allow)
    asks = await judged(Sight(free, {}, "", "", must_ask="No price was shown."))
    assert isinstance(asks, Ask)
    assert (asks.level, asks.reasons[0].says) == (Level.ASK, "No price was shown.")


@pytest.mark.parametrize(
    ("needed", "changes", "more"),
    [
        (Level.ASK, {"level": "ask"}, False),
        (Level.PERSON, {"level": "ask"}, True),
        (Level.PERSON, {"level": "person"}, False),
        (Level.ASK, {"level": "person"}, False),
        (Level.PERSON, {"level": "ask", "approved": True}, False),
    ],
)
def test_a_yes_of_a_lower_level_does_not_do_for_a_higher_one(
    needed: Level, changes: dict[str, Any], *, more: bool
) -> None:
    """A terminal's approval does for every level."""
    assert _asks_for_more(Ask(needed, ()), replace(PLAN, **changes)) is more
    assert not _asks_for_more(Ask(needed, ()), None)


@pytest.mark.parametrize("state", list(PlanState))
async def test_only_an_open_plan_becomes_void(state: PlanState) -> None:
    """What another call carries out, or has, is given back as it is."""
    plan = replace(PLAN, state=state)

    def void(tx: Transaction) -> tuple[Plan | None, Plan | None]:
        tx.add_plan(plan)
        ended = Claims(ManualClock()).void(tx, PLAN)
        return ended, Claims(ManualClock()).void(tx, None)

    ended, none = await SqliteLedger(None).write(void)
    assert none is None
    assert ended is not None
    assert ended.state is (PlanState.VOID if state is PlanState.OPEN else state)


MARKER = Marker(b"k" * 32)
STOPPED = {"actual_status": "exited", "intended_status": "stopped", "cur_state": "stopped"}
ACCOUNT = VendorAccount(1, Untrusted("ada"), Usd.of(100), Usd.of(100), email_verified=True)


@pytest.mark.parametrize(
    ("shown", "books", "usd"),
    [
        ([], [], 0.0),
        ([{}], [], 0.4),
        ([{}, {"instance_id": 2}], [], 0.8),
        ([STOPPED], [], 0.01),
        ([{}], [{}], 0.4),
        ([{}], [{"usd_per_hour": UsdPerHour.of(0.6)}], 0.6),
        ([{"usd_per_hour": UsdPerHour.of(0.6)}], [{}], 0.6),
        ([STOPPED], [{}], 0.4),
        ([], [{}], 0.4),
        ([], [{"state": RentalState.UNKNOWN, "target_id": None}], 0.4),
        ([], [{"running": False}], 0.01),
        ([], [{"state": RentalState.GONE, "ended_us": NOW_US, "running": False}], 0.0),
        ([{}], [{"kind": "endpoint", "usd_per_hour": UsdPerHour.of(1)}], 1.4),
    ],
)
async def test_the_account_runs_at_what_is_shown_or_reserved_whichever_is_more(
    shown: list[dict[str, Any]], books: list[dict[str, Any]], usd: float
) -> None:
    """A machine that is on its way is shown by nobody yet; an endpoint may rent at any moment."""
    listed = tuple(instance(**changes) for changes in shown)
    facts = Facts(ACCOUNT, listed, Bearers(MARKER, listed))
    held: list[Rental] = [rental(**changes) for changes in books]

    def rate(tx: Transaction) -> UsdPerHour:
        for one in held:
            tx.add_rental(one, [])
        return _account_rate(tx, facts)

    assert (await SqliteLedger(None).write(rate)).dollars == pytest.approx(usd)


async def test_a_machine_found_by_its_mark_alone_is_not_counted_beside_its_intent() -> None:
    """The rent whose answer was lost and the machine that it became are one."""
    one = instance(raw_label=MARKER.label("a", rental().intent_id, NOW_US))
    facts = Facts(ACCOUNT, (one,), Bearers(MARKER, (one,)))

    def rate(tx: Transaction) -> UsdPerHour:
        tx.add_rental(rental(state=RentalState.UNKNOWN, target_id=None), [])
        return _account_rate(tx, facts)

    assert await SqliteLedger(None).write(rate) == UsdPerHour.of(0.4)
