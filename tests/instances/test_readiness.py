"""When waiting makes sense: the vendor's rules as a table.

See docs/vendor-api.md#state-machine, docs/vendor-api.md#creating-an-instance.
"""

from typing import Any

import pytest

from tests.instances.samples import NOW_US, SECOND_US, held
from vast_mcp.instances.readiness import judge, missing
from vast_mcp.models import PortMapping
from vast_mcp.store import LeaseFacts
from vast_mcp.text import Untrusted
from vast_mcp.units import UsdPerHour

LOADING: dict[str, Any] = {"actual_status": "loading"}
CREATED: dict[str, Any] = {"actual_status": "created"}
SILENT: dict[str, Any] = {"actual_status": None}
STOPPED: dict[str, Any] = {
    "actual_status": "exited",
    "cur_state": "stopped",
    "next_state": "stopped",
}
REST: dict[str, Any] = {**STOPPED, "intended_status": "stopped"}
OCI: dict[str, Any] = {
    "actual_status": "created",
    "status_message": Untrusted("OCI runtime create failed: no"),
}
STARTED: dict[str, Any] = {
    "ever_ran": True,
    "touched": True,
    "facts": LeaseFacts(start_us=NOW_US - 1),
}
SAID_ERROR: dict[str, Any] = {**LOADING, "status_message": Untrusted("Error response from daemon")}


@pytest.mark.parametrize(
    ("disk_mb_per_s", "after_s", "word", "expected_s"),
    [
        (0.0, 30, "normal", 300),
        (800.0, 30, "normal", 300),
        (20.0, 30, "normal", 1000),
        (20.0, 900, "normal", 1000),
        (20.0, 1100, "slow", 1000),
        (20.0, 1900, "slow", 1000),
        (20.0, 2100, "dead", None),
        (1.0, 1700, "normal", 1800),
        (1.0, 3700, "dead", None),
    ],
)
def test_a_slow_disk_is_given_the_time_it_needs(
    disk_mb_per_s: float, after_s: float, word: str, expected_s: int | None
) -> None:
    """Slow disks make pulls of 25 minutes and more (reported, 2026): that is no dead host."""
    verdict = judge(held(after_s=after_s, disk_mb_per_s=disk_mb_per_s, **LOADING))
    assert verdict.word == word
    assert expected_s in {None, verdict.expected_s}
    assert ("slow disk" in verdict.said) == (expected_s is not None and expected_s > 300)


@pytest.mark.parametrize(
    ("shown", "books", "after_s", "word", "in_next"),
    [
        (SILENT, {}, 20, "normal", ""),
        (SILENT, {}, 590, "normal", ""),
        (SILENT, {}, 610, "dead", "destroy_instance(27000001)"),
        (LOADING, {}, 60, "normal", ""),
        (LOADING, {}, 700, "slow", "destroy_instance(27000001)"),
        (LOADING, {}, 1800, "dead", "destroy_instance(27000001)"),
        (CREATED, {}, 1700, "slow", "destroy_instance(27000001)"),
        (CREATED, {}, 1900, "dead", "another offer"),
        (SAID_ERROR, {}, 30, "dead", "another offer"),
        (SAID_ERROR, STARTED, 30, "dead", "show_logs(27000001)"),
        (OCI, {}, 30, "dead", "another offer"),
        ({"actual_status": "exited"}, {}, 30, "dead", "another offer"),
        (STOPPED, {}, 30, "dead", "another offer"),
        (REST, {}, 30, "dead", "another offer"),
        ({"actual_status": "unknown"}, {}, 30, "dead", "another offer"),
        ({"actual_status": "offline"}, {}, 30, "dead", "another offer"),
        ({**REST, "is_bid": True}, {}, 30, "dead", "change_bid(27000001"),
        (STOPPED, STARTED, 10, "normal", ""),
        (STOPPED, STARTED, 60, "slow", "stop_instance(27000001)"),
        ({"actual_status": "exited"}, STARTED, 10, "normal", ""),
        (LOADING, STARTED, 30, "normal", ""),
        (LOADING, STARTED, 300, "slow", ""),
        (REST, {"running": False, "ever_ran": True}, 900, "dead", "start_instance(27000001)"),
        ({"intended_status": "stopped"}, {"ever_ran": True}, 900, "dead", "start_instance"),
    ],
)
def test_every_state_gets_its_verdict_and_a_next_step(
    shown: dict[str, Any], books: dict[str, Any], after_s: float, word: str, in_next: str
) -> None:
    """`exited` after a rent is the end, after a start it is the beginning."""
    verdict = judge(held(after_s=after_s, books=books, **shown))
    assert verdict.word == word
    assert not verdict.reached
    assert in_next in verdict.next
    assert verdict.next or word == "normal" or "error" in verdict.said
    assert (verdict.poll_again_s is None) == (word == "dead")


def test_a_machine_that_runs_is_reached() -> None:
    """`running` is what was waited for; ssh may come seconds later."""
    early = judge(held(after_s=30))
    assert early.reached
    assert early.over
    assert "ssh" in early.said
    mapped = judge(held(after_s=30, ports=(PortMapping(22, "tcp", 20_000),)))
    assert mapped.said == "It is running."


def test_an_args_machine_is_told_to_have_no_ssh() -> None:
    """`args` keeps the image's entrypoint: there is no ssh."""
    assert "no ssh" in judge(held(after_s=900, runtype="args")).said


def test_just_after_a_rent_a_missing_machine_may_be_a_lag() -> None:
    """The list lags behind a create."""
    assert missing(1, 10).word == "normal"
    later = missing(1, 100)
    assert later.word == "slow"
    assert "not proven gone" in later.said
    assert missing(1, None).word == "dead"


def test_the_bid_that_is_needed_is_named() -> None:
    """An outbid machine resumes when the bid is raised."""
    verdict = judge(held(after_s=30, **REST, is_bid=True, min_bid=UsdPerHour.of(0.25)))
    assert "$0.25/h" in verdict.said


def test_a_clock_that_went_back_does_not_make_a_wait_negative() -> None:
    """Leases follow the wall clock, which can be set."""
    assert judge(held(after_s=-50, **LOADING)).word == "normal"
    assert held(after_s=-50).now_us < NOW_US + SECOND_US
