"""Which texts are paths, here and on the machine, and where each one leads."""

import os
import stat
from pathlib import Path

import pytest

from vast_mcp.remote.errors import PathRefused
from vast_mcp.remote.paths import STAGE, LocalRoots, Tree, check_text, good_name, names, remote_path

LONG = "n" * 255
HANDLES = Path("/proc/self/fd")


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("a", ""),
        ("a b", ""),
        ("-rf", ""),
        (".hidden", ""),
        ("a..b", ""),
        ("日本", ""),
        ("\xa0", ""),
        (LONG, ""),
        (LONG + "n", "longer than 255"),
        ("é" * 128, "longer than 255"),
        ("/".join(["n" * 255] * 16), ""),
        ("/".join(["n" * 255] * 16) + "/", ""),
        ("/".join(["n" * 255] * 16) + "/n", "too long"),
        ("", "empty"),
        ("..", r"contains `\.\.`"),
        ("a/../b", r"contains `\.\.`"),
        ("a/..", r"contains `\.\.`"),
        ("a\x1fb", "control characters"),
        ("a\x7fb", "control characters"),
        ("a\x9fb", "control characters"),
        ("a\0", "control characters"),
        ("a\n", "control characters"),
        ("half\ud800", "control characters"),
    ],
)
def test_what_no_honest_path_has_is_refused(text: str, refused: str) -> None:
    """Control characters could rewrite a terminal, `..` leads out, a long name hides its end."""
    if not refused:
        check_text(text)
        return
    with pytest.raises(PathRefused, match=refused):
        check_text(text)


@pytest.mark.parametrize(
    ("name", "good"),
    [("a", True), (LONG, True), ("", False), (".", False), ("..", False), ("a/b", False),
     ("/", False), ("a\n", False), (LONG + "n", False), ("...", True)],
)  # fmt: skip
def test_a_single_name_is_one_on_both_sides(name: str, good: bool) -> None:
    """A listing of a machine can say anything."""
    assert good_name(name) is good


def test_empty_steps_lead_nowhere() -> None:
    """As in every shell."""
    assert names("//a/./b//") == ("a", "b")
    assert names("/") == ()


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("/workspace/a", "/workspace/a"),
        ("/workspace//a/./b/", "/workspace/a/b"),
        ("a/b", "a/b"),
        ("./a", "a"),
        (".", "."),
        ("~", "."),
        ("~/", "."),
        ("~//a", "a"),
        ("~/a/b", "a/b"),
        ("~a", "~a"),
        ("/root", "/root"),
        ("/root/.ssh", "/root/.ssh"),
        (".ssh/config", ".ssh/config"),
        ("/rooted/.ssh", "/rooted/.ssh"),
        ("/procs/1", "/procs/1"),
        ("proc/1", "proc/1"),
    ],
)
def test_a_path_of_the_machine_is_absolute_or_below_its_home(text: str, path: str) -> None:
    """Reading is allowed wherever the machine allows it, but for what has second names."""
    assert remote_path(text) == path


@pytest.mark.parametrize("text", ["/", "//", "/.", "/proc/1/environ", "/sys", "/dev/sda", "/dev/"])
def test_the_whole_disk_and_the_kernels_own_are_no_place_for_files(text: str) -> None:
    """Below these a file has a second path that no rule knows."""
    with pytest.raises(PathRefused):
        remote_path(text)
    with pytest.raises(PathRefused):
        remote_path(text, target=True)


@pytest.mark.parametrize(
    "text",
    ["/root", "~", ".", "~/", "/root/", ".ssh", "~/.ssh/authorized_keys", "/root/.ssh/x",
     ".vmcp", "/root/.vmcp/notes", "~/.vmcp", "./.ssh/"],
)  # fmt: skip
def test_what_lets_us_in_or_guards_the_machine_is_no_target(text: str) -> None:
    """It may be read; written over, nobody comes in any more, or nothing ends the lease."""
    remote_path(text)
    with pytest.raises(PathRefused):
        remote_path(text, target=True)


@pytest.mark.parametrize(
    "text", ["/workspace", "/root/a", "/root/a/.ssh", "a/.ssh", "/.ssh", "/.vmcp", "/data/.vmcp",
             "/home/.ssh", ".sshx", "/root/.sshx"],
)  # fmt: skip
def test_other_places_of_the_machine_are_targets(text: str) -> None:
    """Only root's own are special."""
    assert remote_path(text, target=True) == text


# -- here ----------------------------------------------------------------------------------------


@pytest.fixture
def roots(tmp_path: Path) -> LocalRoots:
    """The usual directory, and two more of which one lies in the other."""
    for name in ("home/vast-mcp", "data/inner"):
        (tmp_path / name).mkdir(parents=True)
    return LocalRoots(tmp_path / "home", [tmp_path / "data", tmp_path / "data" / "inner"])


@pytest.mark.parametrize(
    ("text", "root", "parts"),
    [
        ("a/b", "home/vast-mcp", ("a", "b")),
        ("./a", "home/vast-mcp", ("a",)),
        (".", "home/vast-mcp", ()),
        ("~/vast-mcp/a", "home/vast-mcp", ("a",)),
        ("~/vast-mcp", "home/vast-mcp", ()),
        ("{}/home/vast-mcp/a", "home/vast-mcp", ("a",)),
        ("{}/data/a", "data", ("a",)),
        ("{}/data", "data", ()),
        ("{}/data/inner/a", "data/inner", ("a",)),
        ("{}/data//inner/./a/", "data/inner", ("a",)),
        ("~a", "home/vast-mcp", ("~a",)),
    ],
)
def test_a_path_here_lies_below_the_nearest_root(
    roots: LocalRoots, tmp_path: Path, text: str, root: str, parts: tuple[str, ...]
) -> None:
    """Relative ones start from `~/vast-mcp`."""
    place = roots.place(text.format(tmp_path))
    assert (place.root, place.parts) == (tmp_path.resolve() / root, parts)
    assert place.path == place.root.joinpath(*parts)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("/etc/passwd", "outside the directories"),
        ("~", "outside the directories"),
        ("~/x", "outside the directories"),
        ("{}/database/a", "outside the directories"),
        ("{}", "outside the directories"),
        (".ssh/id_ed25519", "looks like a secret"),
        ("{}/data/.env", "looks like a secret"),
        (STAGE, "unfinished downloads"),
        ("a/" + STAGE + "/b", "unfinished downloads"),
        ("../x", r"contains `\.\.`"),
    ],
)
def test_what_lies_elsewhere_is_refused_and_told_why(
    roots: LocalRoots, tmp_path: Path, text: str, said: str
) -> None:
    """With the directories that are open."""
    with pytest.raises(PathRefused, match=said) as refused:
        roots.place(text.format(tmp_path))
    if said.startswith("outside"):
        assert f"{tmp_path.resolve() / 'data'}" in str(refused.value)
        assert "--files" in refused.value.hint


def test_a_path_that_was_named_exactly_may_look_like_a_secret(roots: LocalRoots) -> None:
    """The question names it then."""
    assert roots.place(".env", allow_secrets=True).parts == (".env",)
    with pytest.raises(PathRefused):
        roots.place(STAGE, allow_secrets=True)


@pytest.mark.parametrize("given", ["/", "{}/missing", "{}/file", "/proc/self", "/dev", "/sys"])
def test_a_root_is_a_directory_below_the_disks(tmp_path: Path, given: str) -> None:
    """Opening all of it would open every secret."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(PathRefused, match="cannot be opened for files"):
        LocalRoots(tmp_path, [Path(given.format(tmp_path))])


def test_a_root_behind_a_link_is_known_by_both_names(tmp_path: Path) -> None:
    """The person added it by the one, the file system knows it by the other."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    found = LocalRoots(tmp_path, [tmp_path / "link"])
    for name in ("link", "real"):
        place = found.place(f"{tmp_path}/{name}/a")
        assert (place.root, place.parts) == ((tmp_path / "real").resolve(), ("a",))


# -- handles -------------------------------------------------------------------------------------


def mode(path: Path) -> int:
    """Its permissions."""
    return stat.S_IMODE(path.stat().st_mode)


def test_what_is_made_is_private_where_it_grows_and_ordinary_where_it_lies(tmp_path: Path) -> None:
    """A half file is nobody else's; a finished one belongs to its directory."""
    root, before = tmp_path / "deep" / "root", os.umask(0o022)
    try:
        with Tree(root, make=True) as tree:
            descriptor = tree.open_stage((STAGE, "s"), "part")
            os.write(descriptor, b"whole")
            os.close(descriptor)
            assert mode(root / STAGE / "s" / "part") == 0o600
            tree.move((STAGE, "s"), "part", ("a", "b", "file"))
            assert tree.lstat((STAGE, "s", "part")) is None
            (root / STAGE / "s" / "other").write_bytes(b"x")
            tree.remove_stage((STAGE, "s"))
            tree.remove_stage((STAGE, "s"))
    finally:
        os.umask(before)
    assert (root / "a" / "b" / "file").read_bytes() == b"whole"
    assert [mode(path) for path in (root, root / STAGE, root / "a")] == [0o700, 0o700, 0o755]
    assert list((root / STAGE).iterdir()) == []


def test_a_stage_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """What is there already is neither cut nor lost."""
    with Tree(tmp_path) as tree:
        for text in (b"one", b"two"):
            descriptor = tree.open_stage((STAGE,), "part")
            os.lseek(descriptor, 0, os.SEEK_END)
            os.write(descriptor, text)
            os.close(descriptor)
    assert (tmp_path / STAGE / "part").read_bytes() == b"onetwo"


def test_what_stands_somewhere_is_seen_itself(tmp_path: Path) -> None:
    """A link is a link, nothing is nothing, and the root is a directory."""
    (tmp_path / "link").symlink_to("missing")
    (tmp_path / "file").write_bytes(b"12345")
    with Tree(tmp_path) as tree:
        link, file, root = tree.lstat(("link",)), tree.lstat(("file",)), tree.lstat(())
        assert tree.lstat(("missing",)) is None
        assert tree.lstat(("file", "below")) is None
        assert tree.free_bytes() > 1_000_000
    assert link is not None
    assert file is not None
    assert root is not None
    assert (stat.S_ISLNK(link.st_mode), file.st_size, stat.S_ISDIR(root.st_mode)) == (True, 5, True)


def test_an_open_file_is_the_one_that_was_named(tmp_path: Path) -> None:
    """With its facts, for reading."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "file").write_bytes(b"12345")
    with Tree(tmp_path) as tree:
        descriptor, seen = tree.open_file(("a", "file"))
        try:
            assert (os.read(descriptor, 10), seen.st_size) == (b"12345", 5)
        finally:
            os.close(descriptor)


def test_a_copy_that_stands_on_a_link_replaces_the_link_itself(tmp_path: Path) -> None:
    """What it points to is somebody else's."""
    (tmp_path / "outside").write_bytes(b"theirs")
    root = tmp_path / "root"
    root.mkdir()
    (root / "file").symlink_to(tmp_path / "outside")
    with Tree(root) as tree:
        os.close(tree.open_stage((STAGE,), "part"))
        tree.move((STAGE,), "part", ("file",))
    assert (tmp_path / "outside").read_bytes() == b"theirs"
    assert not (root / "file").is_symlink()


@pytest.mark.parametrize("parts", [("a\n",), ("a", ".."), ("",), ("a/b",)])
def test_a_step_that_is_no_name_is_not_taken(tmp_path: Path, parts: tuple[str, ...]) -> None:
    """Names come from machines too."""
    with Tree(tmp_path) as tree, pytest.raises(PathRefused):
        tree.directory(parts, make=True)
    assert list(tmp_path.iterdir()) in ([], [tmp_path / "a"])


@pytest.mark.skipif(not HANDLES.is_dir(), reason="only Linux lists a process's open handles")
def test_no_handle_is_left_open(tmp_path: Path) -> None:
    """A copy of a hundred thousand files runs in one process."""
    (tmp_path / "a").mkdir()
    (tmp_path / "file").write_bytes(b"")
    before = len(list(HANDLES.iterdir()))
    for _ in range(20):
        with Tree(tmp_path) as tree:
            tree.directory(("a",))
            tree.directory(())
            for wrong in (("missing",), ("file",)):
                with pytest.raises(PathRefused):
                    tree.directory(wrong)
            with pytest.raises(PathRefused):
                tree.open_file(("a",))
            os.close(tree.open_stage((STAGE,), "part"))
            tree.move((STAGE,), "part", ("moved",))
    assert len(list(HANDLES.iterdir())) == before


def test_a_missing_root_says_what_to_do(tmp_path: Path) -> None:
    """Nothing is made for reading."""
    with pytest.raises(
        PathRefused, match="folder 'vast-mcp' for files does not exist yet"
    ) as refused:
        Tree(tmp_path / "vast-mcp")
    assert "~/vast-mcp" in refused.value.hint


def test_a_root_that_is_given_twice_is_the_one_that_was_named_first(tmp_path: Path) -> None:
    """Of two roots as near, the first is where a copy goes: it stands first in every answer."""
    (tmp_path / "data").mkdir()
    (tmp_path / "link").symlink_to("data")
    both = LocalRoots(tmp_path / "home", [tmp_path / "data", tmp_path / "link"])
    place = both.place(f"{tmp_path}/data/a")
    assert (place.root, place.parts) == (tmp_path.resolve() / "data", ("a",))
