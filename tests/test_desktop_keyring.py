"""Promise: a secret goes into a keyring that encrypts, or into none; and nothing waits for one."""

import os
import socket
import threading
import types
from pathlib import Path

import pytest

from tests import keyrings
from vast_mcp import desktop_keyring


@pytest.mark.parametrize("name", desktop_keyring.ACCEPTED)
def test_each_accepted_backend_keeps_gives_and_forgets(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The package's own ones for the three systems."""
    module, _, kind = name.rpartition(".")
    keyrings.installed(monkeypatch, keyrings.named(module, kind))
    assert desktop_keyring.keep("a key", "value")
    assert desktop_keyring.read("a key").value == "value"
    assert desktop_keyring.forget("a key")
    assert desktop_keyring.forget("a key")
    assert "does not have it" in desktop_keyring.read("a key").trouble


@pytest.mark.parametrize(
    ("module", "kind"),
    [
        ("keyring.backends.null", "Keyring"),
        ("keyring.backends.fail", "Keyring"),
        ("keyrings.alt.file", "PlaintextKeyring"),
        ("keyrings.alt.file", "EncryptedKeyring"),
        ("somebody.elses", "Keyring"),
    ],
)
def test_a_backend_that_is_not_on_the_list_gets_nothing(
    monkeypatch: pytest.MonkeyPatch, module: str, kind: str
) -> None:
    """Whatever it calls itself: what is not known may write plain text."""
    backend = keyrings.named(module, kind)
    keyrings.installed(monkeypatch, backend)
    assert not desktop_keyring.keep("a key", "value")
    assert backend.kept == {}
    assert "no keyring that encrypts" in desktop_keyring.read("a key").trouble


def test_of_a_chain_the_first_that_encrypts_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package chains what it finds; a plain one beside it gets nothing."""
    plain = keyrings.named("keyrings.alt.file", "PlaintextKeyring")
    good = keyrings.named("keyring.backends.SecretService")
    chain = types.SimpleNamespace(backends=[plain, good])
    keyrings.installed(monkeypatch, chain)
    assert desktop_keyring.keep("a key", "value")
    assert (plain.kept, good.kept) == ({}, {("vast-mcp", "a key"): "value"})


def test_without_the_package_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an extra."""
    keyrings.absent(monkeypatch)
    assert not desktop_keyring.keep("a key", "value")
    assert "no keyring" in desktop_keyring.read("a key").trouble


def test_a_locked_keyring_is_left_alone_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """It puts up a dialog that nobody sees when a client starts the server."""
    let_go = threading.Event()

    class Locked(keyrings.Backend):
        def get_password(self, service: str, name: str) -> str | None:
            let_go.wait(30)
            return super().get_password(service, name)

    keyrings.installed(monkeypatch, keyrings.named("keyring.backends.SecretService", base=Locked))
    monkeypatch.setattr(desktop_keyring, "WITHIN_S", 0.1)
    answer = desktop_keyring.read("a key")
    let_go.set()
    assert answer.value == ""
    assert "no answer within 0.1 s; is it locked?" in answer.trouble


def test_a_keyring_that_breaks_is_told_without_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it says may hold the value."""

    class Broken(keyrings.Backend):
        def set_password(self, service: str, name: str, value: str) -> None:
            raise RuntimeError(f"{service} {name} {value}")

        def get_password(self, service: str, name: str) -> str | None:
            raise RuntimeError(f"{service} {name} value")

    keyrings.installed(monkeypatch, keyrings.named("keyring.backends.macOS", base=Broken))
    assert not desktop_keyring.keep("a key", "value")
    assert desktop_keyring.read("a key").trouble == "the keyring refused (RuntimeError)"
    assert "value" not in repr(desktop_keyring.KeyringAnswer("value"))


def test_the_sessions_bus_is_found_where_a_client_did_not_name_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Some clients hand on few variables; a Linux desktop's keyring is reached over that bus."""
    keyrings.installed(monkeypatch, keyrings.named("keyring.backends.SecretService"))
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "kept")
    desktop_keyring.read("a key")
    assert os.environ["DBUS_SESSION_BUS_ADDRESS"] == "kept"
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    desktop_keyring.read("a key")
    assert "DBUS_SESSION_BUS_ADDRESS" not in os.environ
    monkeypatch.chdir(tmp_path)  # the name of a socket must be short
    with socket.socket(socket.AF_UNIX) as bus:
        bus.bind("bus")
        desktop_keyring.read("a key")
    assert os.environ["DBUS_SESSION_BUS_ADDRESS"] == f"unix:path={tmp_path}/bus"
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS")
