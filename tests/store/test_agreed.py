"""Promise: what a plan keeps of a rent or a machine is what a yes is compared with, typed."""

from dataclasses import replace
from typing import Any

import pytest

from vast_mcp.operations import JsonObject
from vast_mcp.store import (
    MACHINE_IDENTITY,
    RENT_AGREEMENT,
    Gpus,
    MachineIdentity,
    RentAgreement,
)
from vast_mcp.units import UsdPerHour

RENT = RentAgreement(
    offer_id=1, machine_id=2, gpu_name="RTX 4090", num_gpus=1, is_bid=False, disk_gb=50.0,
    rate=UsdPerHour(292_171),
)  # fmt: skip
STORED_RENT: JsonObject = {
    "offer_id": 1, "machine_id": 2, "gpu_name": "RTX 4090", "num_gpus": 1, "is_bid": False,
    "disk_gb": 50.0, "rate_micros": 292_171,
}  # fmt: skip
MACHINE = MachineIdentity(7, machine_id=2, label="train", gpus=Gpus(1, "RTX 4090"),
                          started_at_us=3, image="img", disk_gb=50.0)  # fmt: skip
STORED_MACHINE: JsonObject = {
    "instance_id": 7, "machine_id": 2, "label": "train", "gpu": "1x RTX 4090", "started_at_us": 3,
    "image": "img", "disk_gb": 50.0,
}  # fmt: skip


def test_a_plan_names_things_as_earlier_releases_do() -> None:
    """A question may be open while the server is updated."""
    assert RENT_AGREEMENT.encode(RENT) == STORED_RENT
    assert RENT_AGREEMENT.decode(STORED_RENT) == RENT
    assert MACHINE_IDENTITY.encode(MACHINE) == STORED_MACHINE
    assert MACHINE_IDENTITY.decode(STORED_MACHINE) == MACHINE
    unlisted = MachineIdentity(7, listed=False)
    assert MACHINE_IDENTITY.encode(unlisted) == {"instance_id": 7, "listed": False}
    assert MACHINE_IDENTITY.decode({"instance_id": 7, "listed": False}) == unlisted


@pytest.mark.parametrize(
    "changes",
    [{"rate_micros": None}, {"rate_micros": "9"}, {"rate_micros": True}, {"is_bid": 0},
     {"offer_id": 1.5}, {"machine_id": None}],
)  # fmt: skip
def test_what_is_no_agreement_to_a_rent_is_none(changes: dict[str, Any]) -> None:
    """Nothing is rented on a default."""
    assert RENT_AGREEMENT.read({**STORED_RENT, **changes}) is None
    with pytest.raises(ValueError, match=r"is no|is missing"):
        RENT_AGREEMENT.decode({**STORED_RENT, **changes})


@pytest.mark.parametrize("stored", [{}, [], None, "7", {"instance_id": "7"}, {"gpu": "1x A100"}])
def test_what_names_no_machine_is_none(stored: Any) -> None:  # noqa: ANN401  any JSON
    """Then the yes is to nothing that is there."""
    assert MACHINE_IDENTITY.read(stored) is None


def test_a_machine_at_another_rate_is_told_from_another_machine() -> None:
    """By its fields, not by what is shown of it."""
    assert replace(RENT, rate=UsdPerHour(1)) != RENT
    assert MACHINE_IDENTITY.read({**STORED_MACHINE, "gpu": "2x RTX 4090"}) == replace(
        MACHINE, gpus=Gpus(2, "RTX 4090")
    )
