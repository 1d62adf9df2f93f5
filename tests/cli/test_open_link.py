"""`open`: a signed-in page for the person, and for nobody else."""

from pathlib import Path

import pytest

from tests.cli.shell import shell
from tests.world import World
from vast_mcp.cli.open_link import opened_page
from vast_mcp.errors import NotFound, VastMcpError


async def test_the_link_of_a_jupyter_machine_holds_its_token(tmp_path: Path) -> None:
    """The tokened link goes to whoever shows it to the person."""
    world = World(tmp_path)
    shown: list[str] = []
    async with world.connect() as client:
        machine = await world.rent(client, connect="jupyter")
        plain = await world.rent(client, request_key="second")
    world.run_until_ready()
    token = world.simulator.world.instances[machine].secret
    page = opened_page(world.settings, machine, shown.append, world.transport, world.clock)
    assert await page == 0
    assert shown[0].startswith("https://")
    assert shown[0].endswith(f"/?token={token}")
    with pytest.raises(VastMcpError, match="no jupyter"):
        await opened_page(world.settings, plain, shown.append, world.transport, world.clock)
    with pytest.raises(NotFound):
        await opened_page(world.settings, 1, shown.append, world.transport, world.clock)
    assert len(shown) == 1


async def test_without_a_terminal_nothing_is_opened_or_printed(tmp_path: Path) -> None:
    """A token is for a person; a program that runs the command gets none."""
    async with shell(tmp_path) as at:
        done = await at.run("open", "1234567", "--print")
    assert done.code == 1
    assert "token" not in done.out + done.err
