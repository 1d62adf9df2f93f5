"""Nonsense from either side: one clear line, nothing sent, nothing lost, still serving.

See docs/design.md#answers, docs/design.md#money, docs/hazards.md#reading.
"""

from pathlib import Path

import pytest

from tests.promises.test_lost_answers import rentals
from tests.world import Json, ToolFailed, World
from vast_mcp.simulator.faults import Kind

BAD: dict[str, tuple[str, Json, str]] = {
    "unknown argument": ("create_instance", {"offer_id": 1, "price": 3}, "unknown argument"),
    "near miss": ("stop_instance", {"instanceid": 1}, "did you mean 'instance_id'"),
    "wrong type": ("stop_instance", {"instance_id": "mine"}, "instance_id"),
    "a list": ("stop_instance", {"instance_id": [1, 2]}, "instance_id"),
    "a boolean": ("stop_instance", {"instance_id": {"all": True}}, "instance_id"),
    "missing": ("stop_instance", {}, "instance_id"),
    "negative": ("stop_instance", {"instance_id": -4}, "instance_id"),
    "huge id": ("stop_instance", {"instance_id": 10**18}, "no instance"),
    "not a number": ("create_instance", {"offer_id": 1, "lease_hours": "nan"}, "lease_hours"),
    "endless": ("create_instance", {"offer_id": 1, "lease_hours": "inf"}, "lease_hours"),
    "zero hours": ("create_instance", {"offer_id": 1, "lease_hours": 0}, "lease_hours"),
    "huge hours": ("create_instance", {"offer_id": 1, "lease_hours": 1e9}, "lease_hours"),
    "tiny disk": ("create_instance", {"offer_id": 1, "disk_gb": 1}, "disk_gb"),
    "nan disk": ("create_instance", {"offer_id": 1, "disk_gb": "nan"}, "disk_gb"),
    "nan price": (
        "create_instance",
        {"offer_id": 1, "max_price_usd_per_hour": "nan"},
        "max_price_usd_per_hour",
    ),
    "bad choice": ("create_instance", {"offer_id": 1, "on_end": "burn"}, "on_end"),
    "forged mark": ("create_instance", {"offer_id": 1, "label": "a vm1.b"}, "label"),
    "hidden text": ("create_instance", {"offer_id": 1, "label": "a\u202eb"}, "label"),
    "an offer's id": ("stop_instance", {"instance_id": 31_156_174}, "no instance"),
    "no such offer": ("create_instance", {"offer_id": 7}, "is no longer available"),
    "empty plan": ("confirm_plan", {"plan_id": ""}, "no such plan"),
    "no such plan": ("confirm_plan", {"plan_id": "rent-1-ABCDEF"}, "no such plan"),
    "malformed query": ("search_offers", {"query": "gpu_name=="}, "query"),
    "no such column": ("search_offers", {"query": "speed>3"}, "speed"),
    "no such endpoint": ("delete_endpoint", {"endpoint_name": "nope"}, "no endpoint"),
}


async def failure(world: World, tool: str, arguments: Json) -> str:
    """The text of a call that must fail; the server goes on serving."""
    async with world.connect() as client:
        with pytest.raises(ToolFailed) as failed:
            await world.call(client, tool, **arguments)
        assert (await world.call(client, "show_policy"))["limits"]
    return str(failed.value)


@pytest.mark.parametrize("case", BAD)
async def test_a_wrong_argument_is_one_clear_line_and_nothing_is_sent(
    tmp_path: Path, case: str
) -> None:
    """Argument errors are one line that names the field, without library URLs."""
    tool, arguments, wanted = BAD[case]
    world = World(tmp_path, seed=1)
    told = await failure(world, tool, arguments)
    assert wanted in told
    assert "\n" not in told
    assert "pydantic" not in told
    assert "http" not in told
    assert len(told) < 700
    assert world.simulator.mutations() == []
    assert world.questions == []


FAULTS: tuple[tuple[Kind, Json], ...] = (
    ("status_before", {"status": 502}),
    ("status_before", {"status": 500}),
    ("html", {}),
    ("truncated_json", {}),
    ("success_false_200", {}),
    ("rate_limited", {"form": "text"}),
    ("rate_limited", {"form": "detail"}),
    ("request_lost", {}),
    ("reset", {}),
    ("refused_connection", {}),
)


@pytest.mark.parametrize(("kind", "options"), FAULTS, ids=str)
@pytest.mark.parametrize("tool", ["show_instances", "stop_instance", "create_instance"])
async def test_a_vendor_that_cannot_be_read_is_one_clear_line(
    tmp_path: Path, tool: str, kind: Kind, options: Json
) -> None:
    """An unreadable answer is an error, never "nothing there"; nothing is changed."""
    world = World(tmp_path, seed=1)
    offer = await world.cheap_offer()
    async with world.connect() as client:
        instance_id = await world.rent(client)
    before = len(world.simulator.mutations())
    arguments: Json = {"instance_id": instance_id} if tool == "stop_instance" else {}
    if tool == "create_instance":
        arguments = {"offer_id": offer.offer_id, "request_key": "b", "max_price_usd_per_hour": 1.0}
    world.simulator.faults.add(kind, times=10_000, **options)
    told = await failure(world, tool, arguments)
    assert "\n" not in told
    assert "<html" not in told
    assert len(told.split()) >= 4
    assert len(world.simulator.mutations()) == before
    world.simulator.faults.planned.clear()
    (rental,) = await rentals(world)
    assert rental.target_id == instance_id


@pytest.mark.parametrize("status", ["reticulating", "unknown", "", None, 7])
async def test_a_status_nobody_knows_counts_as_running_and_loses_nothing(
    tmp_path: Path, status: object
) -> None:
    """A state that is not understood counts as the dearest; stop still works."""
    world = World(tmp_path, seed=1)
    async with world.connect() as client:
        instance_id = await world.rent(client)
        world.simulator.set_status(instance_id, actual_status=status)
        try:
            shown = await world.call(client, "show_instances")
            assert str(instance_id) in str(shown)
        except ToolFailed as failed:
            assert "unreadable" in str(failed)  # noqa: PT017  a wrong type is said to be one
    (rental,) = await rentals(world)
    assert rental.running
