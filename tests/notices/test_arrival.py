"""A notice arrives once and is true when it does, whichever process claimed it and what failed."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from tests.guard.at_once import Held
from tests.notices.receiver import Receiver, desktop, policy_for, receiving, rented
from tests.notices.test_messenger import HOUR_S, look
from tests.suites.rig import carry
from tests.world import World
from vast_mcp.account.context import Account
from vast_mcp.actions import ExtendLease
from vast_mcp.errors import LedgerUnavailable
from vast_mcp.keeper.tick import look_once
from vast_mcp.views.spending import Spending, spending


def told(receiver: Receiver, kind: str = "lease_ends") -> int:
    """How often a notice of this kind was posted."""
    return sum(row["kind"] == kind for row in receiver.posted)


async def watch_once(world: World) -> None:
    """`watch --once`: open, look, tell, leave."""
    async with world.runtime() as runtime:
        await look(runtime)


async def test_what_one_watch_once_could_not_deliver_the_next_one_does(tmp_path: Path) -> None:
    """A webhook that is down for one minute of cron loses no warning."""
    async with receiving("500 Oops") as receiver:
        world = World(tmp_path, policy=policy_for(receiver))
        await rented(world)
        world.clock.move(3.6 * HOUR_S)
        await watch_once(world)
        failed = told(receiver)
        receiver.answers = ["200 OK"]
        for _ in range(3):
            await watch_once(world)
    assert told(receiver) == failed + 1


async def test_an_end_that_only_one_look_shows_waits_for_the_webhook_too(tmp_path: Path) -> None:
    """Lease end, and what was done: the next look finds the machine stopped."""
    async with receiving("500 Oops") as receiver:
        world = World(tmp_path, policy=policy_for(receiver))
        await rented(world)
        world.clock.move(4.1 * HOUR_S)
        await watch_once(world)
        failed = told(receiver, "lease_ended")
        receiver.answers = ["200 OK"]
        for _ in range(2):
            await watch_once(world)
    assert failed
    assert told(receiver, "lease_ended") == failed + 1


async def test_a_look_without_a_desktop_leaves_the_notice_to_a_server_that_has_one(
    tmp_path: Path,
) -> None:
    """Cron has no display; it must not take the warning from the server that has."""
    environment, out = desktop(tmp_path)
    world = World(tmp_path)
    instance_id = await rented(world)
    world.clock.move(3.6 * HOUR_S)
    await watch_once(world)
    world.environment = environment
    for _ in range(2):
        await watch_once(world)
    assert out.read_text().count(f"The lease of instance {instance_id} ends") == 1


async def test_a_notice_outlives_a_policy_file_that_is_broken_for_a_while(tmp_path: Path) -> None:
    """A half-edited policy hides the webhook's address; what came due meanwhile is told after."""
    async with receiving() as receiver:
        world = World(tmp_path, policy=policy_for(receiver))
        await rented(world)
        world.clock.move(4.1 * HOUR_S)
        async with world.runtime() as runtime:
            world.write_policy("[notify\n")
            await look(runtime)
            world.write_policy(policy_for(receiver))
            for _ in range(2):
                await look(runtime)
    assert told(receiver, "lease_ended") == 1


async def test_an_end_is_told_by_a_later_look_when_the_books_could_not_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process may hold the ledger just then; no later look shows the end again."""
    left = [LedgerUnavailable("locked")]

    async def once_locked(account: Account) -> Spending:
        if left:
            raise left.pop()
        return await spending(account)

    async with receiving() as receiver:
        world = World(tmp_path, policy=policy_for(receiver))
        await rented(world)
        world.clock.move(4.1 * HOUR_S)
        monkeypatch.setattr("vast_mcp.notices.messenger.spending", once_locked)
        async with world.runtime() as runtime:
            for _ in range(3):
                await look(runtime)
    assert told(receiver, "lease_ended") == 1


async def test_an_extended_lease_is_not_announced_by_a_second_try(tmp_path: Path) -> None:
    """What waits for the webhook is told only while it is true."""
    async with receiving("500 Oops") as receiver:
        world = World(tmp_path, policy=policy_for(receiver))
        instance_id = await rented(world)
        world.clock.move(3.6 * HOUR_S)
        async with world.runtime() as runtime:
            await look(runtime)
            failed = told(receiver)
            await carry(runtime.session.guard, ExtendLease(instance_id, 3.0))
            receiver.answers = ["200 OK"]
            for _ in range(2):
                await look(runtime)
            assert told(receiver) == failed
            world.clock.move(3 * HOUR_S)
            await look(runtime)
    assert told(receiver) == failed + 1


async def test_a_lease_extended_while_the_credit_is_read_is_not_announced(tmp_path: Path) -> None:
    """Judged by the books in the step that claims the notice, not by a look before the network."""
    async with receiving() as receiver:
        world = World(tmp_path, policy=policy_for(receiver))
        instance_id = await rented(world)
        world.clock.move(3.6 * HOUR_S)
        own = world.transport
        async with world.runtime() as quick:
            world.transport = held = Held(world, "GET", "/users/current")
            async with world.runtime() as slow:
                world.transport = own
                extend = carry(quick.session.guard, ExtendLease(instance_id, 3.0))
                await held.meanwhile(look(slow), extend)
    assert told(receiver) == 0


async def test_a_notice_whose_process_died_on_the_way_is_told_by_another(tmp_path: Path) -> None:
    """Killed between the claim and the post: a minute later the next one to look sends it."""
    async with receiving("silent") as receiver:
        world = World(tmp_path, policy=policy_for(receiver))
        await rented(world)
        world.clock.move(3.6 * HOUR_S)
        dying = asyncio.create_task(watch_once(world))
        await receiver.reached.wait()
        dying.cancel()
        with suppress(asyncio.CancelledError):
            await dying
        receiver.answers = ["200 OK"]
        begun = told(receiver)
        await watch_once(world)
        assert told(receiver) == begun  # it may still be on its way
        world.clock.move(61)
        for _ in range(2):
            await watch_once(world)
    assert (begun, told(receiver)) == (1, 2)


async def test_a_clock_that_is_set_back_loses_no_notice_that_waits(tmp_path: Path) -> None:
    """The time sync of a laptop that woke: written in what is now the future, and still news."""
    async with receiving("500 Oops") as receiver:
        world = World(tmp_path, policy=policy_for(receiver))
        await rented(world)
        world.clock.move(4.3 * HOUR_S)
        async with world.runtime() as runtime:
            seen = await look_once(runtime.session.guard)
            await runtime.messenger.ticked(seen)
            failed = told(receiver, "lease_ended")
            receiver.answers = ["200 OK"]
            world.clock.move(-600)
            for _ in range(2):
                await runtime.messenger.ticked(replace(seen, deeds=()))
    assert failed
    assert told(receiver, "lease_ended") == failed + 1


async def test_a_webhook_that_is_slow_to_answer_gets_a_notice_twice_at_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has the notice and only its answer is missing; ten copies would be noise."""
    monkeypatch.setattr("vast_mcp.notices.webhook.TIMEOUT_S", 1.0)
    async with receiving("silent") as receiver:
        world = World(tmp_path, policy=policy_for(receiver))
        await rented(world)
        world.clock.move(3.6 * HOUR_S)
        async with world.runtime() as runtime:
            for _ in range(6):
                await look(runtime)
    assert told(receiver) == 2
