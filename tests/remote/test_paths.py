import os
from pathlib import Path

import pytest

from vast_mcp.remote.errors import PathRefused
from vast_mcp.remote.paths import STAGE, LocalRoots, Tree, remote_path
from vast_mcp.remote.plan import plan_upload
from vast_mcp.remote.secret_names import looks_secret
from vast_mcp.remote.selection import Selection

SECRET = b"outside"
HOME = "/root"  # of the machine


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
        "pipe": "not a regular file",
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
    """Never `/` or `/root` as a remote target."""
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
