"""`run_command(background=true)`: a job on a machine that was there before and stays."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from tests.jobs.leaping_world import WAIT, LeapingWorld, moment
from tests.world import Json, ToolFailed
from vast_mcp.jobs import script

OVER = {"done", "failed", "stopped"}


async def a_machine(world: LeapingWorld, client: Client, **more: Any) -> int:  # noqa: ANN401  the tool's own
    """Rented by nobody's job; it runs and takes commands."""
    instance_id = await world.rent(client, lease_hours=2, **more)
    async with asyncio.timeout(20):
        while True:
            waited = await world.call(
                client, "wait_for_instance", instance_id=instance_id, until="ssh"
            )
            if waited["verdict"] == "normal" and "poll_again_after_seconds" not in waited:
                return instance_id
            await moment()


@asynccontextmanager
async def aboard(tmp_path: Path) -> AsyncIterator[tuple[LeapingWorld, Client, int]]:
    """A machine of ours, and a client."""
    world = LeapingWorld(tmp_path, offered="all")
    async with world.open(), world.served() as client:
        yield world, client, await a_machine(world, client)


async def begun(
    world: LeapingWorld, client: Client, machine: int, command: str, **more: object
) -> str:
    """The job's id."""
    answer = await world.call(
        client, "run_command", instance_id=machine, command=command, background=True, **more
    )
    assert answer["status"] == "started", answer
    return str(answer["job_id"])


async def until(world: LeapingWorld, client: Client, job_id: str, *words: str) -> Json:
    """What is shown when the job is over, or has printed one of these."""
    async with asyncio.timeout(20):
        while True:
            shown = await world.call(client, "show_jobs", job_id=job_id)
            printed = shown.get("untrusted_output", "")
            if shown["jobs"][0]["phase"] in OVER or any(word in printed for word in words):
                return shown
            await moment()


async def test_no_value_of_the_machine_reaches_the_log_in_any_encoding(tmp_path: Path) -> None:
    """Secrets of the rent, generated ones and the API key, across portions of 4,000 bytes."""
    canary = "hf_canary-77aa11bb22cc"
    world = LeapingWorld(
        tmp_path, offered="all", policy='[secrets]\nallow = ["HF_TOKEN"]\n',
        environment={"HF_TOKEN": canary},
    )  # fmt: skip
    async with world.open(), world.served() as client:
        secrets = ["HF_TOKEN", "OTHER_KEY=generate"]
        machine = await a_machine(world, client, secrets=secrets)
        order = world.simulator.world.instances[machine].order
        made = dict(order.env)["OTHER_KEY"]
        values = [canary, made, world.api_key]
        forms = [form for value in values for form in _forms(value)]
        text = "\n".join(f"{'.' * (3_990 + at)}{form}" for at, form in enumerate(forms))
        world.machines.machine(machine).disk.locate("/root/all").write_text(f"{text}\nended\n")
        job_id = await begun(world, client, machine, "cat all")
        await until(world, client, job_id, "no such word")
        told = ""
        for cursor in range(0, len(text), 3_001):
            shown = await world.call(client, "show_jobs", job_id=job_id, cursor=cursor)
            told += str(shown)
    log = (tmp_path / "state" / "jobs" / f"{job_id}.log").read_text()
    assert len(log) == len(f"{text}\nended\n")
    telling = [form[4:-4] if len(form) > 14 else form for form in forms]
    assert [part for part in telling if part in log or part in told] == []
    files = [path for path in (tmp_path / "state").rglob("*") if path.is_file()]
    for value in values:
        assert [path.name for path in files if value.encode() in path.read_bytes()] == []


def _forms(value: str) -> list[str]:
    """Plain, percent-encoded, and in base64 at each alignment."""
    coded = [base64.b64encode(b"abc"[:lead] + value.encode()).decode() for lead in range(3)]
    return [value, "".join(f"%{byte:02X}" for byte in value.encode()), *coded]


async def test_the_command_is_sealed_while_it_runs_and_forgotten_when_it_is_over(
    tmp_path: Path,
) -> None:
    """It may hold what the ledger must not."""
    canary = "canary-5d5d5d5d"
    async with aboard(tmp_path) as (world, client, machine):
        job_id = await begun(world, client, machine, f"echo begun; sleep 30; : {canary}")
        await until(world, client, job_id, "begun")
        during = _holding(tmp_path, canary)
        shown = await until(world, client, job_id, "no such word")
    assert during == []
    assert shown["jobs"][0]["phase"] == "done"
    assert _holding(tmp_path, canary) == []


def _holding(tmp_path: Path, text: str) -> list[str]:
    files = [path for path in (tmp_path / "state").rglob("*") if path.is_file()]
    return [path.name for path in files if text.encode() in path.read_bytes()]


async def test_a_command_in_the_background_is_a_job_that_asks_nobody(tmp_path: Path) -> None:
    """Its id at once; then phase, output and exit status; the machine stays."""
    async with aboard(tmp_path) as (world, client, machine):
        job_id = await begun(
            world, client, machine, "pwd; echo from $WHERE; exit 4",
            env={"WHERE": "a far place"}, directory="/workspace",
        )  # fmt: skip
        shown = await until(world, client, job_id)
        job = shown["jobs"][0]
        assert (job["kind"], job["phase"], job["exit_code"]) == ("command", "failed", 4)
        assert job["instance_id"] == machine
        assert shown["untrusted_output"] == "/workspace\nfrom [secret]***\n"
        assert "cost_so_far_usd" not in job
        good = await until(world, client, await begun(world, client, machine, "echo fine"))
        assert (good["jobs"][0]["phase"], good["untrusted_output"]) == ("done", "fine\n")
        assert world.alive == {machine}
        assert world.simulator.world.instances[machine].stage == "running"
        assert world.questions == []


async def test_the_idle_guard_sees_a_job_until_the_last_has_ended(tmp_path: Path) -> None:
    """One marker for all that run: the end of one does not let the machine be stopped as idle."""
    async with aboard(tmp_path) as (world, client, machine):
        marker = world.machines.machine(machine).disk.locate(script.MARKER)
        long = await begun(world, client, machine, "echo begun; sleep 100000")
        await until(world, client, long, "begun")
        await until(world, client, await begun(world, client, machine, "echo short"))
        assert marker.exists()
        await world.call(client, "stop_job", job_id=long)
        await until(world, client, long)
        while marker.exists():  # taken away a moment after the exit status is written
            await moment()


async def test_stop_job_ends_a_command_that_listens(tmp_path: Path) -> None:
    """SIGTERM is enough for most: exit status 143, and the machine stays."""
    async with aboard(tmp_path) as (world, client, machine):
        job_id = await begun(world, client, machine, "echo begun; sleep 100000")
        await until(world, client, job_id, "begun")
        answer = await world.call(client, "stop_job", job_id=job_id)
        assert answer["status"] == "stopping"
        shown = await until(world, client, job_id)
        assert (shown["jobs"][0]["phase"], shown["jobs"][0]["exit_code"]) == ("stopped", 143)
        assert shown["untrusted_output"] == "begun\n"
        assert world.simulator.world.instances[machine].stage == "running"


async def test_stop_job_kills_a_command_that_does_not(tmp_path: Path) -> None:
    """SIGKILL after half a minute."""
    async with aboard(tmp_path) as (world, client, machine):
        command = "trap '' TERM; echo begun; sleep 100000"
        job_id = await begun(world, client, machine, command)
        await until(world, client, job_id, "begun")
        began_s = world.clock.monotonic_s()
        await world.call(client, "stop_job", job_id=job_id)
        shown = await until(world, client, job_id)
        assert shown["jobs"][0]["phase"] == "stopped"
        assert shown["untrusted_output"] == "begun\n"
        assert 30 <= world.clock.monotonic_s() - began_s < 120


async def test_a_command_goes_on_when_its_server_ends(tmp_path: Path) -> None:
    """Detached on the machine; the next server finds the row, and reads on."""
    world = LeapingWorld(tmp_path, offered="all", keeps=True)
    async with world.open():
        async with world.served() as client:
            machine = await a_machine(world, client)
            world.machines.machine(machine).disk.locate("/root/wait.py").write_text(WAIT)
            command = "echo begun; python3 wait.py; echo ended"
            job_id = await begun(world, client, machine, command)
            await until(world, client, job_id, "begun")
        async with world.served() as client:
            await world.call(client, "run_command", instance_id=machine, command="touch go")
            shown = await until(world, client, job_id)
        assert (shown["jobs"][0]["phase"], shown["jobs"][0]["exit_code"]) == ("done", 0)
        assert shown["untrusted_output"] == "begun\nended\n"
        assert world.alive == {machine}


async def test_a_command_of_a_machine_that_ends_is_told_so(tmp_path: Path) -> None:
    """Stopped by a person: the job is over, and nothing of it touches the machine."""
    async with aboard(tmp_path) as (world, client, machine):
        job_id = await begun(world, client, machine, "echo begun; sleep 100000")
        await until(world, client, job_id, "begun")
        await world.call(client, "destroy_instance", instance_id=machine)
        assert f"Job {job_id} is running on it" in world.questions[-1]
        job = (await until(world, client, job_id))["jobs"][0]
        assert job["phase"] == "failed"
        assert "is no longer running" in job["said"]


async def test_a_recycle_names_the_job_that_it_would_lose(tmp_path: Path) -> None:
    """Its container goes, and what runs in it: the person hears of it before the digits."""
    world = LeapingWorld(tmp_path, offered="all")
    async with world.open(), world.served() as client:
        machine = await a_machine(world, client)
        job_id = await begun(world, client, machine, "echo begun; sleep 100000")
        await until(world, client, job_id, "begun")
        told = await world.call(client, "recycle_instance", instance_id=machine)
        assert told["status"] == "recycling"
        assert f"Job {job_id} is running on it. Type the last 4 digits" in world.questions[-1]


async def test_a_policy_that_asks_for_commands_asks_for_these(tmp_path: Path) -> None:
    """`[levels]` holds for a command whether it is waited for or not; the plan survives."""
    world = LeapingWorld(tmp_path, offered="all", policy='[levels]\nrun_command = "ask"\n')
    async with world.open(), world.served() as client, world.served(None) as mute:
        machine = await a_machine(world, client)
        job_id = await begun(world, client, machine, "echo asked")
        assert (await until(world, client, job_id))["jobs"][0]["phase"] == "done"
        assert len(world.questions) == 1
        waits = await world.call(
            mute, "run_command", instance_id=machine, command="echo planned", background=True
        )
        assert waits["status"] == "needs_confirmation"
        done = await world.call(mute, "confirm_plan", plan_id=waits["plan_id"])
        shown = await until(world, mute, done["job_id"])
        assert shown["untrusted_output"] == "planned\n"


async def test_nothing_runs_in_the_background_of_a_stopped_machine(tmp_path: Path) -> None:
    """Not even what the vendor would list."""
    async with aboard(tmp_path) as (world, client, machine):
        await world.call(client, "stop_instance", instance_id=machine)
        with pytest.raises(ToolFailed, match="stopped"):
            await begun(world, client, machine, "ls /workspace")
