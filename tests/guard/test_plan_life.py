"""A plan's life: found by its call, asked again after wrong digits, over after ten minutes."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.guard.test_closed_plans import PLAN
from tests.instances.samples import NOW_US
from tests.promises.test_answers_hold_once import plan_for, running_machine
from tests.world import World
from vast_mcp.actions import ExtendLease, StartInstance
from vast_mcp.clock import ManualClock
from vast_mcp.guard.act import Caller, Form, Sight
from vast_mcp.guard.plans import (
    LABEL_SHOWN,
    QUESTION_LIMIT,
    TTL_US,
    find,
    keep,
    key_of,
    make,
    question_of,
    recently_declined,
    settle_expiry,
    waits_for_terminal,
    word,
)
from vast_mcp.policy import Level, Limits
from vast_mcp.policy.facts import Request
from vast_mcp.store import Plan, PlanState, Silence, SqliteLedger, Transaction

MISSED = " (wrong digits: type them again)"


@pytest.mark.parametrize(
    ("question", "misses", "put"),
    [
        ("Destroy 27000001 (1x)? [X]", 0, "Destroy 27000001 (1x)? [X]"),
        ("Destroy 27000001 (1x)? [X]", 1, f"Destroy 27000001{MISSED} (1x)? [X]"),
        ("Destroy 271 and 27000001? [X]", 1, f"Destroy 271 and 27000001{MISSED}? [X]"),
        ("Destroy it? [X]", 1, f"{MISSED}Destroy it? [X]"),
    ],
)
def test_after_wrong_digits_the_question_says_so_right_behind_the_id(
    question: str, misses: int, put: str
) -> None:
    """A client that repeats old answers to equal questions shall put this one."""
    assert question_of(replace(PLAN, question=question, misses=misses)) == put


@pytest.mark.parametrize(
    ("changes", "terminal_only", "waits"),
    [
        ({}, False, False),
        ({}, True, True),
        ({"level": "person"}, False, True),
        ({"silence": Silence.AT_ONCE}, False, True),
        ({"silence": Silence.NO_ANSWER}, False, True),
        ({"level": "person", "approved": True}, False, False),
        ({"silence": Silence.AT_ONCE, "approved": True}, True, False),
    ],
)
def test_only_a_terminal_opens_what_no_person_saw_or_what_is_a_persons(
    changes: dict[str, Any], *, terminal_only: bool, waits: bool
) -> None:
    """Until it was approved there."""
    caller = Caller(terminal_only=terminal_only)
    assert waits_for_terminal(replace(PLAN, **changes), caller) is waits


@pytest.mark.parametrize(
    ("state", "after_us", "recent"),
    [
        (PlanState.DECLINED, 0, True),
        (PlanState.DECLINED, 59_999_999, True),
        (PlanState.DECLINED, 60_000_000, False),
        (PlanState.DECLINED, -1, False),
        (PlanState.EXPIRED, 0, False),
        (PlanState.OPEN, 0, False),
    ],
)
def test_a_no_holds_for_a_minute(state: PlanState, after_us: int, *, recent: bool) -> None:
    """By a clock that was set back it is not known how old it is."""
    clock = ManualClock(NOW_US + after_us)
    assert recently_declined(replace(PLAN, state=state), clock) is recent


@pytest.mark.parametrize(
    ("state", "at_us", "now"),
    [
        (PlanState.OPEN, NOW_US, PlanState.OPEN),
        (PlanState.OPEN, NOW_US + 600_000_000, PlanState.OPEN),
        (PlanState.OPEN, NOW_US + 600_000_001, PlanState.EXPIRED),
        (PlanState.OPEN, NOW_US - 1, PlanState.EXPIRED),
        (PlanState.CLAIMED, NOW_US + 600_000_001, PlanState.CLAIMED),
        (PlanState.DONE, NOW_US - 1, PlanState.DONE),
    ],
)
async def test_an_open_plan_is_over_after_ten_minutes_or_by_a_clock_that_lags(
    state: PlanState, at_us: int, now: PlanState
) -> None:
    """What is carried out, or over, stays what it is."""
    plan = replace(PLAN, state=state)

    def settle(tx: Transaction) -> Plan:
        tx.add_plan(plan)
        return settle_expiry(tx, plan, ManualClock(at_us))

    found = await SqliteLedger(None).write(settle)
    assert found.state is now
    assert found.changed_us == (at_us if now is PlanState.EXPIRED else plan.changed_us)


def test_a_call_is_known_by_its_tool_and_all_its_arguments() -> None:
    """Two acts with the same arguments are two questions."""
    acts = (
        StartInstance(7, 2.0),
        StartInstance(7, 3.0),
        StartInstance(8, 2.0),
        ExtendLease(7, 2.0),
    )
    assert len({key_of(act) for act in acts}) == len(acts)
    assert key_of(StartInstance(7, 2.0)) == key_of(StartInstance(7, 2.0))


async def test_a_plan_is_written_before_anybody_is_asked_and_found_by_its_own_caller() -> None:
    """The newest of this very call, for ten minutes from now."""
    clock, act, me = ManualClock(), StartInstance(7, 2.0), Caller()
    sight = Sight(
        Request("start_instance"), {"a": 1}, "Start 27000001?", "start-7", form=Form.DIGITS,
        digits="0001",
    )  # fmt: skip

    def write(tx: Transaction) -> tuple[Plan, Plan | None, Plan | None, Plan | None]:
        first = make(tx, act, me, sight, Level.ASK, Limits(), clock)
        clock.move(1)
        made = make(tx, act, me, sight, Level.PERSON, Limits(), clock)
        assert first.plan_id != made.plan_id
        found = find(tx, act, me, clock)
        other = find(tx, act, Caller(principal="token:b"), clock)
        return made, found, other, find(tx, StartInstance(7, 3.0), me, clock)

    made, found, others, none = await SqliteLedger(None).write(write)
    assert (found, others, none) == (made, None, None)
    assert made.expires_us - made.created_us == TTL_US == 600_000_000
    assert (made.level, made.form, made.digits) == ("person", "digits", "0001")
    assert (made.snapshot, made.state) == ({"a": 1}, PlanState.OPEN)
    assert made.plan_id == f"start-7-{made.code}"


async def test_a_plan_is_taken_over_once_and_never_as_it_was() -> None:
    """Its own books failed half-way; what the spare ones know by now stands."""

    def write(tx: Transaction) -> Plan | None:
        keep(tx, PLAN)
        tx.update_plan(PLAN, state=PlanState.DONE)
        keep(tx, PLAN)
        return tx.plan(PLAN.plan_id)

    found = await SqliteLedger(None).write(write)
    assert found is not None
    assert found.state is PlanState.DONE


@pytest.mark.parametrize(
    ("form", "room"), [(Form.CONFIRM, 0), (Form.CONFIRM, 120), (Form.DIGITS, 0)]
)
def test_a_question_keeps_room_for_saying_that_digits_were_wrong(form: Form, room: int) -> None:
    """The whole is never longer than the limit, before or after."""
    sight = Sight(Request("a"), {}, "7 " + "x" * 900, "h", label="y" * 200, form=form, room=room)
    asked = word(sight, "ABCDEF")
    spare = len(MISSED) if form is Form.DIGITS else 0
    assert len(asked) == QUESTION_LIMIT + room - spare
    label = asked.split('"')[1]
    assert len(label) == LABEL_SHOWN + room // 2


async def test_the_same_call_is_answered_with_the_same_plan_while_nothing_changed(
    tmp_path: Path,
) -> None:
    """A model that asks again does not fill the list of what waits."""
    world = World(tmp_path)
    instance_id = await running_machine(world)
    first = await plan_for(world, "stop_instance", instance_id=instance_id)
    assert await plan_for(world, "stop_instance", instance_id=instance_id) == first
    assert await plan_for(world, "destroy_instance", instance_id=instance_id) != first
    world.write_policy("[limits]\nmax_running = 2\n")
    assert await plan_for(world, "stop_instance", instance_id=instance_id) != first
