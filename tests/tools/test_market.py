"""Searching offers and templates through a real client.

See docs/design.md#answers.
"""

import json
from pathlib import Path

import pytest

from tests.markets import Bent, narrow
from tests.world import Json, Mode, ToolFailed, World
from vast_mcp.simulator.wire import JsonObject


def tokens(value: object) -> float:
    """The project's measure: bytes of compact JSON over four."""
    return len(json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()) / 4


def sent_searches(world: World) -> list[JsonObject]:
    """The bodies of every search that reached the vendor."""
    bodies = [one.json for one in world.simulator.requests if one.path == "/api/v0/bundles/"]
    return [body for body in bodies if isinstance(body, dict)]


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_ten_offers_come_ranked_by_what_the_job_costs(tmp_path: Path, mode: Mode) -> None:
    """`job_usd` ranks; 10 offers take at most 600 tokens, one at most 60."""
    world = World(tmp_path)
    async with world.connect(mode) as client:
        found = await world.call(client, "search_offers")
    costs = [row["job_usd"] for row in found["offers"]]
    assert len(costs) == 10
    assert costs == sorted(costs)
    assert found["matching"] > 10
    assert found["cheapest"] <= found["median"]
    assert tokens(found) <= 600
    assert max(tokens(row) for row in found["offers"]) <= 60
    assert not world.simulator.mutations()


async def test_interruptible_offers_name_their_least_bid_within_the_same_size(
    tmp_path: Path,
) -> None:
    """A bid and an on-demand rent are different inputs; the row says what the first one needs."""
    world = World(tmp_path)
    async with world.connect() as client:
        found = await world.call(
            client, "search_offers", rental="interruptible", query="datacenter=true"
        )
    assert len(found["offers"]) == 10
    for row in found["offers"]:
        assert 0 < row["min_bid_usd_per_hour"] < row["usd_per_hour"]
        assert row["datacenter"] is True
        assert tokens(row) <= 60
    assert "bid_usd_per_hour" in found["next"]


@pytest.mark.parametrize("rental", ["on_demand", "interruptible", "reserved"])
async def test_the_price_filter_holds_for_the_price_with_the_disk(
    tmp_path: Path, rental: str
) -> None:
    """Peers lose the price filter; here it binds the all-in price of every kind of rental."""
    world = World(tmp_path)
    async with world.connect() as client:
        found = await world.call(
            client,
            "search_offers",
            rental=rental,
            max_price_usd_per_hour=0.3,
            disk_gb=200,
            limit=50,
        )
    assert found["offers"]
    assert max(row["usd_per_hour"] for row in found["offers"]) <= 0.3
    assert found["disk_gb"] == 200


async def test_a_dearer_disk_raises_every_price(tmp_path: Path) -> None:
    """Prices include storage for `disk_gb`."""
    world = World(tmp_path)
    async with world.connect() as client:
        small = await world.call(client, "search_offers", disk_gb=10, limit=50)
        large = await world.call(client, "search_offers", disk_gb=300, limit=50)
    prices = {row["offer_id"]: row["usd_per_hour"] for row in small["offers"]}
    both = [row for row in large["offers"] if row["offer_id"] in prices]
    assert both
    assert all(row["usd_per_hour"] > prices[row["offer_id"]] for row in both)


@pytest.mark.parametrize("name", ["RTX_4090", "rtx 4090", "4090"])
async def test_a_card_is_found_however_it_is_written(tmp_path: Path, name: str) -> None:
    """The vendor's own spelling is `RTX 4090`; anything else matches nothing there."""
    world = World(tmp_path)
    async with world.connect() as client:
        found = await world.call(client, "search_offers", gpu_names=[name])
    assert {row["gpu"].split("x ", 1)[1] for row in found["offers"]} == {"RTX 4090"}


async def test_an_unknown_card_is_an_error_and_nothing_is_searched(tmp_path: Path) -> None:
    """Not zero results: the vendor would stay silent."""
    world = World(tmp_path)
    async with world.connect() as client:
        with pytest.raises(ToolFailed, match=r"gpu_names: .*RTX 4090"):
            await world.call(client, "search_offers", gpu_names=["RTX 4190"])
    assert sent_searches(world) == []


async def test_filters_hold_together(tmp_path: Path) -> None:
    """All of them at once, and what is shown keeps to them."""
    world = World(tmp_path)
    async with world.connect() as client:
        found = await world.call(
            client,
            "search_offers",
            num_gpus=1,
            min_gpu_ram_gb=24,
            min_reliability=0.95,
            countries=["EU", "US"],
            hours=100,
            query="cuda_vers>=12.2",
            limit=50,
        )
    assert found["offers"]
    for row in found["offers"]:
        assert row["gpu"].startswith("1x ")
        assert row["gpu_ram_gb"] >= 24
        assert row["reliability"] >= 0.95
        assert row["max_hours"] >= 100
        assert row["cuda"] >= 12.2


async def test_an_asked_order_is_kept(tmp_path: Path) -> None:
    """`order_by` is the vendor's columns; without one the job's cost ranks."""
    world = World(tmp_path)
    async with world.connect() as client:
        found = await world.call(client, "search_offers", order_by="reliability-", limit=20)
        with pytest.raises(ToolFailed, match="order_by"):
            await world.call(client, "search_offers", order_by="beauty")
    marks = [row["reliability"] for row in found["offers"]]
    assert marks == sorted(marks, reverse=True)


@pytest.mark.parametrize(
    ("order_by", "field", "falling"),
    [
        ("usd_per_hour", "usd_per_hour", False),
        ("usd_per_hour-", "usd_per_hour", True),
        ("price", "usd_per_hour", False),
        ("max_hours-", "max_hours", True),
        ("gpu_ram_gb-,usd_per_hour", "gpu_ram_gb", True),
    ],
)
async def test_rows_are_ordered_by_the_names_their_fields_have(
    tmp_path: Path, order_by: str, field: str, falling: bool
) -> None:
    """A model orders by what it was shown, not by the vendor's columns."""
    world = World(tmp_path)
    async with world.connect() as client:
        found = await world.call(client, "search_offers", order_by=order_by, limit=20)
    marks = [row[field] for row in found["offers"]]
    assert marks == sorted(marks, reverse=falling)


async def test_no_result_says_too_that_the_limits_hide_what_fits(tmp_path: Path) -> None:
    """Two H100 in one machine exist, above $3/h: the person is told of the limit, not of a lack."""
    world = World(tmp_path, seed=0)
    async with world.connect() as client:
        found = await world.call(client, "search_offers", gpu_names=["H100"], num_gpus=2, hours=3)
    assert found["offers"] == []
    assert found["hidden_by_policy"]
    assert "hidden_by_policy" in found["next"]


@pytest.mark.parametrize(
    ("policy", "read_only", "why"), [(None, True, "read-only"), ("[limit]\n", False, "broken")]
)
async def test_a_search_leads_to_no_rent_that_cannot_be(
    tmp_path: Path, policy: str | None, read_only: bool, why: str
) -> None:
    """The next step is one that can be taken: not a tool that is not offered."""
    world = World(tmp_path, policy=policy, read_only=read_only)
    async with world.connect() as client:
        found = await world.call(client, "search_offers", limit=1)
    assert found["offers"]
    assert why in found["next"]
    assert "create_instance" not in found["next"]


async def test_no_result_tells_which_filter_is_in_the_way(tmp_path: Path) -> None:
    """`without` counts what would fit if a given filter were dropped (docs/design.md#tools)."""
    world = World(tmp_path)
    async with world.connect() as client:
        found = await world.call(
            client, "search_offers", gpu_names=["H100"], max_price_usd_per_hour=0.3, num_gpus=1
        )
        alone = await world.call(client, "search_offers", gpu_names=["H100"], num_gpus=1)
    assert found["offers"] == []
    assert len(sent_searches(world)) <= 4
    assert found["without"]["max_price_usd_per_hour"] == alone["matching"]
    assert found["without"]["gpu_names"] > 0
    assert "num_gpus" not in found["without"]


async def test_a_query_or_a_disk_in_the_way_is_named_too(tmp_path: Path) -> None:
    """These two only the vendor can judge: one more search each."""
    world = World(tmp_path)
    async with world.connect() as client:
        query = await world.call(client, "search_offers", query="cuda_vers>=99")
        disk = await world.call(client, "search_offers", disk_gb=90_000)
        hours = await world.call(client, "search_offers", gpu_names=["4090"], hours=8760)
    assert query["without"] == {"query": query["without"]["query"]}
    assert disk["without"]["disk_gb"] > 100
    assert list(hours["without"]) == ["hours"]


async def test_what_the_policy_refuses_is_hidden_and_counted(tmp_path: Path) -> None:
    """Never listed, counted by rule (docs/design.md#tools)."""
    world = World(tmp_path, policy="[limits]\nmax_usd_per_hour = 0.5\n")
    async with world.connect() as client:
        found = await world.call(client, "search_offers", limit=50, query="verified=any")
    assert max(row["usd_per_hour"] for row in found["offers"]) <= 0.5
    assert found["hidden_by_policy"]["limits.max_usd_per_hour"]["offers"] > 0
    assert found["hidden_by_policy"]["limits.verified_only"]["offers"] > 0


async def test_a_rent_is_held_to_the_price_that_was_shown(tmp_path: Path) -> None:
    """Without a ceiling of its own a create takes the quote, refigured for its own disk."""
    world = World(tmp_path)
    async with world.connect() as client:
        found = await world.call(client, "search_offers", disk_gb=20)
        first, second = found["offers"][:2]
        rented = await world.call(client, "create_instance", offer_id=first["offer_id"], disk_gb=40)
        assert rented["status"] == "rented"
        world.simulator.set_price(second["offer_id"], 0.9)
        with pytest.raises(ToolFailed, match="the price shown by search_offers"):
            await world.call(client, "create_instance", offer_id=second["offer_id"], disk_gb=20)
    assert world.questions == []
    assert len(world.simulator.world.instances) == 1


async def test_a_reserved_price_is_for_looking(tmp_path: Path) -> None:
    """It is a prepayment's price: no rent is held to it."""
    world = World(tmp_path)
    async with world.connect() as client:
        found = await world.call(client, "search_offers", rental="reserved", limit=1)
        preview = await world.call(
            client, "create_instance", offer_id=found["offers"][0]["offer_id"], preview=True
        )
    assert "prepayment" in found["next"]
    assert preview["said"].startswith("Decision: ask")


async def test_a_template_brings_its_disk_and_a_lost_one_is_an_error(tmp_path: Path) -> None:
    """One default in search and create: the template's, else 50 GB."""
    world = World(tmp_path)
    async with world.connect() as client:
        templates = await world.call(client, "search_templates", query="vllm")
        row = templates["templates"][0]
        found = await world.call(client, "search_offers", template_hash=row["template_hash"])
        plain = await world.call(client, "search_offers")
        with pytest.raises(ToolFailed, match="template_hash: there is no such template"):
            await world.call(client, "search_offers", template_hash="gone")
    assert found["disk_gb"] == row["recommended_disk_gb"] == 60
    assert plain["disk_gb"] == 50


async def test_templates_are_found_by_name_or_image_in_lean_rows(tmp_path: Path) -> None:
    """Scripts, variables and registry logins of templates are never shown."""
    world = World(tmp_path)
    async with world.connect() as client:
        by_name = await world.call(client, "search_templates", query="ComfyUI")
        by_image = await world.call(client, "search_templates", query="base-image")
        none = await world.call(client, "search_templates", query="no such thing")
        every = await world.call(client, "search_templates")
    assert [row["untrusted_name"] for row in by_name["templates"]] == ["ComfyUI"]
    assert by_image["templates"][0]["untrusted_image"].startswith("vastai/base-image")
    assert none["templates"] == []
    assert "onstart" not in json.dumps(every)
    assert every["matching"] == len(every["templates"])


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"query": "gpu_rum>24"}, "query"),
        ({"countries": ["Atlantis"]}, "countries"),
        ({"limit": 51}, "limit"),
        ({"hours": 0}, "hours"),
        ({"num_gpus": 2, "query": "num_gpus=4"}, "query"),
        ({"max_price": 1}, "max_price_usd_per_hour"),
    ],
)
async def test_a_wrong_argument_is_named(tmp_path: Path, given: Json, named: str) -> None:
    """One line that the model can act on."""
    world = World(tmp_path)
    async with world.connect() as client:
        with pytest.raises(ToolFailed, match=named):
            await world.call(client, "search_offers", **given)
    assert sent_searches(world) == []


async def test_prices_that_cannot_be_kept_are_said(tmp_path: Path) -> None:
    """A search still answers without a ledger; renting would not."""
    world = World(tmp_path)
    async with world.connect() as client:
        await world.call(client, "search_offers", limit=1)
    for path in list((tmp_path / "state").glob("*.db*")):
        path.write_bytes(b"no database at all" * 100)
    async with world.connect() as client:
        found = await world.call(client, "search_offers", limit=1)
    assert found["offers"]
    assert "could not be saved" in found["warnings"][0]


async def test_a_reason_that_was_not_seen_is_not_denied(tmp_path: Path) -> None:
    """The vendor cuts at a number of rows: what lies behind may fit but for one filter."""
    world = World(tmp_path)
    world.transport = Bent(world.transport, narrow(5))
    async with world.connect() as client:
        price = await world.call(
            client, "search_offers", min_gpu_ram_gb=79, max_price_usd_per_hour=0.01
        )
        world.clock.move(30)
        other = await world.call(
            client, "search_offers", min_gpu_ram_gb=79, min_reliability=1.0, countries=["AQ"]
        )
    assert list(price["without"]) == ["max_price_usd_per_hour"]
    assert other["offers"] == []
    assert "no single filter is the cause" not in other["next"]
    assert "`without` was counted in part of the market" in other["warnings"][0]


async def test_an_offer_is_found_again_by_the_id_that_its_row_shows(tmp_path: Path) -> None:
    """Rents, previews and `id` in a query ask by `ask_contract_id` (recorded 2026-09-05)."""
    world = World(tmp_path)
    async with world.connect() as client:
        found = await world.call(client, "search_offers", limit=3)
        offer_id = found["offers"][1]["offer_id"]
        again = await world.call(client, "search_offers", query=f"id={offer_id}")
        preview = await world.call(client, "create_instance", offer_id=offer_id, preview=True)
        world.simulator.requests.clear()
        rented = await world.call(client, "create_instance", offer_id=offer_id)
    assert [row["offer_id"] for row in again["offers"]] == [offer_id]
    assert preview["status"] == "preview"
    assert rented["status"] == "rented"
    [looked] = sent_searches(world)
    assert looked["ask_contract_id"] == {"eq": offer_id}


async def test_an_offer_is_called_gone_only_after_both_lookups(tmp_path: Path) -> None:
    """One report has offers found by `id`: it is asked last, and nothing is rented on neither."""
    world = World(tmp_path)
    async with world.connect() as client:
        with pytest.raises(ToolFailed, match="no longer available"):
            await world.call(client, "create_instance", offer_id=12345678)
    asked = [sorted({"id", "ask_contract_id"} & body.keys()) for body in sent_searches(world)]
    assert asked == [["ask_contract_id"], ["id"]]
    assert not world.simulator.mutations()


@pytest.mark.parametrize("wanted", [True, False])
async def test_a_search_may_be_for_datacenters_only_or_for_none(
    tmp_path: Path, *, wanted: bool
) -> None:
    """The vendor is asked for it, and what it answers is held to it."""
    world = World(tmp_path)
    async with world.connect() as client:
        found = await world.call(
            client, "search_offers", gpu_names=["H100"], datacenter=wanted, num_gpus=1
        )
    sent = next(one for one in world.simulator.requests if one.path.endswith("/bundles/"))
    assert isinstance(sent.json, dict)
    assert sent.json["datacenter"] == {"eq": wanted}
    assert found["offers"]
    assert {bool(row.get("datacenter")) for row in found["offers"]} == {wanted}
