"""Searching a market as it is: answers that are cut, rows with holes, volumes among the offers."""

from pathlib import Path

import pytest

from tests.markets import Bent, endless, narrow
from tests.world import Json, ToolFailed, World


def hidden_in(found: Json) -> int:
    """How many offers the policy keeps out of an answer."""
    return sum(one["offers"] for one in (found.get("hidden_by_policy") or {}).values())


@pytest.mark.parametrize("rows", [64, 50])
async def test_a_market_of_several_answers_is_counted_whole(tmp_path: Path, rows: int) -> None:
    """One answer holds 64 offers whatever `limit` says (reported 2026-09-29): it goes on by price.

    Held: `matching` and `median` are of all that fits, never of a part as if it were all.
    """
    world = World(tmp_path)
    world.transport = market = Bent(world.transport, narrow(rows))
    async with world.connect() as client:
        found = await world.call(client, "search_offers", disk_gb=8, hours=1, query="num_gpus=1")
    now_us = world.simulator.world.now_us
    prices = sorted(
        one.gpu_usd_per_hour + one.storage_usd_per_hour(8)
        for one in world.simulator.world.market.listings(now_us)
        if one.machine.verified and one.machine.num_gpus == 1
    )
    assert len(prices) > rows
    hidden = hidden_in(found)
    assert found["matching"] + hidden == len(prices)
    assert "more" not in found
    assert 1 < len(market.asked) <= 4
    assert all(body["order"] == [["dph_total", "asc"]] for body in market.asked)


async def test_what_was_cut_is_never_told_as_the_whole(tmp_path: Path) -> None:
    """Where the market does not end: no median, `more`, and the cheapest all the same."""
    world = World(tmp_path)
    world.transport = market = Bent(world.transport, endless)
    async with world.connect() as client:
        found = await world.call(client, "search_offers")
        other = await world.call(client, "search_offers", order_by="reliability-")
        none = await world.call(client, "search_offers", min_reliability=1.0)
    assert found["more"] is other["more"] is none["more"] is True
    assert found["cheapest"] > 0
    assert "median" not in found
    assert not {"cheapest", "median"} & other.keys()
    assert "the vendor has more" in found["warnings"][0]
    assert "cheapest" in found["warnings"][0]
    assert "the vendor has more" in none["next"]
    assert len(market.asked) < 16


@pytest.mark.parametrize("rental", ["interruptible", "reserved"])
async def test_another_price_than_the_rows_show_is_not_paged_by(
    tmp_path: Path, rental: str
) -> None:
    """What the price bound compares is known for on-demand offers: else it is proven or said."""
    world = World(tmp_path)

    def by_another_price(asked: Json, answer: Json) -> Json:
        bounded = "gte" in asked.get("dph_total", {})
        rows = answer["offers"][40:] if bounded else answer["offers"][:20]
        return {"offers": rows, "truncated": not bounded}

    world.transport = Bent(world.transport, by_another_price)
    async with world.connect() as client:
        found = await world.call(client, "search_offers", rental=rental)
    assert found["more"] is True
    assert "median" not in found


async def test_a_bid_that_costs_more_than_renting_is_said(tmp_path: Path) -> None:
    """Recorded 2026-09-05: least bid $0.907 on an offer that rents for $0.40 on demand."""
    world = World(tmp_path)
    async with world.connect() as client:
        first = await world.call(client, "search_offers", rental="interruptible", limit=3)
        assert "warnings" not in first
        dear = first["offers"][1]
        rent = world.simulator.world.market.require(
            dear["offer_id"], world.simulator.world.now_us
        ).gpu_usd_per_hour
        world.simulator.set_min_bid(dear["offer_id"], rent * 1.2)
        query = f"id={dear['offer_id']}"
        again = await world.call(client, "search_offers", rental="interruptible", query=query)
        plain = await world.call(client, "search_offers", query=query)
    assert "On-demand costs no more" in again["warnings"][0]
    assert str(dear["offer_id"]) in again["warnings"][0]
    assert "warnings" not in plain


async def test_the_least_bid_of_our_own_machine_is_said_to_be_our_bid(tmp_path: Path) -> None:
    """A tenant sees the own bid as the least one (probed 2026-08); to bid there is to outbid it."""
    world = World(tmp_path)
    offer = await world.cheap_offer("interruptible")
    assert offer.min_bid is not None
    other = next(
        one for one in await world.offers(rental="interruptible")
        if one.machine_id != offer.machine_id
    )  # fmt: skip

    def twice(_asked: Json, answer: Json) -> Json:
        """The machine's other half is still for rent."""
        rows = [
            row | {"machine_id": offer.machine_id} if row["id"] == other.offer_id else row
            for row in answer["offers"]
        ]
        return answer | {"offers": rows}

    async with world.connect() as client:
        await world.rent(client, offer, bid_usd_per_hour=offer.min_bid.dollars * 1.25)
        world.transport = Bent(world.transport, twice)
    async with world.connect() as client:
        query = f"id={other.offer_id}"
        found = await world.call(client, "search_offers", rental="interruptible", query=query)
    assert f"{other.offer_id}. Its minimum bid is that bid" in found["warnings"][-1]


VOLUME = {
    "compute_cap": None, "cpu_cores": 512, "cpu_ram": 0, "cuda_max_good": 13.0,
    "disk_space": 8000.0, "dph_total": 0.0103, "geolocation": "Sweden, SE", "gpu_frac": 0.0,
    "gpu_name": "N/A", "gpu_ram": None, "id": 47375417, "inet_down": 731.6, "machine_id": 31355,
    "min_bid": None, "num_gpus": 0, "reliability": 0.98, "rentable": True, "resource_type": "disk",
    "verified": None,
}  # fmt: skip


async def test_volumes_among_the_offers_are_told_and_never_rented(tmp_path: Path) -> None:
    """Their shape was recorded 2026-08-24: a search without GPUs lists them beside the offers."""
    world = World(tmp_path)
    async with world.connect() as client:
        asked = await world.call(client, "search_offers", query="num_gpus=0 verified=any")
    assert asked["offers"] == []
    assert "volumes without a GPU" in asked["warnings"][0]

    def mixed(_asked: Json, answer: Json) -> Json:
        return answer | {"offers": [VOLUME, *answer["offers"]]}

    world.transport = Bent(world.transport, mixed)
    async with world.connect() as client:
        found = await world.call(client, "search_offers", gpu_names=["RTX 4090"], num_gpus=1)
        with pytest.raises(ToolFailed, match="is no longer available"):
            await world.call(client, "create_instance", offer_id=VOLUME["id"])
    assert found["offers"]
    assert VOLUME["id"] not in {row["offer_id"] for row in found["offers"]}
    assert "1 rows left out" in found["warnings"][0]
    assert not world.simulator.mutations()


OPTIONAL = (
    "start_date", "end_date", "external", "verification", "verified", "driver_version", "gpu_ram",
    "cuda_max_good", "geolocation", "reliability", "reliability2", "disk_bw", "inet_down",
    "inet_up", "direct_port_count", "dlperf", "hosting_type", "static_ip", "cpu_ram", "gpu_frac",
    "cpu_cores_effective", "min_bid", "host_id", "rentable", "rented", "is_bid", "dph_base",
    "storage_total_cost", "discounted_dph_total", "score", "gpu_ids", "public_ipaddr", "bundle_id",
)  # fmt: skip
NEEDED = ("dph_total", "storage_cost", "inet_down_cost", "inet_up_cost", "duration", "num_gpus")


@pytest.mark.parametrize("field", OPTIONAL)
async def test_an_offer_without_a_value_is_shown_or_counted(tmp_path: Path, field: str) -> None:
    """Nulls stand in most fields of recorded rows: none of them hides an offer without a word."""
    world = World(tmp_path)

    def holed(_asked: Json, answer: Json) -> Json:
        return answer | {"offers": [row | {field: None} for row in answer["offers"]]}

    async with world.connect() as client:
        whole = await world.call(client, "search_offers", gpu_names=["RTX 4090"])
    world.transport = Bent(world.transport, holed)
    async with world.connect() as client:
        found = await world.call(client, "search_offers", gpu_names=["RTX 4090"])
    hidden = hidden_in(found)
    before = hidden_in(whole)
    assert found["matching"] + hidden == whole["matching"] + before > 0


@pytest.mark.parametrize("field", NEEDED)
async def test_an_offer_whose_cost_is_unknown_is_left_out_and_told(
    tmp_path: Path, field: str
) -> None:
    """One row that cannot be priced hides no other, and it is not rented at a guess."""
    world = World(tmp_path)
    odd: list[int] = []

    def holed(_asked: Json, answer: Json) -> Json:
        first, *rest = answer["offers"]
        odd.append(first["id"])
        return answer | {"offers": [first | {field: None}, *rest]}

    world.transport = Bent(world.transport, holed)
    async with world.connect() as client:
        found = await world.call(client, "search_offers", gpu_names=["RTX 4090"], limit=50)
        with pytest.raises(ToolFailed, match=f"{field} is missing"):
            await world.call(client, "create_instance", offer_id=odd[0])
    assert found["offers"]
    assert odd[0] not in {row["offer_id"] for row in found["offers"]}
    assert field in found["warnings"][0]
    assert not world.simulator.mutations()


@pytest.mark.parametrize("place", ["Oslo, Norway, NO", "Norway", "NO", "Oslo, Norway"])
async def test_a_country_is_found_in_every_form_of_its_name(tmp_path: Path, place: str) -> None:
    """The country asked for, the country shown and the policy's country are one."""
    world = World(tmp_path, seed=7, policy='[allow]\ncountries = ["Norway", "se"]\n')

    def placed(_asked: Json, answer: Json) -> Json:
        return answer | {"offers": [row | {"geolocation": place} for row in answer["offers"]]}

    world.transport = market = Bent(world.transport, placed)
    async with world.connect() as client:
        for named in ("Norway", "NO", "no"):
            found = await world.call(client, "search_offers", countries=[named], limit=1)
            assert found["offers"][0]["country"] == "NO"
        shown = await world.call(client, "create_instance",
                                 offer_id=found["offers"][0]["offer_id"], preview=True)  # fmt: skip
        gone = await world.call(client, "search_offers", countries=["SE"], limit=1)
    assert market.asked[0]["geolocation"] == {"in": ["NO"]}
    assert "Decision: allow" in shown["said"]
    assert gone["offers"] == []


async def test_a_host_too_old_for_the_cuda_asked_for_is_not_offered(tmp_path: Path) -> None:
    """Said to happen: the vendor compares the version as text, and "9.2" is above "12.4"."""
    world = World(tmp_path)
    old: list[int] = []

    def as_text(_asked: Json, answer: Json) -> Json:
        first, *rest = answer["offers"]
        old.append(first["id"])
        return answer | {"offers": [first | {"cuda_max_good": 9.2}, *rest]}

    world.transport = Bent(world.transport, as_text)
    async with world.connect() as client:
        found = await world.call(client, "search_offers", query="cuda_vers>=12.4 num_gpus=1")
    assert found["offers"]
    assert old[0] not in {row["offer_id"] for row in found["offers"]}
    assert min(row["cuda"] for row in found["offers"]) >= 12.4
