"""See docs/vendor-api.md#serverless."""

from typing import Any

from tests.simulator.console import Console, console

TEMPLATE = "4e17788f74f075dd9aab7d0d4427968f"


async def _endpoint(vendor: Console, **fields: Any) -> int:  # noqa: ANN401
    sent = {"endpoint_name": "e", "cold_workers": 0, "max_workers": 3, **fields}
    return int((await vendor.call("POST", "endptjobs/", json=sent)).json()["result"])


async def _group(vendor: Console, endpoint: int, path: str = "workergroups/") -> int:
    sent = {
        "template_hash": TEMPLATE,
        "endpoint_id": endpoint,
        "search_params": "gpu_name=RTX_4090 gpu_ram>=23 verified=True rentable=True rented=False",
    }
    return int((await vendor.call("POST", path, json=sent)).json()["id"])


async def _workers(vendor: Console, endpoint: int) -> Any:  # noqa: ANN401
    return (await vendor.call("POST", "/get_endpoint_workers/", json={"id": endpoint})).json()


async def test_workers_come_up_and_really_bill_until_the_endpoint_is_stopped() -> None:
    """Ready workers cost GPU and storage; `stopped` releases them."""
    async with console() as vendor:
        endpoint = await _endpoint(vendor, cold_workers=2)
        assert "error_msg" in await _workers(vendor, endpoint)
        await _group(vendor, endpoint)
        assert [row["status"] for row in await _workers(vendor, endpoint)] == ["CREATING"] * 2
        vendor.clock.move(3600)
        assert [row["status"] for row in await _workers(vendor, endpoint)] == ["IDLE"] * 2
        assert vendor.simulator.books.spent_usd > 0.3

        stop = {"cold_workers": 0, "min_load": 0, "endpoint_state": "stopped"}
        await vendor.call("PUT", f"endptjobs/{endpoint}/", json=stop)
        assert {row["status"] for row in await _workers(vendor, endpoint)} == {"STOPPING"}
        vendor.clock.move(10)
        assert await _workers(vendor, endpoint) == []
        assert vendor.simulator.world.burn_usd_per_hour() == 0


async def test_a_load_floor_keeps_one_worker_and_the_cap_is_hard() -> None:
    """min_load > 0 keeps one, max_workers is a hard cap."""
    async with console() as vendor:
        small = await _endpoint(vendor, min_load=10)
        large = await _endpoint(vendor, endpoint_name="f", cold_workers=9)
        for endpoint in (small, large):
            await _group(vendor, endpoint, "autojobs/")

        assert len(await _workers(vendor, small)) == 1
        assert len(await _workers(vendor, large)) == 3


async def test_rows_carry_keys_and_both_names_show_the_same_groups() -> None:
    """The list contains the endpoint's api_key; `autojobs` is the older path."""
    async with console() as vendor:
        endpoint = await _endpoint(vendor)
        group = await _group(vendor, endpoint)

        row = (await vendor.get("endptjobs/"))["results"][0]
        assert (row["id"], len(row["api_key"])) == (endpoint, 64)
        one = await vendor.get(f"endptjobs/{endpoint}/")
        assert one["result"] == row
        groups = await vendor.get("workergroups/")
        assert groups == await vendor.get("autojobs/")
        assert groups["results"][0]["id"] == group


async def test_the_serverless_host_takes_the_endpoints_key_and_refuses_in_text() -> None:
    """A plain string, with status 200."""
    async with console() as vendor:
        endpoint = await _endpoint(vendor)
        key = (await vendor.get("endptjobs/"))["results"][0]["api_key"]
        for sent, good in ((key, True), ("wrong", False)):
            response = await vendor.http.post(
                "/get_endpoint_logs/",
                json={"id": endpoint, "api_key": sent},
                headers={"Authorization": "Bearer nobody"},
            )
            assert response.status_code == 200
            assert isinstance(response.json(), dict) is good


async def test_deleting_an_endpoint_takes_groups_and_workers_along() -> None:
    """DELETE also removes workergroups."""
    async with console() as vendor:
        endpoint = await _endpoint(vendor, cold_workers=1)
        await _group(vendor, endpoint)
        answer = (await vendor.call("DELETE", f"endptjobs/{endpoint}/", json={})).json()

        assert len(answer["deleted_workers"]) == 1
        assert (await vendor.get("workergroups/"))["results"] == []
        vendor.clock.move(10)
        vendor.simulator.catch_up()
        assert vendor.simulator.world.serverless.workers == {}


async def test_a_deleted_group_releases_its_workers_and_is_then_unknown() -> None:
    """404 `no_such_workergroup` (docs/vendor-api.md#errors)."""
    async with console() as vendor:
        endpoint = await _endpoint(vendor, cold_workers=1)
        group = await _group(vendor, endpoint)
        await vendor.call("PUT", f"workergroups/{group}/", json={"gpu_ram": 24})
        first = await vendor.call("DELETE", f"workergroups/{group}/", json={})
        again = await vendor.call("DELETE", f"workergroups/{group}/", json={})

        assert len(first.json()["deleted_workers"]) == 1
        assert again.json()["error"] == "no_such_workergroup"


async def test_an_update_puts_what_it_leaves_out_back_to_the_default() -> None:
    """Reported by the maker of a client: "silently jumping max_workers from 1 to 20"."""
    async with console() as vendor:
        endpoint = await _endpoint(vendor, max_workers=1, min_load=5)
        group = await _group(vendor, endpoint)
        sent = {"endpoint_name": "e", "target_util": 0.5, "max_workers": None}
        await vendor.call("PUT", f"endptjobs/{endpoint}/", json=sent)
        await vendor.call("PUT", f"workergroups/{group}/", json={"template_hash": TEMPLATE})

        (row,) = (await vendor.get("endptjobs/"))["results"]
        assert (row["endpoint_name"], row["target_util"]) == ("e", 0.5)
        assert (row["max_workers"], row["cold_workers"], row["min_load"]) == (20, 5, 0.0)
        assert row["endpoint_state"] == "active"
        (kind,) = (await vendor.get("workergroups/"))["results"]
        assert (kind["template_hash"], kind["search_params"]) == (TEMPLATE, None)
