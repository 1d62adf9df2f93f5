"""See docs/hazards.md#money."""

import httpx2
import pytest

from tests.simulator.console import Console, console
from vast_mcp.simulator.contract import Contract

CREATE = {"image": "x/y", "disk": 50}


def _only(vendor: Console) -> Contract:
    (contract,) = vendor.simulator.world.instances.values()
    return contract


async def test_an_offer_is_taken_between_search_and_create() -> None:
    """400 `no_such_ask`, nothing rented."""
    async with console() as vendor:
        offer = await vendor.cheapest()
        vendor.simulator.faults.add("offer_taken", "PUT")
        response = await vendor.call("PUT", f"asks/{offer['id']}/", json=CREATE)

        assert response.status_code == 400
        assert "no_such_ask" in response.text
        assert vendor.simulator.world.instances == {}
        assert vendor.simulator.faults.struck == {"offer_taken": 1}


async def test_a_raced_offer_answers_410() -> None:
    """Still shown, not rentable (docs/vendor-api.md#creating-an-instance)."""
    async with console() as vendor:
        offer = await vendor.cheapest()
        vendor.simulator.faults.add("offer_raced", "PUT")

        assert (await vendor.call("PUT", f"asks/{offer['id']}/", json=CREATE)).status_code == 410


async def test_prices_drift_after_they_were_shown() -> None:
    """What was read last is not what is asked now."""
    async with console() as vendor:
        vendor.simulator.faults.add("price_drift", "POST", factor=1.25)
        shown = await vendor.cheapest()
        again = next(x for x in await vendor.offers() if x["id"] == shown["id"])

        assert again["dph_base"] == pytest.approx(shown["dph_base"] * 1.25, abs=1e-3)


async def test_the_machine_is_dearer_than_its_offer() -> None:
    """On demand has no ceiling on the wire: only a look afterwards tells."""
    async with console() as vendor:
        offer = await vendor.cheapest()
        vendor.simulator.faults.add("dearer_instance", "PUT", factor=2.0)
        shown = await vendor.show(await vendor.rent(offer))

        assert shown["dph_base"] == pytest.approx(2 * offer["dph_base"], abs=1e-3)


@pytest.mark.parametrize(
    ("how", "status"), [("stuck", None), ("broken_image", "created"), ("failed", "exited")]
)
async def test_a_machine_that_never_comes_up(how: str, status: str | None) -> None:
    """Stuck in provisioning, OCI error, exits."""
    async with console() as vendor:
        vendor.simulator.faults.add("stuck_loading", "PUT", how=how)
        number = await vendor.rent()
        vendor.clock.move(7200)

        assert (await vendor.show(number))["actual_status"] == status


@pytest.mark.parametrize("how", ["offline", "unknown"])
async def test_a_host_dies_and_comes_back(how: str) -> None:
    """A quarter of an hour of silence, unbilled."""
    async with console() as vendor:
        vendor.simulator.faults.add("host_death", "PUT", how=how, seconds=1000)
        number = await vendor.rent()
        vendor.clock.move(1001)
        dark = (await vendor.show(number))["actual_status"]
        vendor.clock.move(901)

        assert [dark, (await vendor.show(number))["actual_status"]] == [how, "running"]


async def test_a_host_dies_for_good() -> None:
    """The rental is gone with its data."""
    async with console() as vendor:
        vendor.simulator.faults.add("host_death", "PUT", how="gone", seconds=1000)
        number = await vendor.rent()
        vendor.clock.move(1001)

        assert (await vendor.get(f"instances/{number}/"))["instances"] is None


async def test_a_bid_is_outbid_and_resumes() -> None:
    """Half an hour later, unattended (docs/hazards.md#money)."""
    async with console() as vendor:
        offer = await vendor.cheapest(type="bid")
        vendor.simulator.faults.add("outbid_and_resume", "PUT", seconds=1000)
        number = await vendor.rent(offer, price=offer["min_bid"] * 1.2)
        stages = []
        for seconds in (900, 101, 1900):
            vendor.clock.move(seconds)
            stages.append((await vendor.show(number))["actual_status"])

        assert stages == ["running", "exited", "running"]


async def test_a_market_fault_on_a_refused_create_does_not_count() -> None:
    """`struck` tells what changed something."""
    async with console() as vendor:
        vendor.simulator.faults.add("host_death", "PUT")
        await vendor.call("PUT", "asks/12345678/", json=CREATE)

        assert vendor.simulator.faults.struck == {}


async def test_wire_and_market_may_strike_the_same_request() -> None:
    """A dearer machine whose answer is lost."""
    async with console() as vendor:
        offer = await vendor.cheapest()
        vendor.simulator.faults.add("dearer_instance", "PUT", factor=2.0)
        vendor.simulator.faults.add("late_execution", "PUT", seconds=100)
        with pytest.raises(httpx2.ReadTimeout):
            await vendor.call("PUT", f"asks/{offer['id']}/", json=CREATE)
        vendor.clock.move(100)
        vendor.simulator.catch_up()

        assert _only(vendor).gpu_usd_per_hour == pytest.approx(2 * offer["dph_base"], abs=1e-3)


async def test_the_world_counts_what_each_intent_made() -> None:
    """Suites ask for doubles: living and destroyed ones together."""
    async with console() as vendor:
        for mark in ("a", "a", "b"):
            number = await vendor.rent(env={"VMCP_INTENT": mark, "OTHER": "x"})
        await vendor.call("DELETE", f"instances/{number}/")
        vendor.simulator.add_foreign_instance()

        assert vendor.simulator.world.created_by_intent() == {"a": 2, "b": 1}


async def test_one_request_makes_two_machines() -> None:
    """Not seen of the vendor, and nothing forbids it: the second comes some seconds later."""
    async with console() as vendor:
        vendor.simulator.faults.add("made_twice", "PUT", seconds=3)
        rented = await vendor.rent(env={"VMCP_INTENT": "a"}, label="x")
        vendor.clock.move(3)
        vendor.simulator.catch_up()
        world = vendor.simulator.world
        first, second = (world.instances[number] for number in sorted(world.instances))

        assert (first.id, second.label) == (rented, "x")
        assert second.order.env == [("VMCP_INTENT", "a")]
        assert second.created_us - first.created_us == 3_000_000
        assert second.listing.machine.id != first.listing.machine.id


async def test_labels_are_copied_and_machines_recycled_by_hand() -> None:
    """A label goes to another machine, alone or with its variables; a recycled one keeps its id."""
    async with console() as vendor:
        ours = await vendor.running(env={"VMCP_INTENT": "a"}, label="x")
        copy = vendor.simulator.add_foreign_instance()
        vendor.simulator.copy_label(ours, copy)
        world = vendor.simulator.world
        assert (world.instances[copy].label, world.instances[copy].order.env) == ("x", [])
        vendor.simulator.copy_label(ours, copy, environment=True)
        assert world.instances[copy].order.env == [("VMCP_INTENT", "a")]
        vendor.simulator.recycle(ours, [])
        assert world.instances[ours].stage == "recycling"
        vendor.simulator.hide_environment(copy)
        shown = (await vendor.call("GET", f"instances/{copy}/")).json()["instances"]
        assert shown["extra_env"] is None


async def test_the_world_counts_seconds_billed_past_an_instant() -> None:
    """How far a lease was overrun, by kind."""
    async with console() as vendor:
        number = await vendor.running()
        lease_us = vendor.clock.utc_us()
        vendor.clock.move(90)
        vendor.simulator.set_stage(number, "exited")
        vendor.clock.move(60)
        vendor.simulator.catch_up()
        world = vendor.simulator.world

        assert world.billed_seconds_after(number, lease_us) == 90
        assert world.billed_seconds_after(number, lease_us, kind="disk") == 150
        assert world.billed_seconds_after(1, lease_us) == 0


async def test_the_world_remembers_which_strangers_were_touched() -> None:
    """A read is no touch, a refusal is none; a stop of many is."""
    async with console() as vendor:
        first, second, third = (vendor.simulator.add_foreign_instance() for _ in range(3))
        own = await vendor.rent()
        await vendor.show(third)
        await vendor.call("PUT", f"instances/{third}/", json={})
        await vendor.call("PUT", f"instances/{first}/", json={"label": "mine"})
        await vendor.call("PUT", "instances/", json={"state": "stopped", "ids": [second, own]})

        assert vendor.simulator.world.foreign_touched == {first, second}
