"""`copy_files` between this computer and simulated machines, over real SFTP."""

import hashlib
import os
from pathlib import Path

import httpx2
import pytest

from tests.tools.aboard import Afloat, harbour
from tests.world import Json, ToolFailed
from vast_mcp.operations import copying


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
    """Issue 4 §4: one question for the first upload, none for the second; checksums both ways."""
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
    """Design §5: an upload needs its yes."""
    async with harbour(tmp_path, answer="decline") as sea:
        machine = await sea.machine()
        project(sea)
        told = await copy(sea, "local:proj", f"C.{machine}:/workspace/proj")
        assert not sea.servers.machine(machine).disk.locate("/workspace/proj").exists()
    assert told["status"] == "declined"


async def test_a_second_machine_and_a_large_upload_are_asked_again(tmp_path: Path) -> None:
    """Design §5: once per instance and root; above 500 MB each time."""
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
    ("local:.env", "C.{id}:/workspace/x"),
    ("local:proj/id_rsa", "C.{id}:/workspace/x"),
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
    """Issue 4, safety F1/F2/F5: traversal, links, pipes, secrets, options; unasked and unsent."""
    async with harbour(tmp_path) as sea:
        machine = await sea.machine()
        folder = project(sea)
        (sea.world.home / "way-out").symlink_to("/etc")
        (sea.world.home / ".env").write_text("KEY=1")
        (folder / "id_rsa").write_text("secret")
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


async def test_secret_looking_names_and_links_are_skipped_and_told(tmp_path: Path) -> None:
    """Safety F5: they are not sent with their directory either."""
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
    """Issue 4 §4: include and exclude."""
    async with harbour(tmp_path) as sea:
        machine = await sea.machine()
        project(sea)
        told = await copy(
            sea, "local:proj", f"C.{machine}:/workspace/proj", include=["*.py", "*.bin"],
            exclude=["deep"],
        )  # fmt: skip
    assert told["files"] == 1


async def test_a_stopped_machine_says_why_it_cannot_be_copied_to(tmp_path: Path) -> None:
    """Issue 4 §4: the rsync route is not used yet; the refusal says so."""
    async with harbour(tmp_path) as sea:
        machine = await sea.machine()
        project(sea)
        await sea.call("stop_instance", instance_id=machine)
        sea.world.run_until_ready()
        asked = len(sea.world.questions)
        with pytest.raises(ToolFailed, match=r"stopped.*start_instance"):
            await copy(sea, "local:proj", f"C.{machine}:/workspace/proj")
        assert len(sea.world.questions) == asked


async def test_a_machine_of_others_needs_a_person_to_be_copied_from(tmp_path: Path) -> None:
    """Design §5: any write on a machine not ours, and its files are theirs."""
    async with harbour(tmp_path) as sea:
        sea.world.simulator.add_foreign_instance(label="somebody's work")
        (foreign,) = sea.world.simulator.world.instances
        sea.world.run_until_ready()
        told = await copy(sea, f"C.{foreign}:/workspace", "local:theirs")
    assert told["status"] == "needs_confirmation"
    assert "vast-mcp approve" in told["next"]


class Copier(httpx2.AsyncBaseTransport):
    """Answers the vendor's copy, which the simulator does not know; passes on everything else."""

    def __init__(self, inner: httpx2.AsyncBaseTransport) -> None:
        self.inner = inner
        self.bodies: list[bytes] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The vendor's words of vast-api §11."""
        if not request.url.path.startswith("/api/v0/commands/copy_direct"):
            return await self.inner.handle_async_request(request)
        assert request.method == "PUT"
        self.bodies.append(await request.aread())
        text = "Remote to Remote copy initiated - check instance status bar for progress updates"
        return httpx2.Response(200, json={"success": True, "msg": text})


async def test_a_copy_between_machines_is_the_vendors_and_asks(tmp_path: Path) -> None:
    """Vast-api §11: the body as the official client sends it, after one question."""
    async with harbour(tmp_path) as sea:
        copier = Copier(sea.world.transport)
        sea.world.transport = copier
        async with sea.world.connect() as client:
            other = Afloat(sea.world, client, sea.servers)
            one = await other.machine()
            two = await other.machine(request_key="second")
            told = await copy(other, f"C.{one}:/workspace/a", f"{two}:/workspace/b")
            for bad in ("/", "/root", "/root/"):
                with pytest.raises(ToolFailed):
                    await copy(other, f"C.{one}:/workspace/a", f"C.{two}:{bad}")
            volume = await copy(other, "V.7:/data", f"C.{two}:/workspace/data")
    sent = httpx2.Response(200, content=copier.bodies[0]).json()
    assert sent == {"client_id": "me", "src_id": f"C.{one}", "src_path": "/workspace/a",
                    "dst_id": f"C.{two}", "dst_path": "/workspace/b"}  # fmt: skip
    assert sent == copying.copy_direct(f"C.{one}", "/workspace/a", f"C.{two}", "/workspace/b").body
    assert len(copier.bodies) == 1
    assert told["status"] == "copying"
    assert len(sea.world.questions) == 1
    assert sea.world.questions[0].startswith(f"Copy to {two} (")
    assert "vast-mcp approve" in volume["next"]
