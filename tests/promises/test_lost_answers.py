"""Exactly one instance per intent, whatever becomes of the vendor's answer.

See docs/design.md#levels, docs/design.md#sending-once, docs/hazards.md#lost-answers,
docs/hazards.md#reading.
"""

import random  # noqa: TID251  seeded: a run is replayed from its number
from contextlib import suppress
from pathlib import Path

import anyio
import pytest
from mcp import Client

from tests.world import Json, ToolFailed, UnhurriedClock, World, report, scale
from vast_mcp.errors import ApiError
from vast_mcp.keeper.tick import look_once
from vast_mcp.simulator import Recorded
from vast_mcp.simulator.faults import Kind
from vast_mcp.store import Rental, RentalState

RUNS = scale("VAST_MCP_TEST_LOST_RUNS", 25)
ASKS = r"/asks/\d+"


async def rentals(world: World) -> list[Rental]:
    """Everything the ledger holds money for."""
    async with world.runtime() as runtime:
        return await runtime.session.account.ledger.read(lambda tx: tx.live_rentals())


async def tick(world: World, times: int = 1, every_s: float = 60) -> list[str]:
    """Let the keeper look that often; what it did."""
    did: list[str] = []
    async with world.runtime() as runtime:
        for _ in range(times):
            world.clock.move(every_s)
            seen = await look_once(runtime.session.guard)
            did += [*seen.did, *seen.failed]
    return did


async def rent_under(world: World, kind: Kind, **options: object) -> Json:
    """The answer of one create whose answer meets this fate."""
    offer = await world.cheap_offer()
    world.simulator.faults.add(kind, "PUT", ASKS, **options)
    failed: ToolFailed | None = None
    said: Json = {}
    async with world.connect() as client:
        try:
            said = await world.call(
                client, "create_instance", offer_id=offer.offer_id, max_price_usd_per_hour=1.0
            )
        except ToolFailed as error:  # raised in here it would come out as an exception group
            failed = error
    if failed is not None:
        raise failed
    return said


LOSSES: tuple[Kind, ...] = (
    "answer_lost_after_commit",
    "reset_after_commit",
    "status_after",
    "truncated_json",
)


@pytest.mark.parametrize("run", range(RUNS))
async def test_a_rent_whose_answer_is_lost_exists_once_and_is_known(
    tmp_path: Path, run: int
) -> None:
    """Commits, answer dropped: one instance, in the ledger, told."""
    chance = random.Random(run)
    kind = chance.choice(LOSSES)
    report(f"seed {run}: {kind}")
    world = World(tmp_path, seed=run)
    if chance.random() < 0.4:  # the list lags or fails as well
        world.simulator.set_list_lag(chance.uniform(1, 10))
    if chance.random() < 0.4:
        world.simulator.faults.add("status_before", "GET", "/api/v1/instances", times=2)
    said = await rent_under(world, kind)
    (alive,) = world.simulator.world.instances
    assert sum(one.method == "PUT" for one in _creates(world)) == 1
    assert said["status"] == "rented", said
    assert said["instance_id"] == alive
    assert any("lost" in warning for warning in said["warnings"])
    (rental,) = await rentals(world)
    assert (rental.target_id, rental.state) == (alive, RentalState.ACTIVE)


async def test_a_machine_found_later_gets_our_key_as_its_rent_was_to_give_it(
    tmp_path: Path,
) -> None:
    """The yes covered the key; without it the machine bills and cannot be used."""
    world = World(tmp_path, seed=3)
    world.simulator.faults.add("status_before", "GET", "/api/v1/instances", times=500, skip=1)
    said = await rent_under(world, "answer_lost_after_commit")
    assert said["status"] == "unknown"
    world.simulator.faults.planned.clear()
    await tick(world)
    (contract,) = world.simulator.world.instances.values()
    assert contract.keys == []
    world.clock.move(180)
    await tick(world, times=3)
    assert len(contract.keys) == 1
    assert sum(one.path.endswith("/ssh/") for one in world.simulator.mutations()) == 1


def _creates(world: World) -> list[Recorded]:
    return [one for one in world.simulator.mutations() if "/asks/" in one.path]


async def test_an_unreadable_list_leaves_the_rent_unknown_and_its_money_reserved(
    tmp_path: Path,
) -> None:
    """An unreadable list is not an empty one; unknown, reserved, found later."""
    world = World(tmp_path, seed=3)
    world.simulator.faults.add("status_before", "GET", "/api/v1/instances", times=500, skip=1)
    said = await rent_under(world, "answer_lost_after_commit")
    assert said["status"] == "unknown"
    assert "Do not rent again" in said["next"]
    (rental,) = await rentals(world)
    assert rental.state is RentalState.UNKNOWN
    async with world.connect() as client:
        again = await _again(world, client)
        assert again["status"] == "unknown"
    assert len(_creates(world)) == 1
    world.simulator.faults.planned.clear()
    await tick(world)
    (alive,) = world.simulator.world.instances
    (rental,) = await rentals(world)
    assert (rental.target_id, rental.state) == (alive, RentalState.ACTIVE)
    async with world.connect() as client:
        found = await _again(world, client)
    assert (found["instance_id"], found["replayed"]) == (alive, True)
    assert len(_creates(world)) == 1


async def _again(world: World, client: Client) -> Json:
    (create,) = _creates(world)
    offer_id = int(create.path.rstrip("/").rpartition("/")[2])
    return await world.call(
        client, "create_instance", offer_id=offer_id, max_price_usd_per_hour=1.0
    )


@pytest.mark.parametrize("late_s", [5, 60, 600, 890])
async def test_a_rent_executed_late_is_found_and_put_under_its_lease(
    tmp_path: Path, late_s: int
) -> None:
    """Executed up to the horizon late: reserved till then, then adopted."""
    world = World(tmp_path, seed=4)
    said = await rent_under(world, "late_execution", seconds=late_s)
    if late_s > 20:
        assert said["status"] == "unknown", said
    await tick(world, times=-(-late_s // 60) + 1)
    (alive,) = world.simulator.world.instances
    (rental,) = await rentals(world)
    assert (rental.target_id, rental.state) == (alive, RentalState.ACTIVE)


async def test_a_rent_executed_after_it_was_given_up_counts_again(tmp_path: Path) -> None:
    """Later than the horizon: it bears our mark, so the books take it back."""
    world = World(tmp_path, seed=4)
    await rent_under(world, "late_execution", seconds=1500)
    await tick(world, times=18)
    assert await rentals(world) == []
    await tick(world, times=10)
    (alive,) = world.simulator.world.instances
    (rental,) = await rentals(world)
    assert rental.target_id == alive
    world.clock.move(4 * 3600)
    await tick(world, times=2)
    assert world.simulator.world.instances[alive].wants_to_run is False


@pytest.mark.parametrize("kind", ["request_lost", "reset", "status_before", "html"])
async def test_a_rent_that_never_arrived_is_released_only_after_the_horizon(
    tmp_path: Path, kind: Kind
) -> None:
    """Absence needs good reads of which the last began after the horizon."""
    world = World(tmp_path, seed=5)
    said = await rent_under(world, kind)
    assert said["status"] == "unknown", said
    await tick(world, times=13)
    (rental,) = await rentals(world)
    assert rental.state is RentalState.UNKNOWN
    await tick(world, times=4)
    assert await rentals(world) == []
    assert len(_creates(world)) == 1


async def test_reads_that_fail_prove_no_absence(tmp_path: Path) -> None:
    """An hour of unreadable lists releases nothing (docs/hazards.md#reading)."""
    world = World(tmp_path, seed=5)
    await rent_under(world, "request_lost")
    world.simulator.faults.add("status_before", "GET", "/api/v1/instances", times=10_000)
    async with world.runtime() as runtime:
        for _ in range(20):
            world.clock.move(180)
            with suppress(ApiError):
                await look_once(runtime.session.guard)
    assert [one.state for one in await rentals(world)] == [RentalState.UNKNOWN]


@pytest.mark.parametrize("kind", ["rate_limited", "refused_connection"])
async def test_what_was_definitely_refused_releases_its_money_at_once(
    tmp_path: Path, kind: Kind
) -> None:
    """429 in any form and connect failures are refused, not unknown."""
    world = World(tmp_path, seed=6)
    with pytest.raises(ToolFailed, match="Not rented, nothing charged"):
        await rent_under(world, kind)
    assert await rentals(world) == []
    assert world.simulator.world.instances == {}


async def test_an_error_that_names_a_contract_is_undone(tmp_path: Path) -> None:
    """An error with `new_contract`: the machine exists, bears our mark, and is destroyed."""
    world = World(tmp_path, seed=7)
    body = '{"success": false, "error": "new_error", "msg": "no", "new_contract": $ID}'
    with pytest.raises(ToolFailed, match="destroyed at once"):
        await rent_under(world, "canned_after", status=400, body=body)
    assert world.simulator.world.instances == {}
    assert await rentals(world) == []


@pytest.mark.parametrize("servers", [1, 2])
@pytest.mark.parametrize("copies", [2, 8])
async def test_identical_rents_at_once_make_one_machine(
    tmp_path: Path, copies: int, servers: int
) -> None:
    """A re-issued create is told the stored outcome, by any process."""
    world = World(tmp_path, seed=8, clock=UnhurriedClock())
    offer = await world.cheap_offer()
    answers: list[Json] = []

    async def rent(client: Client) -> None:
        answers.append(
            await world.call(
                client, "create_instance", offer_id=offer.offer_id, max_price_usd_per_hour=1.0
            )
        )

    async with world.connect() as one, world.connect() as other, anyio.create_task_group() as tasks:
        for number in range(copies):
            tasks.start_soon(rent, one if number % servers == 0 else other)
    (alive,) = world.simulator.world.instances
    assert len(_creates(world)) == 1
    assert [said["status"] for said in answers] == ["rented"] * copies
    assert {said["instance_id"] for said in answers} == {alive}
    assert sum("replayed" not in said for said in answers) == 1


async def test_a_request_key_with_other_arguments_is_an_error(tmp_path: Path) -> None:
    """Same key, other arguments → error; another key → another machine."""
    world = World(tmp_path, seed=8)
    offers = await world.offers()
    async with world.connect() as client:
        first = await world.rent(client, offers[0], request_key="a")
        with pytest.raises(ToolFailed, match="request_key"):
            await world.rent(client, offers[0], request_key="a", lease_hours=3)
        assert await world.rent(client, offers[0], request_key="a") == first
        assert await world.rent(client, offers[1], request_key="b") != first
    assert len(world.simulator.world.instances) == 2


async def test_a_twin_call_is_new_again_two_minutes_after_its_machine_ended(
    tmp_path: Path,
) -> None:
    """Ended < 2 min ago → replayed; later it is a new intent."""
    world = World(tmp_path, seed=8)
    offer = await world.cheap_offer()
    async with world.connect() as client:
        first = await world.rent(client, offer)
        await world.call(client, "destroy_instance", instance_id=first)
        again = await world.rent(client, offer)
        assert again == first
        assert world.simulator.world.instances == {}
        world.clock.move(180)
        with pytest.raises(ToolFailed, match="is no longer available"):
            await world.rent(client, offer)


async def test_a_lost_ledger_finds_its_machines_by_their_marks(tmp_path: Path) -> None:
    """Wipe the ledger, keep the key file: re-adopted, lease enforced (docs/design.md#leases)."""
    world = World(tmp_path, seed=9)
    async with world.connect() as client:
        machines = {await world.rent(client, request_key=str(n)) for n in range(2)}
    foreign = world.simulator.add_foreign_instance(label="x vm1.aaaaaaa.bbbbbbbbbbb.until-1")
    for file in world.settings.state_dir.glob("*.db*"):
        file.unlink()
    await tick(world)
    assert {one.target_id for one in await rentals(world)} == machines
    world.clock.move(5 * 3600)
    await tick(world, times=2)
    alive = world.simulator.world.instances
    assert {number: one.wants_to_run for number, one in alive.items()} == {
        **dict.fromkeys(machines, False),
        foreign: True,
    }
