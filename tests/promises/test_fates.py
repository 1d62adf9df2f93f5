"""What became of a rent whose answer was lost is told for an hour, wherever it was pending."""

from pathlib import Path

import pytest

from tests.promises.test_lost_answers import ASKS, tick
from tests.world import Json, World
from vast_mcp.simulator.faults import Kind

WANTED: Json = {"max_price_usd_per_hour": 1.0, "label": "train"}


async def unknown_rent(world: World, *, arrives: bool) -> tuple[Json, Json]:
    """Arguments and answer of a create that nobody knows the end of."""
    offer = await world.cheap_offer()
    kind: Kind = "answer_lost_after_commit" if arrives else "request_lost"
    world.simulator.faults.add(kind, "PUT", ASKS)
    world.simulator.faults.add("status_before", "GET", "/api/v1/instances", times=500, skip=1)
    given = {"offer_id": offer.offer_id, **WANTED}
    async with world.connect() as client:
        said = await world.call(client, "create_instance", **given)
    assert said["status"] == "unknown", said
    world.simulator.faults.planned.clear()
    return given, said


@pytest.mark.parametrize("arrives", [True, False])
async def test_the_fate_of_an_unknown_rent_is_told_for_an_hour(
    tmp_path: Path, *, arrives: bool
) -> None:
    """Arrived: its id. Never arrived: nothing is billed, and its money is free."""
    world = World(tmp_path)
    _, said = await unknown_rent(world, arrives=arrives)
    await tick(world, times=20)
    async with world.connect() as client:
        shown = await world.call(client, "show_instances")
        account = await world.call(client, "show_account")
    (row,) = shown["pending"]
    assert row["intent"] == said["intent"]
    assert "Do not rent again" not in shown.get("next", "")
    told = " ".join(account["warnings"])
    if arrives:
        (alive,) = world.simulator.world.instances
        assert (row["state"], row["instance_id"]) == ("arrived", alive)
        assert f"arrived: instance {alive}" in told
    else:
        assert row["state"].startswith("never existed; nothing was billed")
        assert "nothing of it is billed and its money is released" in told
        assert "reserved_usd" not in account or account["reserved_usd"] == 0
    await tick(world, times=2, every_s=3600)
    async with world.connect() as client:
        assert "pending" not in await world.call(client, "show_instances")


async def test_the_same_call_answers_the_machine_that_arrived(tmp_path: Path) -> None:
    """Nothing more is rented, and its id is the answer."""
    world = World(tmp_path)
    given, _ = await unknown_rent(world, arrives=True)
    await tick(world, times=3)
    async with world.connect() as client:
        again = await world.call(client, "create_instance", **given)
    (alive,) = world.simulator.world.instances
    assert (again["instance_id"], again["replayed"]) == (alive, True)
    assert f"wait_for_instance(instance_id={alive})" in again["next"]


async def test_the_same_call_after_nothing_came_of_it_rents_and_says_so(tmp_path: Path) -> None:
    """One machine, and no worry about the first: it was never billed."""
    world = World(tmp_path)
    given, _ = await unknown_rent(world, arrives=False)
    await tick(world, times=20)
    async with world.connect() as client:
        again = await world.call(client, "create_instance", **given)
    assert again["status"] == "rented"
    assert "never existed" in " ".join(again["warnings"])
    assert len(world.simulator.world.instances) == 1
