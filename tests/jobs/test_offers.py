"""The market as a job asks for it."""

from pathlib import Path

from tests.markets import Bent, narrow
from tests.world import Json, World
from vast_mcp.jobs.offers import JobWish, offers_for


async def test_an_offer_that_was_named_is_priced_with_the_disk_that_will_be_rented(
    tmp_path: Path,
) -> None:
    """One default in search and create: the template's disk, else 50 GB (docs/design.md#tools)."""
    world = World(tmp_path)
    chosen = await world.cheap_offer()
    async with world.runtime() as runtime:
        session = runtime.session
        templates = await session.account.reads.templates()
        template = next(one for one in templates if (one.recommended_disk_gb or 50) != 50)
        wish = JobWish(
            gpu_names=(), hours=1, offer_id=chosen.offer_id, template_hash=template.hash_id
        )
        named, *rest = await offers_for(session.account, wish)
    assert named.offer_id == chosen.offer_id
    assert named.disk_gb == template.recommended_disk_gb
    assert {one.disk_gb for one in rest} <= {named.disk_gb}


async def test_a_job_asks_for_no_more_of_the_market_than_it_needs(tmp_path: Path) -> None:
    """Searches share a budget of about five in ten seconds with everything else."""
    world = World(tmp_path)
    world.transport = market = Bent(world.transport, narrow(20))
    async with world.runtime() as runtime:
        found = await offers_for(runtime.session.account, JobWish(gpu_names=("RTX 4090",), hours=1))
    assert len(market.asked) == 1
    prices = [one.usd_per_hour for one in found]
    assert 1 < len(prices) <= 20
    assert max(prices) > min(prices)


async def test_a_job_looks_further_where_nothing_fits_yet(tmp_path: Path) -> None:
    """What the policy allows may lie behind the first answer."""
    world = World(tmp_path, policy='[allow]\ncountries = ["FR"]\n')
    world.transport = market = Bent(world.transport, narrow(5))
    seen = 0

    def later(_asked: Json, answer: Json) -> Json:
        nonlocal seen
        seen += 1
        place = "Paris, France" if seen > 1 else "Texas, US"
        rows = [row | {"geolocation": place} for row in answer["offers"]]
        return answer | {"offers": rows}

    world.transport = Bent(market, later)
    async with world.runtime() as runtime:
        found = await offers_for(runtime.session.account, JobWish(gpu_names=("RTX 4090",), hours=1))
    assert found
    assert {one.country for one in found} == {"FR"}
    assert len(market.asked) == 2
