"""Settings come from where the official client looks, and a key is sent nowhere it should not.

See docs/design.md#key-and-account.
"""

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vast_mcp.config import (
    API_BASE,
    SERVERLESS_BASE,
    find_keys,
    fits_a_script,
    is_loopback,
    load_or_make_secret,
    place_whole,
    private_file,
    read_settings,
    system_policy_path,
)
from vast_mcp.errors import ConfigInvalid


def _first(environ: dict[str, str], home: Path) -> tuple[str, str] | None:
    found = find_keys(environ, home)
    return (found[0].value, found[0].kind.value) if found else None


def test_the_key_is_found_in_the_official_order(tmp_path: Path) -> None:
    """`VAST_API_KEY`, the two-factor session, the official client's key file, the legacy one."""
    assert _first({}, tmp_path) is None
    (tmp_path / ".vast_api_key").write_text("legacy\n")
    assert _first({}, tmp_path) == ("legacy", "key file")
    (tmp_path / ".config" / "vastai").mkdir(parents=True)
    (tmp_path / ".config" / "vastai" / "vast_api_key").write_text("file\n")
    assert _first({}, tmp_path) == ("file", "key file")
    (tmp_path / ".config" / "vastai" / "vast_tfa_key").write_text("session\n")
    assert _first({}, tmp_path) == ("session", "two-factor session")
    assert _first({"VAST_API_KEY": " env "}, tmp_path) == ("env", "given")
    (tmp_path / "xdg" / "vastai").mkdir(parents=True)
    (tmp_path / "xdg" / "vastai" / "vast_api_key").write_text("xdg")
    assert _first({"XDG_CONFIG_HOME": str(tmp_path / "xdg")}, tmp_path) == ("xdg", "key file")


def test_an_empty_or_unreadable_session_file_hides_no_key(tmp_path: Path) -> None:
    """What is not a key is passed over."""
    (tmp_path / ".config" / "vastai").mkdir(parents=True)
    (tmp_path / ".config" / "vastai" / "vast_api_key").write_text("file")
    session = tmp_path / ".config" / "vastai" / "vast_tfa_key"
    for content in (b"", b" \n", b"\xff\xfe"):
        session.write_bytes(content)
        assert _first({}, tmp_path) == ("file", "key file")


def test_a_key_in_the_environment_stands_alone(tmp_path: Path) -> None:
    """A key file could be another account's: it never takes the place of a key that was named."""
    (tmp_path / ".vast_api_key").write_text("file")
    assert len(find_keys({"VAST_API_KEY": "env"}, tmp_path)) == 1
    assert len(find_keys({}, tmp_path)) == 1


def test_a_session_ends_a_week_after_its_file_was_written(tmp_path: Path) -> None:
    """About seven days were reported; of other keys nobody can know an end."""
    path = tmp_path / ".config" / "vastai" / "vast_tfa_key"
    path.parent.mkdir(parents=True)
    path.write_text("s3ss10n")
    os.utime(path, (1_800_000_000, 1_800_000_000))
    (tmp_path / ".vast_api_key").write_text("plain")
    session, plain = find_keys({}, tmp_path)
    assert session.ends_us == (1_800_000_000 + 7 * 86_400) * 1_000_000
    assert plain.ends_us is None
    assert "s3ss10n" not in repr(session)


def test_another_base_takes_the_serverless_host_along(tmp_path: Path) -> None:
    """With VAST_URL elsewhere the key never goes to the real serverless host."""
    assert read_settings({}, tmp_path).serverless_base == SERVERLESS_BASE
    elsewhere = read_settings({"VAST_URL": "http://127.0.0.1:8900/"}, tmp_path)
    assert elsewhere.api_base == elsewhere.serverless_base == "http://127.0.0.1:8900"
    given = {"VAST_URL": "https://x.test", "VAST_SERVERLESS_URL": "https://y.test"}
    assert read_settings(given, tmp_path).serverless_base == "https://y.test"
    assert read_settings({"VAST_URL": API_BASE}, tmp_path).serverless_base == SERVERLESS_BASE


@pytest.mark.parametrize("name", ["VAST_URL", "VAST_SERVERLESS_URL"])
@pytest.mark.parametrize(
    "url",
    ["ftp://x", "console.vast.ai", "http://vast.ai", "http://127.0.0.1@evil.test", "file:///"],
)
def test_an_address_that_would_leak_the_key_is_refused(tmp_path: Path, name: str, url: str) -> None:
    """Only loopback may be unencrypted."""
    with pytest.raises(ConfigInvalid, match=name):
        read_settings({name: url}, tmp_path)


@given(st.text(max_size=30))
def test_only_this_machine_is_loopback(host: str) -> None:
    """A name that merely begins like loopback is not."""
    name = host.partition("/")[0].rpartition("@")[2].partition(":")[0]
    if name not in {"127.0.0.1", "localhost", "[", "[::1]"}:
        assert not is_loopback(f"http://{host}")


def test_the_key_is_in_no_repr(tmp_path: Path) -> None:
    """Settings can be logged."""
    settings = read_settings({"VAST_API_KEY": "very-secret-key"}, tmp_path)
    assert "very-secret-key" not in repr(settings)
    assert "very-secret-key" not in settings.key_digest


def test_a_secret_file_is_made_once_and_private(tmp_path: Path) -> None:
    """32 bytes in a 0600 file; two processes agree on one (docs/design.md#questions)."""
    path = tmp_path / "state" / "seal.key"
    made = load_or_make_secret(path)
    assert len(made) == 32
    assert load_or_make_secret(path) == made
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [one.name for one in path.parent.iterdir()] == ["seal.key"]


def test_a_secret_file_that_others_can_read_or_that_is_damaged_is_refused(tmp_path: Path) -> None:
    """What others could read seals nothing (docs/design.md#questions)."""
    path = tmp_path / "seal.key"
    load_or_make_secret(path)
    path.chmod(0o640)
    with pytest.raises(ConfigInvalid, match="read by others"):
        load_or_make_secret(path)
    path.chmod(0o600)
    path.write_bytes(b"short")
    with pytest.raises(ConfigInvalid, match="damaged"):
        load_or_make_secret(path)
    link = tmp_path / "link.key"
    link.symlink_to(path)
    with pytest.raises(ConfigInvalid):
        load_or_make_secret(link)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ConfigInvalid, match="cannot be used"):
        load_or_make_secret(tmp_path / "file" / "seal.key")


@pytest.mark.parametrize(
    ("name", "value", "field", "found"),
    [
        ("VAST_MCP_ASK", "", "ask", "client"),
        ("VAST_MCP_ASK", " Terminal ", "ask", "terminal"),
        ("VAST_MCP_ASK", "client", "ask", "client"),
        ("VAST_MCP_ASK", "nobody", "ask", None),
        ("VAST_MCP_TOOLSETS", "", "toolsets", "default"),
        ("VAST_MCP_TOOLSETS", "all", "toolsets", "all"),
        ("VAST_MCP_READ_ONLY", "", "read_only", False),
        ("VAST_MCP_READ_ONLY", "0", "read_only", False),
        ("VAST_MCP_READ_ONLY", "off", "read_only", False),
        ("VAST_MCP_READ_ONLY", "1", "read_only", True),
        ("VAST_MCP_READ_ONLY", " YES ", "read_only", True),
        ("VAST_MCP_READ_ONLY", "on", "read_only", True),
        ("VAST_MCP_READ_ONLY", "maybe", "read_only", None),
        ("VAST_MCP_LEDGER", "", "ledger", None),
        ("VAST_MCP_LEDGER", "/a/b.db", "ledger", Path("/a/b.db")),
        ("VAST_MCP_POLICY", "", "policy_given", False),
        ("VAST_MCP_POLICY", "/a/p.toml", "policy_given", True),
    ],
)
def test_every_variable_is_read_as_it_says_and_an_odd_word_is_refused(
    tmp_path: Path, name: str, value: str, field: str, found: object
) -> None:
    """A switch that nobody understands must not be taken for off."""
    if found is None and field != "ledger":
        with pytest.raises(ConfigInvalid, match=name):
            read_settings({name: value}, tmp_path)
    else:
        assert getattr(read_settings({name: value}, tmp_path), field) == found


def test_the_policy_that_was_named_is_read_and_else_the_usual_one(tmp_path: Path) -> None:
    """And a ledger that was named has its state beside it."""
    named = read_settings({"VAST_MCP_POLICY": "/a/p.toml", "VAST_MCP_LEDGER": "/a/b.db"}, tmp_path)
    assert (named.user_policy, named.home) == (Path("/a/p.toml"), Path("/a"))
    usual = read_settings({}, tmp_path)
    assert usual.user_policy.name == "policy.toml"
    assert usual.home == usual.state_dir
    assert system_policy_path("linux") == Path("/etc/vast-mcp/policy.toml")
    assert system_policy_path("darwin").name == "policy.toml"
    assert system_policy_path("darwin") != system_policy_path("linux")


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://127.0.0.1", True),
        ("http://127.0.0.1:8000/x", True),
        ("http://localhost:1", True),
        ("http://[::1]:80", True),
        ("http://[::1]", True),
        ("http://localhost:evil.com", False),
        ("http://localhost.evil.com", False),
        ("http://a@localhost", True),
        ("http://localhost@evil.com", False),
    ],
)
def test_loopback_is_told_by_its_host_alone(url: str, *, local: bool) -> None:
    """Whatever stands around it."""
    assert is_loopback(url) is local


@pytest.mark.parametrize(
    ("url", "fits"),
    [
        ("https://console.vast.ai", True),
        ("http://127.0.0.1:80/a/b", True),
        ("https://x.test/$(id)", False),
        ("https://x.test\n", False),
        ("https://u:p@x.test", False),
        ("ftp://x.test", False),
        ("https://x.test/a;b", False),
    ],
)
def test_only_a_plain_address_stands_in_a_start_script(url: str, *, fits: bool) -> None:
    """Nothing in it means anything to a shell."""
    assert fits_a_script(url) is fits


def test_a_private_file_is_ours_alone_and_no_link(tmp_path: Path) -> None:
    """One that others could read is closed to them; a link is not followed."""
    path = tmp_path / "new" / "a.db"
    private_file(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    path.write_bytes(b"kept")
    path.chmod(0o644)
    private_file(path)
    assert (stat.S_IMODE(path.stat().st_mode), path.read_bytes()) == (0o600, b"kept")
    link = tmp_path / "link.db"
    link.symlink_to(path)
    with pytest.raises(OSError, match="symbolic link"):
        private_file(link)


def test_the_first_of_several_keeps_its_place_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    """Two processes that make the same secret agree on one."""
    path = tmp_path / "seal.key"
    place_whole(path, b"first")
    place_whole(path, b"second")
    assert path.read_bytes() == b"first"
    assert [one.name for one in tmp_path.iterdir()] == ["seal.key"]
