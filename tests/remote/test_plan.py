"""What a copy would move, judged before a byte is: counts, sizes and depths at their bounds."""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import asyncssh
import pytest

from tests.remote.servers import Machine, in_process
from vast_mcp.remote.errors import CopyRefused, PathRefused, RemoteFailed
from vast_mcp.remote.paths import STAGE, LocalRoots
from vast_mcp.remote.plan import (
    CopyLimits,
    CopyPlan,
    PlannedFile,
    by_folder,
    plan_download,
    plan_upload,
    survey_remote,
)
from vast_mcp.remote.selection import Selection
from vast_mcp.remote.sftp import open_sftp

TREE = {"a": 10, "b/c": 20, "b/d/e": 30}


def grown(home: Path, files: dict[str, int], below: str = "vast-mcp") -> LocalRoots:
    """These files of these sizes in this home's place for copies."""
    for name, size in files.items():
        path = home / below / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * size)
        os.utime(path, (0, 1_000_000_000.9))
    return LocalRoots(home)


@asynccontextmanager
async def listed(machine: Machine) -> "AsyncIterator[asyncssh.SFTPClient]":
    """A session of its own, to look at the machine's files."""
    session = await machine.session()
    try:
        async with open_sftp(session) as sftp:
            yield sftp
    finally:
        await session.close()


def up(root: Path, files: dict[str, int], limits: CopyLimits | None = None) -> CopyPlan:
    """The upload of all of them as the directory `t`."""
    roots = grown(root, {f"t/{name}": size for name, size in files.items()})
    return plan_upload(roots.place("t"), "/w/", limits=limits or CopyLimits())


async def down(root: Path, files: dict[str, int], limits: CopyLimits | None = None) -> CopyPlan:
    """The download of the same."""
    async with in_process(root) as machine:
        roots = grown(machine.home, files, "t")
        async with listed(machine) as sftp:
            place = roots.place("got")
            plan = await plan_download(sftp, "t", place, limits=limits or CopyLimits())
    return plan


def test_a_copy_has_no_more_than_its_caps_without_being_told_otherwise() -> None:
    """200 GB, 200,000 files, 40 directories deep."""
    assert CopyLimits() == CopyLimits(200 * 10**9, 200_000, 40)


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        (CopyLimits(max_bytes=60), ""),
        (CopyLimits(max_bytes=59), "More than 5.9e-08 GB."),
        (CopyLimits(max_files=3), ""),
        (CopyLimits(max_files=2), "More than 2 files."),
        (CopyLimits(max_depth=3), ""),
        (CopyLimits(max_depth=2), "More than 2 directories deep."),
    ],
)
async def test_a_copy_may_use_its_caps_up_in_either_direction(
    tmp_path: Path, limits: CopyLimits, said: str
) -> None:
    """And is refused at one more, with what to do about it."""
    if not said:
        assert up(tmp_path, TREE, limits).total_bytes == 60
        assert (await down(tmp_path, TREE, limits)).total_bytes == 60
        return
    with pytest.raises(CopyRefused) as refused:
        up(tmp_path, TREE, limits)
    assert refused.value.message == said
    assert refused.value.hint == "Copy a part of it, or leave some out with exclude."
    with pytest.raises(CopyRefused) as far:
        await down(tmp_path, TREE, limits)
    assert far.value.message == said


def test_refused_names_are_counted_too_so_that_a_tree_of_them_ends(tmp_path: Path) -> None:
    """Four times the cap on files are looked at, whatever they are."""
    links = {f"f{n}": 0 for n in range(2)}
    roots = grown(tmp_path, {f"t/{name}": size for name, size in links.items()})
    for n in range(6):
        (tmp_path / f"vast-mcp/t/l{n}").symlink_to("f0")
    limits = CopyLimits(max_files=2)
    plan = plan_upload(roots.place("t"), "/w", limits=limits)
    assert (len(plan.files), plan.skipped_count) == (2, 6)
    assert {one.why for one in plan.skipped} == {"a link"}
    (tmp_path / "vast-mcp/t/l6").symlink_to("f0")
    with pytest.raises(CopyRefused, match="More than 8 entries"):
        plan_upload(roots.place("t"), "/w", limits=limits)


async def test_both_directions_plan_the_same_files_and_folders(tmp_path: Path) -> None:
    """By name, with size, whole second and whether it can be run; parents before what they hold."""
    grown(tmp_path, {f"t/{name}": size for name, size in TREE.items()})
    (tmp_path / "vast-mcp/t/a").chmod(0o700)
    (tmp_path / "vast-mcp/t/empty").mkdir()
    planned = up(tmp_path, TREE)
    second = 1_000_000_000
    assert planned.files == (
        PlannedFile(("a",), 10, second, executable=True),
        PlannedFile(("b", "c"), 20, second),
        PlannedFile(("b", "d", "e"), 30, second),
    )
    assert planned.folders == (("b",), ("b", "d"), ("empty",))
    assert (planned.single, planned.remote, planned.direction) == (False, "/w/t", "up")
    assert planned.local_parts(planned.files[1]) == ("t", "b", "c")
    assert planned.remote_name(planned.files[1]) == "/w/t/b/c"
    fetched = await down(tmp_path, TREE)
    assert [(one.name, one.size, one.mtime_s) for one in fetched.files] == [
        (one.name, one.size, one.mtime_s) for one in planned.files
    ]
    assert (fetched.single, fetched.direction, fetched.local.parts) == (False, "down", ("got",))


async def test_a_single_file_goes_by_its_own_name_or_the_one_it_is_given(tmp_path: Path) -> None:
    """A slash at the end is a directory to put it into; one that stands there is as well."""
    roots = grown(tmp_path, {"t/a": 10})
    for destination, remote in (("/w", "/w"), ("/w/", "/w/a"), ("w/b", "w/b")):
        plan = plan_upload(roots.place("t/a"), destination)
        assert (plan.single, plan.remote) == (True, remote)
        assert plan.local_parts(plan.files[0]) == ("t", "a")
        assert plan.remote_name(plan.files[0]) == remote
    (tmp_path / "vast-mcp/there").mkdir()
    async with in_process(tmp_path) as machine:
        grown(machine.home, {"a": 10}, "t")
        async with listed(machine) as sftp:
            for name, into, parts in (
                ("there", False, ("there", "a")),
                ("new", False, ("new",)),
                ("new", True, ("new", "a")),
            ):
                plan = await plan_download(sftp, "t/a", roots.place(name), into=into)
                assert (plan.single, plan.local.parts) == (True, parts)


def test_what_is_left_out_is_told_with_its_reason(tmp_path: Path) -> None:
    """A secret by name or content, a link, a pipe; our stage and what was excluded silently."""
    roots = grown(tmp_path, {"t/a": 1, "t/id_rsa": 1, "t/no": 1, f"t/{STAGE}/x": 1})
    (tmp_path / "vast-mcp/t/key").write_text("-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n")
    os.mkfifo(tmp_path / "vast-mcp/t/pipe")
    (tmp_path / "vast-mcp/t/link").symlink_to("a")
    plan = plan_upload(roots.place("t"), "/w", selection=Selection(exclude=("no",)))
    assert [one.name for one in plan.files] == ["a"]
    why = {one.name: one.why for one in plan.skipped}
    assert why == {
        "id_rsa": "looks like a secret",
        "key": "looks like a secret: holds a private key",
        "link": "a link",
        "pipe": "not a regular file",
    }
    assert plan.skipped_count == 4
    assert (plan.doubt, plan.folders) == ("", ())


@pytest.mark.parametrize(
    ("name", "text", "doubt"),
    [
        ("id_rsa", "plain", "has a secret's name"),
        ("notes", "-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n", "holds a private key"),
        ("notes", "plain", ""),
    ],
)
def test_a_file_that_was_named_goes_with_its_doubt(
    tmp_path: Path, name: str, text: str, doubt: str
) -> None:
    """The question says it; a person decides."""
    roots = grown(tmp_path, {"t/x": 0})
    (tmp_path / "vast-mcp/t" / name).write_text(text)
    place = roots.place(f"t/{name}", allow_secrets=True)
    assert plan_upload(place, "/w/").doubt == doubt


async def test_what_is_not_there_or_cannot_be_copied_is_refused(tmp_path: Path) -> None:
    """Before anything moves, in either direction."""
    roots = grown(tmp_path, {"t/a": 1})
    (tmp_path / "vast-mcp/.ssh").mkdir()
    refusals: list[tuple[Callable[[], object], str]] = [
        (lambda: plan_upload(roots.place("t/no"), "/w"), "does not exist"),
        (
            lambda: plan_upload(roots.place(".ssh", allow_secrets=True), "/w"),
            "looks like a secret",
        ),
    ]
    for refused, said in refusals:
        with pytest.raises(PathRefused, match=said):
            refused()
    async with in_process(tmp_path) as machine:
        os.mkfifo(machine.home / "pipe")
        async with listed(machine) as sftp:
            with pytest.raises(RemoteFailed, match="cannot be read on the machine"):
                await plan_download(sftp, "no", roots.place("x"))
            with pytest.raises(PathRefused, match="is not a regular file"):
                await plan_download(sftp, "pipe", roots.place("x"))


async def test_a_survey_counts_secrets_as_files_and_says_what_it_left_out(tmp_path: Path) -> None:
    """What lies on a machine may go from there to another: its names are no secret here."""
    async with in_process(tmp_path) as machine:
        grown(machine.home, {"a": 1, "id_rsa": 2}, "t")
        (machine.home / "t/link").symlink_to("a")
        async with listed(machine) as sftp:
            single, files, left = await survey_remote(sftp, "t")
            assert (single, [one.name for one in files], left) == (False, ["a", "id_rsa"], 1)
            single, files, left = await survey_remote(sftp, "t/a")
            assert (single, [one.size for one in files], left) == (True, [1], 0)


def test_the_folders_that_files_need_come_parents_first() -> None:
    """Each once."""
    files = [PlannedFile(parts, 0, 0) for parts in (("b", "d", "e"), ("b", "c"), ("a",))]
    assert by_folder(files) == (("b",), ("b", "d"))


def test_a_thousand_of_what_is_left_out_are_kept_and_all_are_counted(tmp_path: Path) -> None:
    """The answer names some; the number is whole."""
    roots = grown(tmp_path, {"t/a": 1})
    for n in range(1001):
        (tmp_path / f"vast-mcp/t/l{n}").symlink_to("a")
    plan = plan_upload(roots.place("t"), "/w")
    assert (len(plan.skipped), plan.skipped_count) == (1000, 1001)
