"""More time for a machine: every hour is added once, counted, and told as it is.

See docs/design.md#leases, docs/design.md#ledger, docs/design.md#money, docs/design.md#sending-once,
docs/design.md#tools, docs/hazards.md#money.
"""

import asyncio
from contextlib import suppress
from pathlib import Path

import httpx2
import pytest

from tests.promises.test_lost_answers import rentals
from tests.world import Json, ToolFailed, World

HOUR_US = 3_600_000_000


async def label_end_us(world: World, instance_id: int) -> int:
    """When the lease ends by the mark in the machine's label."""
    async with world.runtime() as runtime:
        one = await runtime.session.account.reads.show_instance(instance_id)
        assert one is not None
        mark = runtime.session.account.marker.read(one.raw_label)
    assert mark is not None
    return mark.until_us


async def reserved_until_us(world: World) -> int:
    """The end of the one open lease stretch: what the caps are counted with."""
    (rental,) = await rentals(world)
    async with world.runtime() as runtime:
        parts = await runtime.session.account.ledger.read(lambda tx: tx.segments(rental.intent_id))
    (lease,) = [one for one in parts if one.kind == "lease" and one.closed_us is None]
    assert lease.until_us is not None
    return lease.until_us


@pytest.mark.parametrize("hours", [(1.0, 2.0), (2.0, 2.0), (0.5, 1.0, 2.0)])
async def test_extensions_at_once_are_each_added_or_told_to_look_again(
    tmp_path: Path, hours: tuple[float, ...]
) -> None:
    """Of several processes none overwrites another's end, in book or label."""
    world = World(tmp_path, seed=1)
    async with world.connect() as client:
        instance_id = await world.rent(client, lease_hours=4)
    world.run_until_ready()
    (before,) = await rentals(world)

    async def extend(more: float) -> Json:
        async with world.connect() as client:
            return await world.call(client, "extend_lease", instance_id=instance_id, hours=more)

    answers = await asyncio.gather(*(extend(more) for more in hours))
    said = [one["status"] for one in answers]
    assert set(said) <= {"extended", "changed"}
    assert "extended" in said
    added = sum(more for more, word in zip(hours, said, strict=True) if word == "extended")
    (after,) = await rentals(world)
    assert after.lease_ends_us - before.lease_ends_us == added * HOUR_US
    assert await label_end_us(world, instance_id) == after.lease_ends_us
    assert await reserved_until_us(world) == after.lease_ends_us


class LabelHeld(httpx2.AsyncBaseTransport):
    """Keeps the first write of one label on its way until it may arrive."""

    def __init__(self, world: World, label: str) -> None:
        self._inner = world.transport
        self._label = label.encode()
        self.sent, self.may_arrive = asyncio.Event(), asyncio.Event()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Hold it back once; everything else passes."""
        body = await request.aread()
        if request.method == "PUT" and self._label in body and not self.sent.is_set():
            self.sent.set()
            await self.may_arrive.wait()
        return await self._inner.handle_async_request(request)


async def test_a_relabelling_beside_an_extension_keeps_the_new_end(tmp_path: Path) -> None:
    """Relabelling edits only the user part, though it arrives after an extension."""
    world = World(tmp_path, seed=1, toolsets="all")
    async with world.connect() as client:
        instance_id = await world.rent(client, lease_hours=4)
    world.run_until_ready()
    (before,) = await rentals(world)
    held = world.transport = LabelHeld(world, "mine")

    async def relabel() -> None:
        async with world.connect() as client:
            await world.call(client, "label_instance", instance_id=instance_id, label="mine")

    slow = asyncio.create_task(relabel())
    await held.sent.wait()
    async with world.connect() as client:
        await world.call(client, "extend_lease", instance_id=instance_id, hours=2)
    held.may_arrive.set()
    await slow
    (after,) = await rentals(world)
    assert after.lease_ends_us == before.lease_ends_us + 2 * HOUR_US
    assert await label_end_us(world, instance_id) == after.lease_ends_us


@pytest.mark.parametrize("hours", [(1.0, 5.0), (3.0, 3.0)])
async def test_of_two_starts_at_once_one_is_counted(
    tmp_path: Path, hours: tuple[float, float]
) -> None:
    """The other is told so, and book and label name one end."""
    world = World(tmp_path, seed=1)
    async with world.connect() as client:
        instance_id = await world.rent(client, lease_hours=4)
        world.run_until_ready()
        await world.call(client, "stop_instance", instance_id=instance_id)

    async def start(for_hours: float) -> str:
        arguments = {"instance_id": instance_id, "lease_hours": for_hours}
        async with world.connect() as client:
            result = await client.call_tool("start_instance", arguments)
        return str((result.structured_content or {}).get("status") or result.content)

    said = sorted(await asyncio.gather(*(start(one) for one in hours)))
    assert said[1] == "starting"
    # The other looked before or after that start.
    assert said[0] == "changed" or "already running or starting" in said[0]
    assert await label_end_us(world, instance_id) == await reserved_until_us(world)


async def test_extensions_at_once_never_pass_the_cap(tmp_path: Path) -> None:
    """The whole lease is at most max_lease_hours, however many add to it at once."""
    world = World(tmp_path, seed=1, policy="[limits]\nmax_lease_hours = 7\n")
    async with world.connect() as client:
        instance_id = await world.rent(client, lease_hours=4)
    world.run_until_ready()
    (before,) = await rentals(world)

    async def extend() -> None:
        async with world.connect() as client:
            for _ in range(3):
                with suppress(ToolFailed):
                    await world.call(client, "extend_lease", instance_id=instance_id, hours=1)

    await asyncio.gather(*(extend() for _ in range(3)))
    (after,) = await rentals(world)
    assert after.lease_ends_us - before.lease_ends_us == 3 * HOUR_US
    assert await label_end_us(world, instance_id) == after.lease_ends_us


async def extended(world: World, instance_id: int, hours: float = 2) -> Json:
    """The answer of an extension that a person is asked about, if it is one."""
    async with world.connect() as client:
        return await world.call(client, "extend_lease", instance_id=instance_id, hours=hours)


async def refused(world: World, instance_id: int, hours: float = 2) -> str:
    """Why an extension is not made."""
    async with world.connect() as client:
        with pytest.raises(ToolFailed) as caught:
            await world.call(client, "extend_lease", instance_id=instance_id, hours=hours)
    return str(caught.value)


ASKS = "[no_question]\nusd_per_rental = 0.01\n"


async def test_an_outbid_machine_is_extended_with_its_state_in_the_question(tmp_path: Path) -> None:
    """Only its disk bills now, and it would resume by itself."""
    world = World(tmp_path, seed=1, policy=ASKS)
    offer = await world.cheap_offer("interruptible")
    assert offer.min_bid is not None
    bid = round(offer.min_bid.dollars + 0.01, 3)
    async with world.connect() as client:
        instance_id = await world.rent(client, offer, bid_usd_per_hour=bid)
    world.run_until_ready()
    world.simulator.outbid(instance_id)
    before = len(world.questions)
    done = await extended(world, instance_id)
    (question,) = world.questions[before:]
    for said in (question, " ".join(done["warnings"])):
        assert "outbid: only its disk is billed" in said
        assert "resumes by itself" in said
    assert len(question) <= 350
    assert done["status"] == "extended"
    assert abs(done["added_usd"] - 2 * (bid + offer.storage_usd_per_gb_month * 50 / 730)) < 0.02


@pytest.mark.parametrize("how", ["stopped by us", "stopped elsewhere"])
async def test_a_stopped_machine_has_no_lease_to_extend(tmp_path: Path, how: str) -> None:
    """Only its disk bills; told which tool gives a lease, and nothing is sent."""
    world = World(tmp_path, seed=1)
    async with world.connect() as client:
        instance_id = await world.rent(client)
        world.run_until_ready()
        if how == "stopped by us":
            await world.call(client, "stop_instance", instance_id=instance_id)
        else:
            world.simulator.world.instances[instance_id].wants_to_run = False
            world.simulator.set_stage(instance_id, "exited")
    before = len(world.simulator.mutations())
    said = await refused(world, instance_id)
    assert "only its disk is billed" in said
    assert "start_instance(instance_id=" in said
    assert len(world.simulator.mutations()) == before


@pytest.mark.parametrize(
    ("stage", "words"),
    [
        ("offline", "host is offline: nothing is billed"),
        ("unknown", "counts as billed"),
        ("scheduling", "its GPU is taken"),
    ],
)
async def test_what_does_not_run_is_extended_with_a_warning(
    tmp_path: Path, stage: str, words: str
) -> None:
    """The model and the person are told what more hours would buy just now."""
    world = World(tmp_path, seed=1)
    async with world.connect() as client:
        instance_id = await world.rent(client)
    world.run_until_ready()
    world.simulator.set_stage(instance_id, stage)
    assert words in " ".join((await extended(world, instance_id))["warnings"])


async def test_a_machine_that_is_gone_is_not_extended(tmp_path: Path) -> None:
    """Nothing is reserved for what does not exist."""
    world = World(tmp_path, seed=1)
    async with world.connect() as client:
        instance_id = await world.rent(client)
    world.run_until_ready()
    world.simulator.host_gone(instance_id)
    (before,) = await rentals(world)
    assert "no instance" in await refused(world, instance_id)
    assert (await rentals(world))[0].lease_ends_us == before.lease_ends_us


async def test_an_extension_that_would_be_over_already_is_refused(tmp_path: Path) -> None:
    """Hours are added to the lease's end, not to the present."""
    world = World(tmp_path, seed=1)
    async with world.connect() as client:
        instance_id = await world.rent(client, lease_hours=1)
    world.run_until_ready()
    world.clock.move(4 * 3600)
    assert "still be over" in await refused(world, instance_id, 1)


async def test_what_the_contract_has_left_is_counted_from_the_new_hours(tmp_path: Path) -> None:
    """An old lease does not use up the host's contract twice."""
    world = World(tmp_path, seed=1, policy="[limits]\nmax_lease_hours = 2000\n")
    async with world.connect() as client:
        instance_id = await world.rent(client, lease_hours=20)
    world.run_until_ready()
    contract = world.simulator.world.instances[instance_id]
    left_h = (contract.listing.ends_us - (await rentals(world))[0].lease_ends_us) / HOUR_US
    assert (await extended(world, instance_id, int(left_h) - 1))["status"] == "extended"
    said = await refused(world, instance_id, 4)
    assert "4 h were requested. Retry with hours=1." in said


@pytest.mark.parametrize(("hours", "fine"), [(1.0, False), (1.5, True)])
async def test_an_extension_to_this_very_moment_is_none(
    tmp_path: Path, hours: float, *, fine: bool
) -> None:
    """An end that is just now is no time at all."""
    world = World(tmp_path, seed=1)
    async with world.connect() as client:
        instance_id = await world.rent(client, lease_hours=1)
    world.run_until_ready()
    (held,) = await rentals(world)
    world.clock.move((held.lease_ends_us + HOUR_US - world.clock.utc_us()) / 1_000_000)
    async with world.connect() as client:
        if fine:
            told = await world.call(client, "extend_lease", instance_id=instance_id, hours=hours)
            assert told["status"] == "extended"
        else:
            with pytest.raises(ToolFailed, match="would still be over"):
                await world.call(client, "extend_lease", instance_id=instance_id, hours=hours)
