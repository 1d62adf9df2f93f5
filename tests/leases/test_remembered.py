"""What the ledger alone knows of a machine that the vendor does not show."""

from typing import Any

import pytest

from tests.instances.samples import NOW_US, rental
from vast_mcp.leases.remembered import ending, holds, is_young, remembered
from vast_mcp.store import RentalState


@pytest.mark.parametrize(
    ("changes", "held"),
    [
        ({}, True),
        ({"state": RentalState.DESTROYING}, True),
        ({"state": RentalState.GONE}, False),
        ({"target_id": None}, False),
        ({"state": RentalState.UNKNOWN}, True),
    ],
)
def test_a_machine_is_held_while_its_end_is_not_proven(
    changes: dict[str, Any], *, held: bool
) -> None:
    """An intent without a machine is none."""
    assert holds(rental(**changes)) is held
    assert not holds(None)
    assert ending(rental(**changes)) is (changes.get("state") is RentalState.DESTROYING)


@pytest.mark.parametrize(
    ("changes", "after_us", "young"),
    [
        ({}, 59_999_999, True),
        ({}, 60_000_000, False),
        ({"ever_ran": True}, 0, False),
        ({"touched": True}, 0, False),
    ],
)
def test_a_rent_is_young_until_it_was_seen_or_the_lists_have_caught_up(
    changes: dict[str, Any], after_us: int, *, young: bool
) -> None:
    """Only then is it told as starting; else nobody knows what it does."""
    one = rental(**changes)
    assert is_young(one, NOW_US + after_us) is young
    shown = remembered(one, NOW_US + after_us)
    assert shown.actual_status == (None if young else "unknown")


def test_what_is_remembered_is_told_with_what_was_approved() -> None:
    """Its price, GPUs and disk; a count that cannot be read is one."""
    one = rental(machine_id=5)
    shown = remembered(one, NOW_US)
    assert (shown.instance_id, shown.machine_id, shown.listed) == (one.target_id, 5, False)
    assert (shown.usd_per_hour, shown.disk_usd_per_hour) == (
        one.usd_per_hour,
        one.disk_usd_per_hour,
    )
    assert (shown.num_gpus, shown.gpu_name, shown.disk_gb) == (1, "GPU", 0.0)
    assert shown.intended_status == "running"
    assert remembered(rental(running=False), NOW_US).intended_status == "stopped"
    assert not shown.is_bid
