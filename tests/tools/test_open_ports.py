"""Open ports, from the search to the program behind them: asked for, refused, warned of, mapped."""

from pathlib import Path

import pytest

from tests.tools.test_market_answers import VLLM
from tests.world import ToolFailed, World
from vast_mcp.jobs.offers import JobWish, offers_for
from vast_mcp.models import Offer

NONE, FEW = 0, 4


async def host_with(world: World, ports: int) -> Offer:
    """A cheap offer on a host with exactly so many open ports."""
    return next(one for one in await world.offers() if one.direct_ports == ports)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"ports": ["8000"]}, "has no open port; 1 needed"),
        ({"ports": ["8000"], "connect": "args"}, "has no open port; 1 needed"),
        ({"ports": ["8000", "53/udp"], "connect": "jupyter"}, "has no open port; 2 needed"),
        ({"template_hash": VLLM}, "needed for the template's 8000, 7500"),
    ],
)
async def test_ports_on_a_host_that_has_none_are_refused_before_money(
    tmp_path: Path, arguments: dict[str, object], told: str
) -> None:
    """Held: nobody rents a machine that nobody can reach, whichever way it is connected to."""
    world = World(tmp_path)
    offer = await host_with(world, NONE)
    given = {"offer_id": offer.offer_id, "max_price_usd_per_hour": 1.0, **arguments}
    async with world.connect() as client:
        for preview in (True, False):
            with pytest.raises(ToolFailed) as refused:
                await world.call(client, "create_instance", **given, preview=preview)
            assert "Not rented, nothing charged" in str(refused.value)
            assert told in str(refused.value)
            assert "search_offers(ports=" in str(refused.value)
        assert not world.simulator.mutations()
        await world.rent(client, offer)  # without ports the same host is as good as any
    assert world.questions == []


async def test_more_ports_than_the_host_has_are_refused_and_as_many_are_not(tmp_path: Path) -> None:
    """Edge: four ports on a host with four; SSH then goes through the vendor's proxy."""
    world = World(tmp_path)
    offer = await host_with(world, FEW)
    async with world.connect() as client:
        with pytest.raises(ToolFailed, match="has 4 open ports; 5 needed"):
            await world.rent(client, offer, ports=["8000-8004"])
        instance_id = await world.rent(client, offer, ports=["8000-8003"])
        world.run_until_ready()
        shown = await world.call(client, "show_instances", instance_id=instance_id)
    (row,) = shown["instances"]
    assert [text.partition(" ")[0] for text in row["ports"]] == ["8000", "8001", "8002", "8003"]


@pytest.mark.parametrize("connect", ["ssh", "jupyter", "args"])
async def test_every_way_of_connecting_warns_of_a_public_port(tmp_path: Path, connect: str) -> None:
    """Held: a port is open to everybody, however the person gets in."""
    world = World(tmp_path)
    offer = next(one for one in await world.offers() if one.direct_ports > 4)
    async with world.connect() as client:
        answer = await world.call(
            client, "create_instance", offer_id=offer.offer_id, max_price_usd_per_hour=1.0,
            ports=["8000", "8001"], connect=connect,
        )  # fmt: skip
    assert "Ports 8000, 8001 are open to the whole internet" in " ".join(answer["warnings"])


async def test_a_templates_ports_are_warned_of_and_searched_for(tmp_path: Path) -> None:
    """The template opens them without a word in the call."""
    world = World(tmp_path)
    async with world.connect() as client:
        found = await world.call(client, "search_offers", template_hash=VLLM, num_gpus=1)
        answer = await world.call(
            client, "create_instance", offer_id=found["offers"][0]["offer_id"], template_hash=VLLM
        )
        world.run_until_ready()
        shown = await world.call(client, "show_instances", instance_id=answer["instance_id"])
    assert "8000, 7500 are open to the whole internet" in " ".join(answer["warnings"])
    ports = [text.partition(" ")[0] for text in shown["instances"][0]["ports"]]
    assert {"8000", "7500"} <= set(ports)


async def test_a_job_takes_no_host_without_the_templates_ports(tmp_path: Path) -> None:
    """Whether it chooses by itself or is given an offer."""
    world = World(tmp_path)
    offer = await host_with(world, NONE)
    async with world.connect() as client:
        with pytest.raises(ToolFailed, match=r"offer_id: its host has 0 open ports.*ports=2"):
            await world.call(
                client, "run_job", command="true", offer_id=offer.offer_id, template_hash=VLLM
            )
    wish = JobWish(gpu_names=(offer.gpu_name,), hours=1, template_hash=VLLM)
    async with world.runtime() as runtime:
        found = await offers_for(runtime.session.account, wish)
    assert found
    assert min(one.direct_ports for one in found) >= 2


async def test_an_identity_port_has_the_same_number_inside_and_outside(tmp_path: Path) -> None:
    """Asked for from 70000 on; the vendor chooses which (its documents)."""
    world = World(tmp_path)
    offer = next(one for one in await world.offers() if one.direct_ports > 4)
    async with world.connect() as client:
        instance_id = await world.rent(client, offer, ports=["70000", "9000/udp"])
        world.run_until_ready()
        shown = await world.call(client, "show_instances", instance_id=instance_id)
    (identity,) = (text for text in shown["instances"][0]["ports"] if "udp" not in text)
    inside, _, outside = identity.partition(" -> ")
    assert outside.rpartition(":")[2] == inside
    body = world.simulator.mutations()[0].json
    assert isinstance(body, dict)
    assert body["env"]["-p 70000:70000"] == body["env"]["-p 9000:9000/udp"] == "1"


@pytest.mark.parametrize(
    ("port", "told"),
    [
        ("66000", "is not a port"),
        ("8000-7000", "ends below its beginning"),
        ("8000-9000", "more than 64 ports"),
        ("80:8080", "Vast.ai chooses the outside port"),
        ("8080/sctp", "is not like 8080"),
    ],
)
async def test_what_is_no_port_is_told(tmp_path: Path, port: str, told: str) -> None:
    """The vendor drops what it cannot read without a word."""
    world = World(tmp_path)
    async with world.connect() as client:
        with pytest.raises(ToolFailed, match=told):
            await world.call(client, "create_instance", offer_id=30_000_000, ports=[port])


async def test_a_port_that_was_asked_for_is_not_said_to_be_closed(tmp_path: Path) -> None:
    """Held: 65535 and -1 mean that none were asked for, not that there are none.

    What was asked for and is not mapped yet is said so, and what was not opened as well.
    """
    world = World(tmp_path)
    offer = next(one for one in await world.offers() if one.direct_ports > 4)
    async with world.connect() as client:
        instance_id = await world.rent(client, offer, ports=["8000"], connect="args")
        world.run_until_ready()
        world.simulator.set_status(instance_id, ports=None)
        asked = await world.call(
            client, "wait_for_instance", instance_id=instance_id, until="http", port=8000
        )
        other = await world.call(
            client, "wait_for_instance", instance_id=instance_id, until="http", port=9000
        )
    assert "not opened" not in asked["said"]
    assert "8000" in asked["said"]
    assert "was not opened" in other["said"]


async def test_an_interruptible_offer_rented_without_a_bid_is_said_to_be_on_demand(
    tmp_path: Path,
) -> None:
    """Held: the price that was shown is a least bid, and what is rented is dearer and safe."""
    world = World(tmp_path)
    async with world.connect() as client:
        found = await world.call(client, "search_offers", rental="interruptible")
        offer_id = found["offers"][0]["offer_id"]
        preview = await world.call(client, "create_instance", offer_id=offer_id, preview=True)
        answer = await world.call(client, "create_instance", offer_id=offer_id)
        bid = await world.call(
            client, "create_instance", offer_id=found["offers"][1]["offer_id"],
            bid_usd_per_hour=found["offers"][1]["min_bid_usd_per_hour"] * 1.3,
        )  # fmt: skip
    assert "Without a bid this rents on demand, at $" in preview["said"]
    assert any("rents on demand" in question for question in world.questions)
    assert any("on demand" in text for text in answer["warnings"])
    assert not any("on demand" in text for text in bid.get("warnings", []))
