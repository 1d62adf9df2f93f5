"""The whole life of a machine on a vendor that behaves as the recordings, not as our simulator."""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from mcp import Client, StdioServerParameters

from tests.recorded.replies import corpus
from tests.recorded_vendor.doors import InMemory, on_loopback
from tests.recorded_vendor.vendor import KEY, Answer, RecordedVendor
from tests.world import Json, ToolFailed, World
from vast_mcp.clock import SystemClock
from vast_mcp.keeper.tick import look_once

RENT: Json = {"image": "ubuntu:22.04", "disk_gb": 10, "lease_hours": 2}


@dataclass
class Life:
    """A client, its server's vendor, and a way to let time pass for both."""

    world: World
    vendor: RecordedVendor
    client: Client
    waits: int = 8

    async def call(self, tool: str, /, **arguments: object) -> Json:
        """A tool's answer."""
        return await self.world.call(self.client, tool, **arguments)

    async def until_running(self, instance_id: int) -> None:
        """Wait as a model would."""
        for _ in range(self.waits):
            said = await self.call("wait_for_instance", instance_id=instance_id)
            if said["reached"]:
                return
            assert said["verdict"] != "dead", said
        raise AssertionError(said)

    async def row(self, instance_id: int) -> Json:
        """What is shown of one machine."""
        shown = await self.call("show_instances", instance_id=instance_id)
        row: Json = shown["instances"][0]
        return row


@asynccontextmanager
async def in_memory(tmp: Path, burst: int | None = None, queues: int = 1) -> AsyncIterator[Life]:
    """On a clock that leaps."""
    world = World(tmp, api_key=KEY)
    vendor = RecordedVendor(lambda: world.clock.utc_us() / 1e6, burst=burst, queues=queues)
    world.transport = InMemory(vendor)
    async with world.connect() as client:
        yield Life(world, vendor, client)


@asynccontextmanager
async def over_stdio(tmp: Path) -> AsyncIterator[Life]:
    """A server process of its own, the vendor on a loopback port; its waits are a tenth."""
    clock = SystemClock()
    vendor = RecordedVendor(lambda: clock.utc_us() / 1e6, pace=0.05, burst=None)
    with on_loopback(vendor) as address:
        world = World(tmp)  # for its person and its shorthand only
        server = StdioServerParameters(
            command=sys.executable,
            args=["-m", "vast_mcp", "serve"],
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(tmp),
                "XDG_STATE_HOME": str(tmp / "state"),
                "XDG_CONFIG_HOME": str(tmp / "config"),
                "VAST_URL": address,
                "VAST_API_KEY": KEY,
            },
            cwd=Path(__file__).parents[2],
        )
        async with Client(server, elicitation_callback=world.asked("accept")) as client:
            yield Life(world, vendor, client)


async def rented(life: Life, **arguments: object) -> int:
    """Search and rent the first offer found; the machine's id."""
    rental = "interruptible" if "bid_usd_per_hour" in arguments else "on_demand"
    found = await life.call("search_offers", limit=3, rental=rental)
    offer_id = found["offers"][0]["offer_id"]
    answer = await life.call("create_instance", offer_id=offer_id, **RENT, **arguments)
    assert answer["status"] == "rented", answer
    assert life.vendor.done[-1] == f"rented {answer['instance_id']}"
    return int(answer["instance_id"])


async def used_stopped_started_destroyed(life: Life, instance_id: int) -> None:
    """From a machine that was just rented to its end, right at every step."""
    assert "Nothing is rented" not in str(await life.call("show_instances"))
    await life.until_running(instance_id)
    assert (await life.row(instance_id))["state"] == "ready"
    assert "ready" in (await life.call("show_logs", instance_id=instance_id))["untrusted_log"]
    stopped = await life.call("stop_instance", instance_id=instance_id)
    assert stopped["status"] == "stopped", stopped
    assert life.vendor.machines.held[instance_id].phase in ("stopping", "stopped")
    said = await life.call("start_instance", instance_id=instance_id, lease_hours=1)
    assert "queued" in str(said).lower(), said
    assert life.vendor.machines.held[instance_id].phase == "queued"
    assert (await life.row(instance_id))["state"] == "waiting_for_gpu"
    life.vendor.gpu_comes_free(instance_id)
    await life.until_running(instance_id)
    destroyed = await life.call("destroy_instance", instance_id=instance_id)
    assert destroyed["status"] == "destroyed", destroyed
    assert life.vendor.done[-1] == f"destroyed {instance_id}"
    acts = [one.split()[0] for one in life.vendor.done]
    assert acts.count("rented") == acts.count("destroyed") == acts.count("running") == 1


@pytest.mark.parametrize("bid", [False, True], ids=["on demand", "bid"])
async def test_a_whole_life_in_memory(bid: bool, tmp_path: Path) -> None:
    """Search, rent, wait, use, stop, start (queued), destroy: what is told is what happened."""
    async with in_memory(tmp_path) as life:
        instance_id = await rented(life, **({"bid_usd_per_hour": 0.13} if bid else {}))
        await used_stopped_started_destroyed(life, instance_id)
        life.world.clock.move(60)
        assert (await life.call("show_instances"))["instances"] == []


@pytest.mark.parametrize("bid", [False, True], ids=["on demand", "bid"])
async def test_a_whole_life_over_stdio(bid: bool, tmp_path: Path) -> None:
    """The same with a server process and a loopback port, and one recorded 429 on the way."""
    refused = next(one for one in corpus() if one.name == "refusals/too_many")
    async with over_stdio(tmp_path) as life:
        headers = {**refused.headers, "retry-after": "1"}
        life.vendor.instead["offers"] = Answer(429, refused.body | {"retry_after": 1}, headers)
        instance_id = await rented(life, **({"bid_usd_per_hour": 0.13} if bid else {}))
        await used_stopped_started_destroyed(life, instance_id)


async def test_a_search_says_that_it_was_cut(tmp_path: Path) -> None:
    """64 rows come of 150, whatever was asked for; nothing is computed from a part as if whole."""
    async with in_memory(tmp_path) as life:
        found = await life.call("search_offers", limit=50)
        whole = len(life.vendor.market.offers)
        assert found["matching"] == whole or "more" in str(found.get("warnings", "")), found


async def test_a_bid_below_the_market_is_told_as_that(tmp_path: Path) -> None:
    """410 with the flag means the bid, not the offer: nothing is created, the next bid is named."""
    async with in_memory(tmp_path) as life:
        found = await life.call("search_offers", limit=1, rental="interruptible")
        offer_id = found["offers"][0]["offer_id"]
        life.vendor.market.offers[offer_id]["min_bid"] = 0.4  # it rose since it was shown
        with pytest.raises(ToolFailed) as refused:
            await life.call("create_instance", offer_id=offer_id, bid_usd_per_hour=0.2, **RENT)
        assert "0.4" in str(refused.value)
        assert "bid" in str(refused.value)
        assert life.vendor.done == []
        bid = await life.call("create_instance", offer_id=offer_id, bid_usd_per_hour=0.5, **RENT)
        assert bid["status"] == "rented", bid


async def test_an_outbid_machine_is_told_by_its_words(tmp_path: Path) -> None:
    """All stopped on a bid machine whose message still says that it runs (seen 2026-10-01)."""
    async with in_memory(tmp_path) as life:
        instance_id = await rented(life, bid_usd_per_hour=0.13)
        await life.until_running(instance_id)
        life.vendor.outbid(instance_id, 0.5)
        life.world.clock.move(60)
        row = await life.row(instance_id)
        assert (row["state"], row["bills"]) == ("outbid", "disk")
        destroyed = await life.call("destroy_instance", instance_id=instance_id)
        assert destroyed["status"] == "destroyed"


@pytest.mark.parametrize("tool", ["stop_instance", "destroy_instance"])
async def test_one_null_does_not_keep_a_machine_running(tool: str, tmp_path: Path) -> None:
    """`{"instances": null}` was told once of a machine that ran: the act is sent all the same."""
    async with in_memory(tmp_path) as life:
        instance_id = await rented(life)
        await life.until_running(instance_id)
        life.vendor.machines.held[instance_id].nulls = 1
        await life.call(tool, instance_id=instance_id)
        assert life.vendor.machines.held[instance_id].phase in ("stopping", "stopped", "leaving")


async def test_a_queued_start_is_given_up_before_it_can_run_at_night(tmp_path: Path) -> None:
    """Not running after ten minutes: a stop takes the start back, and nothing bills later."""
    async with in_memory(tmp_path) as life:
        instance_id = await rented(life)
        await life.until_running(instance_id)
        await life.call("stop_instance", instance_id=instance_id)
        life.world.clock.move(30)
        await life.call("start_instance", instance_id=instance_id, lease_hours=1)
        async with life.world.runtime() as runtime:
            for _ in range(14):
                life.world.clock.move(60)
                await look_once(runtime.session.guard)
        life.vendor.gpu_comes_free(instance_id)
        assert life.vendor.machines.held[instance_id].phase == "stopped"


async def test_a_burst_of_requests_is_kept_within_what_the_vendor_takes(tmp_path: Path) -> None:
    """Five requests in ten seconds over all routes (recorded 2026-07-25); a life goes on."""
    async with in_memory(tmp_path, burst=5, queues=0) as life:
        instance_id = await rented(life)
        await life.until_running(instance_id)
        await life.call("stop_instance", instance_id=instance_id)
        assert life.vendor.machines.held[instance_id].phase in ("stopping", "stopped")
        await life.call("destroy_instance", instance_id=instance_id)
        assert life.vendor.done[-1] == f"destroyed {instance_id}"
