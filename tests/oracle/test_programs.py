"""Programs that nobody here wrote, from the first search to the last destroy, on the simulator."""

import asyncio
import re
import shutil
from pathlib import Path

import pytest

from tests.oracle.programs import HERE, Programs, environment_of, programs

pytestmark = [
    pytest.mark.oracle,
    pytest.mark.skipif(
        shutil.which("ssh") is None or shutil.which("ssh-keygen") is None,
        reason="needs OpenSSH's client",
    ),
]
CONFIG = '{"sshKeyPath": "%s/.ssh/id", "portForwards": [], "disableAutoTmux": true}'


async def key_pair(held: Programs) -> str:
    """A pair of the program's user; the public line."""
    private = held.home / ".ssh" / "id"
    await held.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(private))
    (held.home / ".vastly").mkdir(exist_ok=True)
    (held.home / ".vastly" / "config.json").write_text(CONFIG % held.home)
    return private.with_suffix(".pub").read_text().strip()


async def repository(held: Programs, name: str) -> None:
    """Its home as a checkout of that name: paths are meant below one."""
    await held.run("git", "init", "-q")
    await held.run("git", "remote", "add", "origin", f"https://localhost/me/{name}.git")


async def rented(held: Programs, python: Path) -> int:
    """A machine that the official client, in the plugin's environment, finds, rents and polls."""
    vastai = str(python / "vastai")
    offers = await held.raw(vastai, "search", "offers", "gpu_name=RTX_4090 num_gpus=1", "--raw")
    offer = next(one for one in offers if one["direct_port_count"] > 0)
    asked = ("--image", "pytorch/pytorch", "--disk", "20", "--ssh", "--direct", "--raw")
    answer = await held.raw(vastai, "create", "instance", str(offer["id"]), *asked)
    number = await held.until("running")
    assert number == answer["new_contract"]
    await asyncio.sleep(0.2)  # noqa: TID251  a simulated minute: its ports are mapped by then
    return number


async def test_vastly_lists_names_enters_copies_stops_starts_and_destroys(tmp_path: Path) -> None:
    """`vastly` 0.6.0, with the vendor's address built in, on an account that has the old list."""
    vst = (str(environment_of("vastly") / "python"), "-m", "vastly")
    official = environment_of("snakemake")
    (tmp_path / "one.txt").write_text("two\nlines\n")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "two.txt").write_text("more\n")
    async with programs(tmp_path, old_list=True) as held:
        public = await key_pair(held)
        await held.run(str(official / "vastai"), "create", "ssh-key", public)
        number = await rented(held, official)
        contract = held.simulator.world.instances[number]

        status, told = await held.run(*vst, "list")
        assert status == 0, told
        first = re.search(r"1xrtx4090-\w+", told)
        assert first, told
        status, told = await held.run(*vst, "name", "box", "-i", first[0])
        assert status == 0, told
        await repository(held, "notes")
        script = "cat /etc/hostname; mkdir -p /workspace/notes\n"
        status, told = await held.run(*vst, "ssh", "box", text=script)
        assert (status, f"C.{number}" in told) == (0, True), told
        for name in ("one.txt", "data"):
            status, told = await held.run(*vst, "cp", "up", name, "-i", "box")
            assert status == 0, told
            await held.run("rm", "-r", name)
            status, told = await held.run(*vst, "cp", "down", name, "-i", "box")
            assert status == 0, told
        assert (tmp_path / "one.txt").read_text() == "two\nlines\n"
        assert (tmp_path / "data" / "two.txt").read_text() == "more\n"
        status, told = await held.run(*vst, "stop", "box", "-y")
        assert status == 0, told
        await held.until("exited")
        status, told = await held.run(*vst, "start", "box", "--no-connect")
        assert status == 0, told
        await held.until("running")
        status, told = await held.run(*vst, "destroy", "box", "-y")
        assert status == 0, told
        assert held.simulator.world.instances == {}
        assert contract.destroyed_us is not None


@pytest.mark.parametrize("code", [0, 3])
async def test_the_snakemake_plugin_runs_a_batch_and_reads_its_exit_code(
    tmp_path: Path, code: int
) -> None:
    """Its container's entry point runs the job, ends, and leaves the code in the log."""
    python = environment_of("snakemake") / "python"
    async with programs(tmp_path) as held:
        command = f"echo trained; (exit {code})"
        told = await held.raw(str(python), str(HERE / "drive_snakemake.py"), "args", command)
        assert told["success"] is (code == 0), told
        assert "trained" in " ".join(told["logs"].values())
        assert f"snakemake_vastai_exit_code={code}" in " ".join(told["logs"].values())
        assert held.simulator.world.instances == {}


@pytest.mark.parametrize("code", [0, 3])
async def test_the_snakemake_plugin_carries_files_over_ssh(tmp_path: Path, code: int) -> None:
    """Attach, upload, run detached, poll the exit code, download, destroy: all by ssh and scp."""
    python = environment_of("snakemake") / "python"
    (tmp_path / "in.txt").write_text("hello\n")
    async with programs(tmp_path, run_python=True) as held:
        command = f"cat in.txt in.txt > out.txt; (exit {code})"
        words = (str(HERE / "drive_snakemake.py"), "ssh", command, "in.txt", "out.txt")
        told = await held.raw(str(python), *words)
        assert told["success"] is (code == 0), told
        assert held.simulator.world.instances == {}
    if code == 0:
        assert (tmp_path / "out.txt").read_text() == "hello\nhello\n"
    else:
        assert f"exit code {code}" in told["msg"]


async def test_the_fence_stops_a_program_that_reaches_out(tmp_path: Path) -> None:
    """Without that the other tests would prove nothing about where requests go."""
    python = str(environment_of("vastly") / "python")
    reaches = "import socket; socket.create_connection(('192.0.2.1', 80), 1)"
    looks_up = "import urllib.request as u; u.urlopen('https://example.invalid/')"
    async with programs(tmp_path) as held:
        for program in (reaches, looks_up):
            with pytest.raises(AssertionError):
                await held.run(python, "-c", program)
            assert held.left
            (tmp_path / "fence.log").unlink()
        with pytest.raises(AssertionError):
            await held.run(str(HERE / "fence" / "bin" / "ssh"), "root@192.0.2.1", "true")
