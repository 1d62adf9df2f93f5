"""See docs/design.md#simulator, docs/vendor-api.md#filter-language, docs/vendor-api.md#offers."""

import pytest

from tests.simulator.console import console


async def test_the_market_has_more_than_two_hundred_plausible_offers() -> None:
    """200 offers and more, with the vendor's names, units and spellings."""
    async with console() as vendor:
        offers = await vendor.offers()

        assert len(offers) > 200
        assert len({offer["id"] for offer in offers}) == len(offers)
        for offer in offers:
            assert 10_000_000 <= offer["id"] <= 99_999_999
            assert 0.01 < offer["dph_base"] < 60
            assert 0 < offer["reliability"] <= 1
        dear = [offer for offer in offers if offer["min_bid"] > offer["dph_base"]]
        assert 0.03 < len(dear) / len(offers) < 0.2, "bids above the price, as recorded 2026-09-05"
        places = [offer["geolocation"] for offer in offers]
        assert None in places
        assert {1, 2, 3} <= {len(place.split(", ")) for place in places if place}
        storage = sorted(offer["storage_cost"] for offer in offers)
        assert (storage[0] < 0.002, storage[-1] > 0.9) == (True, True)
        assert {offer["external"] for offer in offers} == {None}
        card = next(offer for offer in offers if offer["gpu_name"] == "RTX 4090")
        assert card["gpu_ram"] == 24564


async def test_one_seed_gives_one_market_and_another_seed_another() -> None:
    """Promise of the simulator: same seed, same market."""
    async with console(seed=3) as one, console(seed=3) as twin, console(seed=4) as other:
        first = await one.offers()

        assert await twin.offers() == first
        assert await other.offers() != first


@pytest.mark.parametrize(
    ("column", "condition"),
    [
        pytest.param("gpu_name", {"eq": "RTX 4090"}, id="eq"),
        pytest.param("gpu_name", {"neq": "RTX 4090"}, id="neq"),
        pytest.param("num_gpus", {"eq": "2"}, id="number-as-string"),
        pytest.param("gpu_ram", {"gte": 24000.0, "lt": 33000.0}, id="two-operators"),
        pytest.param("dph_total", {"lte": "0.5"}, id="lte-string"),
        pytest.param("reliability", {"gt": 0.99}, id="gt"),
        pytest.param("gpu_name", {"in": ["RTX 4090", "H200"]}, id="in"),
        pytest.param("gpu_name", {"notin": ["RTX 4090"]}, id="notin"),
        pytest.param("geolocation", {"in": ["SE", "NO"]}, id="country"),
        pytest.param("verified", {"eq": True}, id="boolean"),
        pytest.param("datacenter", {"eq": True}, id="datacenter"),
        pytest.param("cuda_vers", {"gte": 12.4}, id="alias"),
        pytest.param("gpu_ram_GB", {"gte": 48}, id="gb-alias"),
        pytest.param("duration", {"gte": 30 * 86400.0}, id="duration"),
        pytest.param("driver_version", {"gte": "570000000"}, id="driver"),
    ],
)
async def test_every_operator_restricts_and_its_complement_has_the_rest(
    column: str, condition: dict[str, object]
) -> None:
    """Operators, coercion and aliases."""
    async with console() as vendor:
        everything = await vendor.offers()
        found = await vendor.offers(**{column: condition})

        assert 0 < len(found) < len(everything)


async def test_operators_keep_exactly_the_rows_they_describe() -> None:
    """The filter language, checked against the same rows filtered here."""
    async with console() as vendor:
        everything = await vendor.offers()
        found = await vendor.offers(
            num_gpus={"gte": "2", "lt": 8},
            gpu_name={"notin": ["H200", "B200"]},
            verified={"eq": "true"},
        )

        wanted = {
            offer["id"]
            for offer in everything
            if 2 <= offer["num_gpus"] < 8
            and offer["gpu_name"] not in ("H200", "B200")
            and offer["verification"] == "verified"
        }
        assert {offer["id"] for offer in found} == wanted


async def test_any_and_unknown_columns_do_not_restrict() -> None:
    """`any` is what the official self-test sends; unknown columns are ignored."""
    async with console() as vendor:
        everything = await vendor.offers()

        assert len(await vendor.offers(verified={"eq": "any"}, no_such={"eq": 1})) == len(
            everything
        )


async def test_an_unknown_gpu_name_is_no_error_but_nothing() -> None:
    """A trap: a misspelt name answers 200 with zero offers."""
    async with console() as vendor:
        assert await vendor.offers(gpu_name={"eq": "RTX_4090"}) == []


async def test_order_takes_several_keys_and_limit_cuts() -> None:
    """`order` is a list of pairs, `limit` a plain integer."""
    async with console() as vendor:
        found = await vendor.offers(order=[["num_gpus", "desc"], ["dph_total", "asc"]], limit=30)

        keys = [(-offer["num_gpus"], offer["dph_total"]) for offer in found]
        assert len(found) == 30
        assert keys == sorted(keys)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"limit": {"eq": 5}}, id="limit-object"),
        pytest.param({"order": "score"}, id="order-text"),
        pytest.param({"type": "spot"}, id="type"),
        pytest.param({"num_gpus": {"like": 1}}, id="operator"),
        pytest.param({"order": [["search", "asc"]]}, id="unsortable"),
    ],
)
async def test_a_malformed_search_is_a_400(body: dict[str, object]) -> None:
    """`limit: Input should be a valid integer` and its siblings."""
    async with console() as vendor:
        response = await vendor.call("POST", "bundles/", json=body)

        assert response.status_code == 400
        assert response.json()["success"] is False


async def test_allocated_storage_is_in_the_price_and_filters_small_disks() -> None:
    """dph_total = dph_base + storage_cost times GB / 720 (a month has 720 h)."""
    async with console() as vendor:
        found = await vendor.offers(allocated_storage=600.0)

        for offer in found:
            storage = offer["storage_cost"] * 600 / 720
            assert offer["dph_total"] == pytest.approx(offer["dph_base"] + storage)
            assert offer["disk_space"] >= 600
        assert len(found) < len(await vendor.offers())


async def test_a_bid_search_is_priced_from_the_minimum_bid() -> None:
    """`type=bid` computes dph_total from min_bid."""
    async with console() as vendor:
        for word in ("bid", "interruptible"):
            offer = (await vendor.offers(type=word, allocated_storage=0.0, limit=1))[0]

            assert offer["is_bid"] is True
            assert offer["dph_total"] == pytest.approx(offer["min_bid"])


async def test_reserved_offers_show_a_discounted_price() -> None:
    """`discounted_dph_total` is what reserving would cost."""
    async with console() as vendor:
        offer = (await vendor.offers(type="reserved", limit=1))[0]

        assert offer["discounted_dph_total"] < offer["dph_total"]


async def test_the_newer_search_is_the_same_search() -> None:
    """`PUT search/asks/` carries the body under `q`."""
    async with console() as vendor:
        query = {"gpu_name": {"eq": "H200"}}
        answer = await vendor.call("PUT", "search/asks/", json={"select_cols": ["*"], "q": query})

        assert answer.json()["offers"] == await vendor.offers(**query)


async def test_a_shown_offer_keeps_its_id_and_price_for_two_hours() -> None:
    """Without faults a shown offer stays rentable at its price for two hours."""
    async with console() as vendor:
        shown = {offer["id"]: offer["dph_total"] for offer in await vendor.offers()}
        vendor.clock.move(2 * 3600)

        now = {offer["id"]: offer["dph_total"] for offer in await vendor.offers()}
        assert shown.items() <= now.items()


async def test_prices_drift_and_offers_come_and_go_over_a_day() -> None:
    """Offer ids are volatile and prices move."""
    async with console() as vendor:
        before = {offer["id"]: offer["dph_total"] for offer in await vendor.offers()}
        vendor.clock.move(86400)

        after = {offer["id"]: offer["dph_total"] for offer in await vendor.offers()}
        assert before.keys() - after.keys()
        assert after.keys() - before.keys()
        assert any(after[number] != before[number] for number in before.keys() & after.keys())


async def test_gpu_names_need_no_key() -> None:
    """Public without a key (docs/vendor-api.md#keys)."""
    async with console(key=None) as vendor:
        names = (await vendor.get("gpu_names/unique/"))["gpu_names"]
        types = (await vendor.get("gpu_types/"))["gpu_types"]

        assert "RTX 4090" in names
        assert {"canonical_name": "RTX 4090", "gpu_ram_mb": 24564} in types


async def test_an_offer_is_found_by_its_ask_contract_id_and_never_by_its_id() -> None:
    """Recorded 2026-09-05: both stand in every row, and only one of them can be searched for."""
    async with console() as vendor:
        offer = (await vendor.offers(limit=1))[0]

        assert offer["ask_contract_id"] == offer["id"]
        assert await vendor.offers(id={"eq": offer["id"]}) == []
        assert await vendor.offers(id={"in": [offer["id"]]}) == []
        for condition in ({"eq": offer["id"]}, {"in": [offer["id"]]}, {"eq": str(offer["id"])}):
            found = await vendor.offers(ask_contract_id=condition)
            assert [row["id"] for row in found] == [offer["id"]]


@pytest.mark.parametrize(
    ("asked", "rows", "truncated"),
    [
        pytest.param({}, 64, True, id="no limit"),
        pytest.param({"limit": 400}, 64, True, id="a higher one"),
        pytest.param({"limit": 5}, 5, True, id="a lower one"),
        pytest.param({"gpu_name": {"eq": "B200"}}, None, False, id="few"),
    ],
)
async def test_one_answer_has_at_most_64_rows_and_says_when_it_was_cut(
    asked: dict[str, object], rows: int | None, truncated: bool
) -> None:
    """Reported with a date (2026-09-29); the field `truncated` stands in a recording."""
    async with console() as vendor:
        answer = (await vendor.call("POST", "bundles/", json=asked)).json()

        assert rows is None or len(answer["offers"]) == rows
        assert answer["truncated"] is truncated


async def test_volumes_stand_among_the_offers_without_gpus_and_cannot_be_rented() -> None:
    """Recorded 2026-08-24: `num_gpus=0` lists disks; renting one is no_such_ask."""
    async with console() as vendor:
        found = await vendor.offers(num_gpus={"eq": 0}, limit=10)
        assert found
        for row in found:
            assert (row["resource_type"], row["gpu_name"], row["num_gpus"]) == ("disk", "N/A", 0)
            assert row["verified"] is row["gpu_ram"] is row["min_bid"] is None
        answer = await vendor.call(
            "PUT", f"asks/{found[0]['id']}/", json={"image": "x", "disk": 10}
        )
        assert "no_such_ask" in answer.text
        everything = await vendor.offers()
        assert all(row["num_gpus"] for row in everything)
        assert await vendor.offers(num_gpus={"eq": 0}, verified={"eq": True}) == []


async def test_an_order_in_no_direction_is_ignored() -> None:
    """Stated by a user: the vendor sorts by what it understands and says nothing."""
    async with console() as vendor:
        plain = await vendor.offers(limit=20)
        assert await vendor.offers(limit=20, order=[["dph_total", "upwards"]]) == plain


@pytest.mark.parametrize("seed", range(4))
async def test_the_market_has_what_two_known_programs_ask_for(seed: int) -> None:
    """Consumer cards in datacenters, and fast disks under CUDA 13: recorded markets have both."""
    async with console(seed=seed) as vendor:
        good = {"verified": {"eq": True}}
        assert await vendor.offers(**good, datacenter={"eq": True}, gpu_name={"eq": "RTX 4090"})
        assert await vendor.offers(**good, disk_bw={"gte": 4000}, cuda_max_good={"gte": 13})
