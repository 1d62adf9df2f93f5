"""Nothing outlives its lease: the keeper ends it, whatever happened before.

See docs/design.md#leases, docs/design.md#levels, docs/design.md#money, docs/design.md#questions,
docs/design.md#tools.
"""

from pathlib import Path

import pytest

from tests.promises.test_lost_answers import rentals, tick
from tests.world import Json, ToolFailed, World
from vast_mcp.simulator.faults import Kind

HOUR_S = 3600


def alive(world: World, instance_id: int) -> bool:
    """Whether it still wants to run."""
    world.simulator.catch_up()
    contract = world.simulator.world.instances.get(instance_id)
    return contract is not None and contract.wants_to_run


async def test_a_lease_ends_within_two_minutes_and_the_disk_is_told(tmp_path: Path) -> None:
    """Stopped at the end, disk kept, nothing else touched (docs/hazards.md#money)."""
    world = World(tmp_path, seed=1)
    foreign = world.simulator.add_foreign_instance()
    async with world.connect() as client:
        instance_id = await world.rent(client, lease_hours=1)
    await tick(world, times=59)
    assert alive(world, instance_id)
    await tick(world, times=2)
    assert not alive(world, instance_id)
    assert alive(world, foreign)
    assert instance_id in world.simulator.world.instances
    (rental,) = await rentals(world)
    assert not rental.running


async def test_an_outbid_machine_is_stopped_at_its_end_too(tmp_path: Path) -> None:
    """Outbid would resume by itself; it is stopped at the lease's end (docs/hazards.md#money)."""
    world = World(tmp_path, seed=1)
    offer = await world.cheap_offer("interruptible")
    assert offer.min_bid is not None
    async with world.connect() as client:
        instance_id = await world.rent(
            client,
            offer,
            bid_usd_per_hour=round(offer.min_bid.dollars + 0.01, 3),
            lease_hours=1,
        )
    world.run_until_ready()
    world.simulator.outbid(instance_id)
    await tick(world, times=62)
    assert not alive(world, instance_id)
    world.simulator.end_outbid(instance_id)
    world.run_until_ready()
    assert world.simulator.world.instances[instance_id].stage == "exited"


async def test_a_stop_that_never_took_effect_is_repeated(tmp_path: Path) -> None:
    """A person's stop whose every answer was lost does not leave the machine running."""
    world = World(tmp_path, seed=1)
    async with world.connect() as client:
        instance_id = await world.rent(client)
        world.run_until_ready()
        world.simulator.faults.add("request_lost", "PUT", rf"/instances/{instance_id}/", times=9)
        said = await world.call(client, "stop_instance", instance_id=instance_id)
        assert said["status"] == "unknown"
        assert alive(world, instance_id)
    world.simulator.faults.planned.clear()
    await tick(world)
    assert not alive(world, instance_id)


async def test_a_stop_that_was_refused_is_not_repeated_behind_the_persons_back(
    tmp_path: Path,
) -> None:
    """A yes is for now: what the vendor refused stays undone and is told."""
    world = World(tmp_path, seed=1)
    world.simulator.add_key("narrow", "instance_read", "user_read", "misc")
    async with world.connect() as client:
        instance_id = await world.rent(client)
    world.run_until_ready()
    narrow = World(tmp_path, seed=1, clock=world.clock, api_key="narrow")
    narrow.simulator, narrow.transport = world.simulator, world.transport
    for tool in ("stop_instance", "destroy_instance"):
        async with narrow.connect() as client:
            with pytest.raises(ToolFailed, match="may not do this"):
                await narrow.call(client, tool, instance_id=instance_id)
    await tick(world, times=2)
    assert alive(world, instance_id)


@pytest.mark.parametrize("asked", [False, True])
async def test_on_end_destroy_is_covered_only_by_a_persons_yes(tmp_path: Path, asked: bool) -> None:
    """A rent that the policy allowed covers nothing; one that was asked about does."""
    world = World(tmp_path, seed=1)
    offer = await world.dear_offer() if asked else await world.cheap_offer()
    async with world.connect() as client:
        instance_id = await world.rent(
            client, offer, lease_hours=1, on_end="destroy", max_price_usd_per_hour=2.9
        )
    assert len(world.questions) == int(asked)
    await tick(world, times=62)
    assert (instance_id in world.simulator.world.instances) is not asked
    assert not alive(world, instance_id)


async def test_a_protected_machine_is_stopped_at_its_end_and_kept(tmp_path: Path) -> None:
    """Protection forbids the destroy; the lease still ends."""
    world = World(tmp_path, seed=1, policy="")
    offer = await world.dear_offer()
    given: Json = {"label": "prod-1", "on_end": "destroy", "max_price_usd_per_hour": 2.9}
    async with world.connect() as client:
        instance_id = await world.rent(client, offer, lease_hours=1, **given)
    world.write_policy('[protect]\nlabels = ["prod-*"]\n')
    await tick(world, times=62)
    assert instance_id in world.simulator.world.instances
    assert not alive(world, instance_id)


async def test_an_extension_is_added_to_the_end_and_kept(tmp_path: Path) -> None:
    """Added to the present end; the label carries it; the lease ends then."""
    world = World(tmp_path, seed=1)
    async with world.connect() as client:
        instance_id = await world.rent(client, lease_hours=1)
        said = await world.call(client, "extend_lease", instance_id=instance_id, hours=1)
        assert said["status"] == "extended"
    end = said["lease_ends"].replace("-", "").replace("T", "").replace(":", "")
    assert f".until-{end}." in str(world.simulator.world.instances[instance_id].label)
    await tick(world, times=115)
    assert alive(world, instance_id)
    await tick(world, times=8)
    assert not alive(world, instance_id)


async def test_a_start_that_does_not_come_up_is_given_up(tmp_path: Path) -> None:
    """Not running after 10 minutes → stopped, else it would start at night."""
    world = World(tmp_path, seed=1)
    async with world.connect() as client:
        instance_id = await world.rent(client)
        world.run_until_ready()
        await world.call(client, "stop_instance", instance_id=instance_id)
        world.run_until_ready(60)
        world.simulator.take_gpu(instance_id)
        said = await world.call(client, "start_instance", instance_id=instance_id, lease_hours=2)
        assert said["status"] == "queued"
    await tick(world, times=12)
    assert not alive(world, instance_id)
    world.simulator.free_gpu(instance_id)
    world.run_until_ready()
    assert world.simulator.world.instances[instance_id].stage == "exited"


async def test_a_machine_started_on_the_console_is_under_its_lease_again(tmp_path: Path) -> None:
    """Nothing is started without a lease: it counts, and ends when its lease does."""
    world = World(tmp_path, seed=1)
    async with world.connect() as client:
        instance_id = await world.rent(client, lease_hours=2)
        world.run_until_ready()
        await world.call(client, "stop_instance", instance_id=instance_id)
    await tick(world)
    world.simulator.set_stage(instance_id, "running")
    world.simulator.world.instances[instance_id].wants_to_run = True
    await tick(world, times=2)
    (rental,) = await rentals(world)
    assert rental.running
    assert alive(world, instance_id)  # the person wanted it
    await tick(world, times=125)
    assert not alive(world, instance_id)


@pytest.mark.parametrize("lag_s", [5, 30])
async def test_a_list_that_lags_behind_loses_no_machine(tmp_path: Path, lag_s: int) -> None:
    """A machine that is not listed yet is not taken for gone (docs/hazards.md#lost-answers)."""
    world = World(tmp_path, seed=1)
    world.simulator.set_list_lag(lag_s)
    async with world.connect() as client:
        instance_id = await world.rent(client, lease_hours=1)
    await tick(world, times=3, every_s=1)
    (rental,) = await rentals(world)
    assert rental.target_id == instance_id
    await tick(world, times=64)
    assert not alive(world, instance_id)


async def test_a_machine_wrongly_taken_for_gone_counts_again_once_it_is_listed(
    tmp_path: Path,
) -> None:
    """Exposure is the union of ledger and vendor; what is shown is never forgotten."""
    world = World(tmp_path, seed=1)
    async with world.connect() as client:
        instance_id = await world.rent(client, lease_hours=2)
    world.run_until_ready()
    contract = world.simulator.world.fleet.alive.pop(instance_id)
    await tick(world, times=4)
    assert await rentals(world) == []
    world.simulator.world.fleet.alive[instance_id] = contract
    await tick(world)
    (rental,) = await rentals(world)
    assert rental.target_id == instance_id
    await tick(world, times=125)
    assert not alive(world, instance_id)


async def test_an_endpoint_ends_with_its_lease_and_serves_no_more(tmp_path: Path) -> None:
    """Scaled to nothing, and no raise without a new lease."""
    world = World(tmp_path, seed=1)
    async with world.connect() as client:
        said = await world.call(
            client,
            "create_endpoint",
            endpoint_name="llm",
            max_usd_per_worker_hour=0.4,
            cold_workers=1,
            lease_hours=1,
        )
        assert said["status"] == "created"
        template = str(world.simulator.world.templates[0]["hash_id"])
        await world.call(client, "create_workergroup", endpoint_name="llm", template_hash=template)
        world.clock.move(600)
        await tick(world, times=60)
        (endpoint,) = world.simulator.world.serverless.endpoints.values()
        assert endpoint.fields["endpoint_state"] == "stopped"
        assert endpoint.fields["cold_workers"] == 0
        with pytest.raises(ToolFailed, match="lease of this endpoint ended"):
            await world.call(client, "update_endpoint", endpoint_name="llm", cold_workers=1)


@pytest.mark.parametrize("kind", ["answer_lost_after_commit", "late_execution"])
async def test_an_endpoint_whose_answer_was_lost_ends_as_well(tmp_path: Path, kind: Kind) -> None:
    """Nothing is served without a lease, found by its name."""
    world = World(tmp_path, seed=1)
    world.simulator.faults.add(kind, "POST", "/endptjobs/", seconds=90)
    world.simulator.faults.add("status_before", "GET", "/endptjobs/", times=40, skip=2)
    async with world.connect() as client:
        said = await world.call(
            client,
            "create_endpoint",
            endpoint_name="llm",
            max_usd_per_worker_hour=0.4,
            cold_workers=1,
            lease_hours=1,
        )
    assert said["status"] == "unknown", said
    assert "do not create it again" in said["next"]
    world.simulator.faults.planned.clear()
    assert [one.kind for one in await rentals(world)] == ["endpoint"]
    await tick(world, times=65)
    (endpoint,) = world.simulator.world.serverless.endpoints.values()
    assert endpoint.fields["endpoint_state"] == "stopped"


async def test_an_unasked_rent_promises_only_the_stop_that_it_will_get(tmp_path: Path) -> None:
    """A rent that the policy allowed covers no destroy, and its answer says so."""
    world = World(tmp_path, seed=1)
    async with world.connect() as client:
        offer = await world.cheap_offer()
        await world.call(client, "search_offers")
        said = await world.call(
            client, "create_instance", offer_id=offer.offer_id, max_price_usd_per_hour=2.0,
            lease_hours=1, on_end="destroy",
        )  # fmt: skip
        told = await world.call(
            client, "create_instance", offer_id=(await world.offers())[1].offer_id,
            max_price_usd_per_hour=2.0, lease_hours=1, on_end="destroy", preview=True,
        )  # fmt: skip
        shown = await world.call(client, "show_instances", instance_id=said["instance_id"])
    assert world.questions == []
    for answer in (said, told):
        assert "it only stops" in answer["said"]
        assert "nobody was asked about deleting it" in answer["said"]
    assert shown["instances"][0]["on_end"] == "stop"
