"""`copy_files` between this computer and simulated machines, over real SFTP.

See docs/vendor-api.md#copying.
"""

import asyncio
import hashlib
import os
from pathlib import Path

import pytest

from tests.tools.ssh_world import SshLab, ssh_world
from tests.world import Json, ToolFailed
from vast_mcp.guard.act import Caller
from vast_mcp.simulator.copies import Copies, End
from vast_mcp.simulator.world import Volume


def sums(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below."""
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.rglob("*")
        if file.is_file()
    }


def project(lab: SshLab, name: str = "proj") -> Path:
    """A small tree with odd names."""
    folder = lab.world.home / name
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "train.py").write_text("print('hello')\n")
    (folder / "deep" / "er" / "weights.bin").write_bytes(os.urandom(700_000))
    (folder / "deep" / "-rf ünïcode").write_text("x")
    return folder


async def copy(lab: SshLab, source: str, destination: str, **more: object) -> Json:
    """The tool's answer."""
    return await lab.call("copy_files", source=source, destination=destination, **more)


async def test_files_go_up_and_come_back_the_same(tmp_path: Path) -> None:
    """One question for the first upload, none for the second; checksums both ways."""
    async with ssh_world(tmp_path) as lab:
        machine = await lab.machine()
        folder = project(lab)
        up = await copy(lab, "local:proj", f"C.{machine}:/workspace/proj")
        again = await copy(lab, "local:proj", f"{machine}:/workspace/proj")
        asked = list(lab.world.questions)
        down = await copy(lab, f"C.{machine}:/workspace/proj", "local:back")
    assert up["status"] == "copied", up
    assert up["files"] == 3
    assert (again["files"], again["unchanged"]) == (0, 3)
    assert len(asked) == len(lab.world.questions) == 1
    assert asked[0].startswith(f"Upload to {machine} (")
    assert "3 files (700.0 kB)" in asked[0]
    assert len(asked[0]) <= 350
    assert down["status"] == "copied"
    assert down["bytes_per_second"] > 0
    assert sums(lab.world.home / "back") == sums(folder)


async def test_a_no_sends_nothing(tmp_path: Path) -> None:
    """An upload needs its yes (docs/design.md#levels)."""
    async with ssh_world(tmp_path, answer="decline") as lab:
        machine = await lab.machine()
        project(lab)
        told = await copy(lab, "local:proj", f"C.{machine}:/workspace/proj")
        assert not lab.servers.machine(machine).disk.locate("/workspace/proj").exists()
    assert told["status"] == "declined"


async def test_a_second_machine_and_a_large_upload_are_asked_again(tmp_path: Path) -> None:
    """Once per instance and root; above 500 MB each time (docs/design.md#levels)."""
    async with ssh_world(tmp_path) as lab:
        first = await lab.machine()
        second = await lab.machine(request_key="second")
        project(lab)
        await copy(lab, "local:proj", f"C.{first}:/workspace/proj")
        await copy(lab, "local:proj", f"C.{second}:/workspace/proj")
        assert len(lab.world.questions) == 2
    async with ssh_world(tmp_path / "other", answer="decline") as lab:
        machine = await lab.machine()
        big = lab.world.home / "big.bin"
        with big.open("wb") as file:
            file.truncate(600_000_000)
        told = await copy(lab, "local:big.bin", f"C.{machine}:/workspace/")
        assert told["status"] == "declined"
        assert "600.0 MB" in lab.world.questions[0]
        big.unlink()


BAD = (
    ("local:../secret", "C.{id}:/workspace/x"),
    ("local:/etc/passwd", "C.{id}:/workspace/x"),
    ("local:proj/../../x", "C.{id}:/workspace/x"),
    ("local:way-out", "C.{id}:/workspace/x"),
    ("local:proj", "C.{id}:/"),
    ("local:proj", "C.{id}:/root"),
    ("local:proj", "C.{id}:/root/.ssh"),
    ("local:proj", "C.{id}:/workspace/../root/.ssh/x"),
    ("local:proj", "C.{id}:/proc/1/root/workspace"),
    ("local:proj", "C.{id}:/root/.vmcp/x"),
    ("local:proj", "C.{id}:/dev/fd/3"),
    ("C.{id}:/proc/self/environ", "local:x"),
    ("local:pipe", "C.{id}:/workspace/x"),
    ("proj", "C.{id}:/workspace/x"),
    ("local:proj", "-oProxyCommand=x:/workspace"),
    ("local:proj", "s3.1:/workspace"),
    ("local:proj", "local:elsewhere"),
    ("C.{id}:/workspace/f", "local:../x"),
    ("C.{id}:/workspace/f", "local:/etc/cron.d/x"),
    ("C.{id}:/", "local:all"),
    ("V.7:/data", "local:x"),
    ("C.{id}:/workspace\u0000x", "local:x"),
)


async def test_path_attacks_are_refused_and_nothing_moves(tmp_path: Path) -> None:
    """Traversal, links, pipes, secrets, options; unasked and unsent (docs/hazards.md#files)."""
    async with ssh_world(tmp_path) as lab:
        machine = await lab.machine()
        project(lab)
        (lab.world.home / "way-out").symlink_to("/etc")
        os.mkfifo(lab.world.home / "pipe")
        before = sums(lab.world.home / "proj")
        for source, target in BAD:
            with pytest.raises(ToolFailed):
                await copy(lab, source.format(id=machine), target.format(id=machine))
        disk = lab.servers.machine(machine).disk
        assert not disk.locate("/workspace/x").exists()
        assert sums(lab.world.home / "proj") == before
        assert not (lab.world.home / "all").exists()
    assert lab.world.questions == []


async def test_one_secret_goes_by_its_exact_path_and_a_question_that_names_it(
    tmp_path: Path,
) -> None:
    """Also where uploads from that root were agreed to before: this one is asked about again."""
    async with ssh_world(tmp_path) as lab:
        machine = await lab.machine()
        folder = project(lab)
        (folder / "token.txt").write_text("abc")
        (folder / "notes.md").write_text("-----BEGIN OPENSSH PRIVATE KEY-----\nx\n")
        told = await copy(lab, "local:proj", f"C.{machine}:/workspace/proj")
        first = await copy(lab, "local:proj/token.txt", f"C.{machine}:/workspace/t")
        second = await copy(lab, "local:proj/notes.md", f"C.{machine}:/workspace/n")
        disk = lab.servers.machine(machine).disk
        assert not disk.locate("/workspace/proj/notes.md").exists()
        assert not disk.locate("/workspace/proj/token.txt").exists()
        assert disk.locate("/workspace/t").exists()
    assert sorted(told["untrusted_skipped"]) == [
        "notes.md: looks like a secret: holds a private key",
        "token.txt: looks like a secret",
    ]
    assert (first["status"], second["status"]) == ("copied", "copied")
    _, named, inside = lab.world.questions
    assert "token.txt" in named
    assert "looks like a secret: it has a secret's name" in named
    assert "looks like a secret: it holds a private key" in inside


async def test_secret_looking_names_and_links_are_skipped_and_told(tmp_path: Path) -> None:
    """They are not sent with their directory either (docs/hazards.md#files)."""
    async with ssh_world(tmp_path) as lab:
        machine = await lab.machine()
        folder = project(lab)
        (folder / ".env").write_text("KEY=1")
        (folder / "link").symlink_to("/etc/passwd")
        told = await copy(lab, "local:proj", f"C.{machine}:/workspace/proj")
        disk = lab.servers.machine(machine).disk
        assert not disk.locate("/workspace/proj/.env").exists()
        assert not disk.locate("/workspace/proj/link").exists()
    assert told["skipped"] == 2
    assert sorted(told["untrusted_skipped"]) == [".env: looks like a secret", "link: a link"]


async def test_patterns_choose_files(tmp_path: Path) -> None:
    """Include and exclude."""
    async with ssh_world(tmp_path) as lab:
        machine = await lab.machine()
        project(lab)
        told = await copy(
            lab, "local:proj", f"C.{machine}:/workspace/proj", include=["*.py", "*.bin"],
            exclude=["deep"],
        )  # fmt: skip
    assert told["files"] == 1


async def test_a_stopped_machine_says_what_starting_it_costs(tmp_path: Path) -> None:
    """No rsync past an unchecked host key; the refusal names both ways.

    The second way it names is taken: through a running machine of one's own.
    """
    async with ssh_world(tmp_path) as lab:
        machine = await lab.machine()
        other = await lab.machine(request_key="second")
        folder = project(lab)
        await lab.call("stop_instance", instance_id=machine)
        lab.world.run_until_ready()
        asked = len(lab.world.questions)
        for source, target in (
            ("local:proj", f"C.{machine}:/workspace/proj"),
            (f"C.{machine}:/workspace/proj", "local:back"),
        ):
            with pytest.raises(ToolFailed, match=r"stopped.*start_instance.*\$[\d.]+/h") as refusal:
                await copy(lab, source, target)
            assert f"C.{machine}:PATH" in str(refusal.value)
            assert len(str(refusal.value)) <= 600
        assert len(lab.world.questions) == asked
        await copy(lab, "local:proj", f"C.{other}:/workspace/proj")
        told = await copy(lab, f"C.{other}:/workspace/proj", f"C.{machine}:/workspace/proj")
        lab.world.clock.move(100)
        await lab.call("show_instances", instance_id=machine)
        assert sums(inside(lab, machine) / "workspace/proj") == sums(folder)
    assert told["verified"] == "no"


async def test_a_machine_of_others_needs_a_person_to_be_copied_from(tmp_path: Path) -> None:
    """Any write on a machine not ours, and its files are theirs (docs/design.md#levels)."""
    async with ssh_world(tmp_path) as lab:
        lab.world.simulator.add_foreign_instance(label="somebody's work")
        (foreign,) = lab.world.simulator.world.instances
        lab.world.run_until_ready()
        told = await copy(lab, f"C.{foreign}:/workspace", "local:theirs")
    assert told["status"] == "needs_confirmation"
    assert "vast-mcp approve" in told["next"]


def inside(lab: SshLab, machine: int) -> Path:
    """A machine's disk, on this computer."""
    return lab.servers.machine(machine).disk.root


def stock(disk: Path, *names: str) -> dict[str, str]:
    """Files of random content; their checksums."""
    for name in names:
        (disk / name).parent.mkdir(parents=True, exist_ok=True)
        (disk / name).write_bytes(os.urandom(50_000))
    return sums(disk)


def asked_of_vendor(lab: SshLab) -> list[Json]:
    """The bodies of the copies that the vendor was asked for."""
    found = [r for r in lab.world.simulator.requests if r.path.endswith("/copy_direct/")]
    return [request.json for request in found if isinstance(request.json, dict)]


async def test_a_copy_between_machines_is_the_vendors_and_is_seen_to_its_end(
    tmp_path: Path,
) -> None:
    """One question, one request as the official client sends it; done by checksum."""
    async with ssh_world(tmp_path) as lab:
        one = await lab.machine()
        two = await lab.machine(request_key="second")
        wanted = stock(inside(lab, one) / "workspace/a", "x.bin", "deep/y.bin")
        (inside(lab, one) / "workspace/a/link").symlink_to("/etc/hostname")
        told = await copy(lab, f"C.{one}:/workspace/a", f"{two}:/workspace/b")
        again = await copy(lab, f"C.{one}:/workspace/a", f"{two}:/workspace/b")
        single = await copy(lab, f"C.{one}:/workspace/a/x.bin", f"{two}:/workspace/c/")
        there = sums(inside(lab, two) / "workspace/b")
        moved = sums(inside(lab, two) / "workspace/c")
        bodies = asked_of_vendor(lab)
        requests = [r.path for r in lab.world.simulator.mutations() if "copy" in r.path]
    assert (told["status"], told["verified"], told["files"]) == ("copied", "sha256", 2)
    assert (again["files"], again["unchanged"]) == (0, 2)
    assert (single["status"], single["files"]) == ("copied", 1)
    assert {name: there[name] for name in wanted} == wanted
    assert moved == {"x.bin": wanted["x.bin"]}
    assert bodies[0] == {"client_id": "me", "src_id": f"C.{one}", "src_path": "/workspace/a/",
                         "dst_id": f"C.{two}", "dst_path": "/workspace/b"}  # fmt: skip
    assert len(requests) == len(lab.world.questions) == 3
    assert lab.world.questions[0].startswith(f"Copy to {two} (")
    assert any("not compared" in warning for warning in told["warnings"])


async def test_a_copy_that_still_runs_is_not_asked_for_twice(tmp_path: Path) -> None:
    """The same call waits on: no second question, no second request to the vendor."""
    async with ssh_world(tmp_path) as lab:
        one = await lab.machine()
        two = await lab.machine(request_key="second")
        stock(inside(lab, one) / "workspace/a", "x.bin")
        told = await copy(lab, f"C.{one}:/workspace/a/", f"C.{two}:/workspace/b/")
        first = asyncio.create_task(copy(lab, f"C.{one}:/workspace/a", f"C.{two}:/workspace/z"))
        while len(asked_of_vendor(lab)) < 2:
            await lab.world.clock.sleep(0)
            await asyncio.sleep(0)  # noqa: TID251  lets the call get on
        second = await copy(lab, f"C.{one}:/workspace/a", f"C.{two}:/workspace/z")
        await first
        assert len(asked_of_vendor(lab)) == 2
        assert len(lab.world.questions) == 2
    assert told["status"] == second["status"] == "copied"


async def test_a_copy_of_which_nothing_arrives_is_given_up_as_such(tmp_path: Path) -> None:
    """The vendor reports no failure either: what is missing is told, never taken for done."""
    async with ssh_world(tmp_path) as lab:
        one = await lab.machine()
        two = await lab.machine(request_key="second")
        stock(inside(lab, one) / "workspace/a", "x.bin")
        lab.world.simulator.world.copies = Lost(lab.world.simulator.world.book)
        with pytest.raises(ToolFailed, match="0 of 1 files have arrived"):
            await copy(lab, f"C.{one}:/workspace/a", f"C.{two}:/workspace/b")


class Lost(Copies):
    """A vendor who accepts copies and forgets them."""

    def begin(self, source: End, target: End, src_path: str, dst_path: str, now_us: int) -> None:
        """Nothing."""


async def test_wrong_content_of_the_right_size_is_not_taken_for_done(tmp_path: Path) -> None:
    """Checksums decide: an old file of the same size on the target is no copy."""
    async with ssh_world(tmp_path) as lab:
        one = await lab.machine()
        two = await lab.machine(request_key="second")
        stock(inside(lab, one) / "workspace/a", "x.bin")
        stock(inside(lab, two) / "workspace/b", "x.bin")
        lab.world.simulator.world.copies = Lost(lab.world.simulator.world.book)
        with pytest.raises(ToolFailed, match="different content"):
            await copy(lab, f"C.{one}:/workspace/a", f"C.{two}:/workspace/b")


async def test_what_cannot_be_entered_is_copied_and_not_called_verified(tmp_path: Path) -> None:
    """Stopped machines take part; the vendor reports no end, so none is claimed."""
    async with ssh_world(tmp_path) as lab:
        one = await lab.machine()
        two = await lab.machine(request_key="second")
        wanted = stock(inside(lab, one) / "workspace/a", "x.bin")
        await lab.call("stop_instance", instance_id=two)
        lab.world.run_until_ready()
        told = await copy(lab, f"C.{one}:/workspace/a", f"C.{two}:/workspace/b")
        await lab.call("stop_instance", instance_id=one)
        lab.world.run_until_ready()
        blind = await copy(lab, f"C.{one}:/workspace/a", f"C.{two}:/workspace/c")
        lab.world.clock.move(200)
        await lab.call("show_instances", instance_id=two)
        assert sums(inside(lab, two) / "workspace/b") == wanted
        assert sums(inside(lab, two) / "workspace/c") == wanted
    assert (told["status"], told["verified"]) == ("copying", "no")
    assert f"{two} is not running" in told["said"]
    assert "copies it to /workspace/b," in told["said"]
    assert "copies it to /workspace/c," in blind["said"]


async def test_a_volume_is_copied_once_a_person_has_approved(tmp_path: Path) -> None:
    """Whose volume it is cannot be told; its end cannot be seen (docs/design.md#levels)."""
    async with ssh_world(tmp_path) as lab:
        one = await lab.machine()
        world = lab.world.simulator.world
        volume = Volume(7, 0, world.market.machines[0].id, 20.0, 0.1, None, world.now_us)
        world.volumes[7] = volume
        wanted = stock(inside(lab, one) / "workspace/a", "x.bin")
        told: list[Json] = []
        for source, target in (
            (f"C.{one}:/workspace/a", "V.7:/data/"),
            ("V.7:/data/a/", f"C.{one}:/workspace/back"),
        ):
            asked = await copy(lab, source, target)
            assert asked["status"] == "needs_confirmation"
            assert "vast-mcp approve" in asked["next"]
            async with lab.world.runtime() as runtime:
                await runtime.session.guard.answers.approve(asked["plan_id"], Caller())
            told.append(await lab.call("confirm_plan", plan_id=asked["plan_id"]))
            lab.world.clock.move(100)
            await lab.call("show_instances", instance_id=one)
        assert sums(inside(lab, one) / "workspace/back") == wanted
        assert volume.disk is not None
        assert sums(volume.disk.root / "data/a") == wanted
    assert [(one["status"], one["verified"]) for one in told] == [("copying", "no")] * 2
    assert "V.7 is a volume" in told[0]["said"]


async def test_bad_paths_between_machines_are_refused_unasked(tmp_path: Path) -> None:
    """Never onto `/` or `/root`; nothing is sent."""
    async with ssh_world(tmp_path) as lab:
        one = await lab.machine()
        two = await lab.machine(request_key="second")
        stock(inside(lab, one) / "workspace/a", "x.bin")
        for source, target in (
            ("/workspace/a", "/"), ("/workspace/a", "/root"), ("/workspace/a", "/root/"),
            ("/workspace/a", "b"), ("a", "/workspace/b"), ("/", "/workspace/b"),
            ("/workspace/../etc", "/workspace/b"), ("/workspace/a", "/root/.ssh/x"),
        ):  # fmt: skip
            with pytest.raises(ToolFailed):
                await copy(lab, f"C.{one}:{source}", f"C.{two}:{target}")
        assert lab.world.questions == []
        with pytest.raises(ToolFailed, match="No such file"):
            await copy(lab, f"C.{one}:/workspace/none", f"C.{two}:/workspace/b")
        assert asked_of_vendor(lab) == []
