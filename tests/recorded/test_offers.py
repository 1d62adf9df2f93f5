"""The recorded offers read one by one, every value written down from the reply by hand."""

import json
from typing import Any

import httpx2
import pytest

from tests.api.vendor import Wire, connect, ok
from tests.recorded.replies import ABSENT, SHARED
from vast_mcp.api.reads import Reads
from vast_mcp.errors import VendorUnreadable
from vast_mcp.models import Offer, OfferPage
from vast_mcp.units import UsdPerHour

pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason=ABSENT)

READ: dict[str, list[dict[str, Any]]] = {
    "offers_lookup_ask_contract_id": [
        {
            "offer_id": 45669396, "machine_id": 52271, "gpu_name": "RTX 5090", "num_gpus": 1,
            "usd_per_hour": UsdPerHour(403_704), "gpu_usd_per_hour": UsdPerHour(400_000),
            "min_bid": UsdPerHour(907_000), "country": "KR", "disk_mb_per_s": 360.1,
            "max_disk_gb": 524.0, "duration_s": 690_724, "verified": True, "datacenter": True,
            "cuda_max": 13.0, "download_mbit": 621.8, "static_ip": True, "rentable": True,
        }
    ],
    "offers_on_demand": [
        {
            "offer_id": 44077682, "gpu_ram_gb": 32.607, "usd_per_hour": UsdPerHour(403_704),
            "min_bid": UsdPerHour(907_000), "country": "KR", "disk_mb_per_s": 643.9000000000001,
            "reliability": 0.9977697, "verified": True, "datacenter": True, "ram_gb": 31.197,
        },
        {
            "offer_id": 49332239, "gpu_name": "RTX PRO 6000 WS", "gpu_ram_gb": 97.887,
            "usd_per_hour": UsdPerHour(1_335_556), "min_bid": UsdPerHour(1_333_334),
            "country": "JP", "cuda_max": 13.2, "ram_gb": 64.357, "cpu_cores": 32.0,
            "datacenter": False, "direct_ports": 256,
        },
    ],
    "offers_2024_cli_raw": [
        {
            "offer_id": 11684738, "gpu_name": "RTX 4090", "usd_per_hour": UsdPerHour(246_676),
            "storage_usd_per_gb_month": 0.0013333333333333335, "min_bid": UsdPerHour(200_000),
            "download_usd_per_gb": 0.0, "upload_usd_per_gb": 0.0, "country": "CN",
            "duration_s": 13_356_528, "verified": True, "static_ip": False, "host_id": 125418,
        }
    ],
}  # fmt: skip


def replying(name: str) -> Wire:
    """A vendor that answers every search with that recording."""
    row = json.loads((SHARED / f"{name}.json").read_text(encoding="utf-8"))
    return Wire([ok(row["body"])])


async def searched(name: str) -> OfferPage:
    """The recording as one answer of a search."""
    return await Reads(connect(replying(name))).search_offers({}, rental="on_demand", disk_gb=8)


@pytest.mark.parametrize("name", sorted(READ))
async def test_every_recorded_offer_reads_as_it_stands_there(name: str) -> None:
    """Prices up to a micro-dollar, memory of the own share, times in seconds."""
    page = await searched(name)
    assert len(page.offers) == len(READ[name])
    assert (page.cut, page.without_gpu, page.unreadable) == (False, 0, ())
    for offer, expected in zip(page.offers, READ[name], strict=True):
        assert {field: getattr(offer, field) for field in expected} == expected


async def test_the_recorded_lookup_finds_its_offer() -> None:
    """Recorded 2026-09-05: by `ask_contract_id`, with nothing else in the way."""
    wire = replying("offers_lookup_ask_contract_id")
    found = await Reads(connect(wire)).find_offer(45669396, rental="on_demand", disk_gb=8)
    assert isinstance(found, Offer)
    assert found.offer_id == 45669396
    assert [json.loads(one.content)["ask_contract_id"] for one in wire.seen] == [{"eq": 45669396}]


async def test_a_recorded_volume_is_no_offer() -> None:
    """Recorded 2026-08-24: one row, no GPU, and nothing that costs as an offer does."""
    page = await searched("volume_listings_in_bundles_num_gpus_0")
    assert (page.offers, page.without_gpu, page.unreadable) == ((), 1, ())


async def test_recorded_rows_without_their_price_are_refused_and_not_guessed() -> None:
    """The copy of 2025-07 lost `dph_total` on its way: no price is no offer."""
    with pytest.raises(VendorUnreadable, match="dph_total"):
        await searched("offers_500farm_unverified")
    row = json.loads((SHARED / "offers_500farm_unverified.json").read_text(encoding="utf-8"))
    whole = json.loads((SHARED / "offers_on_demand.json").read_text(encoding="utf-8"))
    mixed = {"offers": [*row["body"]["offers"], *whole["body"]["offers"]], "truncated": False}
    wire = Wire([httpx2.Response(200, json=mixed)])
    page = await Reads(connect(wire)).search_offers({}, rental="on_demand", disk_gb=8)
    assert [one.offer_id for one in page.offers] == [44077682, 49332239]
    assert len(page.unreadable) == 2
    assert all("dph_total" in why for why in page.unreadable)
