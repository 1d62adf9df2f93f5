"""A job on a machine whose way out to the SSH proxy is stuck: one reboot, within its yes."""

from pathlib import Path

from tests.jobs.basin import Basin
from tests.jobs.harbour import Harbour


def jam_the_next(harbour: Harbour, *, again: bool) -> None:
    """Let the way out of each new machine be stuck, also after a reboot if `again`."""
    jammed: set[tuple[int, int]] = set()

    async def look() -> None:
        for number, contract in list(harbour.simulator.world.instances.items()):
            contract.order.runtype = "ssh_proxy"
            boot = (number, contract.boots if again else 0)
            if contract.stage == "running" and boot not in jammed:
                jammed.add(boot)
                harbour.simulator.jam_tunnel(number)

    harbour.simulator.attendants.append(look)


def reboots(harbour: Harbour) -> int:
    """How many were sent."""
    return sum("/reboot/" in one.path for one in harbour.simulator.mutations())


async def test_one_reboot_cures_it_and_nobody_is_asked_again(tmp_path: Path) -> None:
    """Its yes covers the machine until the command begins: nothing there can be interrupted."""
    async with Basin(tmp_path).open() as harbour, harbour.served() as client:
        jam_the_next(harbour, again=False)
        job_id = await harbour.started(client)
        asked = len(harbour.questions)
        job = (await harbour.over(client, job_id))["jobs"][0]
        assert job["phase"] == "done", job
        assert reboots(harbour) == 1
        assert len(harbour.questions) == asked
        assert len([one for one in harbour.simulator.mutations() if "/asks/" in one.path]) == 1


async def test_a_tunnel_that_stays_stuck_is_rebooted_once_and_the_host_replaced(
    tmp_path: Path,
) -> None:
    """Not again and again; the cause is told with the end."""
    async with Basin(tmp_path).open() as harbour, harbour.served() as client:
        jam_the_next(harbour, again=True)
        job = await harbour.over(client, await harbour.started(client, max_replacements=0))
        assert job["jobs"][0]["phase"] == "failed"
        assert "remote port forwarding failed" in job["jobs"][0]["said"]
        assert reboots(harbour) == 1
        assert harbour.alive == set()
