"""Endpoints through the tools: one question, a ceiling, workers that are counted.

See docs/design.md#serverless, docs/vendor-api.md#serverless.
"""

from pathlib import Path

import pytest
from mcp import Client

from tests.world import Json, Mode, ToolFailed, World
from vast_mcp.keeper.tick import look_once


async def template_hash(world: World) -> str:
    """A template the vendor has."""
    async with world.runtime() as runtime:
        return (await runtime.session.account.reads.templates(limit=1))[0].hash_id


async def made(world: World, client: Client, **given: object) -> int:
    """An endpoint called "chat"; its id."""
    answer = await world.call(
        client,
        "create_endpoint",
        **{"endpoint_name": "chat", "max_usd_per_worker_hour": 0.5, **given},
    )
    assert answer["status"] == "created"
    return int(answer["endpoint_id"])


async def fed(world: World, client: Client) -> None:
    """The same with a workergroup."""
    await world.call(
        client,
        "create_workergroup",
        endpoint_name="chat",
        template_hash=await template_hash(world),
        search_query="num_gpus=1",
    )


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_an_endpoint_is_made_fed_scaled_and_deleted(tmp_path: Path, mode: Mode) -> None:
    """The whole life of an endpoint through five tools."""
    world = World(tmp_path)
    async with world.connect(mode) as client:
        endpoint_id = await made(world, client, max_workers=2, cold_workers=1)
        await fed(world, client)
        world.run_until_ready()
        (row,) = (await world.call(client, "show_endpoints"))["endpoints"]
        assert row["endpoint_id"] == endpoint_id
        assert row["untrusted_name"] == "chat"
        assert row["made_by"] == "us"
        assert row["workers_billing"] == 1
        assert row["max_usd_per_worker_hour"] == 0.5
        assert row["usd_per_hour_now"] == 0.5
        assert row["lease_ends"]
        assert len(row["workergroups"]) == 1
        await world.call(client, "update_endpoint", endpoint_name="chat", cold_workers=0)
        await world.call(client, "delete_endpoint", endpoint_name="chat")
        assert (await world.call(client, "show_endpoints"))["endpoints"] == []


async def test_one_question_covers_the_endpoint_and_its_workergroup(tmp_path: Path) -> None:
    """Priced at its maximum, one question; the workergroup needs none."""
    world = World(tmp_path)
    async with world.connect() as client:
        await made(world, client, max_workers=3, lease_hours=10)
        await fed(world, client)
    (question,) = world.questions
    assert "$15.00" in question
    assert '"chat"' in question


async def test_the_approved_price_bounds_the_search(tmp_path: Path) -> None:
    """Workergroups get the price as a search bound."""
    world = World(tmp_path)
    async with world.connect() as client:
        await made(world, client)
        await fed(world, client)
        (row,) = (await world.call(client, "show_endpoints"))["endpoints"]
    assert "dph_total<=0.5" in row["workergroups"][0]["untrusted_search"]


async def test_a_declined_endpoint_is_not_made(tmp_path: Path) -> None:
    """A no ends the plan and nothing is sent (docs/design.md#questions)."""
    world = World(tmp_path)
    async with world.connect(answer="decline") as client:
        answer = await world.call(
            client, "create_endpoint", endpoint_name="chat", max_usd_per_worker_hour=0.5
        )
        assert answer["status"] == "declined"
    assert not world.simulator.mutations()


async def test_lowering_asks_nobody_and_raising_asks(tmp_path: Path) -> None:
    """Allow lowers a maximum; a raise is a question (docs/design.md#levels)."""
    world = World(tmp_path)
    async with world.connect() as client:
        await made(world, client, max_workers=2)
        await world.call(client, "update_endpoint", endpoint_name="chat", max_workers=1)
        assert len(world.questions) == 1
        await world.call(client, "update_endpoint", endpoint_name="chat", max_workers=3)
        assert len(world.questions) == 2


async def test_a_change_whose_answer_is_lost_is_told_by_what_the_endpoint_shows(
    tmp_path: Path,
) -> None:
    """Updated only where it is seen; else unknown, and the higher maximum stays reserved."""
    world = World(tmp_path)
    async with world.connect() as client:
        endpoint_id = await made(world, client, max_workers=1)

        async def changed(workers: int) -> Json:
            return await world.call(
                client, "update_endpoint", endpoint_name="chat", max_workers=workers
            )

        async def reserved() -> float:
            async with world.runtime() as runtime:
                rental = await runtime.session.account.ledger.read(
                    lambda tx: tx.rental_of("endpoint", endpoint_id)
                )
            assert rental is not None
            return rental.usd_per_hour.micros / 1e6

        world.simulator.faults.add("status_before", "PUT", "/endptjobs/", times=9)
        missed = await changed(2)
        assert (missed["status"], await reserved()) == ("unknown", 1.0)
        assert "max_workers 1" in missed["said"]
        world.simulator.faults.planned.clear()
        world.simulator.faults.add("answer_lost_after_commit", "PUT", "/endptjobs/", times=1)
        arrived = await changed(3)
        assert (arrived["status"], await reserved()) == ("updated", 1.5)
        assert "max_workers 3" in arrived["said"]


async def test_an_endpoint_above_the_caps_is_refused_unasked(tmp_path: Path) -> None:
    """Priced at its maximum, it meets the caps like a rent (docs/design.md#money)."""
    world = World(tmp_path)
    async with world.connect() as client:
        with pytest.raises(ToolFailed, match=r"[Nn]ot created"):
            await world.call(
                client,
                "create_endpoint",
                endpoint_name="chat",
                max_usd_per_worker_hour=2,
                max_workers=4,
            )
    assert not world.questions
    assert not world.simulator.mutations()


async def test_an_endpoint_that_does_not_exist_is_said_so(tmp_path: Path) -> None:
    """What happened, then what to do."""
    world = World(tmp_path)
    async with world.connect() as client:
        with pytest.raises(ToolFailed, match="show_endpoints"):
            await world.call(client, "delete_endpoint", endpoint_name="nobody")


async def test_the_endpoints_own_key_never_appears(tmp_path: Path) -> None:
    """The vendor lists each endpoint with its key: it is dropped."""
    world = World(tmp_path)
    async with world.connect() as client:
        await made(world, client)
        await fed(world, client)
        shown = str(await world.call(client, "show_endpoints"))
        read = (await client.read_resource("vast://endpoints")).contents[0]
    assert "api_key" not in shown
    assert "api_key" not in str(read)


@pytest.mark.parametrize(
    ("asked", "bounds"),
    [
        pytest.param({"gpu_ram_gb": 40}, ["gpu_ram>=40"], id="asked for"),
        pytest.param({"gpu_ram_gb": 40, "search_query": "gpu_ram>=48"}, ["gpu_ram>=48"], id="own"),
        pytest.param({}, [], id="not asked for"),
    ],
)
async def test_the_memory_asked_for_bounds_the_search_too(
    tmp_path: Path, asked: Json, bounds: list[str]
) -> None:
    """As a field of its own it is only advice: a 16 GB card came for 24 (reported, 2026-08)."""
    world = World(tmp_path)
    async with world.connect() as client:
        await made(world, client)
        await world.call(
            client,
            "create_workergroup",
            endpoint_name="chat",
            template_hash=await template_hash(world),
            **asked,
        )
    (group,) = world.simulator.world.serverless.groups.values()
    sent = str(group.fields["search_params"]).split()
    assert [word for word in sent if word.startswith("gpu_ram")] == bounds


async def test_an_endpoint_of_two_days_is_counted_day_by_day(tmp_path: Path) -> None:
    """$38.40 over 48 h is no day of more than $25."""
    world = World(tmp_path)
    async with world.connect() as client:
        answer = await world.call(
            client,
            "create_endpoint",
            endpoint_name="chat",
            max_usd_per_worker_hour=0.8,
            lease_hours=48,
        )
    assert answer["status"] == "created", answer
    assert any("$38.40" in question for question in world.questions), world.questions


async def ticked(world: World) -> None:
    """One look of the keeper."""
    async with world.runtime() as runtime:
        await look_once(runtime.session.guard)


async def test_an_endpoint_whose_lease_is_over_stays_ours_and_says_what_can_be_done(
    tmp_path: Path,
) -> None:
    """It was told as somebody else's, and its refusals led from create to update and back."""
    world = World(tmp_path)
    async with world.connect() as client:
        number = await made(world, client, lease_hours=2, max_workers=2)
        await fed(world, client)
        world.clock.move(2 * 3600 + 60)
        for _ in range(3):
            await ticked(world)
            world.clock.move(1000)
        shown = await world.call(client, "show_endpoints")
        account = await world.call(client, "show_account")
        with pytest.raises(ToolFailed, match=r"cannot be extended.*delete_endpoint"):
            await world.call(client, "update_endpoint", endpoint_name="chat", cold_workers=1)
        with pytest.raises(ToolFailed, match="delete_endpoint first"):
            await made(world, client, lease_hours=2)
        deleted = await world.call(client, "delete_endpoint", endpoint_name="chat")
        again = await made(world, client, lease_hours=2)
    (row,) = shown["endpoints"]
    assert (row["endpoint_id"], row["made_by"], row["state"]) == (number, "us", "stopped")
    assert row["max_usd_per_worker_hour"] == 0.5
    assert 'delete_endpoint(endpoint_name="chat")' in shown["next"]
    assert "tonight" not in account or not any("endpoint" in one for one in account["tonight"])
    assert deleted["status"] == "deleted"
    assert again != number


async def test_an_endpoint_of_ours_names_what_requests_call_it(tmp_path: Path) -> None:
    """The vendor routes by the whole name, our mark included."""
    world = World(tmp_path)
    async with world.connect() as client:
        number = await made(world, client)
        group = await world.call(
            client,
            "create_workergroup",
            endpoint_name="chat",
            template_hash=await template_hash(world),
            search_query="num_gpus=1",
        )
        (row,) = (await world.call(client, "show_endpoints"))["endpoints"]
    whole = world.simulator.world.serverless.endpoints[number].fields["endpoint_name"]
    assert row["call_as"] == whole
    assert whole in group["next"]
