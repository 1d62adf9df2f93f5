"""A machine with what our books know: its finer state, its lease, its warnings."""

from typing import Any

import pytest

from tests.instances.samples import NOW_US, SECOND_US, held
from vast_mcp.account.lease_label import Mark
from vast_mcp.models import PortMapping
from vast_mcp.store import LeaseFacts, RentalState
from vast_mcp.text import Untrusted

REST: dict[str, Any] = {
    "actual_status": "exited",
    "cur_state": "stopped",
    "intended_status": "stopped",
    "next_state": "stopped",
}
HOUR_S = 3600
RAN: dict[str, Any] = {"ever_ran": True}


@pytest.mark.parametrize(
    ("shown", "books", "state"),
    [
        ({}, {}, "running_no_ssh"),
        ({"ports": (PortMapping(22, "tcp", 20_000),)}, {}, "ready"),
        ({"runtype": "ssh_proxy"}, {}, "ready"),
        ({"gpu_utilisation_percent": 3.0}, {}, "ready"),
        ({"runtype": "args"}, {}, "running_no_ssh"),
        ({"intended_status": "stopped"}, RAN, "stopping"),
        ({**REST, "is_bid": True}, RAN, "outbid"),
        ({**REST, "is_bid": True}, {**RAN, "facts": LeaseFacts(stop_sent=True)}, "stopped"),
        ({**REST, "is_bid": True}, {**RAN, "running": False}, "stopped"),
        (REST, RAN, "stopped"),
        (REST, {}, "stopped"),
        ({**REST, "actual_status": None}, {}, "failed"),
        ({**REST, "intended_status": "running"}, {}, "stopped"),
        ({**REST, "intended_status": "running"}, RAN, "waiting_for_gpu"),
        ({"actual_status": "offline"}, RAN, "host_offline"),
        ({"actual_status": "frozen"}, RAN, "unknown"),
    ],
)
def test_one_word_tells_the_state(shown: dict[str, Any], books: dict[str, Any], state: str) -> None:
    """The vendor's four fields do not tell an outbid machine from a stopped one; our books do."""
    assert held(after_s=30, books=books, **shown).state == state


def test_a_stopped_bid_machine_that_nobody_here_stopped_may_resume() -> None:
    """No word of the host tells it; a stranger's counts as outbid, ours unless we stopped it."""
    stopped: dict[str, Any] = {**REST, "is_bid": True}
    assert held(ours=False, **stopped).state == "outbid"
    words = Untrusted("success, running ubuntu_22.04/ssh")
    one = held(books=RAN, **stopped, status_message=words)
    assert one.state == "outbid"
    assert any("may resume by itself and be billed" in text for text in one.warnings)


@pytest.mark.parametrize(
    ("after_s", "said"),
    [(3.4 * HOUR_S, ""), (3.6 * HOUR_S, "lease ends in 24 min"), (5 * HOUR_S, "lease has ended")],
)
def test_a_lease_that_ends_within_half_an_hour_is_said(after_s: float, said: str) -> None:
    """In time to extend it (docs/design.md#tools)."""
    warnings = held(after_s=after_s, books=RAN).warnings
    assert any(said in text for text in warnings) if said else warnings == []


def test_a_stopped_machine_has_no_lease_to_warn_of() -> None:
    """Its GPU time has ended already."""
    one = held(after_s=5 * HOUR_S, books={**RAN, "running": False}, **REST)
    assert one.lease_ends_us is None
    assert one.warnings == []


def test_a_machine_rented_elsewhere_is_said_to_have_no_lease() -> None:
    """Nobody ends it but its owner."""
    one = held(ours=False)
    assert not one.ours
    assert one.warnings == ["rented elsewhere, no lease: billed until someone ends it"]


def test_a_lost_ledger_leaves_the_lease_of_the_label() -> None:
    """The mark in the label outlives the books (docs/design.md#leases)."""
    one = held(ours=False, mark=Mark("abcdefghijk", NOW_US + 60 * SECOND_US))
    assert one.ours
    assert one.lease_ends_us == NOW_US + 60 * SECOND_US


@pytest.mark.parametrize(("used", "warns"), [(42.4, False), (42.6, True), (None, False)])
def test_a_disk_is_warned_of_at_85_percent(used: float | None, warns: bool) -> None:
    """It cannot grow."""
    assert any("disk" in text for text in held(disk_used_gb=used).warnings) is warns


def test_the_end_of_the_hosts_contract_and_a_destroy_under_way_are_said() -> None:
    """Renting ends there even if paid for."""
    one = held(
        contract_ends_us=NOW_US + HOUR_S * SECOND_US, books={"state": RentalState.DESTROYING}
    )
    assert any("contract" in text for text in one.warnings)
    assert any("being destroyed" in text for text in one.warnings)
