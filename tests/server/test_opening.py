"""The account is opened after the first listing, when it is needed, or soon: never too late."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
from mcp import Client

from tests.world import SEAL_KEY, World
from vast_mcp.clock import SystemClock
from vast_mcp.errors import ConfigInvalid
from vast_mcp.opening import AFTER_LISTING_S, AT_LATEST_S, Opening
from vast_mcp.runtime import Runtime, open_runtime
from vast_mcp.server import VastServer, create_server


class ByHand(SystemClock):
    """A clock whose pauses end when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.paused: dict[float, anyio.Event] = {}

    async def real_sleep(self, seconds: float) -> None:
        """Wait for `let`."""
        self.paused[seconds] = anyio.Event()
        await self.paused[seconds].wait()

    async def let(self, seconds: float) -> None:
        """End the pause of so many seconds, once it has begun."""
        with anyio.fail_after(30):
            while seconds not in self.paused:
                await anyio.lowlevel.checkpoint()
        self.paused[seconds].set()


class Late:
    """A world whose server opens its account late, with a keeper at work as in `serve`."""

    def __init__(self, tmp_path: Path) -> None:
        self.world = World(tmp_path)
        self.clock = ByHand()
        self.opened = 0
        self.closed = 0

    @asynccontextmanager
    async def runtime(self) -> AsyncIterator[Runtime]:
        """Opened once more."""
        world = self.world
        async with open_runtime(
            world.settings, clock=world.own_clock, transport=world.transport, keep=True
        ) as runtime:
            self.opened += 1
            yield runtime
        self.closed += 1

    def server(self) -> VastServer:
        """As `vast-mcp serve` makes it."""
        return create_server(self.runtime, SEAL_KEY, open_after_listing=self.clock)

    @property
    def asked(self) -> list[str]:
        """What reached the vendor, in order."""
        return [request.method for request in self.world.simulator.requests]

    async def until_opened(self) -> None:
        """Wait for it; bounded."""
        with anyio.fail_after(30):
            while not self.opened:
                await SystemClock().sleep(0.01)


async def test_a_listing_is_answered_before_the_account_is_open(tmp_path: Path) -> None:
    """What a client waits for at every start needs no ledger, no socket and no vendor."""
    late = Late(tmp_path)
    async with Client(late.server()) as client:
        assert (await client.list_tools()).tools
        assert late.opened == 0
        assert late.asked == []


async def test_after_the_listing_the_account_opens_by_itself(tmp_path: Path) -> None:
    """Leases are watched although no tool is called."""
    late = Late(tmp_path)
    async with Client(late.server()) as client:
        await client.list_tools()
        await late.clock.let(AFTER_LISTING_S)
        await late.until_opened()
    assert late.closed == 1


async def test_without_any_listing_the_account_opens_soon(tmp_path: Path) -> None:
    """A client that only connects, or that knows the list by heart, is no reason not to watch."""
    late = Late(tmp_path)
    async with Client(late.server()):
        await late.clock.let(AT_LATEST_S)
        await late.until_opened()
    assert AT_LATEST_S <= 1
    assert late.closed == 1


async def test_the_first_call_waits_for_the_account_and_for_the_first_look(tmp_path: Path) -> None:
    """Whatever changes anything comes after the look of the start, however early it is called."""
    late = Late(tmp_path)
    world = late.world
    (offer,) = await world.offers(limit=1)
    before = len(late.asked)
    async with Client(late.server(), elicitation_callback=world.asked("accept")) as client:
        rented = await world.call(client, "create_instance", offer_id=offer.offer_id)
        assert rented["instance_id"]
    asked = late.asked[before:]
    first_change = next(place for place, method in enumerate(asked) if method != "GET")
    looked = [request.path for request in world.simulator.requests][before:][:first_change]
    assert any("instances" in path for path in looked)


async def test_calls_that_come_together_open_one_account(tmp_path: Path) -> None:
    """Two first calls and a listing at once: one ledger, one keeper."""
    late = Late(tmp_path)
    async with Client(late.server()) as client, anyio.create_task_group() as tasks:
        tasks.start_soon(client.call_tool, "show_instances", {})
        tasks.start_soon(client.call_tool, "show_account", {})
        tasks.start_soon(client.list_tools)
        tasks.start_soon(client.list_prompts)
        tasks.start_soon(client.list_resources)
    assert (late.opened, late.closed) == (1, 1)


async def test_a_client_that_leaves_at_once_opens_nothing(tmp_path: Path) -> None:
    """It does not wait for books that nobody needs."""
    late = Late(tmp_path)
    async with Client(late.server()) as client:
        await client.list_tools()
    assert (late.opened, late.closed) == (0, 0)
    assert late.asked == []


async def test_a_client_that_leaves_while_it_opens_does_not_wait_for_it() -> None:
    """Imports, or a disk that does not answer, keep nobody."""
    begun = anyio.Event()

    @asynccontextmanager
    async def endless() -> AsyncIterator[None]:
        begun.set()
        await anyio.sleep_forever()
        yield

    late = Opening(endless, ByHand())
    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks, late.running():
            tasks.start_soon(late.account)
            await begun.wait()
            tasks.cancel_scope.cancel()


async def test_an_account_that_cannot_be_opened_ends_the_server() -> None:
    """Nobody waits for ever for an account that will not come."""

    @asynccontextmanager
    async def broken() -> AsyncIterator[None]:
        raise ConfigInvalid("the key file is somebody else's")
        yield

    late = Opening(broken, SystemClock())
    with anyio.fail_after(10), pytest.raises(BaseExceptionGroup) as ended:
        async with late.running():
            await late.account()
    assert ended.group_contains(ConfigInvalid, match="somebody else's")


def test_nobody_gets_an_account_that_is_not_open() -> None:
    """A handler that forgot to wait is a defect, not an account of None."""
    with pytest.raises(RuntimeError, match="not open"):
        Opening(World, SystemClock()).opened()  # type: ignore[arg-type]  # never entered
