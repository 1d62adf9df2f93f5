"""Four words for money, the same everywhere: what bills now, its price, spent, reserved."""

from pathlib import Path

import pytest

from tests.tools.test_account import endpoint_with_a_worker
from tests.tools.test_answers_agree import resource
from tests.world import Json, World
from vast_mcp.keeper.tick import look_once


async def ticked(world: World, minutes: int) -> None:
    """So many minutes with a keeper that looks once in each."""
    async with world.runtime() as runtime:
        for _ in range(minutes):
            world.clock.move(60)
            world.simulator.catch_up()
            await look_once(runtime.session.guard)


async def test_a_failed_container_has_spent_its_disk_and_not_its_gpu(tmp_path: Path) -> None:
    """Held: what bills nothing is not spent; it stays reserved until the machine is gone."""
    world = World(tmp_path)
    async with world.connect() as client:
        instance_id = await world.rent(client, lease_hours=4)
        world.simulator.set_stage(instance_id, "broken_image")
        await ticked(world, 60)
        account = await world.call(client, "show_account")
        (row,) = (await world.call(client, "show_instances"))["instances"]
        spend: Json = await resource(client, "vast://spend")
        charged = world.simulator.books.spent_by(instance_id)
    really = charged["total"]
    assert row["bills"] != "gpu+disk"
    assert row["usd_per_hour_now"] < row["usd_per_hour"]
    price = row["usd_per_hour"]
    for told in (account["spent_today_usd"], spend["spent_today_usd"], row["cost_so_far_usd"]):
        assert really - 0.001 <= told <= really + price * 5 / 60, (told, really, price)
    assert account["reserved_usd"] > price * 3.9
    assert account["usd_per_hour_now"] == pytest.approx(row["usd_per_hour_now"], abs=1e-4)


async def test_an_endpoint_has_spent_what_was_charged_and_not_its_maximum(tmp_path: Path) -> None:
    """Held: four workers may be rented and none is: all four are reserved."""
    world = World(tmp_path)
    async with world.connect() as client:
        await world.call(
            client, "create_endpoint", endpoint_name="chat", max_usd_per_worker_hour=0.5,
            max_workers=4, lease_hours=10,
        )  # fmt: skip
        await ticked(world, 60)
        account = await world.call(client, "show_account")
        (endpoint,) = (await world.call(client, "show_endpoints"))["endpoints"]
    assert account["spent_today_usd"] == 0
    assert account["reserved_usd"] == pytest.approx(20, abs=0.1)
    assert endpoint["usd_per_hour"] == 2.0
    assert endpoint["usd_per_hour_now"] == account["usd_per_hour_now"] == 0


async def test_of_an_endpoint_with_a_worker_only_what_was_charged_is_spent(tmp_path: Path) -> None:
    """Held: two may run at $0.50/h and one does; its charges are read by the keeper."""
    world = World(tmp_path)
    async with world.connect() as client:
        await endpoint_with_a_worker(world, client)
        await ticked(world, 60)
        account = await world.call(client, "show_account")
    charged = world.simulator.books.spent_usd
    assert 0 < charged < 1
    assert charged * 0.6 <= account["spent_today_usd"] <= charged + 0.01


async def test_the_price_and_the_present_burn_have_a_name_each(tmp_path: Path) -> None:
    """`usd_per_hour` is what it costs when it runs, in every answer and in every state."""
    world = World(tmp_path)
    async with world.connect() as client:
        instance_id = await world.rent(client)
        world.run_until_ready()
        (running,) = (await world.call(client, "show_instances"))["instances"]
        await world.call(client, "stop_instance", instance_id=instance_id)
        (resting,) = (await world.call(client, "show_instances"))["instances"]
        account = await world.call(client, "show_account")
        (leased,) = await resource(client, "vast://leases")
        (listed,) = await resource(client, "vast://instances")
    assert running["usd_per_hour"] == resting["usd_per_hour"]
    assert leased["usd_per_hour"] == pytest.approx(running["usd_per_hour"], abs=1e-3)
    now = resting["usd_per_hour_now"]
    assert now < resting["usd_per_hour"]
    assert "usd_per_hour_now" not in running
    for told in (account, account["bills_now"][0], listed):
        assert told["usd_per_hour_now"] == pytest.approx(now, abs=1e-4)
    assert "usd_per_hour" not in account


async def test_a_tasks_budget_is_told_with_spent_reserved_and_left(tmp_path: Path) -> None:
    """Held: what is left is what the next rent of the task is decided on."""
    world = World(tmp_path, policy="[budget.nightly]\nmax_cost_usd = 8\n")
    async with world.connect() as client:
        offer = (await world.offers())[0]
        answer = await world.call(
            client, "create_instance", offer_id=offer.offer_id, max_price_usd_per_hour=1.0,
            task="lora", max_cost_usd=5, lease_hours=4,
        )  # fmt: skip
        account = await world.call(client, "show_account")
        policy = await world.call(client, "show_policy")
    assert answer["task"] == "lora"
    nightly, lora = account["budgets"]
    assert nightly == {
        "task": "nightly", "max_cost_usd": 8, "spent_usd": 0, "reserved_usd": 0, "left_usd": 8,
    }  # fmt: skip
    assert policy["budgets"] == account["budgets"]
    assert lora["task"] == "lora"
    assert lora["left_usd"] == pytest.approx(answer["left_usd"], abs=1e-3)
    total = lora["spent_usd"] + lora["reserved_usd"] + lora["left_usd"]
    assert total == pytest.approx(5, abs=1e-3)
    assert lora["reserved_usd"] >= 4 * answer["usd_per_hour"] - lora["spent_usd"] - 0.01


async def test_a_rent_with_a_budget_and_no_task_tells_what_is_left(tmp_path: Path) -> None:
    """Edge: `max_cost_usd` alone is a budget of that rental."""
    world = World(tmp_path)
    async with world.connect() as client:
        offer = (await world.offers())[0]
        answer = await world.call(
            client, "create_instance", offer_id=offer.offer_id, max_price_usd_per_hour=1.0,
            max_cost_usd=5,
        )  # fmt: skip
        plain = await world.call(
            client, "create_instance", offer_id=(await world.offers())[1].offer_id,
            max_price_usd_per_hour=1.0,
        )  # fmt: skip
    assert 0 < answer["left_usd"] < 5
    assert "task" not in answer
    assert "left_usd" not in plain
