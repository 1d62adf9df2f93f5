"""Every copy says where it is now, and no directory is put inside one of its own name."""

from pathlib import Path

import pytest

from tests.tools.ssh_world import SshLab, ssh_world
from tests.world import Json
from vast_mcp.actions.copy_target import kind_in, landing, unseen_landing


def fill(folder: Path) -> None:
    """Two files, the second without content."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.tar").write_bytes(b"results")
    (folder / "empty").write_bytes(b"")


def inside(lab: SshLab, machine: int) -> Path:
    """The root of a machine's disk."""
    disk = lab.world.simulator.world.instances[machine].disk
    assert disk is not None
    return disk.root


async def copy(lab: SshLab, source: str, destination: str) -> Json:
    """The tool's answer."""
    return await lab.call("copy_files", source=source, destination=destination)


DOWN = [
    ("/workspace/results.tar", "local:results.tar", "results.tar"),
    ("/workspace/results.tar", "local:.", "results.tar"),
    ("/workspace/results.tar", "local:~/vast-mcp", "results.tar"),
    ("/workspace/results.tar", "local:there", "there/results.tar"),
    ("/workspace/results.tar", "local:new/", "new/results.tar"),
    ("/workspace", "local:.", "workspace"),
    ("/workspace", "local:workspace/", "workspace"),
    ("/workspace", "local:there/", "there/workspace"),
    ("/workspace", "local:there", "there"),
]


async def test_what_comes_down_is_named_with_its_whole_path_on_this_computer(
    tmp_path: Path,
) -> None:
    """The next sentence of the person is "where is it?"."""
    async with ssh_world(tmp_path) as lab:
        machine = await lab.machine()
        fill(inside(lab, machine) / "workspace")
        (lab.world.home / "there").mkdir(parents=True, exist_ok=True)
        for source, destination, place in DOWN:
            told = await copy(lab, f"C.{machine}:{source}", destination)
            assert told["status"] == "copied", told
            whole = Path(told["path"])
            assert whole == (lab.world.home / place).resolve(), (source, destination)
            file = whole if source.endswith(".tar") else whole / "results.tar"
            assert file.read_bytes() == b"results"
    books = [one.read_bytes() for one in (tmp_path / "state").rglob("*.db*")]
    assert books
    assert not any(str(lab.world.home).encode() in one for one in books)


UP = [
    ("local:proj", "/workspace/", "/workspace/proj"),
    ("local:proj", "/workspace/proj", "/workspace/proj"),
    ("local:proj", "/workspace/proj/", "/workspace/proj"),
    ("local:proj/results.tar", "/workspace/", "/workspace/results.tar"),
]


async def test_what_goes_up_is_named_with_its_path_on_the_machine(tmp_path: Path) -> None:
    """Also where the destination only named the directory that it goes into."""
    async with ssh_world(tmp_path) as lab:
        machine = await lab.machine()
        fill(lab.world.home / "proj")
        for source, destination, place in UP:
            told = await copy(lab, source, f"C.{machine}:{destination}")
            assert told["path"] == place
        await lab.call("run_command", instance_id=machine, command="true")
        root = inside(lab, machine) / "workspace"
        names = {one.relative_to(root).as_posix() for one in root.rglob("*") if one.is_file()}
    assert names == {"proj/results.tar", "proj/empty", "results.tar"}


@pytest.mark.parametrize("stopped", ["none", "source", "target", "both"])
async def test_a_directory_moved_to_the_other_machine_is_never_nested_in_its_own_name(
    tmp_path: Path, stopped: str
) -> None:
    """Request 12: "move the data to the other instance", whichever of both runs."""
    async with ssh_world(tmp_path) as lab:
        one = await lab.machine()
        two = await lab.machine(request_key="second")
        for machine in (one, two):
            fill(inside(lab, machine) / "workspace/data")
        (inside(lab, two) / "workspace/data/results.tar").unlink()
        halts = {"none": [], "source": [one], "target": [two], "both": [one, two]}[stopped]
        for machine in halts:
            await lab.call("stop_instance", instance_id=machine)
        lab.world.run_until_ready()
        for path, destination in [
            ("/workspace", "/workspace/"),
            ("/workspace", "/workspace"),
            ("/workspace/data", "/workspace/data"),
            ("/workspace/data", "/workspace/"),
        ]:
            told = await copy(lab, f"C.{one}:{path}", f"C.{two}:{destination}")
            assert told.get("path") == path or f"copies it to {path}," in told["said"], told
            lab.world.clock.move(200)
            await lab.call("show_instances", instance_id=two)
        moved = [
            found.relative_to(inside(lab, two)).as_posix()
            for found in inside(lab, two).rglob("results.tar")
        ]
    assert moved == ["workspace/data/results.tar"]


@pytest.mark.parametrize(
    ("path", "destination", "sent"),
    [
        ("/data/run1", "/workspace/run1", ("/data/run1", "/workspace/")),
        ("/data/run1", "/workspace/run1/", ("/data/run1", "/workspace/")),
        ("/workspace", "/workspace", ("/workspace/", "/workspace")),
        ("/workspace/", "/data", ("/workspace/", "/data")),
        ("/data/run1", "/workspace/", ("/data/run1", "/workspace/")),
        ("/data/run1", "/workspace/x", ("/data/run1", "/workspace/x")),
    ],
)
def test_a_source_that_nobody_can_look_into_is_asked_for_in_a_way_that_nests_nothing(
    path: str, destination: str, sent: tuple[str, str]
) -> None:
    """A volume has no SSH and no listing; only different names stay open, and that is said."""
    found = unseen_landing(path, destination)
    assert (found.src_path, found.dst_path) == sent
    assert ("if it is a file" in found.words) == (destination == "/workspace/x")


def test_a_listing_tells_files_from_directories_and_nothing_more() -> None:
    """The rows are a stranger's text: only a whole name at a row's end counts."""
    listing = "total 2\ndrwxr-xr-x 1 root 4096 out\n-rw-r--r-- 1 root 7 my out.txt\nlrwxr-xr-x x ln"
    assert kind_in(listing, "out") is False
    assert kind_in(listing, "my out.txt") is True
    assert kind_in(listing, "ln") is None
    assert kind_in(listing, "missing") is None
    assert landing("/a/out", "/b/", single=True).dst_path == "/b/out"


async def test_empty_files_are_said_to_be_empty(tmp_path: Path) -> None:
    """Request 1: equal checksums of an empty output were told as a success."""
    async with ssh_world(tmp_path) as lab:
        machine = await lab.machine()
        fill(inside(lab, machine) / "workspace")
        alone = await copy(lab, f"C.{machine}:/workspace/empty", "local:empty")
        both = await copy(lab, f"C.{machine}:/workspace", "local:both")
        full = await copy(lab, f"C.{machine}:/workspace/results.tar", "local:full")
    assert "it is empty" in alone["said"]
    assert "1 of them is empty" in both["said"]
    assert "empty" not in full["said"]


def test_where_a_copy_lands_is_told_in_a_hundred_and_twenty_characters() -> None:
    """A longer path is cut in words and whole in what is sent."""
    place = "/workspace/" + "/".join(["d" * 30] * 6)
    found = landing("/data/a", place, single=True)
    assert (found.dst_path, len(found.words)) == (place, 120)
