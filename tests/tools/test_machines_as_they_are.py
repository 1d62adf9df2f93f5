"""Machines as the vendor really shows them: empty answers, outbid bids, commands that end."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.world import Json, ToolFailed, World
from vast_mcp.keeper.tick import look_once
from vast_mcp.store import RentalState, Transaction

EVERY = 99


def own(instance_id: int) -> str:
    """The route of one machine, and of no other."""
    return f"/api/v0/instances/{instance_id}/?$"


def sent(world: World, method: str, instance_id: int) -> int:
    """Changes of this machine that reached the vendor."""
    path = f"/instances/{instance_id}"
    found = [one for one in world.simulator.requests if one.mutating and path in one.path]
    return sum(one.method == method and "ssh" not in one.path for one in found)


async def running(world: World) -> int:
    """One of our machines that runs and was seen to."""
    async with world.connect() as client:
        instance_id = await world.rent(client)
    world.run_until_ready()
    async with world.runtime() as runtime:
        await look_once(runtime.session.guard)
    return instance_id


@pytest.mark.parametrize("tool", ["stop_instance", "destroy_instance"])
@pytest.mark.parametrize("times", [1, EVERY])
async def test_an_empty_answer_keeps_no_stop_or_destroy_back(
    tmp_path: Path, tool: str, times: int
) -> None:
    """One null proves nothing: the row of the list counts, and the act is sent."""
    world = World(tmp_path)
    instance_id = await running(world)
    world.simulator.faults.add("null_instance", "GET", own(instance_id), times=times)
    async with world.connect() as client:
        answer = await world.call(client, tool, instance_id=instance_id)
    ends = {"stop_instance": "stopped", "destroy_instance": "destroyed"}
    assert answer["status"] == ends[tool]
    contract = world.simulator.world.contract_ever(instance_id)
    assert contract is not None
    assert (contract.destroyed_us is not None) == (tool == "destroy_instance")
    assert not contract.rates().get("gpu") or contract.destroyed_us is not None


@pytest.mark.parametrize("tool", ["stop_instance", "destroy_instance"])
@pytest.mark.parametrize("listed", ["lacks it", "is not read"])
async def test_what_only_our_ledger_knows_is_ended_with_its_facts(
    tmp_path: Path, tool: str, listed: str
) -> None:
    """Neither its own answer nor the list shows it: the question says so, and the act is sent."""
    world = World(tmp_path)
    instance_id = await running(world)
    world.simulator.faults.add("null_instance", "GET", own(instance_id), times=EVERY)
    if listed == "lacks it":
        world.simulator.set_list_lag(7 * 86_400)
    else:
        world.simulator.faults.add("html", "GET", "/api/v1/instances", times=EVERY)
    async with world.connect() as client:
        answer = await world.call(client, tool, instance_id=instance_id)
        method = {"stop_instance": "PUT", "destroy_instance": "DELETE"}[tool]
        assert sent(world, method, instance_id) >= 1
        question = world.questions[-1]
        assert "Vast.ai does not show it now" in question
        assert "RTX" in question or "x " in question
    contract = world.simulator.world.contract_ever(instance_id)
    assert contract is not None
    if tool == "destroy_instance":
        assert contract.destroyed_us is not None
        assert answer["status"] in {"destroyed", "destroying"}
    else:
        world.clock.move(60)
        world.simulator.catch_up()
        assert "gpu" not in contract.rates()


async def test_an_id_that_nobody_knows_is_never_sent(tmp_path: Path) -> None:
    """Neither the vendor nor our ledger has it."""
    world = World(tmp_path)
    async with world.connect() as client:
        for tool in ("stop_instance", "destroy_instance"):
            with pytest.raises(ToolFailed, match="no instance"):
                await world.call(client, tool, instance_id=12_345_678)
    assert not [one for one in world.simulator.requests if one.mutating]
    assert world.questions == []


async def test_what_ended_is_not_sent_again_for_a_ledger_that_has_it_closed(tmp_path: Path) -> None:
    """Its end was proven: another destroy has nothing to end."""
    world = World(tmp_path)
    instance_id = await running(world)
    async with world.connect() as client:
        await world.call(client, "destroy_instance", instance_id=instance_id)
        before = sent(world, "DELETE", instance_id)
        with pytest.raises(ToolFailed, match="no instance"):
            await world.call(client, "destroy_instance", instance_id=instance_id)
    assert sent(world, "DELETE", instance_id) == before


async def test_every_reader_goes_by_the_list_when_an_answer_is_empty(tmp_path: Path) -> None:
    """Show, wait, the resource and the keeper's books: none says that it is gone."""
    world = World(tmp_path)
    instance_id = await running(world)
    world.simulator.faults.add("null_instance", "GET", own(instance_id), times=EVERY)
    async with world.connect() as client:
        (row,) = (await world.call(client, "show_instances", instance_id=instance_id))["instances"]
        waited = await world.call(client, "wait_for_instance", instance_id=instance_id)
        detail = await client.read_resource(f"vast://instances/{instance_id}")
    assert row["state"] == "ready"
    assert waited["reached"]
    assert str(instance_id) in str(detail)


async def test_a_machine_that_nothing_shows_is_told_from_our_ledger(tmp_path: Path) -> None:
    """It is not proven gone: it stands there as unknown and counts as billing."""
    world = World(tmp_path)
    instance_id = await running(world)
    world.simulator.faults.add("null_instance", "GET", own(instance_id), times=EVERY)
    world.simulator.set_list_lag(7 * 86_400)
    async with world.connect() as client:
        (row,) = (await world.call(client, "show_instances", instance_id=instance_id))["instances"]
        everything = await world.call(client, "show_instances")
        account = await world.call(client, "show_account")
        waited = await world.call(client, "wait_for_instance", instance_id=instance_id)
    assert (row["state"], row["bills"]) == ("unknown", "gpu+disk")
    assert "not proven gone" in row["warnings"][0]
    assert str(instance_id) in everything["next"]
    assert account["usd_per_hour_now"] >= row["usd_per_hour"]
    assert waited["verdict"] != "dead"


async def test_one_complete_list_proves_no_end_and_two_do(tmp_path: Path) -> None:
    """After a destroy that nobody confirmed the keeper counts lists begun after it."""
    world = World(tmp_path)
    instance_id = await running(world)
    async with world.runtime() as runtime:
        guard, ledger = runtime.session.guard, runtime.session.account.ledger

        def mark(tx: Transaction) -> None:
            rental = tx.rental_of("instance", instance_id)
            assert rental is not None
            facts = replace(rental.facts, missed=0, destroy_us=world.clock.lease_us())
            tx.update_rental(rental, state=RentalState.DESTROYING, facts=facts)

        async def state() -> RentalState:
            rental = await ledger.read(lambda tx: tx.rental_of("instance", instance_id))
            assert rental is not None
            return rental.state

        await ledger.write(mark)
        world.simulator.host_gone(instance_id)
        world.clock.move(60)
        await look_once(guard)
        assert await state() is RentalState.DESTROYING
        world.clock.move(60)
        await look_once(guard)
        assert await state() is RentalState.GONE


async def test_the_vendors_own_word_that_it_is_gone_ends_it_at_once(tmp_path: Path) -> None:
    """404 `no_such_instance` to what was sent is a proof: the stop says so and closes the books."""
    world = World(tmp_path)
    instance_id = await running(world)
    world.simulator.host_gone(instance_id)
    world.simulator.faults.add("null_instance", "GET", own(instance_id), times=EVERY)
    async with world.connect() as client:
        answer = await world.call(client, "stop_instance", instance_id=instance_id)
    assert answer["status"] == "destroyed"
    assert answer["bills"] == "nothing"
    async with world.runtime() as runtime:
        ledger = runtime.session.account.ledger
        rental = await ledger.read(lambda tx: tx.rental_of("instance", instance_id))
    assert rental is not None
    assert rental.state is RentalState.GONE


# -- just after a rent ---------------------------------------------------------------------


async def test_right_after_a_rent_nothing_rented_is_never_said(tmp_path: Path) -> None:
    """The row may lag behind the create: a model that hears "nothing" rents a second one."""
    world = World(tmp_path)
    async with world.connect() as client:
        assert "Nothing is rented" in (await world.call(client, "show_instances"))["next"]
        instance_id = await world.rent(client)
        world.clock.move(11)
        world.simulator.faults.add("null_instance", "GET", own(instance_id), times=EVERY)
        world.simulator.set_list_lag(600)
        listed = await world.call(client, "show_instances")
        account = await world.call(client, "show_account")
        resource = str(await client.read_resource("vast://instances"))
    said = f"1 rent not listed yet: {instance_id}"
    assert said in listed["next"]
    assert [row["state"] for row in listed["instances"]] == ["starting"]
    assert any(said in text for text in account["warnings"])
    assert str(instance_id) in resource


# -- outbid --------------------------------------------------------------------------------


async def bid_that_runs(world: World) -> int:
    """An interruptible machine that runs."""
    async with world.connect() as client:
        offer = await world.cheap_offer("interruptible")
        bid = round((offer.min_bid.dollars if offer.min_bid else 0.1) * 1.25 + 0.001, 3)
        instance_id = await world.rent(client, offer, bid_usd_per_hour=bid)
    world.run_until_ready()
    async with world.runtime() as runtime:
        await look_once(runtime.session.guard)
    return instance_id


async def test_outbid_is_told_without_any_word_of_the_host(tmp_path: Path) -> None:
    """Cur, intended and next stand stopped while the text still says "success, running …"."""
    world = World(tmp_path)
    instance_id = await bid_that_runs(world)
    world.simulator.outbid(instance_id, floor_usd_per_hour=0.9)
    async with world.connect() as client:
        (row,) = (await world.call(client, "show_instances", instance_id=instance_id))["instances"]
        assert row["untrusted_status"].startswith("success, running")
        assert (row["state"], row["bills"]) == ("outbid", "disk")
        assert "may resume by itself and be billed" in " ".join(row["warnings"])
        waited = await world.call(client, "wait_for_instance", instance_id=instance_id)
        assert "may resume by itself" in waited["said"]
        stopped = await world.call(client, "stop_instance", instance_id=instance_id)
        assert stopped["status"] == "stopped"
        (row,) = (await world.call(client, "show_instances", instance_id=instance_id))["instances"]
    assert row["state"] == "stopped"
    world.simulator.end_outbid(instance_id)
    assert world.simulator.world.instances[instance_id].stage == "exited"


INBOX = "/api/v0/notifications/inbox/"


def inbox_reads(world: World) -> int:
    """How often the account's own notices were asked for."""
    return sum(one.path == INBOX for one in world.simulator.requests)


async def looked(world: World, minutes: int) -> None:
    """A keeper's looks of that many minutes, one a minute, each told to whom it concerns."""
    async with world.runtime() as runtime:
        for _ in range(minutes):
            await runtime.messenger.ticked(await look_once(runtime.session.guard))
            world.clock.move(60)


async def test_the_inbox_is_read_seldom_and_only_when_it_can_tell_something(tmp_path: Path) -> None:
    """Not for machines on demand that run; else at most every five minutes."""
    world = World(tmp_path)
    instance_id = await running(world)
    await looked(world, 4)
    assert inbox_reads(world) == 0
    async with world.connect() as client:
        await world.call(client, "destroy_instance", instance_id=instance_id)
    await bid_that_runs(world)
    before = inbox_reads(world)
    await looked(world, 11)
    assert inbox_reads(world) - before == 3


async def test_both_bids_of_the_inbox_stand_in_the_notice(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The second witness: what was bid, and what won."""
    world = World(tmp_path)
    instance_id = await bid_that_runs(world)
    bid = world.simulator.world.instances[instance_id].order.bid_usd_per_hour
    world.simulator.outbid(instance_id, floor_usd_per_hour=0.875)
    await looked(world, 2)
    told = [one.getMessage() for one in caplog.records if "was outbid" in one.getMessage()]
    assert len(told) == 1
    assert f"${bid:g}/h" in told[0]
    assert "$0.875/h" in told[0]


async def test_a_queued_start_that_came_up_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It bills from then on, perhaps while nobody looks; the inbox says that it has come up."""
    world = World(tmp_path)
    instance_id = await running(world)
    async with world.connect() as client:
        await world.call(client, "stop_instance", instance_id=instance_id)
        world.simulator.take_gpu(instance_id)
        await world.call(client, "start_instance", instance_id=instance_id, lease_hours=2)
    async with world.runtime() as runtime:

        async def look() -> None:
            await runtime.messenger.ticked(await look_once(runtime.session.guard))

        await look()
        world.simulator.free_gpu(instance_id)
        world.clock.move(305)
        await look()
    told = [one.getMessage() for one in caplog.records if "is running again" in one.getMessage()]
    assert len(told) == 1
    assert str(instance_id) in told[0]


async def test_an_inbox_that_is_refused_costs_no_notice(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A key may lack the right to it: the row tells all the same, and it is not asked for again."""
    world = World(tmp_path)
    instance_id = await bid_that_runs(world)
    world.simulator.faults.add("auth_error_404", "GET", "/notifications/inbox", times=EVERY)
    world.simulator.outbid(instance_id, floor_usd_per_hour=0.875)
    before = inbox_reads(world)
    await looked(world, 8)
    assert any("was outbid" in one.getMessage() for one in caplog.records)
    assert inbox_reads(world) - before == 1


# -- starts that fail, commands that end ----------------------------------------------------

SHOWN = {
    "no_image": ("failed", "disk", "tag"),
    "disk_full": ("failed", "disk", "larger disk_gb"),
    "old_driver": ("failed", "disk", "cuda_vers>=12.8"),
    "no_cdi": ("failed", "disk", "another offer"),
}


@pytest.mark.parametrize("how", ["disk_full", "no_cdi", "no_image", "old_driver"])
async def test_why_a_machine_does_not_come_up_is_named_and_nothing_is_destroyed(
    tmp_path: Path, how: str
) -> None:
    """At first sight, with what helps; the keeper leaves it where it is."""
    world = World(tmp_path)
    world.simulator.fail_next_creates(how)
    async with world.connect() as client:
        instance_id = await world.rent(client)
        world.run_until_ready(500)
        waited = await world.call(client, "wait_for_instance", instance_id=instance_id)
        (row,) = (await world.call(client, "show_instances"))["instances"]
    state, bills, step = SHOWN[how]
    assert (waited["state"], waited["verdict"], row["bills"]) == (state, "dead", bills)
    assert step in waited["next"]
    assert world.simulator.world.instances[instance_id].stage == how
    async with world.runtime() as runtime:
        await look_once(runtime.session.guard)
    assert instance_id in world.simulator.world.instances


async def test_a_command_that_ends_is_ended_and_its_output_is_in_the_log(tmp_path: Path) -> None:
    """Neither failed nor waiting; only its disk bills, until somebody destroys it."""
    world = World(tmp_path)
    async with world.connect() as client:
        args = ["bash", "-c", "python train.py"]
        instance_id = await world.rent(client, connect="args", args=args)
        world.run_until_ready()
        (row,) = (await world.call(client, "show_instances"))["instances"]
        waited = await world.call(client, "wait_for_instance", instance_id=instance_id)
        log = await world.call(client, "show_logs", instance_id=instance_id)
        ssh = await world.call(client, "wait_for_instance", instance_id=instance_id, until="ssh")
        gone = await world.call(client, "destroy_instance", instance_id=instance_id)
    assert (row["state"], row["bills"]) == ("ended", "disk")
    assert "warnings" not in row or "not by us" not in str(row["warnings"])
    assert waited["verdict"] == "normal"
    assert "has ended" in waited["said"]
    assert "simulated output of bash -c python train.py" in log["untrusted_log"]
    assert ssh["verdict"] == "dead"
    assert gone["status"] == "destroyed"


# -- money ---------------------------------------------------------------------------------


async def test_what_is_charged_after_a_destroy_was_reserved(tmp_path: Path) -> None:
    """GPU and disk went on for up to 290 s: our sum never lies below the vendor's."""
    world = World(tmp_path)
    instance_id = await running(world)
    world.simulator.set_billing_tail(290)
    async with world.connect() as client:
        await world.call(client, "destroy_instance", instance_id=instance_id)
        account: Json = await world.call(client, "show_account")
        assert account["reserved_usd"] > 0
        world.clock.move(600)
        after: Json = await world.call(client, "show_account")
    spent = world.simulator.books.spent_by(instance_id)
    assert spent["gpu"] > 0
    assert after["spent_today_usd"] >= spent["gpu"] + spent["disk"] - 0.001
    assert after["reserved_usd"] == 0
