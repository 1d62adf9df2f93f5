"""Promise: on a simulated machine no program of this computer runs unless a person said so."""

import asyncio
import sys
from pathlib import Path

import asyncssh
import pytest

from tests.simulator.shore import Shore, shore
from vast_mcp.clock import SystemClock

CANARY = "import pathlib; pathlib.Path({path!r}).write_text('ran')"


def _names(folder: Path) -> list[str]:
    return [inner.name for inner in folder.iterdir()]


async def _leave(sea: Shore, name: str, text: str) -> None:
    where = sea.servers.machine(sea.instance_id).disk.root / "workspace" / name
    where.write_text(text)


@pytest.mark.parametrize(
    "line",
    [
        "python3 x.py", "python x.py", "/usr/bin/python3 -u x.py", "exec python3 x.py",
        "nohup python3 x.py > log 2>&1; cat log", "sh -c 'python3 x.py'",
        'python3 -c "$(cat x.py)"',
        "timeout 60 python3 x.py", "env A=1 python3 x.py", "eval python3 x.py", "python3 -m x",
        "setsid -w nice python3 x.py", "torchrun x.py", "cat x.py | python3", "python3 - < x.py",
        "uv run x.py", "bash -c 'exec -a name python3 x.py' || python3 x.py",
    ],
)  # fmt: skip
async def test_no_program_runs_and_each_says_so(line: str, tmp_path: Path) -> None:
    """However it is started: one line says it was simulated, nothing on this computer changes."""
    proof = tmp_path / "ran"
    async with shore() as sea:
        await _leave(sea, "x.py", CANARY.format(path=str(proof)))
        status, text = await sea.run(f"cd /workspace; export SIMULATED_SECONDS=0; {line}")

    assert not proof.exists()
    assert status == 0
    assert "[simulated]" in text
    assert "executes no programs" in text


async def test_named_outputs_become_marked_placeholders_without_invented_numbers() -> None:
    """What a job or an option names is there afterwards, and nobody can take it for a result."""
    async with shore() as sea:
        await _leave(sea, "x.py", "")
        _, text = await sea.run(
            "cd /workspace; export SIMULATED_SECONDS=0 VMCP_OUTPUTS='ckpt \"my out/m.json\"';"
            " echo mine > kept.txt; python3 x.py --output run.log -o kept.txt;"
            " cat ckpt/SIMULATED.txt 'my out/m.json' run.log kept.txt"
        )

    shown = text.splitlines()[1:]
    assert [("SIMULATED" in line, line == "mine") for line in shown] == [(True, False)] * 3 + [
        (False, True)
    ]
    assert not any(letter.isdigit() for line in shown for letter in line)


@pytest.mark.parametrize("path", ["/../../../escaped.txt", "../../../../escaped.txt", "way/x.txt"])
async def test_a_placeholder_never_leaves_the_machine(path: str, tmp_path: Path) -> None:
    """Output names come from a model: dots and links lead nowhere outside."""
    async with shore() as sea:
        await _leave(sea, "x.py", "")
        await sea.run(f"ln -s {tmp_path} /workspace/way")
        await sea.run(f"cd /workspace; export SIMULATED_SECONDS=0; python3 x.py -o {path}")
        outside = sea.servers.machine(sea.instance_id).disk.root.parent

        assert not list(outside.glob("escaped*"))
    assert _names(tmp_path) == []


async def test_a_simulated_program_keeps_the_gpu_busy_and_ends_as_asked() -> None:
    """It lasts simulated seconds, hears signals, and ends with the status a player wants."""
    async with shore() as sea:
        await _leave(sea, "x.py", "")
        smi = "nvidia-smi --query-gpu=utilization.gpu --format=csv,noheader,nounits"
        sea.servers.machine(sea.instance_id).clock = SystemClock()
        await sea.run("cd /workspace; nohup python3 x.py > /dev/null 2>&1 & echo $! > /pid")
        busy = await sea.run(f"{smi}; kill $(cat /pid)")
        failed = await sea.run("cd /workspace; SIMULATED_EXIT=7 SIMULATED_SECONDS=0 python3 x.py")
        missing = await sea.run("python3 nowhere.py")

    assert busy[1] == "91\n"
    assert failed[0] == 7
    assert missing == (2, "python3: can't open file 'nowhere.py': No such file or directory\n")


async def test_a_traceback_shows_no_path_of_this_computer() -> None:
    """With `--run-python`: own frames, the machine's directory, the interpreter, also in a file."""
    code = "import json, sys\ndef f():\n    print(__file__, flush=True)\n    json.loads('{')\nf()\n"
    async with shore(run_python=True) as sea:
        await _leave(sea, "x.py", code)
        root = sea.servers.machine(sea.instance_id).disk.root
        _, direct = await sea.run("cd /workspace; python3 x.py")
        _, kept = await sea.run("cd /workspace; python3 x.py > log 2>&1; cat log")

    for text in (direct, kept):
        assert 'File "/workspace/x.py", line 4, in f' in text
        assert "/workspace/x.py\n" in text
        assert not [x for x in (str(root), sys.prefix, sys.base_prefix + "/", "wall.py") if x in
                    text.replace("/usr/lib", "")]  # fmt: skip


@pytest.mark.parametrize(
    "line",
    [
        "mkdir d; ln -s {victim} d/v; echo evil > v; cp v d/",
        "mkdir -p s d; echo evil > s/v; ln -s {victim} d/v; cp -r s/. d; cp -r s d; cp -a s/v d",
        "mkdir -p s/v d/s; echo evil > s/v/x; ln -s {folder} d/s/v; cp -r s d",
        "ln -s {victim} v; echo evil > v; echo evil >> v; echo evil | tee v; touch v",
        "ln -s {victim} v; truncate -s 0 v; chmod 777 v; rm v",
        "ln -s {folder} f; rm -r f/victim; mv f/victim x; chmod 777 f/victim; touch f/new",
        "cat {victim}; ln -s {victim} v; cat v; cp v w; cat w; head v; sha256sum v; sh v",
        "cat ../../../../../../../../{victim}; cat /proc/self/environ /dev/fd/0 < /dev/null",
    ],
)
async def test_no_command_of_the_shell_reaches_this_computer(line: str, tmp_path: Path) -> None:
    """Links that point out of the machine are followed inside it, whoever follows them."""
    victim = tmp_path / "victim"
    victim.write_text("CANARY-OF-THE-HOST")
    before = (victim.stat().st_mode, victim.stat().st_mtime_ns)
    async with shore() as sea:
        _, text = await sea.run(f"cd /workspace; {line.format(victim=victim, folder=tmp_path)}")

    assert victim.read_text() == "CANARY-OF-THE-HOST"
    assert (victim.stat().st_mode, victim.stat().st_mtime_ns) == before
    assert "CANARY" not in text
    assert _names(tmp_path) == ["victim"]


async def test_a_reboot_writes_through_no_link_that_a_program_left(tmp_path: Path) -> None:
    """The container's start writes files and makes directories: inside, whatever lies there."""
    victim = tmp_path / "bashrc"
    victim.write_text("mine")
    async with shore(onstart="env >> /etc/environment", env={"X": "evil"}) as sea:
        await sea.run(
            f"ln -sf {victim} /etc/environment; ln -sf {victim} /etc/hostname;"
            f" rm -r /var /root/.ssh; ln -s {tmp_path} /var; ln -s {tmp_path}/keys /root/.ssh"
        )
        await sea.set_state("stopped")
        await sea.set_state("running", seconds=600)
        await sea.vendor.show(sea.instance_id)
        _, text = await sea.run("cat /etc/hostname; ls -d /var/log")

    assert victim.read_text() == "mine"
    assert _names(tmp_path) == ["bashrc"]
    assert "C." in text


@pytest.mark.parametrize("path", ["../../../../outside-7", "a/../../../outside-7", "/..", "//x/.."])
async def test_a_mount_path_of_a_volume_stays_inside(path: str) -> None:
    """Where a volume is mounted is text of the caller's."""
    async with shore() as sea:
        directory = sea.servers.machine(sea.instance_id).disk.root.parent
        offer = await sea.vendor.cheapest()
        await sea.vendor.running(offer=offer, volume_info={"volume_id": 7, "mount_path": path})
        await sea.vendor.show(sea.instance_id)

        assert set(_names(directory)) <= {"volumes", *map(str, sea.servers.lodgings)}
        assert "outside-7" not in _names(directory.parent)


async def test_no_request_over_sftp_reaches_this_computer(tmp_path: Path) -> None:
    """Hard links, attributes, sizes and listings through a link that points outside."""
    victim = tmp_path / "victim"
    victim.write_text("CANARY-OF-THE-HOST")
    before = victim.stat()
    async with shore() as sea, sea.entered() as connection, connection.start_sftp_client() as sftp:
        await sftp.symlink(str(victim), "/workspace/v")
        await sftp.symlink(str(tmp_path), "/workspace/f")
        tries = [
            lambda: sftp.link("/workspace/v", "/workspace/hard"),
            lambda: sftp.truncate("/workspace/v", 0),
            lambda: sftp.chmod("/workspace/v", 0o777),
            lambda: sftp.utime("/workspace/v", (1, 1)),
            lambda: sftp.setstat("/workspace/v", asyncssh.SFTPAttrs(size=0), follow_symlinks=False),
            lambda: sftp.listdir("/workspace/f"),
            lambda: sftp.remove("/workspace/f/victim"),
            lambda: sftp.rename("/workspace/f/victim", "/workspace/stolen"),
            lambda: sftp.posix_rename("/workspace/f/victim", "/workspace/stolen"),
            lambda: sftp.mkdir("/workspace/f/made"),
            lambda: sftp.get("/workspace/v", tmp_path / "got"),
        ]
        for attempt in tries:
            with pytest.raises((asyncssh.SFTPError, OSError)):
                await attempt()  # type: ignore[no-untyped-call]

    assert victim.read_text() == "CANARY-OF-THE-HOST"
    after = victim.stat()
    assert (after.st_mode, after.st_mtime_ns, after.st_nlink) == (
        before.st_mode, before.st_mtime_ns, before.st_nlink,
    )  # fmt: skip
    assert set(_names(tmp_path)) <= {"victim", "got"}


async def test_a_path_in_two_reads_is_hidden_all_the_same() -> None:
    """A program may print half of a path, wait, and print the rest."""
    code = (
        "import os, sys, time\nhere = os.getcwd()\n"
        "sys.stdout.write('at ' + here[:9]); sys.stdout.flush(); time.sleep(0.05)\n"
        "sys.stdout.write(here[9:] + ' end')\n"
    )
    async with shore(run_python=True) as sea:
        await _leave(sea, "x.py", code)
        _, text = await asyncio.wait_for(sea.run("cd /workspace; python3 x.py"), 20)

    assert text == "at /workspace end"
