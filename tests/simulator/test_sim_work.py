"""See docs/vendor-api.md#logs-and-commands."""

from typing import Any

import httpx2
import pytest

from tests.simulator.console import Console, console
from vast_mcp.simulator import SimulatorTransport


async def _fetch(vendor: Console, url: str) -> tuple[list[int], str]:
    """Poll a result without a key until it is there."""
    statuses: list[int] = []
    transport = SimulatorTransport(vendor.simulator)
    async with httpx2.AsyncClient(transport=transport) as bare:
        while not statuses or (statuses[-1] != 200 and len(statuses) < 9):
            response = await bare.get(url)
            statuses.append(response.status_code)
    return statuses, response.text


async def _command(vendor: Console, instance_id: int, text: str) -> httpx2.Response:
    return await vendor.call("PUT", f"instances/command/{instance_id}/", json={"command": text})


async def test_logs_arrive_some_polls_later_on_another_address() -> None:
    """404 until the host uploads, then text; no auth header on it."""
    async with console() as vendor:
        instance_id = await vendor.running()
        vendor.simulator.write_log(instance_id, "epoch 1\nepoch 2")
        body = {"tail": "2", "filter": "epoch"}
        answer = (
            await vendor.call("PUT", f"instances/request_logs/{instance_id}/", json=body)
        ).json()

        assert await _fetch(vendor, answer["result_url"]) == ([404, 404, 200], "epoch 1\nepoch 2\n")
        assert vendor.simulator.leaked_authorization == []
        await vendor.http.get(answer["result_url"])
        assert len(vendor.simulator.leaked_authorization) == 1


async def test_a_loading_machine_has_no_container_log_but_a_daemon_log() -> None:
    """A container that is not up yet has printed nothing; its host has."""
    async with console() as vendor:
        instance_id = await vendor.rent()
        path = f"instances/request_logs/{instance_id}/"
        plain = (await vendor.call("PUT", path, json={})).json()["result_url"]
        daemon = (await vendor.call("PUT", path, json={"daemon_logs": "true"})).json()["result_url"]

        assert (await _fetch(vendor, plain))[1] == ""
        assert str(instance_id) in (await _fetch(vendor, daemon))[1]


async def test_commands_are_ls_du_and_rm_on_stopped_machines_only() -> None:
    """Not a remote shell."""
    async with console() as vendor:
        instance_id = await vendor.running()
        vendor.simulator.put_file(instance_id, "/workspace/a.bin", 2048)
        assert (await _command(vendor, instance_id, "ls /workspace")).status_code == 400
        await vendor.call("PUT", f"instances/{instance_id}/", json={"state": "stopped"})
        vendor.clock.move(10)

        listed: dict[str, Any] = (await _command(vendor, instance_id, "ls -l /workspace/")).json()
        assert "a.bin" in (await _fetch(vendor, listed["result_url"]))[1]
        used = (await _command(vendor, instance_id, "du /workspace")).json()
        assert (await _fetch(vendor, used["result_url"]))[1].startswith(
            "2\t" + used["writeable_path"]
        )
        await _command(vendor, instance_id, "rm -r /workspace")
        assert vendor.simulator.world.instances[instance_id].files == {}


@pytest.mark.parametrize("text", ["cat /etc/passwd", "bash -c ls", "ls " + "x" * 512, "", "ls 'a"])
async def test_other_commands_are_refused(text: str) -> None:
    """400 `invalid_args`, 512 characters."""
    async with console() as vendor:
        instance_id = vendor.simulator.add_foreign_instance(running=False)

        assert (await _command(vendor, instance_id, text)).status_code == 400


async def test_a_listing_changes_nothing_and_a_removal_does() -> None:
    """`ls` reads, `rm` deletes: the record tells them apart."""
    async with console() as vendor:
        instance_id = vendor.simulator.add_foreign_instance(running=False)
        for text in ("ls /", "du /", "rm /a"):
            await _command(vendor, instance_id, text)

        sent = [request.json for request in vendor.simulator.mutations()]
        assert sent == [{"command": "rm /a"}]


async def test_a_malformed_command_body_is_the_vendors_483() -> None:
    """483 `Invalid json_body` (docs/vendor-api.md#errors)."""
    async with console() as vendor:
        instance_id = vendor.simulator.add_foreign_instance(running=False)
        path = f"instances/command/{instance_id}/"

        assert (await vendor.call("PUT", path, content=b"[]")).status_code == 483
