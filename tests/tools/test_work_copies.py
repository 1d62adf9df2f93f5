"""`copy_files` between this computer and simulated machines, over real SFTP.

See docs/vendor-api.md#copying.
"""

import asyncio
import hashlib
import os
from pathlib import Path

import pytest

from tests.tools.aboard import Afloat, harbour
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


def project(sea: Afloat, name: str = "proj") -> Path:
    """A small tree with odd names."""
    folder = sea.world.home / name
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "train.py").write_text("print('hello')\n")
    (folder / "deep" / "er" / "weights.bin").write_bytes(os.urandom(700_000))
    (folder / "deep" / "-rf ünïcode").write_text("x")
    return folder


async def copy(sea: Afloat, source: str, destination: str, **more: object) -> Json:
    """The tool's answer."""
    return await sea.call("copy_files", source=source, destination=destination, **more)


async def test_files_go_up_and_come_back_the_same(tmp_path: Path) -> None:
    """One question for the first upload, none for the second; checksums both ways."""
    async with harbour(tmp_path) as sea:
        machine = await sea.machine()
        folder = project(sea)
        up = await copy(sea, "local:proj", f"C.{machine}:/workspace/proj")
        again = await copy(sea, "local:proj", f"{machine}:/workspace/proj")
        asked = list(sea.world.questions)
        down = await copy(sea, f"C.{machine}:/workspace/proj", "local:back")
    assert up["status"] == "copied", up
    assert up["files"] == 3
    assert (again["files"], again["unchanged"]) == (0, 3)
    assert len(asked) == len(sea.world.questions) == 1
    assert asked[0].startswith(f"Upload to {machine} (")
    assert "3 files (700.0 kB)" in asked[0]
    assert len(asked[0]) <= 350
    assert down["status"] == "copied"
    assert down["bytes_per_second"] > 0
    assert sums(sea.world.home / "back") == sums(folder)


async def test_a_no_sends_nothing(tmp_path: Path) -> None:
    """An upload needs its yes (docs/design.md#levels)."""
    async with harbour(tmp_path, answer="decline") as sea:
        machine = await sea.machine()
        project(sea)
        told = await copy(sea, "local:proj", f"C.{machine}:/workspace/proj")
        assert not sea.servers.machine(machine).disk.locate("/workspace/proj").exists()
    assert told["status"] == "declined"


async def test_a_second_machine_and_a_large_upload_are_asked_again(tmp_path: Path) -> None:
    """Once per instance and root; above 500 MB each time (docs/design.md#levels)."""
    async with harbour(tmp_path) as sea:
        first = await sea.machine()
        second = await sea.machine(request_key="second")
        project(sea)
        await copy(sea, "local:proj", f"C.{first}:/workspace/proj")
        await copy(sea, "local:proj", f"C.{second}:/workspace/proj")
        assert len(sea.world.questions) == 2
    async with harbour(tmp_path / "other", answer="decline") as sea:
        machine = await sea.machine()
        big = sea.world.home / "big.bin"
        with big.open("wb") as file:
            file.truncate(600_000_000)
        told = await copy(sea, "local:big.bin", f"C.{machine}:/workspace/")
        assert told["status"] == "declined"
        assert "600.0 MB" in sea.world.questions[0]
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
    async with harbour(tmp_path) as sea:
        machine = await sea.machine()
        project(sea)
        (sea.world.home / "way-out").symlink_to("/etc")
        os.mkfifo(sea.world.home / "pipe")
        before = sums(sea.world.home / "proj")
        for source, target in BAD:
            with pytest.raises(ToolFailed):
                await copy(sea, source.format(id=machine), target.format(id=machine))
        disk = sea.servers.machine(machine).disk
        assert not disk.locate("/workspace/x").exists()
        assert sums(sea.world.home / "proj") == before
        assert not (sea.world.home / "all").exists()
    assert sea.world.questions == []


async def test_one_secret_goes_by_its_exact_path_and_a_question_that_names_it(
    tmp_path: Path,
) -> None:
    """Also where uploads from that root were agreed to before: this one is asked about again."""
    async with harbour(tmp_path) as sea:
        machine = await sea.machine()
        folder = project(sea)
        (folder / "token.txt").write_text("abc")
        (folder / "notes.md").write_text("-----BEGIN OPENSSH PRIVATE KEY-----\nx\n")
        told = await copy(sea, "local:proj", f"C.{machine}:/workspace/proj")
        first = await copy(sea, "local:proj/token.txt", f"C.{machine}:/workspace/t")
        second = await copy(sea, "local:proj/notes.md", f"C.{machine}:/workspace/n")
        disk = sea.servers.machine(machine).disk
        assert not disk.locate("/workspace/proj/notes.md").exists()
        assert not disk.locate("/workspace/proj/token.txt").exists()
        assert disk.locate("/workspace/t").exists()
    assert sorted(told["untrusted_skipped"]) == [
        "notes.md: looks like a secret: holds a private key",
        "token.txt: looks like a secret",
    ]
    assert (first["status"], second["status"]) == ("copied", "copied")
    _, named, inside = sea.world.questions
    assert "token.txt" in named
    assert "looks like a secret: it has the name of one" in named
    assert "looks like a secret: it holds a private key" in inside


async def test_secret_looking_names_and_links_are_skipped_and_told(tmp_path: Path) -> None:
    """They are not sent with their directory either (docs/hazards.md#files)."""
    async with harbour(tmp_path) as sea:
        machine = await sea.machine()
        folder = project(sea)
        (folder / ".env").write_text("KEY=1")
        (folder / "link").symlink_to("/etc/passwd")
        told = await copy(sea, "local:proj", f"C.{machine}:/workspace/proj")
        disk = sea.servers.machine(machine).disk
        assert not disk.locate("/workspace/proj/.env").exists()
        assert not disk.locate("/workspace/proj/link").exists()
    assert told["skipped"] == 2
    assert sorted(told["untrusted_skipped"]) == [".env: looks like a secret", "link: a link"]


async def test_patterns_choose_files(tmp_path: Path) -> None:
    """Include and exclude."""
    async with harbour(tmp_path) as sea:
        machine = await sea.machine()
        project(sea)
        told = await copy(
            sea, "local:proj", f"C.{machine}:/workspace/proj", include=["*.py", "*.bin"],
            exclude=["deep"],
        )  # fmt: skip
    assert told["files"] == 1


async def test_a_stopped_machine_says_what_starting_it_costs(tmp_path: Path) -> None:
    """No rsync past an unchecked host key; the refusal names both ways.

    The second way it names is taken: through a running machine of one's own.
    """
    async with harbour(tmp_path) as sea:
        machine = await sea.machine()
        other = await sea.machine(request_key="second")
        folder = project(sea)
        await sea.call("stop_instance", instance_id=machine)
        sea.world.run_until_ready()
        asked = len(sea.world.questions)
        for source, target in (
            ("local:proj", f"C.{machine}:/workspace/proj"),
            (f"C.{machine}:/workspace/proj", "local:back"),
        ):
            with pytest.raises(ToolFailed, match=r"stopped.*start_instance.*\$[\d.]+/h") as refusal:
                await copy(sea, source, target)
            assert f"C.{machine}:PATH" in str(refusal.value)
            assert len(str(refusal.value)) <= 600
        assert len(sea.world.questions) == asked
        await copy(sea, "local:proj", f"C.{other}:/workspace/proj")
        told = await copy(sea, f"C.{other}:/workspace/proj", f"C.{machine}:/workspace/proj")
        sea.world.clock.move(100)
        await sea.call("show_instances", instance_id=machine)
        assert sums(inside(sea, machine) / "workspace/proj") == sums(folder)
    assert told["verified"] == "no"


async def test_a_machine_of_others_needs_a_person_to_be_copied_from(tmp_path: Path) -> None:
    """Any write on a machine not ours, and its files are theirs (docs/design.md#levels)."""
    async with harbour(tmp_path) as sea:
        sea.world.simulator.add_foreign_instance(label="somebody's work")
        (foreign,) = sea.world.simulator.world.instances
        sea.world.run_until_ready()
        told = await copy(sea, f"C.{foreign}:/workspace", "local:theirs")
    assert told["status"] == "needs_confirmation"
    assert "vast-mcp approve" in told["next"]


def inside(sea: Afloat, machine: int) -> Path:
    """A machine's disk, on this computer."""
    return sea.servers.machine(machine).disk.root


def stock(disk: Path, *names: str) -> dict[str, str]:
    """Files of random content; their checksums."""
    for name in names:
        (disk / name).parent.mkdir(parents=True, exist_ok=True)
        (disk / name).write_bytes(os.urandom(50_000))
    return sums(disk)


def asked_of_vendor(sea: Afloat) -> list[Json]:
    """The bodies of the copies that the vendor was asked for."""
    found = [r for r in sea.world.simulator.requests if r.path.endswith("/copy_direct/")]
    return [request.json for request in found if isinstance(request.json, dict)]


async def test_a_copy_between_machines_is_the_vendors_and_is_seen_to_its_end(
    tmp_path: Path,
) -> None:
    """One question, one request as the official client sends it; done by checksum."""
    async with harbour(tmp_path) as sea:
        one = await sea.machine()
        two = await sea.machine(request_key="second")
        wanted = stock(inside(sea, one) / "workspace/a", "x.bin", "deep/y.bin")
        (inside(sea, one) / "workspace/a/link").symlink_to("/etc/hostname")
        told = await copy(sea, f"C.{one}:/workspace/a", f"{two}:/workspace/b")
        again = await copy(sea, f"C.{one}:/workspace/a", f"{two}:/workspace/b")
        single = await copy(sea, f"C.{one}:/workspace/a/x.bin", f"{two}:/workspace/c/")
        there = sums(inside(sea, two) / "workspace/b")
        moved = sums(inside(sea, two) / "workspace/c")
        bodies = asked_of_vendor(sea)
        requests = [r.path for r in sea.world.simulator.mutations() if "copy" in r.path]
    assert (told["status"], told["verified"], told["files"]) == ("copied", "sha256", 2)
    assert (again["files"], again["unchanged"]) == (0, 2)
    assert (single["status"], single["files"]) == ("copied", 1)
    assert {name: there[name] for name in wanted} == wanted
    assert moved == {"x.bin": wanted["x.bin"]}
    assert bodies[0] == {"client_id": "me", "src_id": f"C.{one}", "src_path": "/workspace/a/",
                         "dst_id": f"C.{two}", "dst_path": "/workspace/b"}  # fmt: skip
    assert len(requests) == len(sea.world.questions) == 3
    assert sea.world.questions[0].startswith(f"Copy to {two} (")
    assert any("not compared" in warning for warning in told["warnings"])


async def test_a_copy_that_still_runs_is_not_asked_for_twice(tmp_path: Path) -> None:
    """The same call waits on: no second question, no second request to the vendor."""
    async with harbour(tmp_path) as sea:
        one = await sea.machine()
        two = await sea.machine(request_key="second")
        stock(inside(sea, one) / "workspace/a", "x.bin")
        told = await copy(sea, f"C.{one}:/workspace/a/", f"C.{two}:/workspace/b/")
        first = asyncio.create_task(copy(sea, f"C.{one}:/workspace/a", f"C.{two}:/workspace/z"))
        while len(asked_of_vendor(sea)) < 2:
            await sea.world.clock.sleep(0)
            await asyncio.sleep(0)  # noqa: TID251  lets the call get on
        second = await copy(sea, f"C.{one}:/workspace/a", f"C.{two}:/workspace/z")
        await first
        assert len(asked_of_vendor(sea)) == 2
        assert len(sea.world.questions) == 2
    assert told["status"] == second["status"] == "copied"


async def test_a_copy_of_which_nothing_arrives_is_given_up_as_such(tmp_path: Path) -> None:
    """The vendor reports no failure either: what is missing is told, never taken for done."""
    async with harbour(tmp_path) as sea:
        one = await sea.machine()
        two = await sea.machine(request_key="second")
        stock(inside(sea, one) / "workspace/a", "x.bin")
        sea.world.simulator.world.copies = Lost(sea.world.simulator.world.book)
        with pytest.raises(ToolFailed, match="0 of 1 files have arrived"):
            await copy(sea, f"C.{one}:/workspace/a", f"C.{two}:/workspace/b")


class Lost(Copies):
    """A vendor who accepts copies and forgets them."""

    def begin(self, source: End, target: End, src_path: str, dst_path: str, now_us: int) -> None:
        """Nothing."""


async def test_wrong_content_of_the_right_size_is_not_taken_for_done(tmp_path: Path) -> None:
    """Checksums decide: an old file of the same size on the target is no copy."""
    async with harbour(tmp_path) as sea:
        one = await sea.machine()
        two = await sea.machine(request_key="second")
        stock(inside(sea, one) / "workspace/a", "x.bin")
        stock(inside(sea, two) / "workspace/b", "x.bin")
        sea.world.simulator.world.copies = Lost(sea.world.simulator.world.book)
        with pytest.raises(ToolFailed, match="not the source's content"):
            await copy(sea, f"C.{one}:/workspace/a", f"C.{two}:/workspace/b")


async def test_what_cannot_be_entered_is_copied_and_not_called_verified(tmp_path: Path) -> None:
    """Stopped machines take part; the vendor reports no end, so none is claimed."""
    async with harbour(tmp_path) as sea:
        one = await sea.machine()
        two = await sea.machine(request_key="second")
        wanted = stock(inside(sea, one) / "workspace/a", "x.bin")
        await sea.call("stop_instance", instance_id=two)
        sea.world.run_until_ready()
        told = await copy(sea, f"C.{one}:/workspace/a", f"C.{two}:/workspace/b")
        await sea.call("stop_instance", instance_id=one)
        sea.world.run_until_ready()
        blind = await copy(sea, f"C.{one}:/workspace/a", f"C.{two}:/workspace/c")
        sea.world.clock.move(200)
        await sea.call("show_instances", instance_id=two)
        assert sums(inside(sea, two) / "workspace/b") == wanted
        assert sums(inside(sea, two) / "workspace/c") == wanted
    assert (told["status"], told["verified"]) == ("copying", "no")
    assert f"{two} does not run" in told["said"]
    assert "copies it to /workspace/b," in told["said"]
    assert "copies it to /workspace/c," in blind["said"]


async def test_a_volume_is_copied_once_a_person_has_approved(tmp_path: Path) -> None:
    """Whose volume it is cannot be told; its end cannot be seen (docs/design.md#levels)."""
    async with harbour(tmp_path) as sea:
        one = await sea.machine()
        world = sea.world.simulator.world
        volume = Volume(7, 0, world.market.machines[0].id, 20.0, 0.1, None, world.now_us)
        world.volumes[7] = volume
        wanted = stock(inside(sea, one) / "workspace/a", "x.bin")
        told: list[Json] = []
        for source, target in (
            (f"C.{one}:/workspace/a", "V.7:/data/"),
            ("V.7:/data/a/", f"C.{one}:/workspace/back"),
        ):
            asked = await copy(sea, source, target)
            assert asked["status"] == "needs_confirmation"
            assert "vast-mcp approve" in asked["next"]
            async with sea.world.runtime() as runtime:
                await runtime.session.guard.answers.approve(asked["plan_id"], Caller())
            told.append(await sea.call("confirm_plan", plan_id=asked["plan_id"]))
            sea.world.clock.move(100)
            await sea.call("show_instances", instance_id=one)
        assert sums(inside(sea, one) / "workspace/back") == wanted
        assert volume.disk is not None
        assert sums(volume.disk.root / "data/a") == wanted
    assert [(one["status"], one["verified"]) for one in told] == [("copying", "no")] * 2
    assert "V.7 is a volume" in told[0]["said"]


async def test_bad_paths_between_machines_are_refused_unasked(tmp_path: Path) -> None:
    """Never onto `/` or `/root`; nothing is sent."""
    async with harbour(tmp_path) as sea:
        one = await sea.machine()
        two = await sea.machine(request_key="second")
        stock(inside(sea, one) / "workspace/a", "x.bin")
        for source, target in (
            ("/workspace/a", "/"), ("/workspace/a", "/root"), ("/workspace/a", "/root/"),
            ("/workspace/a", "b"), ("a", "/workspace/b"), ("/", "/workspace/b"),
            ("/workspace/../etc", "/workspace/b"), ("/workspace/a", "/root/.ssh/x"),
        ):  # fmt: skip
            with pytest.raises(ToolFailed):
                await copy(sea, f"C.{one}:{source}", f"C.{two}:{target}")
        assert sea.world.questions == []
        with pytest.raises(ToolFailed, match="No such file"):
            await copy(sea, f"C.{one}:/workspace/none", f"C.{two}:/workspace/b")
        assert asked_of_vendor(sea) == []
