"""Machines that run and let nobody in: healed where our start script runs, else explained."""

from pathlib import Path

import pytest

from tests.tools.ssh_world import SshLab, ssh_world
from tests.world import Json, ToolFailed
from vast_mcp.keeper.tick import look_once

BAD_MODES = "bad ownership or modes"


async def without_script(lab: SshLab, *, runtype: str = "ssh_direc ssh_proxy") -> int:
    """One of our machines in which no start script runs, as in a virtual one."""
    world = lab.world.simulator.world
    offers = await lab.world.offers()
    offer = next(
        one
        for one in offers
        if (held := world.market.find(one.offer_id, world.now_us)) and held.machine.vms_enabled
    )
    number = await lab.world.rent(lab.client, offer, image="docker.io/vastai/kvm:ubuntu")
    world.instances[number].order.runtype = runtype
    return number


async def waited(lab: SshLab, number: int) -> Json:
    """Wait for SSH until it is reached or given up."""
    told: Json = {}
    for _ in range(12):
        told = await lab.call("wait_for_instance", instance_id=number, until="ssh")
        if told["reached"] or told["verdict"] == "dead":
            break
    return told


async def test_a_spoiled_key_file_heals_itself_on_a_machine_that_was_rented_here(
    tmp_path: Path,
) -> None:
    """Reported by nine operators: without it every key is refused for the whole rental."""
    async with ssh_world(tmp_path) as lab:
        number = await lab.world.rent(lab.client)
        lab.world.simulator.spoil_key_file(number)
        told = await waited(lab, number)
        assert told["reached"], told
        assert (await lab.run(number, "echo in"))["untrusted_output"].strip() == "in"


async def test_where_no_start_script_heals_it_the_log_is_read_and_the_way_out_told(
    tmp_path: Path,
) -> None:
    """Stop, delete the file, start: then the vendor writes it with the right owner."""
    async with ssh_world(tmp_path) as lab:
        number = await without_script(lab)
        lab.world.simulator.spoil_key_file(number)
        told = await waited(lab, number)
        assert told["verdict"] == "dead", told
        assert "/root/.ssh/authorized_keys has the wrong owner or modes" in told["said"]
        assert "delete_disk_files" in told["next"]
        log = await lab.call("show_logs", instance_id=number)
        assert BAD_MODES in log["untrusted_log"]

        lab.world.simulator.catch_up()
        contract = lab.world.simulator.world.instances[number]
        fleet, now_us = lab.world.simulator.world.fleet, lab.world.simulator.world.now_us
        fleet.stop(contract, now_us)
        lab.world.clock.move(60)
        lab.world.simulator.catch_up()
        assert contract.disk is not None
        contract.disk.remove("/root/.ssh/authorized_keys")
        fleet.start(contract, lab.world.simulator.world.now_us)
        lab.world.clock.move(120)
        told = await waited(lab, number)
    assert told["reached"], told


async def test_a_tmux_that_swallows_commands_is_turned_off_before_the_first_one(
    tmp_path: Path,
) -> None:
    """On a machine without our start script, by SFTP."""
    async with ssh_world(tmp_path) as lab:
        number = await without_script(lab)
        lab.world.simulator.swallow_commands(number)
        told = await waited(lab, number)
        assert told["reached"], told
        ran = await lab.run(number, "echo in")
    assert (ran["exit_code"], ran["untrusted_output"].strip()) == (0, "in")


async def test_on_a_machine_rented_here_no_login_becomes_tmux(tmp_path: Path) -> None:
    """The start script makes the file that the vendor's images look for."""
    async with ssh_world(tmp_path) as lab:
        number = await lab.world.rent(lab.client)
        lab.world.simulator.swallow_commands(number)
        lab.world.run_until_ready()
        assert (await lab.run(number, "echo in"))["exit_code"] == 0
        assert lab.servers.machine(number).disk.locate("/root/.no_auto_tmux").exists()


async def test_a_stuck_proxy_tunnel_is_named_with_its_cure(tmp_path: Path) -> None:
    """Reported 2026: "remote port forwarding failed" in the log; one reboot opens it again."""
    async with ssh_world(tmp_path) as lab:
        number = await without_script(lab, runtype="ssh_proxy")
        lab.world.simulator.jam_tunnel(number)
        told = await waited(lab, number)
        assert told["verdict"] == "dead", told
        assert "remote port forwarding failed" in told["said"]
        assert f"reboot_instance({number})" in told["next"]
        world = lab.world.simulator.world
        world.fleet.enter(world.instances[number], "rebooting", world.now_us)
        lab.world.clock.move(60)
        told = await waited(lab, number)
    assert told["reached"], told


async def test_a_team_account_is_told_once_and_the_start_script_brings_the_key(
    tmp_path: Path,
) -> None:
    """Its refusal is final: no look of the keeper sends the key again."""
    async with ssh_world(tmp_path) as lab:
        lab.world.simulator.make_team()
        offer = await lab.world.cheap_offer()
        rented = await lab.call(
            "create_instance", offer_id=offer.offer_id, max_price_usd_per_hour=2.0
        )
        assert [w for w in rented["warnings"] if "Team SSH keys are not supported" in w]
        number = int(rented["instance_id"])
        for _ in range(5):
            lab.world.clock.move(180)
            async with lab.world.runtime() as runtime:
                seen = await look_once(runtime.session.guard)
            assert not [line for line in seen.failed if "key" in line]
        sent = [one for one in lab.world.simulator.mutations() if one.path.endswith("/ssh/")]
        assert len(sent) == 1
        told = await waited(lab, number)
    assert told["reached"], told


async def test_more_variables_than_are_known_to_arrive_are_told_with_their_size(
    tmp_path: Path,
) -> None:
    """All of them together are capped at about 32 kB (reported by one operator, 2026)."""
    async with ssh_world(tmp_path) as lab:
        offers = (await lab.world.offers())[:2]
        said = [
            await lab.call(
                "create_instance",
                offer_id=offer.offer_id,
                max_price_usd_per_hour=9.0,
                env={f"BIG{number}": "x" * 7_000 for number in range(count)},
            )
            for count, offer in zip((4, 5), offers, strict=True)
        ]
    told = [" ".join(one.get("warnings", ())) for one in said]
    assert "variables together" not in told[0]
    assert "All variables together are 350" in told[1]


async def test_arguments_longer_than_the_vendor_takes_are_refused_before_money(
    tmp_path: Path,
) -> None:
    """The vendor's own refusal names three lengths at once; ours names the field."""
    async with ssh_world(tmp_path) as lab:
        offer = await lab.world.cheap_offer()
        with pytest.raises(ToolFailed, match="args"):
            await lab.call(
                "create_instance",
                offer_id=offer.offer_id,
                max_price_usd_per_hour=2.0,
                image="x/y",
                connect="args",
                args=["x" * 9_000, "y" * 9_000],
            )
    assert lab.world.simulator.world.instances == {}
