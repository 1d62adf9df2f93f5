"""`run_command` and `forward_port` on simulated machines with real SSH.

See docs/design.md#levels.
"""

import asyncio
import json
from pathlib import Path

import asyncssh
import pytest

from tests.tools.ssh_world import ssh_world
from tests.world import ToolFailed
from vast_mcp.remote.known_hosts import KnownHosts


async def test_a_command_answers_its_output_and_exit_status(tmp_path: Path) -> None:
    """Output, exit code; directory and variables hold for the whole command."""
    async with ssh_world(tmp_path) as lab:
        machine = await lab.machine()
        good = await lab.run(
            machine, "pwd; echo $COLOUR", directory="/workspace", env={"COLOUR": "green"}
        )
        bad = await lab.run(machine, "echo no >&2; exit 3")
    assert good["status"] == "done", good
    assert good["exit_code"] == 0
    assert good["untrusted_output"] == "/workspace\ngreen\n"
    assert "SHA256:" in good["warnings"][0]
    assert (bad["status"], bad["exit_code"], bad["untrusted_output"]) == ("failed", 3, "no\n")
    assert lab.world.questions == []


async def test_a_command_over_its_time_is_ended_and_told(tmp_path: Path) -> None:
    """The time limit holds, and what it had started goes with it."""
    async with ssh_world(tmp_path) as lab:
        machine = await lab.machine()
        told = await lab.run(machine, "echo begun; while true; do true; done", timeout_seconds=1)
        left = await lab.run(machine, "ps")
    assert told["status"] == "timed_out"
    assert told["untrusted_output"] == "begun\n"
    assert "background" in told["next"]
    assert "while true" not in left["untrusted_output"]


async def test_much_and_binary_output_make_a_bounded_readable_answer(tmp_path: Path) -> None:
    """1 MB of output and binary bytes; both ends are shown, as valid text."""
    async with ssh_world(tmp_path) as lab:
        machine = await lab.machine()
        inside = lab.servers.machine(machine).disk.locate("/workspace")
        lines = "".join(f"line {number:06}\n" for number in range(85_000))
        (inside / "long").write_text(lines)
        (inside / "odd").write_bytes(bytes(range(256)) * 400)
        long = await lab.run(machine, "cat /workspace/long")
        odd = await lab.run(machine, "cat /workspace/odd")
    assert long["output_bytes"] == len(lines)
    assert long["untrusted_output"].startswith("line 000000\n")
    assert long["untrusted_output"].endswith("line 084999\n")
    assert "left out" in long["untrusted_output"]
    for answer in (long, odd):
        assert len(json.dumps(answer, ensure_ascii=False).encode()) / 4 <= 2_000
    assert not [char for char in odd["untrusted_output"] if ord(char) < 32 and char not in "\n\t"]


async def test_a_stopped_machine_lists_its_disk_and_nothing_else(tmp_path: Path) -> None:
    """The vendor's ls and du answer instead, saying so."""
    async with ssh_world(tmp_path) as lab:
        machine = await lab.machine()
        await lab.run(machine, "echo kept > /workspace/kept.txt")
        await lab.call("stop_instance", instance_id=machine)
        lab.world.run_until_ready()
        told = await lab.run(machine, "ls /workspace")
        with pytest.raises(ToolFailed, match=r"stopped.*start_instance"):
            await lab.run(machine, "cat /workspace/kept.txt")
        with pytest.raises(ToolFailed, match="stopped"):
            await lab.run(machine, "ls /workspace; rm -rf /workspace")
    assert "kept.txt" in told["untrusted_output"]
    assert "Vast.ai's listing" in told["said"]


async def test_another_host_key_is_refused_and_nothing_is_sent(tmp_path: Path) -> None:
    """A changed key ends it, and the error says so (docs/hazards.md#files)."""
    async with ssh_world(tmp_path) as lab:
        machine = await lab.machine()
        other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().split()
        KnownHosts(tmp_path / "state").meet(machine, other[0], other[1])
        with pytest.raises(ToolFailed, match="a different SSH host key"):
            await lab.run(machine, "echo x > /workspace/x")
        assert not lab.servers.machine(machine).disk.locate("/workspace/x").exists()


async def test_a_machine_of_others_needs_a_person(tmp_path: Path) -> None:
    """Any write on a machine not ours; the question names the command, once."""
    async with ssh_world(tmp_path) as lab:
        lab.world.simulator.add_foreign_instance(label="somebody's work")
        (foreign,) = lab.world.simulator.world.instances
        lab.world.run_until_ready()
        told = await lab.run(foreign, "cat /etc/hostname")
    assert told["status"] == "needs_confirmation"
    assert "vast-mcp approve" in told["next"]
    assert "untrusted_output" not in told


async def test_a_forwarded_port_answers_on_loopback(tmp_path: Path) -> None:
    """`http://127.0.0.1:N`; the same port again is the same address."""
    async with ssh_world(tmp_path) as lab:
        machine = await lab.machine()
        first = await lab.call("forward_port", instance_id=machine, port=8080)
        again = await lab.call("forward_port", instance_id=machine, port=8080)
        port = int(first["url"].rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
        del reader
    assert first["url"].startswith("http://127.0.0.1:")
    assert first["url"] == again["url"]


async def test_no_command_text_reaches_ledger_or_audit(tmp_path: Path) -> None:
    """The audit has a digest, the books have nothing of what was run or printed."""
    async with ssh_world(tmp_path) as lab:
        machine = await lab.machine()
        told = await lab.run(machine, "echo canary-$WORD", env={"WORD": "in-the-output"})
        assert told["untrusted_output"] == "canary-in-the-output\n"
        async with lab.world.runtime() as runtime:
            rows = await runtime.session.account.ledger.read(lambda tx: tx.audit(50))
    assert any(row.tool == "run_command" for row in rows)
    assert all("canary" not in str(row) for row in rows)
    for file in (tmp_path / "state").rglob("*"):
        if file.is_file():
            data = file.read_bytes()
            assert b"canary-" not in data, file
            assert b"in-the-output" not in data, file


async def test_a_machines_host_key_is_shown_once(tmp_path: Path) -> None:
    """The first use is shown; a line that stands in every answer is read by nobody."""
    async with ssh_world(tmp_path) as lab:
        machine = await lab.machine()
        first, second = [await lab.run(machine, "true") for _ in range(2)]
    assert "SHA256:" in " ".join(first["warnings"])
    assert "warnings" not in second


async def test_the_question_of_a_stop_names_what_was_just_begun(tmp_path: Path) -> None:
    """A background command is at work from its first second, not from its first look."""
    async with ssh_world(tmp_path) as lab:
        machine = await lab.machine()
        begun = await lab.run(machine, "sleep 1000", background=True)
        await lab.call("stop_instance", instance_id=machine)
    assert f"Job {begun['job_id']} is running there" in lab.world.questions[-1]
