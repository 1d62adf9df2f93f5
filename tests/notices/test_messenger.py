"""Notices on the simulator: once for all processes, whatever fails on the way."""

import asyncio
import logging
from pathlib import Path

import pytest

from tests.database import break_ledgers
from tests.notices.receiver import desktop, policy_for, receiving, rented
from tests.tools.test_account import endpoint_with_a_worker
from tests.world import World
from vast_mcp.clock import PairedClock
from vast_mcp.keeper.rounds import Keeper
from vast_mcp.keeper.tick import look_once
from vast_mcp.notices import Messenger
from vast_mcp.runtime import Runtime, open_runtime

HOUR_S = 3600


async def look(runtime: Runtime) -> None:
    """One tick and what is told of it."""
    await runtime.messenger.ticked(await look_once(runtime.session.guard))


async def test_of_two_processes_one_tells_and_both_may_look_at_once(tmp_path: Path) -> None:
    """Sent once across all processes; the first to write the key sends it."""
    async with receiving() as receiver:
        world = World(tmp_path, policy=policy_for(receiver))
        instance_id = await rented(world)
        world.clock.move(3.3 * HOUR_S)
        async with world.runtime() as one, world.runtime() as other:
            for _ in range(3):
                await asyncio.gather(look(one), look(other))
        told = [row for row in receiver.posted if row["kind"] == "lease_ends"]
    assert len(told) == 1
    assert told[0]["instance_id"] == instance_id
    assert f"vast-mcp extend {instance_id} HOURS" in told[0]["text"]


async def test_the_keeper_of_a_server_tells_by_itself(tmp_path: Path) -> None:
    """No tool is called: the person is told 30 and 10 minutes before, and of the end."""
    async with receiving() as receiver:
        world = World(tmp_path, policy=policy_for(receiver))
        await rented(world)
        async with world.runtime() as runtime:
            keeper = Keeper(
                runtime.session.guard, world.clock, listeners=[runtime.messenger.ticked]
            )
            for minutes in (196, 20, 10, 10):
                world.clock.move(minutes * 60)
                await keeper.look()
        kinds = [row["kind"] for row in receiver.posted if row["kind"].startswith("lease")]
    assert kinds == ["lease_ends", "lease_ends", "lease_ended"]


async def test_outbid_is_told_again_when_it_happens_again(tmp_path: Path) -> None:
    """One notice per event, not one per machine and not one per look."""
    async with receiving() as receiver:
        world = World(tmp_path, policy=policy_for(receiver))
        offer = (await world.offers(rental="interruptible"))[0]
        bid = round(offer.min_bid.dollars * 1.2, 4) if offer.min_bid else 0.2
        instance_id = await rented(world, 20, offer, bid_usd_per_hour=bid)
        async with world.runtime() as runtime:
            for happens in (world.simulator.outbid, world.simulator.end_outbid) * 2:
                happens(instance_id)
                for _ in range(3):
                    world.clock.move(0.3 * HOUR_S)
                    world.simulator.catch_up()
                    await look(runtime)
        kinds = [row["kind"] for row in receiver.posted]
    assert kinds.count("outbid") == 2


async def test_an_endpoint_deleted_in_the_console_is_not_said_to_bill_on(tmp_path: Path) -> None:
    """The look at its lease's end finds it gone and closes its books: nothing is left to end."""
    async with receiving() as receiver:
        world = World(tmp_path, policy=policy_for(receiver))
        async with world.connect() as client:
            await endpoint_with_a_worker(world, client)
        world.simulator.world.serverless.endpoints.clear()
        world.clock.move(25 * HOUR_S)
        async with world.runtime() as runtime:
            for _ in range(2):
                await look(runtime)
            live = await runtime.session.account.ledger.read(lambda tx: tx.live_rentals())
    assert live == []
    assert [row["text"] for row in receiver.posted if row["kind"] in {"failed", "no_lease"}] == []


async def test_desktop_and_log_tell_too(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Every way that is open carries it, and stderr always."""
    environment, out = desktop(tmp_path)
    world = World(tmp_path, environment=environment)
    instance_id = await rented(world)
    world.clock.move(3.6 * HOUR_S)
    with caplog.at_level(logging.WARNING):
        async with world.runtime() as runtime:
            await look(runtime)
    said = f"The lease of instance {instance_id} ends"
    assert said in caplog.text
    assert said in out.read_text()


async def test_a_switched_off_desktop_stays_quiet(tmp_path: Path) -> None:
    """`[notify] desktop = false`."""
    environment, out = desktop(tmp_path)
    world = World(tmp_path, environment=environment, policy="[notify]\ndesktop = false\n")
    await rented(world)
    world.clock.move(3.6 * HOUR_S)
    async with world.runtime() as runtime:
        await look(runtime)
    assert not out.exists()


async def test_a_webhook_that_is_down_stops_nobody_and_is_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The lease is ended all the same; the notice comes once the way is open, and once only."""
    async with receiving("500 Oops", "500 Oops", "200 OK") as receiver:
        world = World(tmp_path, policy=policy_for(receiver))
        instance_id = await rented(world)
        world.clock.move(3.6 * HOUR_S)
        async with world.runtime() as runtime:
            await look(runtime)
            failed = len(receiver.posted)
            await look(runtime)
            await look(runtime)
        world.clock.move(HOUR_S)
        receiver.answers = ["drop"]
        async with world.runtime() as runtime:
            await look(runtime)
        world.simulator.catch_up()
    told = [row for row in receiver.posted if row["kind"] == "lease_ends"]
    assert failed >= 2
    assert len({row["text"] for row in told}) == 1
    assert not world.simulator.world.instances[instance_id].wants_to_run
    assert "s3cr3t" not in caplog.text


async def test_a_broken_ledger_tells_nothing_twice_and_raises_nothing(tmp_path: Path) -> None:
    """Without the books nobody knows who has told what; leases end without a notice."""
    async with receiving() as receiver:
        world = World(tmp_path, policy=policy_for(receiver))
        instance_id = await rented(world)
        world.clock.move(4.1 * HOUR_S)
        break_ledgers(tmp_path / "state")
        async with world.runtime() as runtime:
            await look(runtime)
    world.simulator.catch_up()
    assert not world.simulator.world.instances[instance_id].wants_to_run
    assert receiver.posted == []


async def test_a_simulated_vendor_reaches_nobodys_desktop(tmp_path: Path) -> None:
    """`serve --simulate` is a game: its warnings stand in the log alone."""
    environment, out = desktop(tmp_path)
    world = World(tmp_path, environment=environment)
    await rented(world)
    world.clock.move(3.6 * HOUR_S)
    async with open_runtime(
        world.settings, clock=PairedClock(world.clock), transport=world.transport
    ) as runtime:
        await Messenger(runtime.session, environment).ticked(await look_once(runtime.session.guard))
    assert not out.exists()


async def test_the_policy_tool_shows_the_webhooks_host_alone(tmp_path: Path) -> None:
    """The rest of the address is a secret: whoever has it can post there."""
    async with receiving() as receiver:
        world = World(tmp_path, policy=policy_for(receiver))
        async with world.connect() as client:
            answer = await world.call(client, "show_policy")
    assert answer["limits"]["notify.webhook_url"] == "http://127.0.0.1/[secret]"
    assert "s3cr3t" not in str(answer)
