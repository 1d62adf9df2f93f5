"""A job on a machine whose way out to the SSH proxy is stuck: one reboot, within its yes."""

from pathlib import Path

from tests.jobs.jobs_world import JobsWorld
from tests.jobs.leaping_world import LeapingWorld


def jam_the_next(world: JobsWorld, *, again: bool) -> None:
    """Let the way out of each new machine be stuck, also after a reboot if `again`."""
    jammed: set[tuple[int, int]] = set()

    async def look() -> None:
        for number, contract in list(world.simulator.world.instances.items()):
            contract.order.runtype = "ssh_proxy"
            boot = (number, contract.boots if again else 0)
            if contract.stage == "running" and boot not in jammed:
                jammed.add(boot)
                world.simulator.jam_tunnel(number)

    world.simulator.attendants.append(look)


def reboots(world: JobsWorld) -> int:
    """How many were sent."""
    return sum("/reboot/" in one.path for one in world.simulator.mutations())


async def test_one_reboot_cures_it_and_nobody_is_asked_again(tmp_path: Path) -> None:
    """Its yes covers the machine until the command begins: nothing there can be interrupted."""
    async with LeapingWorld(tmp_path).open() as world, world.served() as client:
        jam_the_next(world, again=False)
        job_id = await world.started(client)
        asked = len(world.questions)
        job = (await world.over(client, job_id))["jobs"][0]
        assert job["phase"] == "done", job
        assert reboots(world) == 1
        assert len(world.questions) == asked
        assert len([one for one in world.simulator.mutations() if "/asks/" in one.path]) == 1


async def test_a_tunnel_that_stays_stuck_is_rebooted_once_and_the_host_replaced(
    tmp_path: Path,
) -> None:
    """Not again and again; the cause is told with the end."""
    async with LeapingWorld(tmp_path).open() as world, world.served() as client:
        jam_the_next(world, again=True)
        job = await world.over(client, await world.started(client, max_replacements=0))
        assert job["jobs"][0]["phase"] == "failed"
        assert "remote port forwarding failed" in job["jobs"][0]["said"]
        assert reboots(world) == 1
        assert world.alive == set()
