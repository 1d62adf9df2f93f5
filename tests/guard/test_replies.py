"""How errors begin and what a no means: always with what happened to money."""

from dataclasses import replace
from typing import Any

import pytest

from tests.guard.test_closed_plans import PLAN
from tests.instances.samples import rental
from vast_mcp.errors import OutcomeUnknown, VastMcpError
from vast_mcp.guard.act import Caller
from vast_mcp.guard.replies import (
    changed,
    kept,
    left_to_terminal,
    needs_confirmation,
    nothing_spent,
    replayed,
    to_terminal,
    unspent,
)
from vast_mcp.store import RentalState, Silence

ENDS = {"lease_ends": "2026-06-01T16:00Z"}


@pytest.mark.parametrize(
    ("tool", "said", "told"),
    [
        ("stop_instance", "Too late.", "Too late."),
        ("create_instance", "Gone.", "Not rented, nothing charged: Gone."),
        ("create_instance", "Not rented: gone.", "Not rented: gone."),
        (
            "extend_lease",
            "Not done, nothing charged: full.",
            "Not extended, nothing charged: full.",
        ),
        ("run_job", "Gone.", "Not started, nothing charged: Gone."),
    ],
)
def test_an_error_of_an_act_that_spends_says_first_what_happened_to_money(
    tool: str, said: str, told: str
) -> None:
    """Once; other acts need no such word."""
    assert nothing_spent(tool, said) == told


def test_an_unknown_outcome_is_never_told_as_nothing_charged() -> None:
    """It may have been carried out."""
    with pytest.raises(OutcomeUnknown, match=r"^lost$"), unspent("create_instance"):
        raise OutcomeUnknown("lost")
    with (
        pytest.raises(VastMcpError, match=r"^Not rented, nothing charged: no$"),
        unspent("create_instance"),
    ):
        raise VastMcpError("no")


@pytest.mark.parametrize(
    ("changes", "status", "values"),
    [
        ({"target_id": None, "state": RentalState.UNKNOWN}, "unknown", {"intent": "abcdefghijk"}),
        ({"target_id": None, "state": RentalState.REFUSED}, "refused", {}),
        (
            {"state": RentalState.DESTROYING},
            "destroying",
            {"instance_id": 27_000_001, "replayed": True},
        ),
        ({"state": RentalState.GONE}, "destroyed", {"instance_id": 27_000_001, "replayed": True}),
        ({}, "rented", {"instance_id": 27_000_001, "replayed": True, **ENDS}),
        ({"kind": "endpoint"}, "created", {"endpoint_id": 27_000_001, "replayed": True, **ENDS}),
    ],
)
def test_a_repeat_is_told_what_became_of_the_first_call(
    changes: dict[str, Any], status: str, values: dict[str, Any]
) -> None:
    """A machine that is ending, or gone, is not told as rented."""
    told = replayed(rental(**changes))
    assert (told.status, told.values) == (status, values)
    assert status != "refused" or told.said.startswith("Not rented, nothing charged")


def test_a_refused_endpoint_is_told_as_not_created() -> None:
    """In its own words."""
    told = replayed(rental(kind="endpoint", target_id=None, state=RentalState.REFUSED))
    assert told.said.startswith("Not created, nothing charged")


@pytest.mark.parametrize(
    ("tool", "status"),
    [
        ("destroy_instance", "kept"),
        ("destroy_instances", "kept"),
        ("stop_instance", "declined"),
        ("create_instance", "declined"),
    ],
)
def test_a_no_to_a_destroy_keeps_the_machine_and_tells_when_to_ask_again(
    tool: str, status: str
) -> None:
    """A minute after the no."""
    told = kept(replace(PLAN, tool=tool), "Not done.")
    assert (told.status, told.said) == (status, "Not done.")
    assert "until 12:01:00 UTC" in told.next


def test_a_terminals_plan_names_its_command_with_the_flags_of_this_server() -> None:
    """And until when; a question that nobody saw says why."""
    caller = Caller(flags=" --ledger /a/b.db")
    told = to_terminal(PLAN, caller)
    assert f"`vast-mcp approve {PLAN.plan_id} --ledger /a/b.db` in a terminal" in told.next
    assert "before 12:10:00 UTC" in told.next
    assert "needs approval by a person in a terminal" in told.said
    for silence, why in ((Silence.AT_ONCE, "within a second"), (Silence.NO_ANSWER, "within 45 s")):
        unseen = replace(PLAN, silence=silence)
        assert why in to_terminal(unseen, caller).said
        assert to_terminal(unseen, caller) == left_to_terminal(unseen, caller)


def test_a_client_that_cannot_ask_is_not_told_to_type() -> None:
    """The question without the sentence about digits."""
    question = "Destroy 27000001? It is deleted. Type the last 4 digits of the id. [X]"
    told = needs_confirmation(replace(PLAN, question=question))
    assert told.said == "Destroy 27000001? It is deleted. [X]"
    assert f'confirm_plan(plan_id="{PLAN.plan_id}")' in told.next


def test_what_moved_names_the_tool_to_call_again() -> None:
    """By its name where there is a plan."""
    assert changed(PLAN, "it moved").next.startswith("Call stop_instance again")
    assert changed(None, "it moved").next.startswith("Call the tool again")
    assert changed(None, "it moved").said == "Nothing was done: it moved"
