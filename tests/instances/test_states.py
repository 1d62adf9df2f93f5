"""What is said of machines in the corners of their life (docs/vendor-api.md#instances).

See docs/design.md#money, docs/vendor-api.md#instance-operations.
"""

from typing import Any

import pytest

from tests.instances.samples import NOW_US, SECOND_US, held
from vast_mcp.instances.readiness import judge
from vast_mcp.store import LeaseFacts

HOUR_S = 3600
RAN: dict[str, Any] = {"ever_ran": True}
LEASE_OVER_S = 5 * HOUR_S


def test_a_running_machine_without_a_wish_is_not_being_stopped() -> None:
    """`intended_status` may be null; only `stopped` there is a wish to stop."""
    assert held(intended_status="", runtype="ssh_proxy").state.value == "ready"


@pytest.mark.parametrize("status", ["created", "loading", None])
def test_a_machine_that_is_stopped_before_it_came_up_is_not_starting(status: str | None) -> None:
    """A stop is asynchronous: the contract still runs, and nobody wants it to."""
    one = held(books=RAN, actual_status=status, intended_status="stopped", cur_state="running")
    assert one.state.value == "stopping"
    assert judge(one).word == "dead"


def test_a_machine_just_rented_is_starting_whatever_is_not_told_yet() -> None:
    """Before the host was heard only `cur_state` may be there."""
    assert held(actual_status=None, intended_status="").state.value == "starting"


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("unknown", "Its host no longer reports."),
        ("frozen", "frozen"),
        ("migrating", "migrating"),
    ],
)
def test_the_verdict_on_a_state_without_a_word_of_ours_names_the_vendors(
    status: str, said: str
) -> None:
    """`frozen` is paused with its memory kept, and its host does report."""
    verdict = judge(held(books=RAN, after_s=HOUR_S, actual_status=status))
    assert verdict.word == "dead"
    assert said in verdict.said
    assert ("no longer reports" in verdict.said) == (status == "unknown")


@pytest.mark.parametrize(
    ("books", "then"),
    [
        ({"on_end": "destroy", "asked": True}, "destroy"),
        ({"on_end": "destroy", "asked": False}, "stop"),
        ({}, "stop"),
    ],
)
def test_what_the_leases_end_does_is_told_as_it_will_be_done(
    books: dict[str, Any], then: str
) -> None:
    """`destroy` holds only where a person agreed to it; else the machine is stopped."""
    soon = held(books={**RAN, **books}, after_s=4 * HOUR_S - 600)
    over = held(books={**RAN, **books}, after_s=LEASE_OVER_S)
    assert f"lease ends in 10 min, then {then};" in soon.warnings[0]
    done = {"destroy": "destroyed", "stop": "stopped"}[then]
    assert over.warnings[0] == f"the lease has ended; it is being {done}"


def test_a_contract_that_is_over_is_not_about_to_end() -> None:
    """Past `end_date` a machine cannot be started any more (docs/vendor-api.md#billing)."""
    rest: dict[str, Any] = {
        "actual_status": "exited",
        "cur_state": "stopped",
        "intended_status": "stopped",
    }
    books = {**RAN, "running": False}
    over = held(books=books, contract_ends_us=NOW_US - SECOND_US, **rest)
    (warning,) = over.warnings
    assert "has ended" in warning
    assert "cannot be started" in warning
    verdict = judge(over)
    assert verdict.word == "dead"
    assert "start_instance" not in verdict.next
    soon = held(books=books, contract_ends_us=NOW_US + HOUR_S * SECOND_US, **rest)
    assert "ends soon" in soon.warnings[0]
    assert soon.why.startswith("not by us")
    assert "start_instance" in judge(soon).next


@pytest.mark.parametrize(
    ("status", "facts"),
    [
        ("rebooting", LeaseFacts()),
        ("recycling", LeaseFacts(start_us=NOW_US + HOUR_S * SECOND_US, came_up=False)),
        ("loading", LeaseFacts()),
        ("loading", LeaseFacts(start_us=NOW_US + HOUR_S * SECOND_US, came_up=True)),
    ],
)
def test_a_machine_that_ran_for_hours_is_not_slow_from_the_first_second_of_a_reboot(
    status: str, facts: LeaseFacts
) -> None:
    """Nobody noted when it began; to give the machine up would lose its disk for nothing."""
    one = held(books={**RAN, "facts": facts}, after_s=9 * HOUR_S, actual_status=status)
    verdict = judge(one)
    assert verdict.word == "normal"
    assert "destroy" not in verdict.next


def test_a_start_of_ours_that_takes_long_is_slow() -> None:
    """Its beginning is known, and it has not come up since."""
    facts = LeaseFacts(start_us=NOW_US + HOUR_S * SECOND_US, came_up=False)
    one = held(books={**RAN, "facts": facts}, after_s=HOUR_S + 300, actual_status="loading")
    assert judge(one).word == "slow"
