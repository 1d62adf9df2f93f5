"""What counts as a yes: the right digits, in time, from a person."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mcp.server.mcpserver.resolve import (  # noqa: TID251  answers as they come, nobody is asked
    AcceptedElicitation,
    CancelledElicitation,
    DeclinedElicitation,
)

from tests.guard.test_closed_plans import PLAN
from tests.promises.test_answers_hold_once import running_machine
from tests.world import Mode, World
from vast_mcp.guard.answers import FASTEST_S, SILENCE_S
from vast_mcp.tools._ask import Confirm, Digits, Heard, _form, _meant, _right

DIGITS = replace(PLAN, form="digits", digits="3 4567")


@pytest.mark.parametrize(
    ("typed", "right"),
    [
        ("3 4567", True),
        ("  3   4567 ", True),
        ("34567", False),
        ("4567", False),
        ("3 4568", False),
        ("", False),
    ],
)
def test_digits_are_right_whatever_space_is_around_them(typed: str, *, right: bool) -> None:
    """Count and last four of the last id: nothing less is proof that it was read."""
    assert _right(DIGITS, typed) is right
    heard = Heard(DIGITS, AcceptedElicitation(data=Digits(digits=typed)), 3.0)
    assert heard.missed is not right
    assert _meant(heard)[0] is right


@pytest.mark.parametrize(
    ("answer", "yes", "how"),
    [
        (AcceptedElicitation(data=Confirm(confirm=True)), True, ""),
        (AcceptedElicitation(data=Confirm(confirm=False)), False, "the user did not confirm"),
        (DeclinedElicitation(), False, "the user declined"),
        (CancelledElicitation(), False, "the user cancelled the question"),
        (None, False, "the user cancelled the question"),
    ],
)
def test_only_a_form_that_says_yes_is_one(answer: Any, how: str, *, yes: bool) -> None:  # noqa: ANN401  the SDK's answers
    """An accepted form with a no in it is a no."""
    assert _meant(Heard(PLAN, answer, 3.0)) == (yes, how)
    assert not Heard(PLAN, answer, 3.0).missed


@pytest.mark.parametrize(
    ("after_s", "at_once"), [(None, False), (0.0, True), (0.999, True), (1.0, False), (60.0, False)]
)
def test_an_answer_within_a_second_is_faster_than_a_person_reads(
    after_s: float | None, *, at_once: bool
) -> None:
    """Of a question that another process put nobody knows."""
    assert Heard(PLAN, DeclinedElicitation(), after_s).at_once is at_once
    assert (FASTEST_S, SILENCE_S) == (1.0, 45.0)


def test_a_plan_is_asked_about_in_its_own_form() -> None:
    """Digits where something is destroyed for good."""
    assert (_form(DIGITS), _form(PLAN)) == (Digits, Confirm)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_client_without_questions_is_given_a_plan_and_one_with_them_is_asked(
    tmp_path: Path, mode: Mode
) -> None:
    """What it declares decides; nobody is asked through a client that cannot ask."""
    world = World(tmp_path, seed=2)
    arguments = {"instance_id": await running_machine(world)}
    async with world.connect(mode, None) as silent:
        told = await world.call(silent, "stop_instance", **arguments)
    assert (told["status"], world.questions) == ("needs_confirmation", [])
    async with world.connect(mode) as asking:
        told = await world.call(asking, "stop_instance", **arguments)
    assert (told["status"], len(world.questions)) == ("stopped", 1)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_how_fast_an_answer_came_does_not_depend_on_how_long_the_person_has_been_there(
    tmp_path: Path, mode: Mode
) -> None:
    """An hour into the session a no within a twentieth of a second is still nobody's."""
    world = World(tmp_path, seed=2)
    arguments = {"instance_id": await running_machine(world)}
    world.clock.think(3600)
    world.thinks_s = 0.05
    async with world.connect(mode, "decline") as client:
        told = await world.call(client, "stop_instance", **arguments)
    assert told["status"] == "needs_confirmation"
    assert "within a second" in told["said"]
