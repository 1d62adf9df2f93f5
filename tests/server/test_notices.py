"""Change notices: after own writes, and when a look at the account differs from the last.

See docs/design.md#resources-and-prompts.
"""

from pathlib import Path

import anyio
import pytest
from mcp import Client
from mcp.server.subscriptions import ResourceUpdated, ServerEvent

from tests.world import World
from vast_mcp.keeper.tick import Tick, look_once
from vast_mcp.resources.notices import Notices
from vast_mcp.server import create_server


def heard_by(notices: Notices) -> list[str]:
    """The URIs published from now on."""
    heard: list[str] = []

    def listen(event: ServerEvent) -> None:
        assert isinstance(event, ResourceUpdated)
        heard.append(event.uri)

    notices.bus.subscribe(listen)
    return heard


async def test_a_subscribed_client_hears_of_an_own_write(tmp_path: Path) -> None:
    """Change notices after own writes, on 2026-07-28 connections."""
    world = World(tmp_path)
    async with (
        world.connect() as client,
        client.listen(resource_subscriptions=["vast://instances"]) as events,
    ):
        await world.rent(client)
        with anyio.fail_after(5):
            event = await anext(aiter(events))
    assert isinstance(event, ResourceUpdated)
    assert event.uri == "vast://instances"


async def test_reading_publishes_nothing(tmp_path: Path) -> None:
    """A notice after every read would make clients read for ever."""
    world, notices = World(tmp_path), Notices()
    heard = heard_by(notices)
    async with Client(create_server(world.runtime, b"k" * 32, notices=notices)) as client:
        await client.call_tool("show_account", {})
        await client.read_resource("vast://account")
        await client.call_tool("no_such_tool", {})
    assert heard == []


@pytest.mark.parametrize("tool", ["stop_instance", "destroy_instance"])
async def test_a_write_names_its_machine_too(tmp_path: Path, tool: str) -> None:
    """Exact-URI match: the machine's own resource is named."""
    world, notices = World(tmp_path), Notices()
    heard = heard_by(notices)
    async with Client(create_server(world.runtime, b"k" * 32, notices=notices)) as client:
        instance_id = await world.rent(client)
        heard.clear()
        await client.call_tool(tool, {"instance_id": instance_id})
    assert f"vast://instances/{instance_id}" in heard
    assert "vast://account" in heard


async def test_a_look_that_differs_is_told_and_one_that_does_not_is_not(tmp_path: Path) -> None:
    """And when the keeper's tick differs (docs/design.md#resources-and-prompts)."""
    world, notices = World(tmp_path), Notices()
    heard = heard_by(notices)
    async with world.runtime() as runtime:
        await notices.ticked(await look_once(runtime.session.guard))
        await notices.ticked(await look_once(runtime.session.guard))
        assert heard == []
        instance_id = world.simulator.add_foreign_instance()
        await notices.ticked(await look_once(runtime.session.guard))
    assert f"vast://instances/{instance_id}" in heard
    assert "vast://instances" in heard


async def test_a_look_that_did_something_is_told_even_if_it_is_the_first() -> None:
    """What the first look ends at start-up concerns whoever subscribed before it."""
    notices = Notices()
    heard = heard_by(notices)
    await notices.ticked(Tick(did=("lease of 27000000 ended: stopped",)))
    assert "vast://leases" in heard
