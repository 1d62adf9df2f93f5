"""The market as a job asks for it."""

from pathlib import Path

from tests.world import World
from vast_mcp.jobs.scout import JobWish
from vast_mcp.services.scouting import Scouting


async def test_an_offer_that_was_named_is_priced_with_the_disk_that_will_be_rented(
    tmp_path: Path,
) -> None:
    """One default in search and create (design §4): the template's disk, else 50 GB."""
    world = World(tmp_path)
    chosen = await world.cheap_offer()
    async with world.runtime() as runtime:
        services = runtime.services
        templates = await services.reads.templates()
        template = next(one for one in templates if (one.recommended_disk_gb or 50) != 50)
        wish = JobWish(
            gpu_names=(), hours=1, offer_id=chosen.offer_id, template_hash=template.hash_id
        )
        named, *rest = await Scouting(services).offers(wish)
    assert named.offer_id == chosen.offer_id
    assert named.disk_gb == template.recommended_disk_gb
    assert {one.disk_gb for one in rest} <= {named.disk_gb}
