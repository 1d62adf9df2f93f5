"""An update of an endpoint sends its whole record: what is left out may jump to 20 workers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.world import Json, ToolFailed, World
from vast_mcp.actions.end_endpoint import EndEndpoint
from vast_mcp.keeper.tick import KEEPER, look_once
from vast_mcp.simulator.serverless import Endpoint
from vast_mcp.store import Rental

OTHER_KNOBS = {
    "min_cold_load": 7.0,
    "target_util": 0.7,
    "cold_mult": 1.5,
    "max_queue_time": 33.0,
    "target_queue_time": 4.0,
    "inactivity_timeout": 900.0,
}
KNOBS = {
    "endpoint_name", "endpoint_state", "max_workers", "cold_workers", "min_load", *OTHER_KNOBS,
}  # fmt: skip


async def serving(world: World, **given: object) -> Endpoint:
    """An endpoint "chat" for at most 3 workers, tuned by hand in the vendor's console."""
    async with world.connect() as client:
        asked = {"endpoint_name": "chat", "max_usd_per_worker_hour": 0.2, "max_workers": 3, **given}
        await world.call(client, "create_endpoint", **asked)
    (endpoint,) = world.simulator.world.serverless.endpoints.values()
    endpoint.fields |= OTHER_KNOBS
    return endpoint


def puts(world: World) -> list[Json]:
    """The bodies of every update that reached the vendor."""
    sent = [one for one in world.simulator.requests if one.method == "PUT"]
    return [one.json for one in sent if "endptjobs" in one.path and isinstance(one.json, dict)]


class Lists(httpx2.AsyncBaseTransport):
    """The vendor; `before` and `after` are told the number of each list of endpoints."""

    def __init__(
        self, world: World, before: Callable[[int], None], after: Callable[[int], None]
    ) -> None:
        self._inner, self._before, self._after = world.transport, before, after
        self._count = 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Everything else passes untouched."""
        if request.method != "GET" or "endptjobs" not in request.url.path:
            return await self._inner.handle_async_request(request)
        self._count += 1
        self._before(self._count)
        answer = await self._inner.handle_async_request(request)
        self._after(self._count)
        return answer


async def booked(world: World) -> Rental:
    """The endpoint in the books."""
    async with world.runtime() as runtime:
        rentals = await runtime.session.account.ledger.read(lambda tx: tx.live_rentals())
    (rental,) = [one for one in rentals if one.kind == "endpoint"]
    return rental


@pytest.mark.parametrize(
    ("asked", "after"),
    [
        pytest.param({"min_load": 2.0}, {"min_load": 2.0}, id="load"),
        pytest.param({"cold_workers": 2}, {"cold_workers": 2}, id="warm"),
        pytest.param({"max_workers": 1}, {"max_workers": 1}, id="fewer"),
        pytest.param({"max_workers": 4}, {"max_workers": 4}, id="more"),
        pytest.param({"endpoint_state": "stopped"}, {"endpoint_state": "stopped"}, id="stopped"),
        pytest.param(
            {"endpoint_state": "suspended", "min_load": 1.0},
            {"endpoint_state": "suspended", "min_load": 1.0},
            id="two at once",
        ),
    ],
)
async def test_a_change_of_one_knob_leaves_every_other_as_it_was(
    tmp_path: Path, asked: dict[str, Any], after: dict[str, Any]
) -> None:
    """Promise: no limit is passed by what an update leaves out, the maximum above all."""
    world = World(tmp_path)
    endpoint = await serving(world)
    before = dict(endpoint.fields)
    async with world.connect() as client:
        answer = await world.call(client, "update_endpoint", endpoint_name="chat", **asked)
    assert answer["status"] == "updated"
    assert endpoint.fields == before | after
    [sent] = puts(world)
    assert sent.keys() >= KNOBS


async def test_an_update_is_refused_while_the_record_cannot_be_read(tmp_path: Path) -> None:
    """What is not known cannot be sent along: nothing is sent, and nothing more is reserved."""
    world = World(tmp_path)
    endpoint = await serving(world)
    before = dict(endpoint.fields)
    async with world.connect() as client:
        world.simulator.faults.add("status_before", "GET", "/endptjobs/", times=500, skip=1)
        with pytest.raises(ToolFailed):
            await world.call(client, "update_endpoint", endpoint_name="chat", max_workers=9)
        world.simulator.faults.planned.clear()
    assert puts(world) == []
    assert endpoint.fields == before
    assert (await booked(world)).facts.endpoint.workers == 3
    assert (await booked(world)).usd_per_hour.dollars == pytest.approx(0.6)


async def test_a_change_that_another_made_meanwhile_is_not_undone(tmp_path: Path) -> None:
    """The record is read again right before it is sent: another's change is never overwritten."""
    world = World(tmp_path)
    endpoint = await serving(world, max_workers=2)

    def tune(count: int) -> None:
        if count == 1:
            endpoint.fields["target_util"] = 0.4

    world.transport = Lists(world, before=lambda _: None, after=tune)
    async with world.connect() as client:
        answer = await world.call(client, "update_endpoint", endpoint_name="chat", max_workers=1)
    assert answer["status"] == "changed"
    assert puts(world) == []
    assert endpoint.fields["target_util"] == 0.4
    assert (await booked(world)).usd_per_hour.dollars == pytest.approx(0.4)


async def test_a_lease_ends_with_the_whole_record(tmp_path: Path) -> None:
    """Nothing kept warm, no load, stopped; the rest as the person tuned it."""
    world = World(tmp_path)
    endpoint = await serving(world, cold_workers=1, lease_hours=1)
    before = dict(endpoint.fields)
    world.clock.move(3700)
    async with world.runtime() as runtime:
        await look_once(runtime.session.guard)
    stop = {"cold_workers": 0, "min_load": 0.0, "endpoint_state": "stopped"}
    assert endpoint.fields == before | stop


async def test_a_lease_ends_though_the_record_cannot_be_read(tmp_path: Path) -> None:
    """The stop is sent with the maximum from the ledger, never with none."""
    world = World(tmp_path)
    endpoint = await serving(world, cold_workers=1, lease_hours=1)
    name = endpoint.fields["endpoint_name"]
    world.clock.move(3700)
    world.simulator.faults.add("status_before", "GET", "/endptjobs/", times=500)
    async with world.runtime() as runtime:
        await look_once(runtime.session.guard)
    assert endpoint.fields["endpoint_state"] == "stopped"
    assert endpoint.fields["endpoint_name"] == name
    assert (endpoint.fields["max_workers"], endpoint.fields["cold_workers"]) == (3, 0)


async def test_a_list_that_lacks_an_endpoint_once_closes_no_books(tmp_path: Path) -> None:
    """One answer without it proves nothing: the second shows it, and it is stopped."""
    world = World(tmp_path)
    endpoint = await serving(world, lease_hours=1)
    listed = world.simulator.world.serverless.endpoints

    def hide(count: int) -> None:
        if count == 1:
            listed.pop(endpoint.id)

    world.transport = Lists(
        world, before=hide, after=lambda _: listed.update({endpoint.id: endpoint})
    )
    async with world.runtime() as runtime:
        outcome = await runtime.session.guard.correct(EndEndpoint(endpoint.id), KEEPER)
    assert outcome.status in {"ended", "ending"}
    assert endpoint.fields["endpoint_state"] == "stopped"


async def test_an_id_that_a_reply_names_is_not_taken_for_our_endpoint(tmp_path: Path) -> None:
    """An id proves nothing: ours is the one whose name bears our mark."""
    world = World(tmp_path)
    async with world.connect() as client:
        await world.call(
            client, "create_endpoint", endpoint_name="other", max_usd_per_worker_hour=0.2
        )
        (other,) = world.simulator.world.serverless.endpoints
        world.transport = Naming(world.transport, other)
    async with world.connect() as client:
        made = await world.call(
            client, "create_endpoint", endpoint_name="chat", max_usd_per_worker_hour=0.2
        )
    (ours,) = world.simulator.world.serverless.endpoints.keys() - {other}
    assert (made["status"], made["endpoint_id"]) == ("created", ours)


class Naming(httpx2.AsyncBaseTransport):
    """A vendor whose answer to a new endpoint names another."""

    def __init__(self, inner: httpx2.AsyncBaseTransport, other: int) -> None:
        self._inner, self._other = inner, other

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Carried out as asked."""
        answer = await self._inner.handle_async_request(request)
        if request.method != "POST" or not request.url.path.endswith("/endptjobs/"):
            return answer
        return httpx2.Response(200, json={"success": True, "result": self._other})
