"""What keeps people out of a machine, and the wire's own words about it."""

import json
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from tests.simulator.console import console
from tests.simulator.shore import PUBLIC, Shore, shore
from vast_mcp.simulator.world import Choices

RECORDED = Path(__file__).parents[3] / "shared" / "recorded"
ONCE = "chown root:root /root/.ssh/authorized_keys; chmod 600 /root/.ssh/authorized_keys"
REPEATED = f"(for i in 1 2 3; do {ONCE}; sleep 5; done) &"


def recorded(name: str) -> tuple[int, object]:
    """A reply of the vendor: status and body."""
    path = RECORDED / f"{name}.json"
    if not path.exists():
        pytest.skip("the recorded replies are not beside this checkout")
    found = json.loads(path.read_text(encoding="utf-8"))
    return found["status"], found["body"]


async def enters(sea: Shore) -> bool:
    """Whether our key is let in."""
    try:
        async with sea.entered():
            return True
    except asyncssh.PermissionDenied:
        return False


@pytest.mark.parametrize(
    ("onstart", "before", "after"),
    [(None, False, False), (ONCE, True, False), (REPEATED, True, True)],
    ids=["no script", "once", "for two minutes"],
)
async def test_a_spoiled_key_file_is_healed_by_a_script_that_sets_it_right(
    onstart: str | None, *, before: bool, after: bool
) -> None:
    """Each key that arrives writes the file again; the log names it, nothing else does."""
    async with shore(onstart=onstart) as sea:
        sea.vendor.simulator.spoil_key_file(sea.instance_id)
        await sea.set_state("stopped")
        await sea.set_state("running")  # so that its start is not long ago
        assert await enters(sea) is before
        log = sea.vendor.simulator.world.instances[sea.instance_id].log
        assert ("bad ownership or modes for file" in log) is not before
        other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
        path = f"instances/{sea.instance_id}/ssh/"
        await sea.vendor.call("POST", path, json={"ssh_key": other.strip()})
        sea.vendor.clock.move(30)
        assert await enters(sea) is after


async def test_a_login_that_becomes_tmux_runs_nothing() -> None:
    """It prints "no sessions"; the file turns it off."""
    async with shore() as sea:
        sea.vendor.simulator.swallow_commands(sea.instance_id)
        status, text = await sea.run("echo ran")
        assert (status, "ran" in text) == (1, False)
        async with sea.entered() as connection, connection.start_sftp_client() as sftp:
            await (await sftp.open(".no_auto_tmux", "a")).close()
        assert await sea.run("echo ran") == (0, "ran\n")


async def test_a_stuck_tunnel_is_opened_by_a_reboot() -> None:
    """Only the proxy's address is shut; the log says why."""
    async with shore() as sea:
        sea.vendor.simulator.jam_tunnel(sea.instance_id)
        shown = await sea.vendor.show(sea.instance_id)
        assert (shown["ssh_host"], shown["ssh_port"]) != await sea.address()
        assert await sea.run("echo direct") == (0, "direct\n")
        contract = sea.vendor.simulator.world.instances[sea.instance_id]
        assert "remote port forwarding failed" in contract.log
        await sea.vendor.call("PUT", f"instances/reboot/{sea.instance_id}/", json={})
        sea.vendor.clock.move(60)
        shown = await sea.vendor.show(sea.instance_id)
        assert (shown["ssh_host"], shown["ssh_port"]) == await sea.address()


async def test_a_teams_account_takes_no_key_for_one_machine() -> None:
    """The text as two operators reported it."""
    async with shore() as sea:
        sea.vendor.simulator.make_team()
        path = f"instances/{sea.instance_id}/ssh/"
        answer = await sea.vendor.call("POST", path, json={"ssh_key": PUBLIC})
    assert answer.status_code == 400
    assert answer.json()["msg"] == "Team SSH keys are not supported."


async def test_too_long_a_start_script_is_refused_in_the_recorded_words() -> None:
    """create_too_long_400.json; what just fits is rented."""
    status, body = recorded("create_too_long_400")
    async with console() as vendor:
        offer = await vendor.cheapest()
        asked: dict[str, Any] = {"image": "x/y", "onstart": "#" * 16_385}
        answer = await vendor.call("PUT", f"asks/{offer['id']}/", json=asked)
        assert (answer.status_code, answer.json()) == (status, body)
        await vendor.rent(offer, onstart="#" * 16_384)


async def test_the_old_list_is_retired_account_by_account() -> None:
    """err_410_deprecated.json, unless the account still has it."""
    status, body = recorded("err_410_deprecated")
    async with console() as vendor:
        answer = await vendor.call("GET", "instances/")
        assert (answer.status_code, answer.json()) == (status, body)
    async with console(choices=Choices(old_list=True)) as vendor:
        number = await vendor.rent()
        assert [row["id"] for row in (await vendor.get("instances/"))["instances"]] == [number]


async def test_a_batch_runs_its_entry_point_and_ends_with_its_output_in_the_log() -> None:
    """In args mode the start script is the entry point and the arguments follow it."""
    asked: dict[str, Any] = {
        "onstart": "/bin/sh",
        "args": ["-c", "echo $CONTAINER_ID; exit 3"],
        "runtype": "args",
    }
    async with console() as vendor, vendor.simulator.ssh_servers() as servers:
        number = await vendor.rent(**asked)
        for _ in range(400):
            vendor.clock.move(5)
            vendor.simulator.catch_up()
            await servers.follow()
            if vendor.simulator.world.instances[number].stage == "ended":
                break
        shown = await vendor.show(number)
        assert (shown["actual_status"], shown["cur_state"]) == ("exited", "running")
        assert f"{number}\n" in vendor.simulator.world.instances[number].log
