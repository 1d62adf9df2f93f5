"""A write is done or refused only by what is known: everything else is unknown, and told so."""

import json
import random  # noqa: TID251  seeded: a run is replayed from its number
from pathlib import Path

import httpx2
import pytest
from mcp import Client

from tests.promises.test_lost_answers import ASKS, rent_under, rentals, tick
from tests.world import Json, ToolFailed, World, report, scale
from vast_mcp.api.refusals import find
from vast_mcp.guard.act import Caller
from vast_mcp.models import Offer
from vast_mcp.simulator import SimulatorTransport
from vast_mcp.simulator.faults import Kind
from vast_mcp.store import RentalState

UNKNOWN_BODIES = [
    (200, '{"success": false}'),
    (200, '{"success": false, "new_contract": null}'),
    (200, '{"success": false, "msg": "Something nobody has heard of"}'),
    (200, '{"success": true}'),
    (200, "{}"),
    (400, '{"success": false, "error": "brand_new", "msg": "no"}'),
    (400, '{"success": false, "error": "invalid_args", "msg": "no_such_ask", "new_contract": 0}'),
    (403, "<html><center>403 Forbidden</center></html>"),
    (404, '{"msg": "what?"}'),
    (500, '{"success": false}'),
    (502, "<html>Bad Gateway</html>"),
]


@pytest.mark.parametrize(("status", "body"), UNKNOWN_BODIES)
async def test_an_answer_that_nobody_knows_leaves_the_rent_unknown(
    tmp_path: Path, status: int, body: str
) -> None:
    """Never "nothing charged": following that would rent twice. The money stays reserved."""
    world = World(tmp_path, seed=4)
    said = await rent_under(world, "canned", status=status, body=body)
    assert said["status"] == "unknown"
    assert "Do not rent again" in said["next"]
    assert "nothing charged" not in json.dumps(said)
    (rental,) = await rentals(world)
    assert rental.state is RentalState.UNKNOWN


@pytest.mark.parametrize(("status", "body"), UNKNOWN_BODIES)
async def test_a_machine_behind_such_an_answer_is_found_by_its_mark(
    tmp_path: Path, status: int, body: str
) -> None:
    """The vendor made it and its answer said no such thing: one machine, rented, in the books."""
    world = World(tmp_path, seed=4)
    said = await rent_under(world, "canned_after", status=status, body=body)
    (alive,) = world.simulator.world.instances
    assert (said["status"], said["instance_id"]) == ("rented", alive)
    (rental,) = await rentals(world)
    assert (rental.target_id, rental.state) == (alive, RentalState.ACTIVE)


async def test_an_answered_unknown_is_released_after_five_minutes_and_three_reads(
    tmp_path: Path,
) -> None:
    """The last of the three complete reads begins five minutes after the answer or later."""
    world = World(tmp_path, seed=4)
    await rent_under(world, "canned", body='{"success": false}')
    await tick(world, times=4, every_s=60)
    assert len(await rentals(world)) == 1
    await tick(world, times=1, every_s=30)
    assert len(await rentals(world)) == 1
    did = await tick(world, times=1, every_s=60)
    assert any("never existed" in line for line in did)
    assert await rentals(world) == []


async def test_two_reads_release_nothing_however_late(tmp_path: Path) -> None:
    """Five minutes alone prove nothing, and an unreadable list counts for none."""
    world = World(tmp_path, seed=4)
    await rent_under(world, "canned", body='{"success": false}')
    await tick(world, times=2, every_s=3600)
    assert len(await rentals(world)) == 1
    await tick(world)
    assert await rentals(world) == []


async def test_a_lost_answer_keeps_its_longer_horizon(tmp_path: Path) -> None:
    """It may be executed late: a quarter of an hour, as a gateway's page does."""
    for kind, options in (("request_lost", {}), ("canned", {"status": 504, "body": "<html>"})):
        world = World(tmp_path / kind, seed=4)
        (tmp_path / kind).mkdir()
        await rent_under(world, kind, **options)  # type: ignore[arg-type]  # two kinds of faults
        await tick(world, times=8, every_s=100)
        assert len(await rentals(world)) == 1
        await tick(world, times=2, every_s=100)
        assert await rentals(world) == []


# -- an id in an answer is no proof --------------------------------------------------------


@pytest.mark.parametrize("named", ["0", "-1", '"27123456"', "true", "1e400", "[5]", "null"])
async def test_what_is_no_id_is_no_machine(tmp_path: Path, named: str) -> None:
    """`success: true` with a `new_contract` that cannot be an id: unknown, nothing is sent."""
    world = World(tmp_path, seed=4)
    body = f'{{"success": true, "new_contract": {named}}}'
    said = await rent_under(world, "canned", body=body)
    assert said["status"] == "unknown"
    assert "instance_id" not in said
    assert len(world.simulator.mutations()) == 1


@pytest.mark.parametrize("success", ["true", "false"])
@pytest.mark.parametrize("whose", ["a stranger's", "a new stranger's", "one of ours"])
async def test_another_machine_that_an_answer_names_is_never_touched(
    tmp_path: Path, whose: str, success: str
) -> None:
    """Neither adopted nor given a key, stopped or destroyed; and ours keeps its own lease."""
    world = World(tmp_path, seed=4)
    if whose == "one of ours":
        async with world.connect() as client:
            other = await world.rent(client, request_key="first")
    else:
        other = world.simulator.add_foreign_instance()
    if whose == "a new stranger's":
        world.simulator.world.instances[other].created_us += 1
    before = len(world.simulator.mutations())
    body = f'{{"success": {success}, "error": "x", "new_contract": {other}}}'
    if success == "true":
        body = f'{{"success": true, "new_contract": {other}}}'
    said = await rent_under(world, "canned", body=body)
    assert said["status"] == "unknown", said
    assert said.get("instance_id") != other
    await tick(world, times=12)
    sent = world.simulator.mutations()[before:]
    assert [one.path for one in sent if f"/{other}/" in one.path] == []
    assert other in world.simulator.world.instances


async def test_a_wrong_id_does_not_hide_the_machine_that_was_made(tmp_path: Path) -> None:
    """The answer names a stranger's, and ours exists: it is found by its mark."""
    world = World(tmp_path, seed=4)
    foreign = world.simulator.add_foreign_instance()
    body = f'{{"success": true, "new_contract": {foreign}}}'
    said = await rent_under(world, "canned_after", body=body)
    (ours,) = set(world.simulator.world.instances) - {foreign}
    assert (said["status"], said["instance_id"]) == ("rented", ours)


async def test_an_altered_label_is_made_up_for_by_the_environment(tmp_path: Path) -> None:
    """Our mark stands in both; either proves the machine ours."""
    world = World(tmp_path, seed=4)
    said = await rent_under(world, "mark_altered", how="label")
    (alive,) = world.simulator.world.instances
    assert (said["status"], said["instance_id"]) == ("rented", alive)


async def test_an_unmarked_new_machine_is_counted_and_told_and_left_alone(tmp_path: Path) -> None:
    """Named by a success, new, on the offer's machine, without a mark: a person decides."""
    world = World(tmp_path, seed=4)
    said = await rent_under(world, "mark_altered", how="all")
    (alive,) = world.simulator.world.instances
    assert said["status"] == "unmarked"
    assert said["instance_id"] == alive
    assert f"vast-mcp extend {alive}" in said["next"]
    assert "$" in said["said"]
    assert str(alive) in said["said"]
    (rental,) = await rentals(world)
    assert rental.state is RentalState.UNKNOWN
    await tick(world, times=10, every_s=3600)  # far past its lease: not ended, and still counted
    assert [one.path for one in world.simulator.mutations()[1:]] == []
    (rental,) = await rentals(world)
    assert rental.facts.unmarked_id == alive
    world.simulator.host_gone(alive)
    await tick(world, times=4, every_s=180)
    assert await rentals(world) == []


async def test_an_unmarked_machine_that_is_listed_later_is_told_by_the_keeper(
    tmp_path: Path,
) -> None:
    """The answer's id is kept, so that a lagging list hides nothing."""
    world = World(tmp_path, seed=4)
    world.simulator.faults.add("mark_altered", "PUT", ASKS, how="all")
    world.simulator.faults.add("status_before", "GET", "/instances", times=500, skip=1)
    said = await rent_under(world, "slow_drip", seconds=0.0)
    assert said["status"] == "unknown"
    world.simulator.faults.planned.clear()
    did = await tick(world)
    (alive,) = world.simulator.world.instances
    assert any(f"vast-mcp extend {alive}" in line for line in did)


async def test_a_person_adopts_an_unmarked_machine_by_extending_it(tmp_path: Path) -> None:
    """From then on it is ours: one rental in the books, a lease that is enforced."""
    world = World(tmp_path, seed=4)
    await rent_under(world, "mark_altered", how="all")
    (alive,) = world.simulator.world.instances
    async with world.connect() as client:
        asked = await world.call(client, "extend_lease", instance_id=alive, hours=1)
    assert asked["status"] == "needs_confirmation"
    assert "vast-mcp approve" in asked["next"]
    await approved(world, asked["plan_id"])
    (rental,) = await rentals(world)
    assert (rental.target_id, rental.state) == (alive, RentalState.ACTIVE)
    await tick(world, times=6, every_s=3600)
    assert not world.simulator.world.instances[alive].wants_to_run


async def approved(world: World, plan_id: str) -> None:
    """A person approves it at a terminal, and it is carried out."""
    async with world.runtime() as runtime:
        guard, caller = runtime.session.guard, Caller()
        await guard.answers.approve(plan_id, caller)
        await guard.redeem(plan_id, caller)


# -- bids ----------------------------------------------------------------------------------


async def bid_offer(world: World) -> tuple[Offer, float]:
    """An interruptible offer and a bid just above its least one."""
    offer = await world.cheap_offer("interruptible")
    assert offer.min_bid is not None
    return offer, round(offer.min_bid.dollars + 0.01, 3)


async def test_a_bid_that_loses_is_told_from_an_offer_that_is_gone(tmp_path: Path) -> None:
    """Tried live, 2026-10-01: 410 for half the market's price; 1.25 times of it ran."""
    world = World(tmp_path, seed=7)
    offer, bid = await bid_offer(world)
    body = json.dumps({"success": False, "error": "no_such_ask", "ask_id": offer.offer_id})
    world.simulator.faults.add("canned", "PUT", ASKS, status=410, body=body)
    async with world.connect() as client:
        with pytest.raises(ToolFailed) as raised:
            await world.call(
                client, "create_instance", offer_id=offer.offer_id, bid_usd_per_hour=bid
            )
        said = str(raised.value)
        assert "nothing charged" in said
        assert "The offer still exists" in said
        assert f"minimum bid is {offer.min_bid}" in said
        better = float(said.split("bid_usd_per_hour=")[1].split(maxsplit=1)[0])
        assert better == pytest.approx(1.25 * bid, abs=0.001)
        rented = await world.call(
            client, "create_instance", offer_id=offer.offer_id, bid_usd_per_hour=better
        )
    assert rented["status"] == "rented"


async def test_on_demand_a_410_is_an_offer_that_is_gone(tmp_path: Path) -> None:
    """No word of bids where none was made."""
    world = World(tmp_path, seed=7)
    offer = await world.cheap_offer()
    world.simulator.race_offer(offer.offer_id)
    async with world.connect() as client:
        with pytest.raises(ToolFailed, match="The offer is gone") as raised:
            await world.rent(client, offer)
    assert "bid" not in str(raised.value)


class Parking(SimulatorTransport):
    """The vendor ignores `cancel_unavail`, and the market has risen above the bid meanwhile."""

    offer_id: int = 0
    floor_usd: float = 0.0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The create without the flag; everything else as it is."""
        if "/asks/" in request.url.path:
            self.simulator.set_min_bid(self.offer_id, self.floor_usd)
            body = json.loads(request.content) | {"cancel_unavail": False}
            headers = [(k, v) for k, v in request.headers.items() if k != "content-length"]
            request = httpx2.Request(request.method, request.url, headers=headers, json=body)
        return await super().handle_async_request(request)


async def rent_parked(world: World) -> tuple[Json, int]:
    """A rent whose bid does not win: what it said, and the machine's id."""
    offer, bid = await bid_offer(world)
    transport = Parking(world.simulator)
    transport.offer_id, transport.floor_usd = offer.offer_id, bid + 0.2
    world.transport = transport
    async with world.connect() as client:
        said = await world.call(
            client, "create_instance", offer_id=offer.offer_id, bid_usd_per_hour=bid
        )
    (number,) = world.simulator.world.instances
    return said, number


async def test_a_bid_that_waits_is_outbid_and_held(tmp_path: Path) -> None:
    """Pasted, 2026-07: `success: false`, a contract, no error. Lease and money are held."""
    world = World(tmp_path, seed=7)
    said, number = await rent_parked(world)
    assert (said["status"], said["instance_id"]) == ("outbid", number)
    assert "minimum bid" in said["said"]
    (rental,) = await rentals(world)
    assert (rental.state, rental.target_id, rental.running) == (RentalState.ACTIVE, number, True)
    world.simulator.end_outbid(number)  # it wins after all, and is not given up
    await tick(world, times=15)
    assert world.simulator.world.instances[number].ever_ran
    (rental,) = await rentals(world)
    assert rental.ever_ran


async def test_a_bid_that_never_wins_is_destroyed_after_ten_minutes_and_told(
    tmp_path: Path,
) -> None:
    """It never ran, so that its destroy needs no yes; the disk would cost for nothing."""
    world = World(tmp_path, seed=7)
    _, number = await rent_parked(world)
    await tick(world, times=9)
    assert number in world.simulator.world.instances
    did = await tick(world, times=2)
    assert any("never ran: its bid did not win" in line for line in did)
    assert world.simulator.world.instances == {}
    await tick(world, times=3)
    assert await rentals(world) == []


# -- starts --------------------------------------------------------------------------------


async def queued_start(world: World, client: Client, **shown: str) -> tuple[int, Json]:
    """A machine whose start waits for its GPU; `shown` is what its row says meanwhile."""
    number = await world.rent(client)
    world.run_until_ready()
    await world.call(client, "stop_instance", instance_id=number)
    world.clock.move(60)
    world.simulator.take_gpu(number)
    if shown:
        world.simulator.set_status(number, **shown)
    return number, await world.call(client, "start_instance", instance_id=number, lease_hours=2)


async def test_a_queued_start_is_no_refusal_and_holds_its_lease_at_once(tmp_path: Path) -> None:
    """Pasted: 200 `resources_unavailable`, "state change queued."."""
    world = World(tmp_path, seed=7)
    async with world.connect() as client:
        number, said = await queued_start(world, client)
        assert said["status"] == "queued"
        assert "Queued" in said["said"]
        assert "10 minutes" in said["said"]
        assert f'copy_files(source="C.{number}:/workspace/"' in said["next"]
        assert "/day." in said["next"]
        (rental,) = await rentals(world)
        assert rental.running
        assert not rental.facts.stop_sent
        world.simulator.free_gpu(number)
        world.clock.move(120)
        await tick(world, times=12)
    contract = world.simulator.world.instances[number]
    assert contract.stage == "running"
    async with world.runtime() as runtime:
        parts = await runtime.session.account.ledger.read(lambda tx: tx.segments(rental.intent_id))
    open_parts = [one for one in parts if one.closed_us is None and one.kind != "traffic"]
    assert [one.kind for one in open_parts] == ["lease"]


@pytest.mark.parametrize("shown", [{}, {"intended_status": "stopped"}])
async def test_a_start_that_stays_queued_is_cancelled_by_a_stop(
    tmp_path: Path, shown: dict[str, str]
) -> None:
    """Else it would start at night, when the GPU frees, and bill with nobody there."""
    world = World(tmp_path, seed=7)
    async with world.connect() as client:
        number, _ = await queued_start(world, client, **shown)
    await tick(world, times=12)
    assert not world.simulator.world.instances[number].wants_to_run
    world.simulator.free_gpu(number)
    world.clock.move(3600)
    world.simulator.catch_up()
    assert world.simulator.world.instances[number].stage == "exited"
    await tick(world, times=2)
    (rental,) = await rentals(world)
    assert not rental.running


# -- stops and destroys --------------------------------------------------------------------

STOPS = [(200, '{"success": false}'), (200, '{"success": false, "msg": "hm"}'), (500, "{}"),
         (418, '{"error": "teapot"}'), (502, "<html>")]  # fmt: skip


@pytest.mark.parametrize(("status", "body"), STOPS)
@pytest.mark.parametrize("tool", ["stop_instance", "destroy_instance"])
async def test_an_unknown_stop_or_destroy_is_sent_again_and_told_as_not_confirmed(
    tmp_path: Path, tool: str, status: int, body: str
) -> None:
    """Never "refused" and never "done": the lease and the money are kept."""
    world = World(tmp_path, seed=7)
    method = "PUT" if tool == "stop_instance" else "DELETE"
    async with world.connect() as client:
        number = await world.rent(client)
        world.run_until_ready()
        sent = len(world.simulator.mutations())
        world.simulator.faults.add(
            "canned", method, "/instances/", times=99, status=status, body=body
        )
        said = await world.call(client, tool, instance_id=number)
    assert said["status"] == "unknown", said
    assert "not confirmed" in said["said"]
    assert "refused" not in said["said"]
    assert len(world.simulator.mutations()) - sent > 1
    (rental,) = await rentals(world)
    assert rental.running
    world.simulator.faults.planned.clear()
    await tick(world, times=3)  # and it goes on being tried
    left = world.simulator.world.instances.get(number)
    assert left is None or not left.wants_to_run


@pytest.mark.parametrize("tool", ["stop_instance", "destroy_instance"])
async def test_a_stop_or_destroy_that_is_refused_is_told_as_refused(
    tmp_path: Path, tool: str
) -> None:
    """A known refusal is no doubt: what is missing is named, and the key is not to be set."""
    world = World(tmp_path, seed=7)
    method = "PUT" if tool == "stop_instance" else "DELETE"
    text = "Your key lacks proper privileges for this, it requires Two Factor Authentication"
    body = json.dumps({"success": False, "error": "auth_error", "msg": text})
    async with world.connect() as client:
        number = await world.rent(client)
        world.run_until_ready()
        world.simulator.faults.add("canned", method, "/instances/", times=99, status=401, body=body)
        with pytest.raises(ToolFailed, match="vastai tfa login") as raised:
            await world.call(client, tool, instance_id=number)
    assert "sets VAST_API_KEY" not in str(raised.value)
    (rental,) = await rentals(world)
    assert rental.running


async def test_a_doubt_before_a_refusal_stays_a_doubt(tmp_path: Path) -> None:
    """The first stop may have been executed, whatever is said to the second."""
    world = World(tmp_path, seed=7)
    async with world.connect() as client:
        number = await world.rent(client)
        world.run_until_ready()
        world.simulator.faults.add("canned", "PUT", "/instances/", body='{"success": false}')
        body = '{"success": false, "error": "auth_error", "msg": "Your key lacks x"}'
        world.simulator.faults.add("canned", "PUT", "/instances/", times=9, status=401, body=body)
        said = await world.call(client, "stop_instance", instance_id=number)
    assert said["status"] == "unknown"
    assert "not confirmed" in said["said"]


# -- any answer at all ---------------------------------------------------------------------

WORDS = ("no_such_ask", "invalid_args", "auth_error", "insufficient_credit", "odd", "", None)
TEXTS = ("error 404/3603: no_such_ask  Instance", "Invalid user key", "who knows", "", None)
CLAIMS = ("absent", None, 0, -1, True, "7", "stranger", "$ID")
STATUSES = (200, 201, 202, 301, 400, 401, 402, 403, 404, 408, 409, 410, 418, 422, 429, 500, 503)
RUNS = scale("VAST_MCP_TEST_ANSWER_RUNS", 12)


@pytest.mark.parametrize("run", range(RUNS))
async def test_whatever_is_answered_no_rent_is_told_as_free_that_exists(
    tmp_path: Path, run: int
) -> None:
    """Generated status and body: told as refused only with no machine; no other id acted on."""
    chance = random.Random(run)
    world = World(tmp_path, seed=run)
    foreign = world.simulator.add_foreign_instance()
    body: Json = {"success": chance.choice((True, False, None, "no"))}
    for name, value in (("error", chance.choice(WORDS)), ("msg", chance.choice(TEXTS))):
        body |= {} if value is None else {name: value}
    if (claim := chance.choice(CLAIMS)) != "absent":
        body["new_contract"] = foreign if claim == "stranger" else claim
    kind: Kind = chance.choice(("canned", "canned_after"))
    status = chance.choice(STATUSES)
    report(f"seed {run}: {kind} {status} {body}")
    text = json.dumps(body).replace('"$ID"', "$ID" if kind == "canned_after" else "0")
    refused = ""
    said: Json = {}
    try:
        said = await rent_under(world, kind, status=status, body=text)
    except ToolFailed as error:
        refused = str(error)
    await tick(world, times=2)
    held = {one.target_id for one in await rentals(world)}
    made = set(world.simulator.world.instances) - {foreign}
    if "nothing charged" in refused:  # the table knows it, and it names no machine
        assert find(status, str(body.get("error") or ""), str(body.get("msg") or ""))
        assert body.get("new_contract") is None
    else:
        assert made <= held
    assert not refused or "nothing charged" in refused or made == set()
    assert said.get("status", "rented") in {"rented", "outbid", "unmarked", "unknown", "undone"}
    assert "nothing charged" not in json.dumps(said)
    assert foreign not in held
    touched = [one for one in world.simulator.mutations() if f"/{foreign}/" in one.path]
    assert touched == []
