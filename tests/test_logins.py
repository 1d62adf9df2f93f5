"""Promise: a login is one key for one address, private, and nothing else ever takes its place."""

import os
import stat
from pathlib import Path

import pytest

from tests import keyrings
from vast_mcp.config import KeyKind, find_keys, read_settings
from vast_mcp.errors import ConfigInvalid
from vast_mcp.logins import KeyPlace, Logins

KEY = "canary-key-7d1f0c2be94a"
HERE = "https://console.vast.ai"
THERE = "http://127.0.0.1:8900"


def _in_clear(folder: Path) -> list[Path]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return [path for path in files if KEY.encode() in path.read_bytes()]


def test_without_a_keyring_the_key_lies_in_a_private_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Readable by its owner alone, and gone after a logout."""
    keyrings.absent(monkeypatch)
    logins = Logins(tmp_path / "logins")
    kept = logins.keep(HERE, KEY)
    assert (kept.place, KEY in repr(kept)) == (KeyPlace.FILE, False)
    assert _in_clear(tmp_path) == [kept.path]
    assert stat.S_IMODE(kept.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.path.parent.stat().st_mode) == 0o700
    assert Logins(tmp_path / "logins").find(HERE) == kept
    assert logins.forget(HERE) is not None
    assert logins.find(HERE) is None
    assert _in_clear(tmp_path) == []
    assert logins.forget(HERE) is None


def test_with_a_keyring_no_file_holds_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file only says where it is; a key that went into a file before is gone from there."""
    keyrings.absent(monkeypatch)
    logins = Logins(tmp_path)
    logins.keep(HERE, KEY)
    backend = keyrings.named("keyring.backends.SecretService")
    keyrings.installed(monkeypatch, backend)
    assert logins.keep(HERE, KEY).place is KeyPlace.KEYRING
    assert _in_clear(tmp_path) == []
    found = logins.find(HERE)
    assert found is not None
    assert found.value == KEY
    logins.forget(HERE)
    assert backend.kept == {}


def test_a_key_in_the_keyring_is_asked_for_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each start looks several times; a keyring may take its two seconds each time."""
    backend = keyrings.named("keyring.backends.SecretService")
    keyrings.installed(monkeypatch, backend)
    Logins(tmp_path).keep(HERE, KEY)
    backend.reads = 0
    logins = Logins(tmp_path)
    for _ in range(5):
        assert logins.find(HERE) is not None
    assert backend.reads == 1


def test_each_address_has_its_own_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key of the real account is never sent to a simulator, nor the other way."""
    keyrings.absent(monkeypatch)
    logins = Logins(tmp_path)
    logins.keep(HERE, KEY)
    assert logins.find(THERE) is None
    logins.keep(THERE, "another-key")
    found = logins.find(HERE)
    assert found is not None
    assert found.value == KEY
    logins.path(THERE).write_bytes(logins.path(HERE).read_bytes())
    moved = Logins(tmp_path).find(THERE)
    assert moved is not None
    assert (moved.value, "damaged" in moved.trouble) == ("", True)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"place": "cloud"}', '{"place": "private file"}'])
def test_a_damaged_login_is_told_and_no_other_key_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    """The official client's file may be of another account: rents there would be a surprise."""
    keyrings.absent(monkeypatch)
    logins = Logins(tmp_path)
    logins.keep(HERE, KEY)
    logins.path(HERE).write_text(text)
    (tmp_path / ".vast_api_key").write_text("the-official-clients")
    found = Logins(tmp_path).find(HERE)
    assert found is not None
    assert "damaged" in found.trouble
    assert find_keys({}, tmp_path, found) == ()
    assert [key.value for key in find_keys({"VAST_API_KEY": "env"}, tmp_path, found)] == ["env"]


def test_a_key_that_the_keyring_does_not_give_is_told_and_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was kept where the extra is installed, and is read where it is not."""
    keyrings.installed(monkeypatch, keyrings.named("keyring.backends.macOS"))
    Logins(tmp_path).keep(HERE, KEY)
    keyrings.absent(monkeypatch)
    logins = Logins(tmp_path)
    found = logins.find(HERE)
    assert found is not None
    assert "in the keyring, and no keyring that encrypts" in found.trouble
    with pytest.raises(ConfigInvalid, match="still there"):
        logins.forget(HERE)
    assert logins.find(HERE) is not None


def test_the_order_is_environment_login_official_client(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A newer login is seen without a restart, when the old key is refused."""
    keyrings.absent(monkeypatch)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / ".vast_api_key").write_text("the-official-clients")
    assert read_settings({}, tmp_path).api_key == "the-official-clients"
    settings = read_settings({}, tmp_path)
    assert settings.logins is not None
    path = settings.logins.keep(HERE, KEY).path
    found = read_settings({}, tmp_path)
    assert (found.api_key, found.key_origin) == (KEY, str(path))
    assert [key.kind for key in found.find_keys()] == [KeyKind.LOGIN, KeyKind.FILE]
    assert read_settings({"VAST_URL": THERE}, tmp_path).api_key == "the-official-clients"
    assert read_settings({"VAST_API_KEY": "env"}, tmp_path).api_key == "env"
    assert found.logins is not None
    Logins(found.logins.folder).keep(HERE, "a-newer-key")
    os.utime(path, ns=(1, 1))
    assert found.find_keys()[0].value == "a-newer-key"


def test_a_place_that_cannot_be_written_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is kept, and the way out is said."""
    keyrings.absent(monkeypatch)
    (tmp_path / "logins").write_text("no directory")
    with pytest.raises(ConfigInvalid, match="cannot be kept"):
        Logins(tmp_path / "logins").keep(HERE, KEY)
