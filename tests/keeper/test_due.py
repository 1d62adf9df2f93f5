"""What a look finds due, act by act: never early, never the harder end without a person's word."""

from typing import Any

import pytest

from tests.instances.samples import NOW_US, SECOND_US, instance, rental
from vast_mcp.actions.end_endpoint import EndEndpoint
from vast_mcp.actions.stop_destroy import DestroyInstance, StopInstance
from vast_mcp.keeper.tick import Cause, Due, _overdue, _paired, _wants_sight
from vast_mcp.store import LeaseFacts, Rental, RentalState

MINUTE_US = 60 * SECOND_US
END_US = rental().lease_ends_us
ID = rental().target_id or 0
STOP, DESTROY = "stop", "destroy"
Found = tuple[str, Cause] | None
LOADING = {"actual_status": "loading"}
STOPPED = {"actual_status": "exited", "intended_status": "stopped", "cur_state": "stopped"}


def due_of(
    books: dict[str, Any],
    seen: dict[str, Any] | None,
    now_us: int = NOW_US + MINUTE_US,
    *,
    whole: bool = True,
) -> list[Due]:
    """What is due of one rental, whose machine looks so (None: it is not among those read)."""
    shown = [] if seen is None else [instance(**seen)]
    return _overdue([rental(**books)], shown, now_us, whole=whole)


def only(found: list[Due]) -> Found:
    """The one act of these and its cause."""
    if not found:
        return None
    (due,) = found
    assert (due.kind, due.target_id) == ("instance", ID)
    assert str(ID) in due.why
    assert isinstance(due.act, StopInstance | DestroyInstance)
    assert due.act.corrective
    return STOP if isinstance(due.act, StopInstance) else DESTROY, due.cause


@pytest.mark.parametrize(
    ("books", "now_us", "found"),
    [
        ({}, END_US - 1, None),
        ({}, END_US, (STOP, Cause.LEASE)),
        ({"on_end": "destroy", "asked": True}, END_US, (DESTROY, Cause.LEASE)),
        ({"on_end": "destroy", "asked": True}, END_US - 1, None),
        ({"on_end": "destroy", "asked": False}, END_US, (STOP, Cause.LEASE)),
        ({"running": False}, END_US, None),
        ({"target_id": None}, END_US, None),
    ],
)
def test_a_lease_ends_at_its_end_and_by_destroy_only_if_a_person_agreed(
    books: dict[str, Any], now_us: int, found: Found
) -> None:
    """To the microsecond; a machine that rests already needs no stop."""
    assert only(due_of(books, {}, now_us)) == found


@pytest.mark.parametrize(
    ("books", "found"),
    [
        ({"state": RentalState.DESTROYING}, (DESTROY, Cause.REPEAT)),
        ({"facts": LeaseFacts(breach="it has 2x H100")}, (DESTROY, Cause.UNAPPROVED)),
        ({"facts": LeaseFacts(breach="it costs more"), "ever_ran": True}, (STOP, Cause.UNAPPROVED)),
        ({"facts": LeaseFacts(breach="it costs more"), "ever_ran": True, "running": False}, None),
        ({"facts": LeaseFacts(breach="")}, None),
    ],
)
def test_a_machine_that_was_not_approved_goes_unless_it_has_run(
    books: dict[str, Any], found: Found
) -> None:
    """What has run may hold data: it is stopped, and its destroy is a person's."""
    assert only(due_of(books, {})) == found


@pytest.mark.parametrize(
    ("books", "seen", "now_us", "found"),
    [
        ({"facts": LeaseFacts(stop_sent=True)}, {}, NOW_US, (STOP, Cause.REPEAT)),
        ({"facts": LeaseFacts(stop_sent=True)}, STOPPED, NOW_US, None),
        ({"facts": LeaseFacts(stop_sent=False)}, {}, NOW_US, None),
        (
            {"facts": LeaseFacts(start_us=NOW_US)},
            LOADING,
            NOW_US + 10 * MINUTE_US,
            (STOP, Cause.START),
        ),
        ({"facts": LeaseFacts(start_us=NOW_US)}, LOADING, NOW_US + 10 * MINUTE_US - 1, None),
        ({"facts": LeaseFacts(start_us=NOW_US)}, {}, NOW_US + 10 * MINUTE_US, None),
        (
            {"facts": LeaseFacts(start_us=NOW_US, came_up=True)},
            LOADING,
            NOW_US + 10 * MINUTE_US,
            None,
        ),
        ({}, LOADING, NOW_US + 60 * MINUTE_US, None),
    ],
)
def test_a_stop_is_repeated_and_a_start_that_never_came_up_is_given_up(
    books: dict[str, Any], seen: dict[str, Any], now_us: int, found: Found
) -> None:
    """Ten minutes for a start; one that came up once is never given up."""
    assert only(due_of(books, seen, now_us)) == found


@pytest.mark.parametrize(
    ("books", "seen", "after_us", "found"),
    [
        ({}, LOADING, 10 * MINUTE_US, (DESTROY, Cause.OUTBID)),
        ({}, LOADING, 10 * MINUTE_US - 1, None),
        ({}, {}, 10 * MINUTE_US, None),
        ({"ever_ran": True}, LOADING, 10 * MINUTE_US, None),
        ({"running": False}, LOADING, 10 * MINUTE_US, None),
        ({}, LOADING, 5 * 60 * MINUTE_US, (DESTROY, Cause.OUTBID)),
        ({}, {}, 5 * 60 * MINUTE_US, (STOP, Cause.LEASE)),
    ],
)
def test_a_bid_that_never_won_is_given_up_after_ten_minutes(
    books: dict[str, Any], seen: dict[str, Any], after_us: int, found: Found
) -> None:
    """Its disk costs and holds nothing; one that runs, or ran, is somebody's work."""
    parked = {**books, "facts": LeaseFacts(parked_us=NOW_US)}
    assert only(due_of(parked, seen, NOW_US + after_us)) == found


@pytest.mark.parametrize(
    ("books", "now_us", "whole", "found"),
    [
        ({}, END_US, True, None),
        ({"state": RentalState.DESTROYING}, NOW_US, True, None),
        ({}, END_US, False, (STOP, Cause.LEASE)),
        ({}, END_US - 1, False, None),
        ({"state": RentalState.DESTROYING}, NOW_US, False, (DESTROY, Cause.REPEAT)),
        ({"facts": LeaseFacts(stop_sent=True)}, NOW_US, False, None),
        ({"facts": LeaseFacts(parked_us=NOW_US - 60 * MINUTE_US)}, NOW_US, False, None),
    ],
)
def test_an_unseen_machine_is_judged_by_the_books_only_where_the_list_is_a_part(
    books: dict[str, Any], now_us: int, *, whole: bool, found: Found
) -> None:
    """Of a whole list that lacks it others judge its absence; by a part only the time is known."""
    assert only(due_of(books, None, now_us, whole=whole)) == found


def test_an_endpoint_is_ended_at_its_end_though_no_list_of_machines_shows_it() -> None:
    """Its workers bill until then, not a moment less."""
    (due,) = due_of({"kind": "endpoint"}, None, END_US)
    assert due == Due(EndEndpoint(ID), Cause.LEASE, f"lease of endpoint {ID} ended", "endpoint", ID)
    assert due_of({"kind": "endpoint"}, None, END_US - 1) == []


@pytest.mark.parametrize(
    ("books", "wanted"),
    [
        ({}, False),
        ({"facts": LeaseFacts(stop_sent=True)}, True),
        ({"facts": LeaseFacts(came_up=False)}, True),
        ({"facts": LeaseFacts(came_up=True)}, False),
        ({"facts": LeaseFacts(stop_sent=True), "running": False}, False),
        ({"state": RentalState.DESTROYING, "running": False}, True),
    ],
)
def test_what_may_call_for_an_act_is_looked_at_before_the_rest(
    books: dict[str, Any], *, wanted: bool
) -> None:
    """On a long account there is time for a hundred machines between two pages."""
    assert _wants_sight(rental(**books)) is wanted


def test_only_machines_of_ours_that_are_listed_are_paired() -> None:
    """No endpoint, nothing without an id, nothing that the list lacks."""
    own = rental()
    others: list[Rental] = [
        rental(kind="endpoint"),
        rental(target_id=None),
        rental(target_id=ID + 1),
    ]
    assert _paired([own, *others], [instance(), instance(instance_id=ID + 9)]) == [
        (own, instance())
    ]
