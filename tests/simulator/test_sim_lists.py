"""See docs/vendor-api.md#instances."""

import json
from typing import Any

import pytest

from tests.simulator.console import Console, console


async def _pages(vendor: Console, **params: str) -> list[list[dict[str, Any]]]:
    pages, token = [], ""
    while True:
        query = {**params, **({"after_token": token} if token else {})}
        answer = await vendor.get("/api/v1/instances/", params=query)
        pages.append(answer["instances"])
        token = answer["next_token"]
        if token is None:
            return pages


async def _fleet(vendor: Console, count: int) -> list[int]:
    return [vendor.simulator.add_foreign_instance(label=f"m{n % 3}") for n in range(count)]


async def test_the_list_is_paged_and_the_pages_are_the_whole() -> None:
    """Limit 1-25, opaque token, null at the end."""
    async with console() as vendor:
        ids = await _fleet(vendor, 30)
        pages = await _pages(vendor, limit="400")

        assert [len(page) for page in pages] == [25, 5]
        assert sorted(row["id"] for page in pages for row in page) == sorted(ids)
        answer = await vendor.get("/api/v1/instances/", params={"limit": "0"})
        assert (answer["instances_found"], answer["total_instances"]) == (5, 30)
        assert answer["label_counts"] == {"m0": 10, "m1": 10, "m2": 10}


@pytest.mark.parametrize(
    "order", ["[]", '[{"col":"label","dir":"desc"}]', '[{"col":"id","dir":"desc"}]']
)
async def test_a_destroy_between_pages_skips_nobody(order: str) -> None:
    """Tokens name the last row seen: `{"values":{"id":N}}`."""
    async with console() as vendor:
        ids = await _fleet(vendor, 9)
        first = await vendor.get("/api/v1/instances/", params={"limit": "4", "order_by": order})
        seen = [row["id"] for row in first["instances"]]
        for number in seen[:4]:
            await vendor.call("DELETE", f"instances/{number}/", json={})
        rest = await vendor.get(
            "/api/v1/instances/",
            params={"limit": "25", "order_by": order, "after_token": first["next_token"]},
        )

        assert sorted(seen + [row["id"] for row in rest["instances"]]) == sorted(ids)


@pytest.mark.parametrize("token", ["garbage", "e30=", "bnVsbA=="])
async def test_a_garbage_token_is_refused(token: str) -> None:
    """400 `invalid_token` (docs/vendor-api.md#errors)."""
    async with console() as vendor:
        response = await vendor.call("GET", "/api/v1/instances/", params={"after_token": token})

        assert response.status_code == 400
        assert response.json()["error"] == "invalid_token"


async def test_filters_work_on_stored_columns_only() -> None:
    """Computed columns are `not a valid search key`."""
    async with console() as vendor:
        await _fleet(vendor, 3)
        vendor.simulator.add_foreign_instance(label=None)
        unlabelled = await vendor.get(
            "/api/v1/instances/", params={"select_filters": json.dumps({"label": {"in": [None]}})}
        )
        response = await vendor.call(
            "GET", "/api/v1/instances/", params={"select_filters": '{"dph_total":{"gt":1}}'}
        )

        assert unlabelled["total_instances"] == 1
        assert response.status_code == 400
        assert "not a valid search key" in response.json()["msg"]


async def test_columns_can_be_chosen_and_unknown_ones_are_null() -> None:
    """`select_cols`."""
    async with console() as vendor:
        ids = await _fleet(vendor, 1)
        answer = await vendor.get("/api/v1/instances/", params={"select_cols": '["id","nope"]'})

        assert answer["instances"] == [{"id": ids[0], "nope": None}]


async def test_the_old_list_is_retired() -> None:
    """The unpaginated v0 list answers 410."""
    async with console() as vendor:
        assert (await vendor.call("GET", "instances/?owner=me")).status_code == 410


async def test_a_lagging_list_misses_the_new_and_shows_the_destroyed() -> None:
    """After a destroy the id may still be listed for some seconds."""
    async with console() as vendor:
        vendor.simulator.set_list_lag(30)
        instance_id = await vendor.rent()
        assert (await vendor.get("/api/v1/instances/"))["total_instances"] == 0
        vendor.clock.move(30)
        assert (await vendor.get("/api/v1/instances/"))["total_instances"] == 1
        await vendor.call("DELETE", f"instances/{instance_id}/", json={})
        assert (await vendor.get("/api/v1/instances/"))["total_instances"] == 1
        vendor.clock.move(31)
        assert (await vendor.get("/api/v1/instances/"))["total_instances"] == 0


async def test_labels_can_be_set_and_cleared() -> None:
    """An empty string clears (docs/vendor-api.md#instance-operations)."""
    async with console() as vendor:
        instance_id = await vendor.rent(label="a")
        for label, shown in (("b", "b"), ("", None)):
            await vendor.call("PUT", f"instances/{instance_id}/", json={"label": label})
            assert (await vendor.show(instance_id))["label"] == shown
        long = await vendor.call("PUT", f"instances/{instance_id}/", json={"label": "x" * 1025})
        assert long.status_code == 400


async def test_filters_for_pickers_are_combinations() -> None:
    """`instances/filters/`, in the form the official client reads."""
    async with console() as vendor:
        await _fleet(vendor, 2)

        found = (await vendor.get("instances/filters/"))["filters"]
        assert {row["gpu_name"] for row in found} == {"RTX 3090"}
        assert {row["actual_status"] for row in found} == {"running"}
