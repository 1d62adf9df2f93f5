"""One generated suite of attacks on paths and options; `PATH_ATTACKS` sets its size.

Every attack is drawn from a seed. An escape is a byte read or written outside the roots, an
injection an option, argument or shell word that nobody meant. There must be none.

See docs/hazards.md#files.
"""

import asyncio
import contextlib
import hashlib
import os
import random  # noqa: TID251  seeded below
import re
import shlex
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncssh
import pytest

from tests.remote.hostile import GOOD, HOSTS, PIECES, HostileFiles, archive, text
from tests.remote.servers import in_process
from tests.world import report, scale
from vast_mcp.clock import SystemClock
from vast_mcp.remote.address import address, host_block, ssh_command
from vast_mcp.remote.checksums import as_operand, script_line
from vast_mcp.remote.download import _staged, _Unpacked, download
from vast_mcp.remote.errors import AddressInvalid, PathRefused, RemoteError
from vast_mcp.remote.paths import STAGE, LocalPlace, LocalRoots, Tree, remote_path
from vast_mcp.remote.plan import PlannedFile, plan_download, plan_upload
from vast_mcp.remote.secret_names import _PATTERNS
from vast_mcp.remote.sftp import open_sftp
from vast_mcp.remote.tar_stream import TarReader
from vast_mcp.remote.upload import upload

ATTACKS = scale("PATH_ATTACKS", 1000)
SEED = scale("PATH_ATTACKS_SEED", 11)
SHARES = {
    "reading": 0.15, "writing": 0.15, "racing": 0.12, "racing copies": 0.03, "addresses": 0.15,
    "remote paths": 0.15, "listings": 0.1, "archives": 0.1, "secrets": 0.05,
}  # fmt: skip
SECRET = b"of somebody else"
CLOCK = SystemClock()


def share(kind: str) -> int:
    """How many attacks of a kind."""
    return max(4, round(ATTACKS * SHARES[kind]))


def told(kind: str, **counts: int) -> None:
    """The count of one kind, with `-s`."""
    words = ", ".join(f"{number} {name}" for name, number in counts.items())
    report(f"\n{kind}: {share(kind)} attacks, {words}; 0 escapes, 0 injections")


def test_the_suite_has_the_size_it_says() -> None:
    """10,000 generated attacks when asked for 10,000."""
    assert sum(SHARES.values()) == pytest.approx(1.0)
    assert sum(share(kind) for kind in SHARES) >= ATTACKS


class Ground:
    """A root full of traps, and what lies around it, which nothing may read or change."""

    def __init__(self, tmp: Path) -> None:
        self.tmp = tmp
        self.roots = LocalRoots(tmp / "home")
        self.root = tmp / "home" / "vast-mcp"
        (self.root / "a" / "b").mkdir(parents=True)
        for name in ("a/b/good.txt", "-rf", "-oProxyCommand=touch x", "secret.txt"):
            (self.root / name).write_bytes(b"inside")
        (tmp / "outside").mkdir()
        (tmp / "outside" / "secret").write_bytes(SECRET)
        # A hard link is a name of the file like any other: read it may be, written through never.
        (tmp / "home" / "beside").write_bytes(b"two names")
        (self.root / "link").symlink_to(tmp / "outside" / "secret")
        (self.root / "dirlink").symlink_to(tmp / "outside")
        (self.root / "a" / "up").symlink_to("../../..")
        (self.root / "null").symlink_to("/dev/null")
        os.link(tmp / "home" / "beside", self.root / "a" / "hard")
        os.mkfifo(self.root / "pipe")
        self.before = self.around()

    def around(self) -> dict[str, str]:
        """Everything but the root, by content."""
        return {
            str(path): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
            for path in self.tmp.rglob("*")
            if not path.is_relative_to(self.root)
            and not path.is_relative_to(self.tmp / "machine")
            and not path.is_relative_to(self.tmp / "state")  # our own host-key files
        }

    def unharmed(self) -> bool:
        """Whether nothing outside was made, changed or removed."""
        return self.around() == self.before


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    """A fresh one."""
    return Ground(tmp_path)


def paths(kind: str, ground: Ground) -> Iterator[str]:
    """Generated texts, absolute and relative."""
    draw = random.Random(f"{SEED} {kind}")
    pieces = (*PIECES, *("a/b/good.txt", "a/b", "a", "-rf") * 3, str(ground.tmp), str(ground.root))
    for _ in range(share(kind)):
        front = draw.choice(("", "", "", "/", f"{ground.root}/", "~/", "~/vast-mcp/"))
        yield front + text(draw, pieces, "/", 4)


def test_generated_paths_read_nothing_outside(ground: Ground) -> None:
    """Traversal, links, FIFO, device, NUL, case, length, names with `-`."""
    opened = 0
    for attack in paths("reading", ground):
        with contextlib.suppress(PathRefused):
            place = ground.roots.place(attack)
            with Tree(place.root) as tree:
                descriptor, _ = tree.open_file(place.parts or ("",))
                with os.fdopen(descriptor, "rb") as file:
                    assert file.read() != SECRET, attack
                    opened += 1
    assert opened
    assert ground.unharmed()
    told("reading", opened=opened)


def test_generated_paths_write_nothing_outside(ground: Ground) -> None:
    """What is put in place is put below the root; hard links are not written through.

    A link or hard link at the destination is replaced itself.
    """
    wrote = 0
    for number, attack in enumerate(paths("writing", ground)):
        name = ("", f"/n{number}")[number % 2]
        with contextlib.suppress(PathRefused):
            place = ground.roots.place(attack + name)
            if not place.parts:
                continue
            with Tree(place.root) as tree:
                descriptor = tree.open_stage((STAGE, "s"), "part")
                os.write(descriptor, b"new")
                os.close(descriptor)
                tree.move((STAGE, "s"), "part", place.parts)
                assert place.path.resolve().is_relative_to(ground.root.resolve()), attack
                wrote += 1
    assert wrote
    assert ground.unharmed()
    told("writing", written=wrote)


@contextlib.contextmanager
def swapping(ground: Ground) -> Iterator[list[int]]:
    """A thread that swaps a directory for a link to the outside, as fast as it can; its count."""
    here, aside = ground.root / "swap", ground.root / "aside"
    aside.mkdir()
    stop = threading.Event()
    swaps = [0]

    def put(step: Callable[[], object], spare: Path) -> None:
        """Whatever a writer has made there meanwhile goes out of the way first."""
        for turn in range(100):
            with contextlib.suppress(OSError):
                step()
                return
            with contextlib.suppress(OSError):
                here.rename(spare.with_name(f"{spare.name}-{turn}"))

    def swap() -> None:
        while not stop.is_set():
            swaps[0] += 1
            fresh = aside / f"{swaps[0]}"
            fresh.mkdir()
            (fresh / "secret").write_bytes(b"inside")
            put(lambda: fresh.rename(here), fresh)  # noqa: B023  called at once
            stop.wait(0.0002)  # each state lasts long enough to be met
            with contextlib.suppress(OSError):
                here.rename(fresh.with_name(f"{fresh.name}-old"))
            put(lambda: here.symlink_to(ground.tmp / "outside"), fresh)
            stop.wait(0.0002)
            with contextlib.suppress(OSError):
                here.unlink()

    thread = threading.Thread(target=swap)
    interval_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # between any two steps of the copy
    thread.start()
    try:
        yield swaps
    finally:
        sys.setswitchinterval(interval_s)
        stop.set()
        thread.join()


def test_a_directory_swapped_for_a_link_leads_nowhere(ground: Ground) -> None:
    """Links swapped in under race, reading and writing."""
    read = wrote = number = 0
    with swapping(ground) as swaps:
        while number < share("racing") or swaps[0] < share("racing") or not read:
            number += 1
            assert number < 1_000_000, "nothing is swapped"
            with contextlib.suppress(PathRefused), Tree(ground.root) as tree:
                descriptor, _ = tree.open_file(("swap", "secret"))
                with os.fdopen(descriptor, "rb") as file:
                    assert file.read() == b"inside"
                read += 1
                os.close(tree.open_stage((STAGE, "s"), "part"))
                tree.move((STAGE, "s"), "part", ("swap", f"n{number % 50}"))
                wrote += 1
    assert read
    assert ground.unharmed()
    told("racing", tries=number, read=read, written=wrote, swaps=swaps[0])


async def test_whole_copies_under_that_race_stay_inside(ground: Ground) -> None:
    """Real uploads and downloads while the directory is swapped for a link."""
    up = down = 0
    async with in_process(ground.tmp) as machine:
        ground.before = ground.around()
        session = await machine.session()
        (machine.home / "out").mkdir()
        (machine.home / "out" / "secret").write_bytes(b"theirs")
        with swapping(ground) as swaps:
            for number in range(share("racing copies")):
                with contextlib.suppress(RemoteError):
                    if number % 2:
                        plan = plan_upload(ground.roots.place("swap"), f"/up{number}")
                        await upload(session, plan, clock=CLOCK)
                        up += 1
                        continue
                    async with open_sftp(session) as sftp:
                        plan = await plan_download(sftp, "/out", ground.roots.place("swap/in"))
                    await download(session, plan, clock=CLOCK, free_disk_floor_bytes=0)
                    down += 1
        await session.close()
        sent = [path.read_bytes() for path in machine.home.rglob("*") if path.is_file()]
    assert SECRET not in sent
    assert ground.unharmed()
    told("racing copies", uploaded=up, downloaded=down, swaps=swaps[0])


def test_the_vendors_address_fields_inject_nothing(tmp_path: Path) -> None:
    """`-oProxyCommand=…` and the like in host, port and user."""
    draw = random.Random(f"{SEED} addresses")
    key, known = tmp_path / "k e y", tmp_path / "h%"
    golden = shlex.split(ssh_command(1, address("host", 22), key=key, known_hosts=known))
    lines = len(host_block(1, address("host", 22), key=key, known_hosts=known).splitlines())
    passed = 0
    ports: tuple[object, ...] = (22, 65535, 0, -1, 65536, "22", "-oX", 22.0, True, None, "22 -oX=1")
    for _ in range(share("addresses")):
        host, port = (
            text(draw, (*HOSTS, *GOOD * 6), "", 3),
            draw.choice(ports) if draw.random() < 0.3 else 2222,
        )
        user = "root" if draw.random() < 0.7 else text(draw, HOSTS, "", 3)
        try:
            where = address(host, port, user=user)
        except AddressInvalid:
            continue
        passed += 1
        assert re.fullmatch(r"[A-Za-z0-9:][A-Za-z0-9.:-]*", host), host
        assert re.fullmatch(r"[a-z_][a-z0-9_-]*", user), user
        argv = shlex.split(ssh_command(1, where, key=key, known_hosts=known))
        assert argv == [*golden[:-3], str(port), "--", f"{user}@{host}"]
        block = host_block(1, where, key=key, known_hosts=known)
        assert len(block.splitlines()) == lines
    assert passed
    told("addresses", passed=passed)


def test_remote_paths_reach_a_command_as_one_operand() -> None:
    """No traversal, no option, no shell word, no target that locks us out."""
    draw = random.Random(f"{SEED} remote")
    passed = 0
    for number in range(share("remote paths")):
        attack = draw.choice(("", "/", "~/", "/root/", "/workspace/")) + text(draw, PIECES, "/")
        try:
            path = remote_path(attack, target=True)
        except PathRefused:
            continue
        passed += 1
        assert ".." not in path.split("/")
        assert not re.search(r"[\x00-\x1f\x7f]", path)
        assert path not in {"/", "/root", "."}
        assert not path.startswith(("/root/.ssh/", ".ssh/"))
        operand = as_operand(path)
        assert operand.startswith(("/", "./"))
        line = script_line('printf %s "$1" "$#"', operand)
        assert shlex.split(line)[-1] == operand
        if number % 20 == 0:
            ran = subprocess.run(["sh", "-c", line], capture_output=True, check=True)
            assert ran.stdout.decode() == f"{operand}1"
    assert passed
    told("remote paths", passed=passed)


async def test_a_machine_that_lists_hostile_names_writes_nothing_outside(ground: Ground) -> None:
    """Every name is a stranger's; files arrive plain, inside, never executable."""
    draw = random.Random(f"{SEED} listings")
    arrived = 0
    asked: list[bytes] = []
    HostileFiles.asked = asked

    def files(channel: asyncssh.SSHServerChannel[bytes]) -> asyncssh.SFTPServer:
        return HostileFiles(channel, ground.tmp)

    async with in_process(ground.tmp, files=files) as machine:
        ground.before = ground.around()
        session = await machine.session()
        for turn in range(max(1, share("listings") // 50)):
            names = {text(draw, (*PIECES, "/etc/passwd", "../../x"), "/", 3) for _ in range(50)}
            HostileFiles.names = tuple(n.encode("utf-8", "surrogatepass") for n in names)
            async with open_sftp(session) as sftp:
                plan = await plan_download(sftp, "/out", ground.roots.place(f"in{turn}"))
            done = await download(session, plan, clock=CLOCK, free_disk_floor_bytes=0)
            arrived += done.files
            for file in (ground.root / f"in{turn}").iterdir():
                seen = file.lstat()
                assert stat.S_ISREG(seen.st_mode)
                assert stat.S_IMODE(seen.st_mode) == 0o644
        await session.close()
    assert arrived
    assert not [path for path in asked if b".." in path.split(b"/")]
    assert ground.unharmed()
    told("listings", arrived=arrived)


def test_generated_archives_unpack_nothing_outside(ground: Ground) -> None:
    """Links, hard links, devices, foreign names, lying sizes, damage."""
    draw = random.Random(f"{SEED} archives")
    whole = refused = 0
    for number in range(share("archives")):
        files = {n: PlannedFile((n,), 10, 0) for n in ("a", "b", "-rf", "x" * 200)}
        reader = TarReader({name: file.size for name, file in files.items()})
        stage = (STAGE, f"s{number}")
        raw = archive(draw, list(files))
        with Tree(ground.root) as tree:
            unpacked = _Unpacked(tree, stage, files, reader)
            try:
                for at in range(0, len(raw), 700):
                    whole += len(unpacked.take(raw[at : at + 700]))
            except RemoteError:
                refused += 1
            finally:
                unpacked.close()
            wanted = {_staged(file) for file in files.values()}
            folder = ground.root / STAGE / stage[1]
            if folder.exists():
                assert {path.name for path in folder.iterdir()} <= wanted
                assert all(path.lstat().st_size <= 10 for path in folder.iterdir())
            tree.remove_stage(stage)
    assert whole
    assert refused
    assert ground.unharmed()
    told("archives", unpacked=whole, refused=refused)


def test_secret_looking_names_are_refused_in_any_spelling(ground: Ground) -> None:
    """Case, blanks around, depth: never read, never sent with their directory."""
    draw = random.Random(f"{SEED} secrets")
    for _ in range(share("secrets")):
        name = draw.choice(_PATTERNS).replace("*", draw.choice(("", "x", ".old", "-1")))
        name = "".join(draw.choice((c.lower(), c.upper())) for c in name)
        name = draw.choice(("", " ", "\u2003")) + name + draw.choice(("", " "))
        folders = "".join(draw.choice(("a/", "B/", "./")) for _ in range(draw.randint(0, 3)))
        with pytest.raises(PathRefused):
            ground.roots.place(folders + name)
        where = ground.root / "tree" / name
        where.parent.mkdir(exist_ok=True)
        where.write_bytes(SECRET)
        plan = plan_upload(LocalPlace(ground.root, ("tree",)), "/workspace/x")
        assert plan.files == (), name
        where.unlink()
    assert ground.unharmed()
    told("secrets", refused=share("secrets"))


async def test_special_files_are_neither_sent_nor_waited_for(ground: Ground) -> None:
    """FIFO, device and socket in a tree are named and left out, without blocking."""
    with contextlib.suppress(OSError):  # a container may forbid devices
        os.mknod(ground.root / "device", 0o600 | stat.S_IFCHR, os.makedev(1, 3))
    server = await asyncio.start_unix_server(lambda *_: None, ground.root / "socket")
    plan = plan_upload(ground.roots.place("."), "/workspace/x")
    server.close()
    left_out = {skip.name for skip in plan.skipped}
    assert {"link", "dirlink", "a/up", "null", "pipe", "socket"} <= left_out
    assert "device" not in [file.name for file in plan.files]
