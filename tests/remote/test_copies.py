import asyncio
import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.remote.servers import Machine, big_only, in_process, needs_sshd, openssh
from vast_mcp.clock import SystemClock
from vast_mcp.remote.download import download
from vast_mcp.remote.errors import CopyDamaged, CopyRefused, PathRefused, RemoteFailed
from vast_mcp.remote.paths import STAGE, LocalRoots
from vast_mcp.remote.plan import CopyLimits, CopyPlan, plan_download, plan_upload
from vast_mcp.remote.progress import CopyProgress, CopyReport
from vast_mcp.remote.session import SshSession
from vast_mcp.remote.sftp import open_sftp
from vast_mcp.remote.tar_stream import FileBegins, FileEnds, TarReader, end, header, padding
from vast_mcp.remote.upload import upload

CLOCK = SystemClock()


def tree(root: Path, count: int = 40) -> dict[str, bytes]:
    """Files of many sizes and awkward names."""
    files = {f"d{n % 5}/f{n}": os.urandom(n * 37) for n in range(count)}
    files |= {
        "-rf": b"minus",
        "with space/ä\\b'c\"d": b"odd",
        "x" * 120 + "/" + "y" * 150: b"long",
        "empty": b"",
        "big": os.urandom(700_000),
        "*": b"star",
    }
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    (root / "hollow").mkdir()
    return files


def contents(root: Path) -> dict[str, bytes]:
    """What is there, links and directories left out."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and not path.is_symlink()
    }


def listing(folder: Path) -> list[str]:
    """The names in a directory."""
    return sorted(path.name for path in folder.iterdir())


@asynccontextmanager
async def machine_of(kind: str, tmp: Path) -> AsyncIterator[tuple[Machine, SshSession, str]]:
    """A session with either server, and where its files are to go."""
    opened = in_process(tmp) if kind == "asyncssh" else openssh(tmp)
    async with opened as machine:
        session = await machine.session()
        yield machine, session, "/" if kind == "asyncssh" else f"{machine.home}/"
        await session.close()


async def fetch(session: SshSession, source: str, roots: LocalRoots, name: str) -> CopyReport:
    """Plan and carry out a download."""
    async with open_sftp(session) as sftp:
        plan = await plan_download(sftp, source, roots.place(name))
    return await download(session, plan, clock=CLOCK, free_disk_floor_bytes=0)


KINDS = ["asyncssh", pytest.param("openssh", marks=needs_sshd)]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_tree_goes_up_and_comes_back_the_same(kind: str, tmp_path: Path) -> None:
    """Recursive, checksummed, both ways, with and without the machine's own tools."""
    roots = LocalRoots(tmp_path / "home")
    source = tmp_path / "home" / "vast-mcp" / "src"
    files = tree(source)
    told: list[CopyProgress] = []
    async with machine_of(kind, tmp_path) as (machine, session, base):
        plan = plan_upload(roots.place("src"), f"{base}work/dst")
        sent = await upload(session, plan, clock=CLOCK, progress=told.append)
        assert contents(machine.home / "work" / "dst") == files
        assert (machine.home / "work" / "dst" / "hollow").is_dir()
        assert sent.files == len(files)
        assert sent.digests == {n: hashlib.sha256(d).hexdigest() for n, d in files.items()}
        assert sent.verified == ("re-read" if kind == "asyncssh" else "sha256")
        assert listing(machine.home / "work") == ["dst"]
        again = await upload(session, plan, clock=CLOCK)
        assert (again.files, again.unchanged, again.moved_bytes) == (0, len(files), 0)
        back = await fetch(session, f"{base}work/dst", roots, "back")
        assert contents(tmp_path / "home" / "vast-mcp" / "back") == files
        assert back.digests == sent.digests
        once_more = await fetch(session, f"{base}work/dst", roots, "back")
        assert (once_more.files, once_more.moved_bytes) == (0, 0)
        assert listing(tmp_path / "home" / "vast-mcp" / STAGE) == []
    assert told[-1].phase == "done"
    assert told[-1].done_files == told[-1].total_files


@pytest.mark.parametrize("kind", KINDS)
async def test_a_changed_file_is_replaced_and_strangers_are_left_alone(
    kind: str, tmp_path: Path
) -> None:
    """An upload into an existing directory adds and replaces; it deletes nothing."""
    roots = LocalRoots(tmp_path / "home")
    source = tmp_path / "home" / "vast-mcp" / "src"
    files = tree(source)
    async with machine_of(kind, tmp_path) as (machine, session, base):
        there = machine.home / "dst"
        there.mkdir()
        (there / "theirs").write_bytes(b"keep")
        (there / "big").write_bytes(b"old")
        await upload(session, plan_upload(roots.place("src"), f"{base}dst"), clock=CLOCK)
        assert contents(there) == files | {"theirs": b"keep"}
        one = plan_upload(roots.place("src/big"), f"{base}single/")
        await upload(session, one, clock=CLOCK)
        assert (machine.home / "single" / "big").read_bytes() == files["big"]
        assert listing(machine.home / "single") == ["big"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("direction", ["up", "down"])
async def test_an_interrupted_copy_goes_on_where_it_stopped(
    kind: str, direction: str, tmp_path: Path
) -> None:
    """Interrupted transfer resumed; nothing at the destination before it is whole."""
    size = 32 * 1024 * 1024
    roots = LocalRoots(tmp_path / "home")
    here = tmp_path / "home" / "vast-mcp"
    here.mkdir(parents=True)
    data = os.urandom(size)
    async with machine_of(kind, tmp_path) as (machine, session, base):
        source = here / "f" if direction == "up" else machine.home / "f"
        target = machine.home / "g" if direction == "up" else here / "g"
        source.write_bytes(data)

        async def plan() -> CopyPlan:
            if direction == "up":
                return plan_upload(roots.place("f"), f"{base}g")
            async with open_sftp(session) as sftp:
                return await plan_download(sftp, f"{base}f", roots.place("g"))

        def cut(progress: CopyProgress) -> None:
            if progress.done_bytes > size // 2:
                session.connection.abort()

        copy = upload if direction == "up" else download
        planned = await plan()
        with pytest.raises(Exception, match=r"lost|machine"):
            await copy(session, planned, clock=Impatient(), progress=cut)
        assert not target.exists()
        fresh = await machine.session()
        report = await copy(fresh, planned, clock=CLOCK)
        assert target.read_bytes() == data
        assert report.resumed_bytes > 0
        assert report.moved_bytes < size
        await fresh.close()


class Impatient(SystemClock):
    """Ten seconds pass between two looks, so that every block is told."""

    def __init__(self) -> None:
        self._now = 0.0

    def monotonic_s(self) -> float:
        """Later each time."""
        self._now += 10
        return self._now


@needs_sshd
async def test_a_cancelled_copy_leaves_nothing_half_in_place(tmp_path: Path) -> None:
    """Cancel-safe: no handle is used after its end, and no half file stands at the destination."""
    roots = LocalRoots(tmp_path / "home")
    here = tmp_path / "home" / "vast-mcp"
    here.mkdir(parents=True)
    (here / "f").write_bytes(os.urandom(24 * 1024 * 1024))
    async with openssh(tmp_path) as machine:
        session = await machine.session()
        plan = plan_upload(roots.place("f"), f"{machine.home}/g")
        for delay in (0.0, 0.02, 0.1, 0.2):
            running = asyncio.create_task(upload(session, plan, clock=CLOCK))
            await CLOCK.sleep(delay)
            running.cancel()
            await asyncio.wait({running})
            assert running.cancelled() or not running.exception()
        await upload(session, plan, clock=CLOCK)
        assert (machine.home / "g").read_bytes() == (here / "f").read_bytes()
        assert listing(machine.home) == ["g"]
        await session.close()


@pytest.mark.parametrize("kind", KINDS)
async def test_links_on_the_machine_are_skipped_and_named(kind: str, tmp_path: Path) -> None:
    """A download follows no link and says what it left out."""
    roots = LocalRoots(tmp_path / "home")
    async with machine_of(kind, tmp_path) as (machine, session, base):
        source = machine.home / "out"
        source.mkdir()
        (source / "good").write_bytes(b"x")
        (source / "link").symlink_to("/etc/passwd")
        (source / "id_rsa").write_bytes(b"x")
        os.mkfifo(source / "pipe")
        async with open_sftp(session) as sftp:
            plan = await plan_download(sftp, f"{base}out", roots.place("in"))
        assert [file.name for file in plan.files] == ["good"]
        assert {s.name: s.why for s in plan.skipped} == {
            "id_rsa": "looks like a secret",
            "link": "a link",
            "pipe": "not a regular file",
        }
        (roots.roots[0]).mkdir(parents=True, exist_ok=True)
        (tmp_path / "outside").mkdir()
        (roots.roots[0] / "in").symlink_to(tmp_path / "outside")
        with pytest.raises(PathRefused):
            await download(session, plan, clock=CLOCK, free_disk_floor_bytes=0)
        assert listing(tmp_path / "outside") == []


async def test_hostile_names_of_a_listing_are_skipped(tmp_path: Path) -> None:
    """Hazard F3: a hostile server's names never become paths."""
    roots = LocalRoots(tmp_path / "home")
    async with in_process(tmp_path) as machine:
        out = machine.home / "out"
        out.mkdir()
        for name in (b"a\nb", b"\xff\xfe", b"c\x1b[2J", b"ok"):
            (out / os.fsdecode(name)).write_bytes(b"x")
        session = await machine.session()
        async with open_sftp(session) as sftp:
            plan = await plan_download(sftp, "/out", roots.place("in"))
        assert [file.name for file in plan.files] == ["ok"]
        assert plan.skipped_count == 3
        await session.close()


async def test_caps_refuse_before_a_byte_moves(tmp_path: Path) -> None:
    """Caps on bytes, files, depth and free disk."""
    roots = LocalRoots(tmp_path / "home")
    source = tmp_path / "home" / "vast-mcp" / "src"
    tree(source)
    for limits in (CopyLimits(max_bytes=1000), CopyLimits(max_files=3), CopyLimits(max_depth=1)):
        with pytest.raises(CopyRefused):
            plan_upload(roots.place("src"), "x", limits=limits)
    async with in_process(tmp_path) as machine:
        (machine.home / "f").write_bytes(b"x" * 1000)
        session = await machine.session()
        async with open_sftp(session) as sftp:
            with pytest.raises(CopyRefused):
                await plan_download(sftp, "/f", roots.place("f"), limits=CopyLimits(max_bytes=10))
            with pytest.raises(RemoteFailed):
                await plan_download(sftp, "/missing", roots.place("f"))
            plan = await plan_download(sftp, "/f", roots.place("f"))
        with pytest.raises(CopyRefused):
            await download(session, plan, clock=CLOCK, free_disk_floor_bytes=10**18)
        await session.close()


def packed(*files: tuple[str, bytes]) -> bytes:
    """An archive of ours."""
    return b"".join(header(n, len(d), 0, 0o644) + d + padding(len(d)) for n, d in files) + end()


@pytest.mark.parametrize("step", [1, 7, 511, 512, 100_000])
def test_an_archive_is_read_in_any_slices(step: int) -> None:
    """The reader does not depend on how the bytes arrive."""
    files = [("./a", b"x" * 1000), ("y" * 300, b""), ("b", b"z" * 512)]
    raw = packed(*files)
    reader = TarReader({"a": 1000, "y" * 300: 0, "b": 512})
    events = [e for at in range(0, len(raw), step) for e in reader.feed(raw[at : at + step])]
    assert b"".join(e for e in events if isinstance(e, bytes)) == b"x" * 1000 + b"z" * 512
    assert [e.name for e in events if isinstance(e, FileBegins)] == ["a", "y" * 300, "b"]
    assert sum(isinstance(e, FileEnds) for e in events) == 3
    assert reader.finished


def _typed(kind: bytes) -> bytes:
    block = bytearray(header("a", 0, 0, 0o644))
    block[156:157] = kind
    block[148:156] = b"%06o\0 " % (sum(block) - sum(block[148:156]) + 256)
    return bytes(block)


@pytest.mark.parametrize(
    "raw",
    [
        packed(("../../etc/x", b"1")),
        packed(("/etc/x", b"1")),
        packed(("a", b""), ("a", b"")),
        packed(("other", b"")),
        *(_typed(kind) for kind in (b"1", b"2", b"3", b"4", b"5", b"6", b"S", b"x", b"g", b"K")),
        b"garbage" * 100,
        header("a", 10**9, 0, 0o644),
    ],
)
def test_an_archive_with_what_nobody_asked_for_ends_the_copy(raw: bytes) -> None:
    """Hazard F6: links, devices, foreign and doubled names, damage: never unpacked."""
    with pytest.raises(CopyDamaged):
        list(TarReader({"a": 0}).feed(raw))


def scp(machine: Machine, *words: str) -> float:
    """Seconds that scp takes."""
    began = time.perf_counter()
    options = ["StrictHostKeyChecking=no", f"UserKnownHostsFile={machine.state / 'scp'}"]
    argv = ["scp", "-q", "-F", "none", "-i", str(machine.key), "-P", str(machine.port)]
    for option in (*options, "IdentitiesOnly=yes"):
        argv += ["-o", option]
    subprocess.run([*argv, *words], check=True)
    return time.perf_counter() - began


@needs_sshd
@big_only
async def test_rates_against_scp_in_the_same_run(tmp_path: Path) -> None:
    """1 GiB at 0.8 times scp's rate or more, 10,000 small files at 1.0 times or more."""
    roots = LocalRoots(tmp_path / "home")
    here = tmp_path / "home" / "vast-mcp"
    (here / "many").mkdir(parents=True)
    with (here / "one").open("wb") as file:
        for _ in range(1024):
            file.write(os.urandom(1024 * 1024))
    for number in range(10_000):
        folder = here / "many" / f"d{number % 100}"
        folder.mkdir(exist_ok=True)
        (folder / f"f{number}").write_bytes(os.urandom(number % 4000))
    async with openssh(tmp_path) as machine:
        session, far = await machine.session(), f"root@127.0.0.1:{machine.home}"
        for name, goal in (("many", 1.0), ("one", 0.8)):
            took: dict[str, list[tuple[float, float]]] = {"up": [], "down": []}
            for turn in range(3):
                theirs = await asyncio.to_thread(scp, machine, "-r", f"{here}/{name}", f"{far}/s")
                began = time.perf_counter()
                plan = plan_upload(roots.place(name), f"{machine.home}/o")
                report = await upload(session, plan, clock=CLOCK)
                took["up"].append(_tell(name, "up", theirs, report, time.perf_counter() - began))
                back = str(tmp_path / "c")
                theirs = await asyncio.to_thread(scp, machine, "-r", f"{far}/o", back)
                began = time.perf_counter()
                report = await fetch(session, f"{machine.home}/o", roots, f"b{turn}")
                ours = time.perf_counter() - began
                took["down"].append(_tell(name, "down", theirs, report, ours))
                for path in (
                    here / f"b{turn}",
                    tmp_path / "c",
                    machine.home / "s",
                    plan_path(plan),
                ):
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
            for way, pairs in took.items():
                # The best of each: others use this computer too.
                ratio = min(scp_s for scp_s, _ in pairs) / min(own_s for _, own_s in pairs)
                print(f"{name} {way}: {ratio:.2f} times scp's rate")  # noqa: T201  a figure to show
                assert ratio >= goal, took
        await session.close()


def plan_path(plan: CopyPlan) -> Path:
    """Where an upload went, on this same computer."""
    return Path(plan.remote)


def _tell(
    name: str, way: str, theirs: float, report: CopyReport, ours: float
) -> tuple[float, float]:
    moving = report.moving_s
    print(  # noqa: T201  a figure to show
        f"\n{name} {way}: scp {theirs:.2f} s; ours {moving:.2f} s moving ({theirs / moving:.2f}x),"
        f" {ours:.2f} s with plan, checksums of both ends and placing ({theirs / ours:.2f}x)"
    )
    return theirs, moving
