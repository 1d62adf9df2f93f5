"""Two answers about one thing say the same, and neither claims what is not known.

See docs/design.md#tools, docs/vendor-api.md#instances, docs/vendor-api.md#serverless.
"""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest
from mcp import Client

from tests.markets import Bent, endless
from tests.tools.test_account import endpoint_with_a_worker
from tests.world import Json, ToolFailed, World
from vast_mcp.cli.leases import looked
from vast_mcp.instances.logs import SHOWN_BYTES
from vast_mcp.resources.readings import job_rows
from vast_mcp.simulator.wire import JsonObject
from vast_mcp.views.billable_items import holdings


async def resource(client: Client, uri: str) -> Any:  # noqa: ANN401  JSON
    """A resource's value."""
    (content,) = (await client.read_resource(uri)).contents
    return json.loads(getattr(content, "text", ""))


async def test_a_stopped_machine_has_no_lease_in_any_answer(tmp_path: Path) -> None:
    """Its lease is over: what goes on is its disk, until it is destroyed."""
    world = World(tmp_path)
    async with world.connect() as client:
        instance_id = await world.rent(client)
        world.run_until_ready()
        await world.call(client, "stop_instance", instance_id=instance_id)
        world.clock.move(60)
        (row,) = (await world.call(client, "show_instances"))["instances"]
        account = await world.call(client, "show_account")
        (listed,) = await resource(client, "vast://instances")
        detail = await resource(client, f"vast://instances/{instance_id}")
    assert row["state"] == "stopped"
    for one in (row, *account["bills_now"], listed, detail):
        assert "lease_ends" not in one
    assert "at_lease_end" not in detail
    assert [line for line in account["tonight"] if "until destroyed" in line]
    assert not [line for line in account["tonight"] if "no lease" in line]


async def test_the_log_of_a_resource_is_its_end_without_what_is_secret(tmp_path: Path) -> None:
    """As `show_logs`: the newest lines count, and a printed token is taken out."""
    world = World(tmp_path)
    async with world.connect() as client:
        instance_id = await world.rent(client)
        world.run_until_ready()
        lines = [f"line {number} {'x' * 300}" for number in range(200)]
        text = "\n".join([*lines, "api_key=abcdefghijklmnop", "the end"])
        world.simulator.write_log(instance_id, f"{text}\n")
        seen = await resource(client, f"vast://instances/{instance_id}/logs")
        told = await world.call(client, "show_logs", instance_id=instance_id, tail=200)
    assert seen["untrusted_log"] == told["untrusted_log"]
    assert seen["untrusted_log"].endswith("api_key=[secret]\nthe end")
    assert len(seen["untrusted_log"]) <= SHOWN_BYTES


async def test_an_empty_log_of_a_running_machine_is_not_called_not_started(tmp_path: Path) -> None:
    """Nothing printed and not started look the same; and a daemon's log has no other behind it."""
    world = World(tmp_path)
    async with world.connect() as client:
        instance_id = await world.rent(client)
        early = await world.call(client, "show_logs", instance_id=instance_id)
        world.run_until_ready()
        world.simulator.world.instances[instance_id].log = ""
        quiet = await world.call(client, "show_logs", instance_id=instance_id)
    assert early["next"] == quiet["next"]
    assert "nothing printed yet" in quiet["next"]
    assert "daemon=true" in quiet["next"]


async def test_a_worker_that_is_being_destroyed_does_not_bill_the_others_twice(
    tmp_path: Path,
) -> None:
    """A billing worker listed among the machines counts once (destroying is free)."""
    world = World(tmp_path)
    async with world.connect() as client:
        await endpoint_with_a_worker(world, client)
        (worker,) = world.simulator.world.serverless.workers
        world.transport = Beside(world.transport, worker)
    async with world.connect() as client:
        account = await world.call(client, "show_account")
    (row,) = [one for one in account["bills_now"] if "instance_id" in one]
    assert row["instance_id"] == worker
    assert account["usd_per_hour_now"] == pytest.approx(row["usd_per_hour_now"], abs=1e-4)


async def test_an_endpoint_whose_workers_are_listed_machines_is_there_all_the_same(
    tmp_path: Path,
) -> None:
    """Workers are ordinary instances: its lease ends them, and stop-all meets it."""
    world = World(tmp_path)
    async with world.connect() as client:
        endpoint = await endpoint_with_a_worker(world, client)
        (worker,) = world.simulator.world.serverless.workers
        world.transport = Beside(world.transport, worker)
    async with world.connect() as client:
        account = await world.call(client, "show_account")
    (row,) = account["bills_now"]
    assert row["instance_id"] == worker
    assert row["why"] == f"a worker of endpoint {endpoint}"
    assert row["lease_ends"]
    assert not [line for line in account["tonight"] if "no lease" in line]
    assert [line for line in account["tonight"] if f"endpoint {endpoint} ends" in line]
    assert account["usd_per_hour_now"] == pytest.approx(row["usd_per_hour_now"], abs=1e-4)
    async with world.runtime() as runtime:
        rows, trouble, _ = await looked(runtime.session)
        seen = await holdings(runtime.session.account)
    assert not trouble
    assert {one.what: one.state for one in rows}[f"endpoint {endpoint}"] == "active"
    assert [one.target_id for one in seen.held if one.ours and one.runs] == [endpoint]


class Beside(httpx2.AsyncBaseTransport):
    """A vendor that lists an endpoint's worker as a machine, and a second one that is ending."""

    def __init__(self, inner: httpx2.AsyncBaseTransport, worker: int) -> None:
        self._inner, self._worker = inner, worker

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The simulator's answer with the worker in it."""
        response = await self._inner.handle_async_request(request)
        await response.aread()
        path = request.url.path.rstrip("/")
        if path.endswith("/api/v1/instances"):
            body: Json = response.json()
            body["instances"].append(machine(self._worker))
            body["total_instances"] += 1
            return httpx2.Response(200, json=body)
        if path.endswith("/get_endpoint_workers"):
            ending = {"id": self._worker + 1, "status": "DESTROYING"}
            return httpx2.Response(200, json=[*response.json(), ending])
        return response


def machine(instance_id: int) -> JsonObject:
    """A worker as an ordinary instance."""
    return {
        "id": instance_id,
        "label": None,
        "actual_status": "running",
        "intended_status": "running",
        "cur_state": "running",
        "gpu_name": "RTX 4090",
        "num_gpus": 1,
        "dph_total": 0.3,
        "storage_total_cost": 0.01,
        "disk_space": 16.0,
    }


async def test_the_cost_so_far_counts_traffic_as_it_is_likely_used(tmp_path: Path) -> None:
    """Ten GB are set aside for the whole lease, not spent in its first second.

    What the caps count stays as it was.
    """
    world = World(tmp_path)
    offer = next(one for one in await world.offers() if one.download_usd_per_gb >= 0.005)
    traffic = offer.download_usd_per_gb * 10
    hourly = offer.usd_per_hour.dollars
    costs = []
    async with world.connect() as client:
        await world.rent(client, offer, lease_hours=4)
        for hours in (0, 1, 2.5):
            world.clock.move(hours * 3600)
            (row,) = (await world.call(client, "show_instances"))["instances"]
            costs.append(row["cost_so_far_usd"])
        async with world.runtime() as runtime:
            counted = await runtime.session.account.ledger.read(
                lambda tx: tx.exposure(world.clock.lease_us())
            )
    assert costs[0] == pytest.approx(0, abs=0.004)
    assert costs[1] == pytest.approx(hourly + traffic / 4, rel=0.05)
    assert costs[2] == pytest.approx(3.5 * hourly + traffic * 3.5 / 4, rel=0.05)
    whole = sum(amount.dollars for amount in counted.by_day.values())
    assert whole == pytest.approx(4 * hourly + traffic, rel=0.02)


async def test_a_machine_that_is_gone_is_not_expected_any_more(tmp_path: Path) -> None:
    """`expected_seconds` is for who waits on; after `dead` there is nothing to expect."""
    world = World(tmp_path)
    async with world.connect() as client:
        gone = await world.call(client, "wait_for_instance", instance_id=1)
        instance_id = await world.rent(client)
        young = await world.call(client, "wait_for_instance", instance_id=instance_id)
    assert (gone["verdict"], gone["state"]) == ("dead", "gone")
    assert "expected_seconds" not in gone
    assert young["expected_seconds"] == 300


@pytest.mark.parametrize(
    ("search", "said"),
    [
        ("gpu_nam=x", "search_query: at character 1, `gpu_nam=x`: no such column; the nearest is"),
        ("gpu_ram>=lots", "search_query: at character 10, `lots`"),
        ("num_gpus=1 geolocation in [EU]", "search_query: Vast.ai knows no place `EU`"),
        ("geolocation=Norway", "Use the country code: geolocation=NO"),
        ("geolocation in [SE,South_Korea]", "Use the country code: geolocation=KR"),
        ("id=28113344", "search_query: a single offer is gone in minutes"),
    ],
)
async def test_a_workergroup_that_could_find_nothing_is_refused(
    tmp_path: Path, search: str, said: str
) -> None:
    """The vendor takes any text and then rents nothing: an unknown column matches no offer."""
    world = World(tmp_path)
    async with world.connect() as client:
        with pytest.raises(ToolFailed) as failed:
            await world.call(
                client,
                "create_workergroup",
                endpoint_name="chat",
                template_hash="x",
                search_query=search,
            )
    assert said in str(failed.value)
    assert not world.simulator.mutations()


async def test_a_job_without_a_gpu_is_told_in_whole_sentences(tmp_path: Path) -> None:
    """What is wrong, then what to do."""
    world = World(tmp_path)
    async with world.connect() as client:
        with pytest.raises(ToolFailed) as failed:
            await world.call(client, "run_job", command="true")
    assert str(failed.value) == (
        "Not started, nothing charged: gpu_names: name a GPU or an offer_id."
        " search_offers lists both."
    )


async def test_prices_that_were_cut_off_are_said_to_be(tmp_path: Path) -> None:
    """A median of the cheapest is no median of the market, and neither is their number."""
    world = World(tmp_path)
    async with world.connect() as client:
        whole = await resource(client, "vast://gpu-prices")
    assert "more" not in whole
    assert all("median_usd_per_hour" in row for row in whole["gpus"])
    world.transport = Bent(world.transport, endless)
    async with world.connect() as client:
        part = await resource(client, "vast://gpu-prices")
    assert "only the cheapest" in part["more"]
    assert all(row.keys() == {"gpu", "cheapest_usd_per_hour"} for row in part["gpus"])


async def test_a_lagging_list_is_told_alike_by_every_answer(tmp_path: Path) -> None:
    """The vendor's list may be some seconds behind a rent and a destroy."""
    world = World(tmp_path)
    async with world.connect() as client:
        first = await world.rent(client)
        world.clock.move(300)
        world.simulator.set_list_lag(20)
        second = await world.rent(client, (await world.offers())[1])
        await world.call(client, "destroy_instance", instance_id=first)
        told = await world.call(client, "show_instances")
        account = await world.call(client, "show_account")
        listed = await resource(client, "vast://instances")
    assert [row["instance_id"] for row in told["instances"]] == [second]
    assert [row["instance_id"] for row in account["bills_now"]] == [second]
    assert [row["instance_id"] for row in listed] == [second]


async def test_without_books_nobody_says_whose_an_endpoint_is(tmp_path: Path) -> None:
    """Only the ledger knows; `others` would be a claim, and its lease would seem to be none."""
    world = World(tmp_path)
    async with world.connect() as client:
        await endpoint_with_a_worker(world, client)
    for path in list((tmp_path / "state").glob("*.db*")):
        path.write_bytes(b"no database at all" * 100)
    async with world.connect() as client:
        (row,) = (await world.call(client, "show_endpoints"))["endpoints"]
    assert row["workers_billing"] == 1
    assert "made_by" not in row


async def test_the_leases_resource_gives_no_end_to_a_machine_that_rests(tmp_path: Path) -> None:
    """As `show_instances`: the lease of a stopped machine is over."""
    world = World(tmp_path)
    async with world.connect() as client:
        instance_id = await world.rent(client)
        world.run_until_ready()
        (running,) = await resource(client, "vast://leases")
        await world.call(client, "stop_instance", instance_id=instance_id)
        (resting,) = await resource(client, "vast://leases")
    assert running["lease_ends"]
    assert running["on_end"] == "stop"
    assert resting["reserved_usd_per_hour"] < running["reserved_usd_per_hour"]
    assert resting["usd_per_hour"] == running["usd_per_hour"]
    assert not {"lease_ends", "on_end"} & set(resting)


async def test_a_stopped_endpoint_is_no_stopped_machine(tmp_path: Path) -> None:
    """It has no disk, and its lease still ends what is left of its workers."""
    world = World(tmp_path)
    async with world.connect() as client:
        endpoint = await endpoint_with_a_worker(world, client)
        await world.call(client, "update_endpoint", endpoint_name="chat", endpoint_state="stopped")
        for worker in world.simulator.world.serverless.workers.values():
            worker.due_us = None  # it takes its time
        account = await world.call(client, "show_account")
    (row,) = account["bills_now"]
    assert (row["endpoint_id"], row["state"]) == (endpoint, "stopped")
    (line,) = account["tonight"]
    assert f"endpoint {endpoint} ends: its workers are ended" in line


async def test_templates_that_were_cut_off_are_said_to_be(tmp_path: Path) -> None:
    """The vendor's rows come in its own order: the most used of the first 200 are not of all."""
    world = World(tmp_path)
    async with world.connect() as client:
        whole = await world.call(client, "search_templates")
        world.transport = ManyTemplates(world.transport)
    async with world.connect() as client:
        part = await world.call(client, "search_templates")
    assert "first 200" not in whole["next"]
    assert part["matching"] == 200
    assert "first 200" in part["next"]


class ManyTemplates(httpx2.AsyncBaseTransport):
    """A vendor with as many templates as were asked for."""

    def __init__(self, inner: httpx2.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The simulator's templates, repeated up to the limit."""
        response = await self._inner.handle_async_request(request)
        if not request.url.path.endswith("/template/"):
            return response
        await response.aread()
        found: list[Json] = response.json()["templates"]
        return httpx2.Response(200, json={"success": True, "templates": (found * 200)[:200]})


async def test_the_jobs_resource_lists_copies_as_the_tool_does(tmp_path: Path) -> None:
    """A copy that outlasts its call stands beside the jobs."""
    copy = SimpleNamespace(
        progress=None, copy_id="copy-1", running=True, said="local:a to C.5:/b", instance_id=5
    )
    remote: Any = SimpleNamespace(transfers=SimpleNamespace(list=lambda: [copy]))
    async with World(tmp_path).runtime() as runtime:
        account = replace(runtime.session.account, remote=remote)
        rows: Any = await job_rows(replace(runtime.session, account=account))
    assert [row["job_id"] for row in rows] == ["copy-1"]
