"""Promise: a ledger that an earlier release wrote opens, and its machines are kept and ended.

`earlier/ledger.sql` was dumped from a ledger that the release before typed facts had written, and
`earlier/vendor.json` says what the (simulated) vendor had then.
"""

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from tests.database import opened
from tests.promises.test_lost_answers import rentals, tick
from tests.world import Json, World
from vast_mcp.simulator.contract import Order
from vast_mcp.simulator.serverless import Endpoint
from vast_mcp.store import (
    EndpointFacts,
    Gpus,
    JobAgreement,
    JobFacts,
    JobKind,
    JobPhase,
    JobSpec,
    KeyState,
    LeaseFacts,
    LowStretch,
    Rental,
    RentalState,
)
from vast_mcp.store.schema import MIGRATIONS
from vast_mcp.units import Usd, UsdPerHour

EARLIER = Path(__file__).parent / "earlier"
LEDGER = "167d8038bbf0d3c1.db"


def an_account_of_then(tmp_path: Path) -> World:
    """The state directory of that release, and the vendor as it was at that moment."""
    world = World(tmp_path, seed=1, policy="[limits]\nmax_running = 14\n")
    then: Json = json.loads((EARLIER / "vendor.json").read_text(encoding="utf-8"))
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    for name, content in then["state_files"].items():
        (state / name).write_bytes(bytes.fromhex(content))
        (state / name).chmod(0o600)
    with closing(sqlite3.connect(state / LEDGER)) as book:
        book.executescript((EARLIER / "ledger.sql").read_text(encoding="utf-8"))
    world.clock.move(then["elapsed_s"])
    for machine in then["machines"]:
        _put(world, machine)
    serverless, named = world.simulator.world.serverless, then["endpoint"]
    serverless.endpoints[named["id"]] = Endpoint(
        named["id"], world.api_key, 0, {"endpoint_name": named["name"], "max_workers": 3,
        "cold_workers": 1, "min_load": 0.0, "endpoint_state": "active"},
    )  # fmt: skip
    return world


def _put(world: World, machine: Json) -> None:
    """A contract as it was: its offer, label and environment, and where it stood."""
    vendor = world.simulator.world
    offered = vendor.market.listings(vendor.now_us)  # of one seed the same in every run
    listing = next(one for one in offered if one.machine.id == machine["machine_id"])
    order = Order("vastai/pytorch", machine["disk_gb"], machine["label"], "ssh_direc ssh_proxy")
    order.env = [tuple(one) for one in machine["env"]]
    order.bid_usd_per_hour = machine["bid"]
    vendor.market.rent(listing)
    contract = vendor.fleet.create(listing, order, vendor.now_us)
    del vendor.fleet.alive[contract.id]
    contract.id = machine["id"]
    vendor.fleet.alive[contract.id] = contract
    vendor.fleet.enter(contract, "running", vendor.now_us)
    if machine["stage"] != "running":
        vendor.fleet.enter(contract, machine["stage"], vendor.now_us)
    contract.wants_to_run = machine["stage"] != "exited"


async def booked(world: World) -> dict[str, Rental]:
    """Everything the ledger holds money for, by what it was called."""
    return {one.label: one for one in await rentals(world)}


async def test_the_facts_of_an_earlier_release_are_read_as_they_were_meant(tmp_path: Path) -> None:
    """No rental is lost and no fact of one; the schema is brought up to date."""
    world = an_account_of_then(tmp_path)
    found = {name: one.facts for name, one in (await booked(world)).items()}
    assert set(found) == {"running", "restarted", "bid", "llm", "lost", "stopping", "resting",
                          "destroying", "unseen"}  # fmt: skip
    assert found["running"] == LeaseFacts(
        gpus=Gpus(1, "RTX 3060"), disk_gb=50.0, ports=("8000",), guarded_inside=True,
        key=KeyState.GIVEN, unasked_day="2026-06-01", unasked_from_us=1_780_322_400_000_000,
        low=(LowStretch(1_780_315_212_551_000, 10_371, 1_780_315_212_551_000),),
    )  # fmt: skip
    again = found["restarted"]
    assert (again.start_us, again.starting, again.came_up) == (1_780_322_160_425_000, False, False)
    assert (again.stop_sent, again.seen_us, again.key) == (
        False, 1_780_322_167_976_000, KeyState.LOOK,
    )  # fmt: skip
    assert found["bid"].is_bid
    assert found["llm"].endpoint == EndpointFacts(3, UsdPerHour(300_000))
    assert found["llm"].raised_us == 1_780_322_145_323_000
    assert (found["lost"].good_reads, found["lost"].key) == (1, KeyState.DUE)
    assert (found["stopping"].stop_sent, found["stopping"].gpus) == (True, Gpus(2, "RTX 3060"))
    assert len(found["resting"].low) == 2
    assert found["destroying"].destroy_us == 1_780_321_033_467_000
    assert not found["unseen"].checked
    assert all(one.carried == {} for one in found.values())
    with opened(tmp_path / "state" / LEDGER) as book:
        assert book.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)


async def test_the_jobs_of_an_earlier_release_are_read_as_they_were_meant(tmp_path: Path) -> None:
    """What was agreed, where each stands and what came of it; a sealed command is opened."""
    world = an_account_of_then(tmp_path)
    async with world.runtime() as runtime:
        jobs = await runtime.session.account.ledger.read(lambda tx: tx.jobs("local"))
    going, beside, over = jobs
    agreed = JobAgreement(
        gpus=Gpus(1, "RTX 4090"), rate=UsdPerHour(292_171), ceiling=UsdPerHour(370_000),
        at_most=Usd(5_000_000), hours=17.033333333333335, disk_per_day=Usd(248_904), uploads=(),
    )  # fmt: skip
    assert replace(going.spec, carried={}) == JobSpec(
        "python3 train.py", outputs=("out",), gpu_names=("RTX 4090",), max_replacements=2,
        on_end="destroy", restart_on_resume=True, agreed=agreed,
    )  # fmt: skip
    assert (going.phase, going.approved, going.facts) == (JobPhase.RENTING, True, JobFacts())
    assert (beside.spec, beside.aside) == (JobSpec("python3 train.py", JobKind.COMMAND), True)
    assert (over.spec.command, over.spec.agreed) == ("", agreed)
    facts = over.facts
    assert facts.rent is not None
    assert (facts.rent.request_key, facts.rent.offer_id) == ("job w3qg3dgs 0", 30_245_489)
    assert (facts.started, facts.verified, facts.exit_code, facts.timed_out) == (
        True, True, 0, False,
    )  # fmt: skip
    (output,) = facts.outputs
    assert (output.path, output.bytes, output.trouble, len(output.sha256)) == (
        "out", 128_000, "", 1,
    )  # fmt: skip
    assert over.said.cost == Usd(26_632)


async def test_the_keeper_goes_on_with_a_ledger_of_an_earlier_release(tmp_path: Path) -> None:
    """What was under way is finished at once; every lease ends; every disk is kept."""
    world = an_account_of_then(tmp_path)
    fleet = world.simulator.world.instances
    ids = {str(one.label).partition(" ")[0]: one.id for one in fleet.values()}
    did = await tick(world)
    assert f"stop of {ids['stopping']} sent again: stopped" in did
    assert f"destroy of {ids['destroying']} sent again: destroyed" in did
    seen = await booked(world)
    assert seen["unseen"].facts.checked
    assert (seen["unseen"].facts.breach, seen["unseen"].state) == ("", RentalState.ACTIVE)
    world.run_until_ready()
    assert {name for name, one in ids.items() if one in fleet and fleet[one].wants_to_run} == {
        "running", "restarted", "bid", "unseen",
    }  # fmt: skip
    await tick(world, times=150)
    assert not any(one.wants_to_run for one in fleet.values())
    assert set(fleet) == set(ids.values()) - {ids["destroying"]}
    assert set(await booked(world)) == {"running", "restarted", "bid", "stopping", "resting",
                                        "unseen"}  # fmt: skip
    (endpoint,) = world.simulator.world.serverless.endpoints.values()
    assert endpoint.fields["endpoint_state"] == "stopped"


async def test_a_machine_of_an_earlier_release_obeys_as_ever(tmp_path: Path) -> None:
    """A stop and a new start: the facts they write stand beside those that were there."""
    world = an_account_of_then(tmp_path)
    before = (await booked(world))["running"]
    async with world.connect() as client:
        await world.call(client, "stop_instance", instance_id=before.target_id)
        stopped = (await booked(world))["running"]
        assert (stopped.facts.stop_sent, stopped.running) == (True, False)
        await world.call(client, "start_instance", instance_id=before.target_id, lease_hours=1)
    after = (await booked(world))["running"].facts
    assert (after.stop_sent, after.start_us is None) == (False, False)
    assert (after.gpus, after.ports, after.disk_gb) == (
        before.facts.gpus, before.facts.ports, before.facts.disk_gb,
    )  # fmt: skip
