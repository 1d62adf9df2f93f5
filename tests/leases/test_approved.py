"""Whether the machine that came is the one that was approved: price, kind and GPUs."""

from dataclasses import replace
from typing import Any

import pytest

from tests.instances.samples import instance, rental
from vast_mcp.leases.approved import ROUNDING, Approved, breach_of, breach_of_rental
from vast_mcp.store import Gpus, LeaseFacts
from vast_mcp.units import UsdPerHour

RATE = UsdPerHour.of(0.4)
APPROVED = Approved(Gpus(1, "RTX 4090"), is_bid=False, usd_per_hour=RATE)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, None),
        ({"usd_per_hour": RATE + ROUNDING}, None),
        ({"usd_per_hour": RATE + ROUNDING + UsdPerHour(1)}, "above the approved $0.40/h"),
        ({"usd_per_hour": UsdPerHour(1)}, None),
        ({"is_bid": True}, "it is interruptible"),
        ({"num_gpus": 2}, "it has 2x RTX 4090"),
        ({"num_gpus": 0}, "it has 0x RTX 4090"),
        ({"gpu_name": "RTX 3090"}, "it has 1x RTX 3090"),
    ],
)
def test_a_machine_that_differs_from_what_was_approved_is_named_as_such(
    changes: dict[str, Any], said: str | None
) -> None:
    """A hundredth of a cent is the vendor's rounding; a micro-dollar more is a higher price."""
    found = breach_of(instance(**changes), APPROVED)
    assert (found is None) == (said is None)
    assert (said or "") in (found or "")


def test_an_on_demand_machine_in_place_of_a_bid_is_a_breach_too() -> None:
    """The person agreed to an interruptible price and kind."""
    assert breach_of(instance(), replace(APPROVED, is_bid=True)) == "it is not interruptible"


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (LeaseFacts(gpus=Gpus(1, "RTX 4090")), None),
        (LeaseFacts(gpus=Gpus(1, "RTX 4090"), is_bid=False), None),
        (LeaseFacts(gpus=Gpus(2, "RTX 4090")), "it has 1x RTX 4090"),
        (LeaseFacts(gpus=Gpus(1, "RTX 3090")), "it has 1x RTX 4090"),
        (LeaseFacts(gpus=Gpus(1, "RTX 4090"), is_bid=True), "it is not interruptible"),
        (LeaseFacts(), "it has 1x RTX 4090"),
    ],
)
def test_the_books_alone_tell_what_was_approved(facts: LeaseFacts, said: str | None) -> None:
    """For a machine that nobody could look at when it came."""
    assert breach_of_rental(instance(), rental(facts=facts)) == said
