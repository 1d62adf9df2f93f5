"""A search answers what was asked: columns, prices above the limits, names, memory and ports."""

from pathlib import Path

import pytest

from tests.markets import Bent, narrow
from tests.tools.test_market import tokens
from tests.world import Json, ToolFailed, World

VLLM = "661d064bbda1f2a133816b6d55da07c3"
"""The simulator's template that opens two ports, and Jupyter's."""


def cards(found: Json) -> set[str]:
    """The names of the cards that the rows show."""
    return {row["gpu"].partition("x ")[2] for row in found["offers"]}


async def test_what_was_searched_and_ordered_by_comes_back_in_the_rows(tmp_path: Path) -> None:
    """Held: "a fast network" is answered with the speed, in the units of the query."""
    world = World(tmp_path)
    async with world.connect() as client:
        found = await world.call(
            client,
            "search_offers",
            query="inet_down>=500 cpu_ram>=32 driver_version>=500.1.1 gpu_ram>=8",
            order_by="dlperf-",
        )
        plain = await world.call(client, "search_offers")
    assert found["offers"]
    for row in found["offers"]:
        assert set(row["columns"]) == {"inet_down", "cpu_ram", "dlperf"}
        assert set(row["untrusted_columns"]) == {"driver_version"}
        assert row["columns"]["inet_down"] >= 500
        assert 32 <= row["columns"]["cpu_ram"] < 5_000
    ranks = [row["columns"]["dlperf"] for row in found["offers"]]
    assert ranks == sorted(ranks, reverse=True)
    assert all("columns" not in row for row in plain["offers"])


async def test_at_most_six_columns_come_back(tmp_path: Path) -> None:
    """A long query does not make long rows."""
    names = ("inet_down", "inet_up", "disk_bw", "cpu_cores", "cpu_ghz", "dlperf", "pcie_bw")
    world = World(tmp_path)
    async with world.connect() as client:
        found = await world.call(
            client, "search_offers", query=" ".join(f"{name}>0" for name in names), limit=1
        )
    (row,) = found["offers"]
    assert tuple(row["columns"]) == names[:6]
    assert tokens(row) <= 110


@pytest.mark.parametrize(
    "arguments",
    [
        {"min_gpu_ram_gb": 24},
        {"min_gpu_ram_gb": 24, "gpu_names": ["L4"]},
        {"query": "gpu_ram>=24"},
        {"query": "gpu_ram=24"},
        {"query": "gpu_ram>=24", "gpu_names": ["L4", "4090"]},
    ],
)
async def test_24_gb_finds_a_card_that_is_sold_as_24_gb(tmp_path: Path, arguments: Json) -> None:
    """An L4 reports 23,034 MB, with names and without; nothing of 16 GB comes with it."""
    world = World(tmp_path)
    async with world.connect() as client:
        found = await world.call(
            client, "search_offers", limit=50, num_gpus=1, order_by="gpu_ram", **arguments
        )
    assert "L4" in cards(found)
    assert min(row["gpu_ram_gb"] for row in found["offers"]) == 23
    if arguments == {"query": "gpu_ram=24"}:
        assert max(row["gpu_ram_gb"] for row in found["offers"]) == 24


async def test_a_name_that_several_cards_have_is_answered_with_what_was_meant(
    tmp_path: Path,
) -> None:
    """Held: "RTX 6000" is an A6000, a 6000 Ada or a PRO 6000: all are searched, and it is said."""
    world = World(tmp_path)
    async with world.connect() as client:
        found = await world.call(client, "search_offers", gpu_names=["RTX 6000"], limit=50)
        one = await world.call(client, "search_offers", gpu_names=["RTX 6000 Ada"])
        with pytest.raises(ToolFailed, match=r"several GPUs.*RTX 6000Ada, RTX A6000"):
            await world.call(client, "run_job", command="true", gpu_names=["RTX 6000"])
    assert cards(found) == {"RTX A6000", "RTX 6000Ada", "RTX PRO 6000 WS"}
    assert "RTX 6000Ada, RTX A6000" in " ".join(found["warnings"])
    assert set(found["compared"]) == {"RTX 6000"}
    assert len(found["compared"]["RTX 6000"]["kinds"]) == 3
    assert cards(one) == {"RTX 6000Ada"}
    assert "warnings" not in one
    assert not world.simulator.mutations()


@pytest.mark.parametrize("written", ["RTX 4070 Ti Super", "4070 TI SUPER", "rtx_4070_super_ti"])
async def test_the_makers_name_of_a_card_is_found(tmp_path: Path, written: str) -> None:
    """The vendor's spelling is `RTX 4070S Ti`; in a query too."""
    world = World(tmp_path)
    async with world.connect() as client:
        found = await world.call(client, "search_offers", gpu_names=[written])
        asked = await world.call(
            client, "search_offers", query=f"gpu_name={written.replace(' ', '_')}"
        )
    assert cards(found) == cards(asked) == {"RTX 4070S Ti"}


async def test_eight_h100_against_a100_is_answered_above_the_limits_as_well(
    tmp_path: Path,
) -> None:
    """Held: prices above the person's limits are information; nobody rents by knowing them."""
    world = World(tmp_path, seed=3)
    async with world.connect() as client:
        found = await world.call(
            client, "search_offers", gpu_names=["H100", "A100"], num_gpus=8, hours=1
        )
    listed = [
        one
        for one in world.simulator.world.market.listings(world.simulator.world.now_us)
        if one.machine.num_gpus == 8 and one.machine.verified
    ]
    assert set(found["compared"]) == {"H100", "A100"}
    for name, prices in found["compared"].items():
        seen = [one for one in listed if one.machine.card.name.startswith(name)]
        least = min(one.gpu_usd_per_hour + one.storage_usd_per_hour(50) for one in seen)
        assert prices["offers"] == len(seen)
        assert prices["hidden"] > 0
        assert prices["cheapest"] == pytest.approx(least, abs=2e-4)
        assert prices["cheapest"] <= prices["median"]
        assert prices["cheapest_per_gpu"] == pytest.approx(least / 8, abs=2e-4)
    hidden = found["hidden_by_policy"]["limits.max_usd_per_hour"]
    assert hidden["offers"] > 0
    assert all(name.startswith("8x ") for name in hidden["cheapest"])
    assert min(hidden["cheapest"].values()) > 3


async def test_prices_by_name_are_not_computed_from_a_part_of_the_market(tmp_path: Path) -> None:
    """Cut by price, the part holds only the cheaper card: each name is then searched by itself."""
    world = World(tmp_path)
    world.transport = market = Bent(world.transport, narrow(4))
    async with world.connect() as client:
        found = await world.call(client, "search_offers", gpu_names=["3060", "H100"], limit=3)
    assert found["more"] is True
    prices = found["compared"]
    assert prices["H100"]["cheapest"] > prices["3060"]["cheapest"]
    assert "median" not in prices["3060"]
    assert len(market.asked) <= 6


async def test_the_next_step_keeps_template_disk_hours_and_bid(tmp_path: Path) -> None:
    """Held: what is rented next is what was searched for and priced."""
    world = World(tmp_path)
    async with world.connect() as client:
        whole = await world.call(
            client, "search_offers", template_hash=VLLM, disk_gb=120, hours=10, num_gpus=1
        )
        bid = await world.call(client, "search_offers", rental="interruptible", disk_gb=80)
        plain = await world.call(client, "search_offers")
    assert whole["next"] == (
        f'create_instance(offer_id, template_hash="{VLLM}", disk_gb=120, lease_hours=10)'
    )
    assert bid["next"].startswith("create_instance(offer_id, disk_gb=80, bid_usd_per_hour)")
    assert plain["next"] == "create_instance(offer_id)"


async def test_rows_show_open_ports_and_ports_ask_for_them(tmp_path: Path) -> None:
    """Held: whoever needs a port finds a host that has one, and sees how many."""
    world = World(tmp_path)
    async with world.connect() as client:
        plain = await world.call(client, "search_offers", limit=50, order_by="open_ports")
        found = await world.call(client, "search_offers", limit=50, ports=16)
        by_template = await world.call(client, "search_offers", limit=50, template_hash=VLLM)
        none = await world.call(client, "search_offers", ports=64, query="direct_port_count<=50")
    assert min(row["open_ports"] for row in plain["offers"]) == 0
    assert min(row["open_ports"] for row in found["offers"]) >= 16
    assert min(row["open_ports"] for row in by_template["offers"]) >= 3
    assert found["next"] == "create_instance(offer_id, ports)"
    assert none["offers"] == []
    assert none["without"]["ports"] > 0
