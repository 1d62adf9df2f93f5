"""Hosts that do not come up: destroyed, replaced under the same yes and budget, never beside."""

from pathlib import Path

import pytest

from tests.jobs.jobs_world import JobsWorld, brought
from tests.jobs.leaping_world import WAIT, LeapingWorld, moment
from vast_mcp.actions import CreateInstance, DestroyInstance
from vast_mcp.errors import PolicyDenied
from vast_mcp.guard.act import Caller
from vast_mcp.guard.job_approval import Approval


def watch_for_two(world: JobsWorld) -> list[int]:
    """The most machines that bill at once, looked at with each request."""
    most = [0]

    async def look() -> None:
        most[0] = max(most[0], len(world.simulator.world.instances))

    world.simulator.attendants.append(look)
    return most


async def test_when_all_hosts_fail_it_is_told_and_nothing_is_left(tmp_path: Path) -> None:
    """Two replacements, then the end: no disk either."""
    async with LeapingWorld(tmp_path).open() as world, world.served() as client:
        most = watch_for_two(world)
        world.simulator.fail_next_creates("failed", 9)
        job = (await world.over(client, await world.started(client)))["jobs"][0]
        assert job["phase"] == "failed"
        assert "3 machines did not come up" in job["said"]
        assert most == [1]
        assert world.alive == set()
        rents = [one for one in world.simulator.mutations() if "/asks/" in one.path]
        assert len(rents) == 3


@pytest.mark.parametrize(
    ("how", "said", "quoted"),
    [("no_image", "no such image or tag", "manifest unknown"),
     ("disk_full", "does not fit on its disk", "no space left on device")],
)  # fmt: skip
async def test_a_fault_that_meets_every_host_ends_the_job_at_once(
    tmp_path: Path, how: str, said: str, quoted: str
) -> None:
    """A wrong image or too small a disk is no host's fault: one rent, and the host's own words."""
    async with LeapingWorld(tmp_path).open() as world, world.served() as client:
        world.simulator.fail_next_creates(how, 9)
        job = (await world.over(client, await world.started(client)))["jobs"][0]
        assert job["phase"] == "failed"
        assert said in job["said"]
        assert quoted in job["untrusted_detail"]
        assert world.alive == set()
        rents = [one for one in world.simulator.mutations() if "/asks/" in one.path]
        assert len(rents) == 1


async def test_a_fault_of_the_host_is_no_fault_of_the_job(tmp_path: Path) -> None:
    """A port that is taken there for good: another machine is rented, and the job is done."""
    async with LeapingWorld(tmp_path).open() as world, world.served() as client:
        world.simulator.fail_next_creates("port_taken", 1)
        job = (await world.over(client, await world.started(client)))["jobs"][0]
        assert (job["phase"], job["replaced"]) == ("done", 1), job
        rents = [one for one in world.simulator.mutations() if "/asks/" in one.path]
        assert len(rents) == 2


async def test_an_offer_that_is_gone_is_passed_over(tmp_path: Path) -> None:
    """Somebody was faster: that is no failed host, and needs no second question."""
    async with LeapingWorld(tmp_path, offered="all").open() as world, world.served() as client:
        answer = await world.call(client, "search_offers", gpu_names=["RTX 4090"], limit=3)
        first = answer["offers"][0]["offer_id"]
        world.simulator.race_offer(first)
        job = (await world.over(client, await world.started(client, offer_id=first)))["jobs"][0]
        assert job["phase"] == "done", job
        assert world.alive == set()


async def test_the_budget_holds_over_all_replacements(tmp_path: Path) -> None:
    """What failed hosts cost is gone from what the next may cost."""
    async with LeapingWorld(tmp_path).open() as world, world.served() as client:
        world.simulator.fail_next_creates("stuck", 9)
        job_id = await world.started(client, max_cost_usd=0.6, max_replacements=5)
        job = (await world.over(client, job_id, calls=4))["jobs"][0]
        assert job["phase"] == "failed"
        spent = world.credit_usd - world.simulator.books.balance_usd
        assert spent <= 0.6
        assert world.alive == set()


async def test_a_lost_answer_is_found_and_not_rented_again(tmp_path: Path) -> None:
    """The rent's answer never comes: the machine is found by its mark, and the job goes on."""
    async with LeapingWorld(tmp_path).open() as world, world.served() as client:
        world.simulator.faults.add("reset_after_commit", "PUT", "/asks/")
        job = (await world.over(client, await world.started(client)))["jobs"][0]
        assert job["phase"] == "done", job
        rents = [one for one in world.simulator.mutations() if "/asks/" in one.path]
        assert len(rents) == 1
        assert world.alive == set()


async def test_the_yes_covers_one_machine_within_the_ceiling(tmp_path: Path) -> None:
    """Asked of the guard directly: no second machine, none in another's name, no free destroy."""
    async with LeapingWorld(tmp_path).open() as world, world.served() as client:
        job_id = await world.started(client, command="sleep 100000")
        await world.until(client, job_id, "running")
        session = world.running[0].session
        job = await session.account.ledger.read(lambda tx: tx.job(job_id))
        assert job is not None
        assert job.instance_id is not None
        offer = (await world.offers(world.running[0]))[0]
        second = CreateInstance(
            offer.offer_id, 1.0, task=job.budget, job_id=job_id, max_price_usd_per_hour=1.0
        )
        for owner in (job.owner, "somebody"):
            with pytest.raises(PolicyDenied, match="job"):
                await session.guard.carry(second, Caller(), Approval(job_id, owner))
        destroy = DestroyInstance(job.instance_id)
        with pytest.raises(PolicyDenied):
            await session.guard.carry(destroy, Caller(), Approval(job_id, job.owner))
        assert world.alive == {job.instance_id}
        await world.call(client, "stop_job", job_id=job_id)
        await world.over(client, job_id)


async def test_a_host_that_vanishes_under_the_command_is_told(tmp_path: Path) -> None:
    """The machine is destroyed by its host: the outputs are lost, and that is said."""
    async with LeapingWorld(tmp_path).open() as world, world.served() as client:
        job_id = await world.started(client, command="sleep 100000")
        seen = await world.until(client, job_id, "running")
        world.simulator.host_gone(seen["jobs"][0]["instance_id"])
        job = (await world.over(client, job_id))["jobs"][0]
        assert job["phase"] == "failed"
        assert "outputs could not be brought back" in job["said"]
        assert world.alive == set()


@pytest.mark.parametrize("silent", [False, True])
async def test_a_host_that_is_not_heard_for_a_while_keeps_its_job(
    tmp_path: Path, silent: bool
) -> None:
    """Offline or unknown for ten minutes: what runs there goes on, so the job waits for it."""
    command = "echo begun; python3 wait.py; mkdir -p out; echo x > out/x"
    async with LeapingWorld(tmp_path).open() as world, world.served() as client:
        job_id = await world.started(client, command=command, files={"wait.py": WAIT})
        seen = await world.until(client, job_id, "running")
        while "begun" not in seen.get("untrusted_output", ""):
            await moment()
            seen = await world.call(client, "show_jobs", job_id=job_id)
        instance_id = seen["jobs"][0]["instance_id"]
        world.simulator.take_offline(instance_id, silent=silent)
        back_s = world.clock.monotonic_s() + 600
        while world.clock.monotonic_s() < back_s:
            await moment()
        world.simulator.bring_back(instance_id)
        world.simulator.put_file(instance_id, f"/workspace/{job_id}/go", 1)
        job = (await world.over(client, job_id))["jobs"][0]
        assert (job["phase"], job["exit_code"]) == ("done", 0), job
        assert brought(job, "x") == b"x\n"


async def test_a_reboot_runs_the_command_again_where_that_was_asked(tmp_path: Path) -> None:
    """`restart_on_resume`: the same command on the same disk."""
    command = "echo begun; if [ -f seen ]; then mkdir -p out; echo x > out/x; exit 0; fi;"
    command += " touch seen; sleep 100000"
    async with LeapingWorld(tmp_path, offered="all").open() as world, world.served() as client:
        job_id = await world.started(client, command=command, restart_on_resume=True)
        seen = await world.until(client, job_id, "running")
        while "begun" not in seen.get("untrusted_output", ""):
            await world.vendor.sleep(30)
            seen = await world.call(client, "show_jobs", job_id=job_id)
        instance_id = seen["jobs"][0]["instance_id"]
        await world.call(client, "reboot_instance", instance_id=instance_id)
        shown = await world.over(client, job_id)
        assert shown["jobs"][0]["phase"] == "done", shown
        assert shown["untrusted_output"].count("begun") == 2
        assert world.alive == set()
