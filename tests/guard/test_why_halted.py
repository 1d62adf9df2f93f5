"""Why a machine does not run, as it is told: by us and what for, by its host, or by others."""

from typing import Any

import pytest

from tests.instances.samples import NOW_US, SECOND_US, instance, rental
from vast_mcp.leases.halting import fate_of, halted_by_others, why_halted
from vast_mcp.store import Halt, LeaseFacts, RentalState

MINUTE_US = 60 * SECOND_US
END_US = rental().lease_ends_us
STOPPED = {"actual_status": "exited", "cur_state": "stopped", "intended_status": "stopped"}
BY_ITSELF = {"actual_status": "exited", "cur_state": "running", "intended_status": "running"}
OTHERS = (
    "not by us: in the Vast.ai console, by another program, by a guard inside it, or for lack of"
    " credit"
)


def resting(at_us: int | None = None, **facts: Any) -> dict[str, Any]:  # noqa: ANN401  any fact
    """Books that know it to stand, since then."""
    return {"running": False, "facts": LeaseFacts(rested_us=at_us, **facts)}


@pytest.mark.parametrize(
    ("machine", "books", "why"),
    [
        ({}, {}, ""),
        ({"actual_status": "loading"}, {}, ""),
        (STOPPED, None, ""),
        (STOPPED, {}, OTHERS),
        (STOPPED, resting(END_US - 3 * MINUTE_US - 1), OTHERS),
        (STOPPED, resting(END_US - 3 * MINUTE_US), "its lease ended"),
        (
            STOPPED,
            resting(END_US, guarded_inside=True),
            "its lease ended, most likely by the guard inside it",
        ),
        (STOPPED, {"facts": LeaseFacts(rested_us=END_US)}, OTHERS),
        (STOPPED, {"facts": LeaseFacts(stop_sent=True, stopped_for=Halt.JOB)}, "its job ended"),
        (STOPPED, {"facts": LeaseFacts(stop_sent=True)}, "by us"),
        (STOPPED, {"facts": LeaseFacts(stop_sent=True, stopped_for=Halt.OTHER)}, "by us"),
        (
            STOPPED,
            {"facts": LeaseFacts(stop_sent=True, adopted=True)},
            "before our ledger knew it",
        ),
        (
            STOPPED,
            {"facts": LeaseFacts(stop_sent=True, adopted=True, stopped_for=Halt.ASKED)},
            "on request",
        ),
        (
            STOPPED,
            resting(NOW_US, stop_sent=True, stopped_for=Halt.LEASE),
            "its lease ended 2026-06-01T12:00Z",
        ),
        (STOPPED | {"contract_ends_us": NOW_US}, {}, "its host's contract ended"),
        (STOPPED | {"contract_ends_us": NOW_US + 1}, {}, OTHERS),
        (STOPPED | {"contract_ends_us": None}, {}, OTHERS),
        (STOPPED | {"contract_ends_us": NOW_US}, resting(stop_sent=True), "by us"),
        (STOPPED | {"is_bid": True}, {}, "outbid, or stopped by its host"),
        (STOPPED | {"is_bid": True}, None, "outbid, or stopped by its host"),
        (BY_ITSELF, {}, "its container ended by itself"),
        (BY_ITSELF, None, "its container ended by itself"),
        (BY_ITSELF | {"is_bid": True}, {}, "its container ended by itself"),
        (BY_ITSELF | {"runtype": "args"}, {}, "its command has ended"),
    ],
)
def test_why_a_machine_stands_is_what_its_row_and_the_books_show(
    machine: dict[str, Any], books: dict[str, Any] | None, why: str
) -> None:
    """Our own cause before all others; what only others can have done is told as theirs."""
    one, known = instance(**machine), None if books is None else rental(**books)
    assert why_halted(one, known, NOW_US) == why
    assert halted_by_others(one, known, NOW_US) is (why == OTHERS)


def test_a_machine_that_we_are_destroying_was_not_halted_by_others() -> None:
    """It goes by our own hand."""
    ours = rental(state=RentalState.DESTROYING)
    assert not halted_by_others(instance(**STOPPED), ours, NOW_US)


@pytest.mark.parametrize(
    ("cause", "fate"),
    [
        (Halt.NONE, "not by us: its host, or someone in the Vast.ai console, deleted it"),
        (Halt.ASKED, "destroyed here on request"),
        (Halt.LEASE, "destroyed at its lease's end"),
        (Halt.JOB, "destroyed at its job's end"),
        (Halt.UNAPPROVED, "destroyed here, it was not what was approved"),
        (Halt.BID, "destroyed here, its bid did not win within 10 minutes"),
        (Halt.OTHER, "destroyed here"),
    ],
)
def test_a_machine_that_is_gone_is_told_with_what_ended_it(cause: Halt, fate: str) -> None:
    """Nobody guesses who it was where we did not."""
    assert fate_of(rental(facts=LeaseFacts(ended_for=cause))) == fate
