"""What each answer makes of its plan: counted once, left to a terminal, declined, told in time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.guard.test_closed_plans import PLAN, STOPPED
from tests.world import World
from vast_mcp.errors import InputInvalid
from vast_mcp.guard.act import Caller
from vast_mcp.guard.answers import Answers
from vast_mcp.runtime import Runtime
from vast_mcp.store import Letter, Plan, PlanState, Silence

ME = Caller(can_ask=True)


@asynccontextmanager
async def asked(tmp_path: Path, plan: Plan = PLAN) -> AsyncIterator[tuple[Runtime, World]]:
    """A server whose ledger holds this plan."""
    world = World(tmp_path)
    async with world.runtime() as runtime:
        await runtime.session.account.ledger.write(lambda tx: tx.add_plan(plan))
        yield runtime, world


def answers_of(runtime: Runtime) -> Answers:
    """Where answers are given."""
    return runtime.session.guard.answers


async def now(runtime: Runtime) -> Plan:
    """The plan as it stands."""
    found = await runtime.session.account.ledger.read(lambda tx: tx.plan(PLAN.plan_id))
    assert found is not None
    return found


async def verdicts(runtime: Runtime) -> list[str]:
    """What the audit log says of it, oldest first."""
    rows = await runtime.session.account.ledger.read(lambda tx: tx.audit(50))
    return sorted(row.verdict for row in rows if row.subject == PLAN.plan_id)


@pytest.mark.parametrize(
    ("state", "misses", "counted"),
    [
        (PlanState.OPEN, 0, True),
        (PlanState.OPEN, 1, False),
        (PlanState.DECLINED, 0, False),
        (PlanState.CLAIMED, 0, False),
        (PlanState.DONE, 1, False),
    ],
)
async def test_only_the_first_miss_of_an_open_plan_is_counted(
    tmp_path: Path, state: PlanState, misses: int, *, counted: bool
) -> None:
    """A leg that is sent twice counts once; a plan that is over is not asked about again."""
    plan = replace(PLAN, state=state, misses=misses)
    async with asked(tmp_path, plan) as (runtime, _):
        after = await answers_of(runtime).count_miss(plan, ME)
        assert after.misses == (1 if counted else misses)
        assert after.state is state
        assert await now(runtime) == after
        assert await verdicts(runtime) == ["the digits were wrong"] * counted


@pytest.mark.parametrize("silence", [Silence.AT_ONCE, Silence.NO_ANSWER])
async def test_a_question_that_nobody_saw_is_left_to_the_terminal_and_recorded(
    tmp_path: Path, silence: Silence
) -> None:
    """The plan stays open; the first reason stands, whatever comes later."""
    async with asked(tmp_path) as (runtime, _):
        told = await answers_of(runtime).leave_to_terminal(PLAN, ME, silence)
        assert told.status == "needs_confirmation"
        assert f"vast-mcp approve {PLAN.plan_id}" in told.next
        assert await verdicts(runtime) == [silence.value]
        other = Silence.NO_ANSWER if silence is Silence.AT_ONCE else Silence.AT_ONCE
        await answers_of(runtime).leave_to_terminal(PLAN, ME, other)
        left = await now(runtime)
        assert (left.state, left.silence) == (PlanState.OPEN, silence)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"state": PlanState.DONE, "outcome": STOPPED.to_json()}, "stopped"),
        ({"state": PlanState.DECLINED}, "refused"),
        ({"approved": True}, "needs_confirmation"),
    ],
)
async def test_silence_about_a_plan_that_went_on_elsewhere_changes_nothing(
    tmp_path: Path, changes: dict[str, object], status: str
) -> None:
    """Approved in a terminal, or carried out: its own outcome is told."""
    plan = replace(PLAN, **changes)  # type: ignore[arg-type]  # names of its own fields
    async with asked(tmp_path, plan) as (runtime, _):
        told = await answers_of(runtime).leave_to_terminal(PLAN, ME, Silence.NO_ANSWER)
        assert told.status == status
        assert ("confirm_plan" in told.next) is ("approved" in changes)
        assert await now(runtime) == plan
        assert await verdicts(runtime) == []


@pytest.mark.parametrize(
    ("state", "ends"),
    [
        (PlanState.OPEN, "declined"),
        (PlanState.VOID, "declined"),
        (PlanState.DONE, "stopped"),
    ],
)
async def test_a_no_ends_an_open_plan_and_is_recorded_unless_the_yes_was_faster(
    tmp_path: Path, state: PlanState, ends: str
) -> None:
    """What has been done cannot be declined any more, and is told as done."""
    plan = replace(PLAN, state=state, outcome=STOPPED.to_json())
    async with asked(tmp_path, plan) as (runtime, world):
        world.clock.move(5)
        told = await answers_of(runtime).decline(PLAN.plan_id, ME, "the user declined")
        after = await now(runtime)
        assert told.status == ends
        opened = state is PlanState.OPEN
        assert after.state is (PlanState.DECLINED if opened else state)
        assert after.changed_us == PLAN.changed_us + 5_000_000 * opened
        heard = [] if state is PlanState.DONE else ["the user declined"]
        assert await verdicts(runtime) == heard


async def test_a_plan_is_approved_while_it_is_open_and_only_by_its_own_principal(
    tmp_path: Path,
) -> None:
    """Ten minutes to the microsecond; another's plan does not exist for him."""
    async with asked(tmp_path) as (runtime, world):
        answers = answers_of(runtime)
        with pytest.raises(InputInvalid, match="no such plan"):
            await answers.approve(PLAN.plan_id, Caller(principal="token:other"))
        world.clock.move(600)
        assert (await answers.approve(PLAN.plan_id, ME)).approved
        assert await verdicts(runtime) == ["approved at a terminal"]
        world.clock.move(0.000_001)
        with pytest.raises(InputInvalid, match="this plan is expired"):
            await answers.approve(PLAN.plan_id, ME)
        assert await answers.pending() == []


async def test_pending_names_what_waits_and_nothing_that_is_over(tmp_path: Path) -> None:
    """A plan from a future that our clock has not reached is expired as well."""
    async with asked(tmp_path) as (runtime, world):
        (waiting,) = await answers_of(runtime).pending()
        assert waiting == PLAN
        world.clock.move(-0.000_001)
        assert await answers_of(runtime).pending() == []
        assert (await now(runtime)).state is PlanState.EXPIRED


async def test_a_hasty_yes_is_recorded_and_the_person_is_told(tmp_path: Path) -> None:
    """It counts; a letter says how to freeze all spending if it was not theirs."""
    async with asked(tmp_path) as (runtime, _):
        await answers_of(runtime).note_hasty(PLAN, ME)
        letters: list[Letter] = await runtime.session.account.ledger.read(lambda tx: tx.letters())
        assert await verdicts(runtime) == ["approved faster than anyone can read"]
    (letter,) = letters
    assert PLAN.plan_id in letter.text
    assert "vast-mcp freeze" in letter.text


async def test_how_fast_an_answer_came_is_measured_from_the_question_it_answers(
    tmp_path: Path,
) -> None:
    """A repeated leg does not begin the time again, a fresh question does; once it is told."""
    async with asked(tmp_path) as (runtime, world):
        answers, missed = answers_of(runtime), replace(PLAN, misses=1)
        assert answers.waited_s(PLAN) is None
        answers.note_asked(PLAN, afresh=False)
        world.clock.think(2)
        answers.note_asked(PLAN, afresh=False)
        answers.note_asked(missed, afresh=True)
        world.clock.think(3)
        assert (answers.waited_s(PLAN), answers.waited_s(missed)) == (5, 3)
        assert answers.waited_s(PLAN) is None
        answers.note_asked(PLAN, afresh=True)
        world.clock.think(2)
        answers.note_asked(PLAN, afresh=True)
        world.clock.think(1)
        assert answers.waited_s(PLAN) == 1


@pytest.mark.parametrize(("after_s", "known"), [(599.9, True), (600.0, False)])
async def test_a_question_is_forgotten_when_its_plan_is_over(
    tmp_path: Path, after_s: float, *, known: bool
) -> None:
    """A server that runs for months keeps no list of what was never answered."""
    async with asked(tmp_path) as (runtime, world):
        answers = answers_of(runtime)
        answers.note_asked(PLAN, afresh=True)
        world.clock.think(after_s)
        answers.note_asked(replace(PLAN, plan_id="another"), afresh=True)
        assert (answers.waited_s(PLAN) is not None) is known
