"""`wait_for_instance` until a machine can be worked on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.tools.ssh_world import SshLab, ssh_world
from tests.world import ToolFailed


async def test_ssh_means_that_our_key_logs_in(tmp_path: Path) -> None:
    """Waiting goes from renting to a login that works."""
    async with ssh_world(tmp_path) as lab:
        machine = await lab.world.rent(lab.client)
        told = {}
        for _ in range(12):
            told = await lab.call("wait_for_instance", instance_id=machine, until="ssh")
            if told["reached"]:
                break
            assert told["verdict"] == "normal", told
    assert told["reached"], told
    assert "logs in" in told["said"]
    assert "SHA256:" in told["said"]


async def test_a_key_that_is_not_there_is_waited_for_and_then_called_slow(tmp_path: Path) -> None:
    """Running is not enough; the reason is told."""
    async with ssh_world(tmp_path) as lab:
        machine = await lab.machine()
        contract = lab.world.simulator.world.instances[machine]
        contract.keys.clear()
        contract.order.onstart = None  # which would bring it
        told = await lab.call("wait_for_instance", instance_id=machine, until="ssh")
    assert not told["reached"]
    assert told["verdict"] == "slow"
    assert "auth" in told["said"]


@asynccontextmanager
async def web_page() -> AsyncIterator[int]:
    """A page on loopback, where simulated machines live."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.0 404 Not Found\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def opened(lab: SshLab, machine: int, inside: int, outside: int) -> None:
    """Map a port of the machine to one of this computer."""
    mapped = {f"{inside}/tcp": [{"HostPort": str(outside)}]}
    lab.world.simulator.set_status(machine, ports=mapped, public_ipaddr="127.0.0.1")


async def test_http_means_any_answer_on_the_mapped_port(tmp_path: Path) -> None:
    """An error page is an answer; silence is not; the address is told."""
    async with ssh_world(tmp_path) as lab, web_page() as page:
        machine = await lab.machine(ports=["8000"])
        opened(lab, machine, 8000, page)
        told = await lab.call("wait_for_instance", instance_id=machine, until="http", port=8000)
        with pytest.raises(ToolFailed, match="port"):
            await lab.call("wait_for_instance", instance_id=machine, until="http")
    assert told["reached"], told
    assert told["url"] == f"http://127.0.0.1:{page}"


async def test_a_machine_that_fails_tells_the_end_of_its_log(tmp_path: Path) -> None:
    """A diagnosis when it stalls."""
    async with ssh_world(tmp_path) as lab:
        machine = await lab.world.rent(lab.client)
        lab.world.simulator.write_log(machine, "Traceback: no such module\n")
        lab.world.run_until_ready()
        lab.world.simulator.set_status(
            machine, actual_status="exited", cur_state="running", intended_status="running"
        )
        told = await lab.call("wait_for_instance", instance_id=machine, until="ssh")
    assert told["verdict"] == "dead", told
    assert "no such module" in told.get("untrusted_log", ""), told
