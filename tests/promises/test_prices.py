"""What was shown is what is paid: ceilings before and after, bids and demand never mixed.

See docs/design.md#money, docs/design.md#tools, docs/hazards.md#money.
"""

from pathlib import Path

import httpx2
import pytest

from tests.promises.test_lost_answers import rentals, tick
from tests.world import Json, ToolFailed, World
from vast_mcp.models import Offer
from vast_mcp.simulator import SimulatorTransport


class Drifting(SimulatorTransport):
    """A vendor whose price moves between the look and the rent."""

    def __init__(self, world: World, offer: Offer, usd_per_hour: float) -> None:
        super().__init__(world.simulator)
        self._offer_id = offer.offer_id
        self._usd_per_hour = usd_per_hour
        self.then_blind = False
        """Whether no look at any machine succeeds from the create on."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Reprice right before the create is executed."""
        if f"/asks/{self._offer_id}" in request.url.path:
            self.simulator.set_price(self._offer_id, self._usd_per_hour)
            if self.then_blind:
                self.simulator.faults.add("status_before", "GET", "/instances", times=400)
        return await super().handle_async_request(request)


async def refused(world: World, **arguments: object) -> str:
    """The text of a create that must fail."""
    async with world.connect() as client:
        with pytest.raises(ToolFailed) as failed:
            await world.call(client, "create_instance", **arguments)
    return str(failed.value)


async def test_a_price_above_the_ceiling_is_not_rented_and_nothing_is_sent(tmp_path: Path) -> None:
    """The offer is re-read before; above the ceiling nothing is sent."""
    world = World(tmp_path, seed=1)
    offer = await world.cheap_offer()
    world.simulator.set_price(offer.offer_id, 0.90)
    ceiling = offer.usd_per_hour.dollars
    told = await refused(world, offer_id=offer.offer_id, max_price_usd_per_hour=ceiling)
    assert "Not rented, nothing charged" in told
    assert "max_price_usd_per_hour" in told
    assert world.simulator.mutations() == []


async def test_the_price_last_shown_is_the_ceiling(tmp_path: Path) -> None:
    """Without an argument the price this ledger last showed holds, for 30 minutes."""
    world = World(tmp_path, seed=1)
    async with world.connect() as client:
        shown = await world.call(client, "search_offers", limit=5)
        offer_id = shown["offers"][0]["offer_id"]
        said = await world.call(client, "create_instance", offer_id=offer_id)
        assert (said["status"], world.questions) == ("rented", [])
        next_id = shown["offers"][1]["offer_id"]
    world.simulator.set_price(next_id, 0.95)
    assert "above the price shown" in await refused(world, offer_id=next_id)
    world.clock.move(31 * 60)
    async with world.connect(answer="decline") as client:
        await world.call(client, "create_instance", offer_id=next_id)
    assert len(world.questions) == 1  # no price was shown lately, so the person sees it


async def test_an_offer_never_shown_is_asked_about(tmp_path: Path) -> None:
    """No ceiling at all → it asks."""
    world = World(tmp_path, seed=1)
    offer = await world.cheap_offer()
    async with world.connect(answer="accept") as client:
        said = await world.call(client, "create_instance", offer_id=offer.offer_id)
    assert said["status"] == "rented"
    assert len(world.questions) == 1


@pytest.mark.parametrize("seed", range(5))
async def test_a_machine_that_came_dearer_is_destroyed_before_it_ran(
    tmp_path: Path, seed: int
) -> None:
    """Drift between search and create: undone at once and said so."""
    world = World(tmp_path, seed=seed)
    offer = await world.cheap_offer()
    world.transport = Drifting(world, offer, offer.usd_per_hour.dollars + 0.2)
    async with world.connect() as client:
        said = await world.call(
            client, "create_instance", offer_id=offer.offer_id, max_price_usd_per_hour=2.0
        )
    assert said["status"] == "undone", said
    assert "above the approved" in said["said"]
    assert world.simulator.world.instances == {}
    assert world.simulator.books.spent_usd < 0.001
    rent, *_, destroy = (one for one in world.simulator.mutations() if one.changed)
    assert (rent.method, destroy.method) == ("PUT", "DELETE")
    assert destroy.at_us - rent.at_us <= 10_000_000  # proving it gone may take a little longer
    assert await rentals(world) == []


async def test_a_machine_found_later_and_dearer_is_destroyed_by_the_keeper(tmp_path: Path) -> None:
    """A lost answer does not keep a dearer machine alive (docs/design.md#sending-once)."""
    world = World(tmp_path, seed=1)
    offer = await world.cheap_offer()
    world.transport = Drifting(world, offer, offer.usd_per_hour.dollars + 0.2)
    world.simulator.faults.add("answer_lost_after_commit", "PUT", "/asks/")
    world.simulator.faults.add("status_before", "GET", "/instances", times=400, skip=1)
    async with world.connect() as client:
        said = await world.call(
            client, "create_instance", offer_id=offer.offer_id, max_price_usd_per_hour=2.0
        )
    assert said["status"] == "unknown"
    world.simulator.faults.planned.clear()
    (contract,) = world.simulator.world.instances.values()
    world.simulator.set_stage(contract.id, "created")
    await tick(world, times=2, every_s=1)
    assert world.simulator.world.instances == {}


async def rent_unread(world: World, offer_id: int, ceiling_usd_per_hour: float) -> None:
    """Rent while no look at the new machine succeeds."""
    assert isinstance(world.transport, Drifting)
    world.transport.then_blind = True
    async with world.connect() as client:
        said = await world.call(
            client,
            "create_instance",
            offer_id=offer_id,
            max_price_usd_per_hour=ceiling_usd_per_hour,
        )
    assert said["status"] == "unknown"  # the id in the answer alone proves nothing
    assert "Do not rent again" in said["next"]
    world.simulator.faults.planned.clear()


async def test_a_machine_that_no_first_look_showed_is_checked_by_the_keeper(tmp_path: Path) -> None:
    """A price that could not be read after the rent is not taken as right."""
    world = World(tmp_path, seed=1)
    offer = await world.cheap_offer()
    world.transport = Drifting(world, offer, offer.usd_per_hour.dollars + 0.2)
    await rent_unread(world, offer.offer_id, 2.0)
    (contract,) = world.simulator.world.instances.values()
    world.simulator.set_stage(contract.id, "created")
    await tick(world, times=2, every_s=1)
    assert world.simulator.world.instances == {}


async def test_a_price_read_late_counts_from_the_first_second(tmp_path: Path) -> None:
    """What is reserved and metered follows the price that the vendor really takes."""
    world = World(tmp_path, seed=1)
    offer = await world.dear_offer()
    world.transport = Drifting(world, offer, 0.5)
    await rent_unread(world, offer.offer_id, 2.9)
    await tick(world, times=2, every_s=1)
    (rental,) = await rentals(world)
    (contract,) = world.simulator.world.instances.values()
    rate = rental.usd_per_hour.dollars
    assert rate == pytest.approx(
        contract.gpu_usd_per_hour + rental.disk_usd_per_hour.dollars, rel=0.01
    )
    async with world.runtime() as runtime:
        segments = await runtime.session.account.ledger.read(
            lambda tx: tx.segments(rental.intent_id)
        )
    assert {part.rate for part in segments if part.kind == "lease"} == {rental.usd_per_hour}


async def test_a_cheaper_price_is_taken_without_a_word(tmp_path: Path) -> None:
    """A fall needs no second yes."""
    world = World(tmp_path, seed=1)
    offer = await world.dear_offer()
    world.transport = Drifting(world, offer, 0.5)
    async with world.connect() as client:
        said = await world.call(
            client, "create_instance", offer_id=offer.offer_id, max_price_usd_per_hour=2.9
        )
    assert said["status"] == "rented"


@pytest.mark.parametrize("rental", ["on_demand", "interruptible"])
async def test_a_price_is_in_the_request_if_and_only_if_it_is_a_bid(
    tmp_path: Path, rental: str
) -> None:
    """`price` turns a rental into a bid; on demand never carries it."""
    world = World(tmp_path, seed=1)
    bodies = []
    found = await world.offers(rental=rental)
    extra: Json = {}
    async with world.connect() as client:
        for offer in found[:3]:
            if rental == "interruptible":
                assert offer.min_bid is not None
                extra = {"bid_usd_per_hour": round(offer.min_bid.dollars + 0.01, 3)}
            await world.rent(client, offer, **extra)
    for one in world.simulator.mutations():
        if "/asks/" in one.path:
            assert isinstance(one.json, dict)
            bodies.append(one.json)
    assert len(bodies) == 3
    for body in bodies:
        assert (body.get("price") is not None) == (rental == "interruptible")
        assert body["cancel_unavail"] is True
        assert body["label"].count(" vm1.") + body["label"].startswith("vm1.") == 1
        assert body["env"]["VMCP_INTENT"] in body["label"]
    is_bid = [contract.is_bid for contract in world.simulator.world.instances.values()]
    assert is_bid == [rental == "interruptible"] * 3


async def test_a_raised_bid_counts_from_the_moment_it_is_sent(tmp_path: Path) -> None:
    """A rise is reserved before it is sent, even if its answer is lost (docs/design.md#money)."""
    world = World(tmp_path, seed=1)
    offer = await world.cheap_offer("interruptible")
    assert offer.min_bid is not None
    async with world.connect() as client:
        bid = round(offer.min_bid.dollars + 0.01, 3)
        instance_id = await world.rent(client, offer, bid_usd_per_hour=bid)
        world.simulator.faults.add("late_execution", "PUT", "/bid_price/", seconds=120)
        said = await world.call(
            client, "change_bid", instance_id=instance_id, bid_usd_per_hour=bid + 0.2
        )
        assert "lost" in said["said"]
    (rental,) = await rentals(world)
    assert rental.usd_per_hour.dollars >= bid + 0.2
