"""How a person comes to the web page of a machine: by one command, which signs them in."""

from pathlib import Path

import pytest

from tests.world import Json, World
from vast_mcp.cli.open_link import opened_page
from vast_mcp.models import Offer


async def roomy(world: World) -> Offer:
    """A cheap offer whose host has open ports."""
    return next(one for one in await world.offers() if one.direct_ports >= 8)


async def template_named(world: World, name: str) -> str:
    """A public template's hash."""
    return next(str(one["hash_id"]) for one in world.simulator.world.templates
                if name in str(one["name"]))  # fmt: skip


@pytest.mark.parametrize("how", ["connect", "template", "portal"])
async def test_who_rents_a_jupyter_or_portal_machine_is_told_how_to_open_it_and_the_way_works(
    tmp_path: Path, how: str
) -> None:
    """Named by the rent, the wait and the machine's detail; the token itself by none of them."""
    world = World(tmp_path)
    ways: dict[str, Json] = {
        "connect": {"connect": "jupyter", "ports": ["8080"]},
        "template": {"template_hash": await template_named(world, "PyTorch")},
        "portal": {"ports": ["1111"]},
    }
    page = "page" if how == "portal" else "Jupyter"
    async with world.connect() as client:
        made = await world.call(
            client, "create_instance", offer_id=(await roomy(world)).offer_id, **ways[how]
        )
        machine = made["instance_id"]
        world.run_until_ready()
        waited = await world.call(client, "wait_for_instance", instance_id=machine)
        seen = await world.call(client, "show_instances", instance_id=machine)
    token = world.simulator.world.instances[machine].secret
    words = f"`vast-mcp open {machine}` in a terminal opens its {page}, signed in"
    for answer in (made, waited, seen):
        assert words in answer["next"]
        assert token not in str(answer)
    links: list[str] = []
    await opened_page(world.settings, machine, links.append, world.transport, world.clock)
    inside = "1111" if how == "portal" else "8080"
    shown = next(one for one in seen["instances"][0]["ports"] if one.startswith(f"{inside} -> "))
    assert links[0] == f"{shown.partition(' -> ')[2]}/?token={token}"


@pytest.mark.parametrize("arguments", [{}, {"ports": ["8080"]}])
async def test_a_machine_without_a_page_of_its_own_promises_none(
    tmp_path: Path, arguments: Json
) -> None:
    """Port 8080 of an ssh machine is whatever the person runs there: no token goes to it."""
    world = World(tmp_path)
    async with world.connect() as client:
        made = await world.call(
            client, "create_instance", offer_id=(await roomy(world)).offer_id, **arguments
        )
        world.run_until_ready()
        seen = await world.call(client, "show_instances", instance_id=made["instance_id"])
        waited = await world.call(client, "wait_for_instance", instance_id=made["instance_id"])
    for answer in (made, waited, seen):
        assert "vast-mcp open" not in str(answer)
