import os
import random  # noqa: TID251  seeded below
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from vast_mcp.remote.errors import PathRefused
from vast_mcp.remote.paths import STAGE, LocalRoots, Tree, remote_path
from vast_mcp.remote.plan import Selection, plan_upload
from vast_mcp.remote.secret_names import looks_secret

CASES = int(os.environ.get("VAST_MCP_PATH_CASES", "2000"))
RACES = int(os.environ.get("VAST_MCP_PATH_RACES", "1000"))
SECRET = b"outside"
HOME = "/root"  # of the machine


def listing(folder: Path) -> list[str]:
    """The names in a directory."""
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def world(tmp_path: Path) -> LocalRoots:
    """A root with traps in it, and a secret beside it."""
    home = tmp_path / "home"
    root = home / "vast-mcp"
    (root / "a" / "b").mkdir(parents=True)
    (root / "a" / "b" / "good.txt").write_bytes(b"inside")
    (root / "-rf").write_bytes(b"inside")
    (tmp_path / "secret").write_bytes(SECRET)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "secret").write_bytes(SECRET)
    (root / "link").symlink_to(tmp_path / "secret")
    (root / "dirlink").symlink_to(tmp_path / "folder")
    (root / "a" / "up").symlink_to("../../..")
    os.mkfifo(root / "pipe")
    return LocalRoots(home)


def test_ten_thousand_generated_paths_never_leave_the_root(
    world: LocalRoots, tmp_path: Path
) -> None:
    """Issue 4: traversal, links, FIFO, device, NUL, names with `-`: 0 escapes, read and write."""
    draw = random.Random(7)
    pieces = [
        "..", ".", "", "a", "b", "good.txt", "link", "dirlink", "secret", "pipe", "up", "-rf",
        "-oX",
        "~", "a\0b", "\n", "/", "//", "…", "%2e%2e", "..\\..", "\u202e", "\ud800", "x" * 300, STAGE,
        "etc", "passwd", str(tmp_path), "home", "vast-mcp", "dev", "null", "proc", "self", "root",
    ]  # fmt: skip
    inside = (tmp_path / "home" / "vast-mcp").resolve()
    opened = wrote = 0
    for number in range(CASES):
        text = ("/" if draw.random() < 0.3 else "") + "/".join(
            draw.choice(pieces) for _ in range(draw.randint(1, 6))
        )
        try:
            place = world.place(text)
            with Tree(place.root) as tree:
                descriptor, _ = tree.open_file(place.parts or ("",))
                with os.fdopen(descriptor, "rb") as file:
                    assert file.read() != SECRET, text
                    opened += 1
        except PathRefused:
            pass
        try:
            place = world.place(f"{text}/n{number}")
            with Tree(place.root) as tree:
                os.close(tree.open_stage((STAGE, "s"), "part"))
                tree.move((STAGE, "s"), "part", place.parts)
                assert place.path.resolve().is_relative_to(inside), text
                wrote += 1
        except PathRefused:
            pass
    assert opened
    assert wrote
    assert (tmp_path / "secret").read_bytes() == SECRET
    assert listing(tmp_path / "folder") == ["secret"]
    assert listing(tmp_path) == ["folder", "home", "secret"]


def test_a_directory_swapped_for_a_link_never_leads_out(world: LocalRoots, tmp_path: Path) -> None:
    """Issue 4: symlink swaps under race, reading, walking and writing."""
    root = world.roots[0]
    (root / "swap").mkdir()
    (root / "swap" / "secret").write_bytes(b"inside")
    stop = threading.Event()

    def put(step: Callable[[], object]) -> None:
        """The writer makes the directory anew while it is away: out of the way with it."""
        for _ in range(1000):
            try:
                step()
            except OSError:
                shutil.rmtree(root / "swap", ignore_errors=True)
            else:
                return

    def swap() -> None:
        while not stop.is_set():
            (root / "swap").rename(root / "kept")
            put(lambda: (root / "swap").symlink_to(tmp_path / "folder"))
            (root / "swap").unlink()
            put(lambda: (root / "kept").rename(root / "swap"))

    thread = threading.Thread(target=swap)
    thread.start()
    read = 0
    try:
        for number in range(RACES):
            try:
                with Tree(root) as tree:
                    descriptor, _ = tree.open_file(("swap", "secret"))
                    with os.fdopen(descriptor, "rb") as file:
                        assert file.read() == b"inside"
                    read += 1
                    os.close(tree.open_stage((STAGE, "s"), "part"))
                    tree.move((STAGE, "s"), "part", ("swap", f"n{number % 50}"))
            except PathRefused:
                continue
    finally:
        stop.set()
        thread.join()
    assert read
    assert listing(tmp_path / "folder") == ["secret"]


def test_links_pipes_and_devices_are_refused_without_waiting(world: LocalRoots) -> None:
    """A FIFO must not hang the server."""
    with Tree(world.roots[0]) as tree:
        for name in ("link", "dirlink", "pipe", "a", "missing"):
            with pytest.raises(PathRefused):
                tree.open_file((name,))
        with pytest.raises(PathRefused):
            tree.directory(("dirlink",))
        with pytest.raises(PathRefused):
            tree.directory(("..",))


def test_a_hard_link_into_the_stage_is_not_written_through(
    world: LocalRoots, tmp_path: Path
) -> None:
    """A stage file that is linked from elsewhere is not ours alone."""
    with Tree(world.roots[0]) as tree:
        tree.directory((STAGE, "s"), make=True)
        os.link(tmp_path / "secret", world.roots[0] / STAGE / "s" / "part")
        with pytest.raises(PathRefused):
            tree.open_stage((STAGE, "s"), "part")


def test_the_default_root_is_made_for_this_user_alone(tmp_path: Path) -> None:
    """`~/vast-mcp` is made by us with 0700."""
    roots = LocalRoots(tmp_path)
    with Tree(roots.place("x").root, make=True):
        pass
    assert (tmp_path / "vast-mcp").stat().st_mode & 0o777 == 0o700


def test_only_added_directories_are_reachable_beside_the_default(tmp_path: Path) -> None:
    """`--files DIR` adds a root; a sibling with the same beginning stays outside."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data2").mkdir()
    roots = LocalRoots(tmp_path / "home", [tmp_path / "data"])
    assert roots.place(str(tmp_path / "data" / "x")).path == (tmp_path / "data" / "x").resolve()
    for bad in (tmp_path / "data2" / "x", tmp_path, Path("/")):
        with pytest.raises(PathRefused):
            roots.place(str(bad))
    with pytest.raises(PathRefused):
        LocalRoots(tmp_path, [Path("/")])


@pytest.mark.parametrize(
    "name",
    [".ssh/config", "x/.ssh/id", ".env", ".env.local", "prod.env", "a.pem", "id_rsa", "ID_RSA",
     "id_ed25519.pub", ".aws/credentials", ".config/x", "credentials.json", "server.KEY", ".netrc",
     ".git-credentials", ".npmrc", ".pypirc", ".kube/config", ".docker/config.json", "x.p12",
     ".vast_api_key", "vast_api_key", ".gnupg/x", ".pgpass", "kaggle.json"],
)  # fmt: skip
def test_what_looks_like_a_secret_is_refused_by_name(name: str, tmp_path: Path) -> None:
    """Hazard F5: secret-looking names refused by default, whatever their case."""
    roots = LocalRoots(tmp_path)
    assert looks_secret(name.split("/"))
    with pytest.raises(PathRefused):
        roots.place(name)
    assert roots.place(name, allow_secrets=True).parts == tuple(name.split("/"))


def test_an_upload_leaves_secrets_and_links_out_and_says_so(world: LocalRoots) -> None:
    """A tree's secrets are not sent, and the plan names what is left out."""
    root = world.roots[0]
    (root / "a" / ".env").write_text("x")
    (root / "a" / "key.pem").write_text("x")
    plan = plan_upload(world.place("."), "/workspace/x")
    assert [file.name for file in plan.files] == ["-rf", "a/b/good.txt"]
    assert {skip.name: skip.why for skip in plan.skipped} == {
        "a/.env": "looks like a secret",
        "a/key.pem": "looks like a secret",
        "a/up": "a link",
        "dirlink": "a link",
        "link": "a link",
        "pipe": "no regular file",
    }


def test_include_and_exclude_choose_files(world: LocalRoots) -> None:
    """Patterns with and without a slash."""

    def chosen(**selection: tuple[str, ...]) -> list[str]:
        plan = plan_upload(world.place("."), "x", selection=Selection(**selection))  # type: ignore[arg-type]
        return [file.name for file in plan.files]

    assert chosen(include=("*.txt",)) == ["a/b/good.txt"]
    assert chosen(exclude=("b",)) == ["-rf"]
    assert chosen(exclude=("a/b",)) == ["-rf"]
    assert chosen(include=("b",), exclude=("good.*",)) == []


@pytest.mark.parametrize(
    "path",
    [
        "/",
        HOME,
        HOME + "/",
        "/" + HOME,
        f"/.{HOME}",
        HOME + "/.",
        HOME + "/.ssh",
        "~",
        "~/",
        ".",
        "./",
    ],
)
def test_what_would_lock_us_out_is_no_target(path: str) -> None:
    """Issue 4: never `/` or `/root` as a remote target."""
    with pytest.raises(PathRefused):
        remote_path(path, target=True)


@pytest.mark.parametrize("path", ["", "a/../b", "..", "a\0b", "a\nb", "\x1b[0m", "x" * 5000])
def test_malformed_remote_paths_are_refused(path: str) -> None:
    """No traversal and no control characters on the machine's side either."""
    with pytest.raises(PathRefused):
        remote_path(path)


def test_remote_paths_are_absolute_or_below_the_home_directory() -> None:
    """`~/x` is `x`: a session begins at home."""
    assert remote_path("~/x//y/.") == "x/y"
    assert remote_path("/workspace/-x", target=True) == "/workspace/-x"
    assert remote_path("/rooted", target=True) == "/rooted"
