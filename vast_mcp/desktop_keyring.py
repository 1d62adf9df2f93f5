"""The desktop's keyring, reached through the optional package `keyring`.

Only backends that encrypt are used, by name: an unknown one might write plain text. The package is
imported when a value is wanted and not before, and a keyring that waits for a person (a locked one
puts up a dialog that nobody may see) is left alone after two seconds.
"""

import importlib
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SERVICE = "vast-mcp"
WITHIN_S = 2.0
ACCEPTED = (
    "keyring.backends.macOS.Keyring",
    "keyring.backends.SecretService.Keyring",
    "keyring.backends.libsecret.Keyring",
    "keyring.backends.kwallet.DBusKeyring",
    "keyring.backends.Windows.WinVaultKeyring",
)
"""The package's own backends for the keyrings of macOS, Linux desktops and Windows."""


@dataclass(frozen=True, slots=True)
class KeyringAnswer:
    """What the keyring gave: a value, or why there is none. Its repr does not hold the value."""

    value: str = ""
    trouble: str = ""

    def __repr__(self) -> str:
        return f"<Answer {self.trouble or 'kept back'}>"


def read(name: str) -> KeyringAnswer:
    """The value of this name; with `trouble` where it cannot be had."""
    return _asked(lambda backend: backend.get_password(SERVICE, name))


def keep(name: str, value: str) -> bool:
    """Put it there and read it back; False where there is no keyring or it does not keep it."""

    def kept(backend: Any) -> str:  # noqa: ANN401  the optional package's own object
        backend.set_password(SERVICE, name, value)
        return str(backend.get_password(SERVICE, name))

    return _asked(kept).value == value


def forget(name: str) -> bool:
    """Take it out; whether it is out, which it also is when it was never there."""

    def gone(backend: Any) -> str:  # noqa: ANN401  as above
        if backend.get_password(SERVICE, name) is not None:
            backend.delete_password(SERVICE, name)
        return "gone"

    return _asked(gone).value == "gone"


def _asked(question: Callable[[Any], object]) -> KeyringAnswer:
    """Put it in a thread that may be left behind: no backend can be told to stop waiting."""
    answers: list[KeyringAnswer] = []

    def ask() -> None:
        try:
            backend = _backend()
            if backend is None:
                answers.append(KeyringAnswer(trouble="no keyring that encrypts is to be found"))
                return
            found = question(backend)
        except Exception as error:  # noqa: BLE001  backends raise what they like
            answers.append(KeyringAnswer(trouble=f"the keyring refused ({type(error).__name__})"))
        else:
            missing = "" if isinstance(found, str) else "the keyring does not have it"
            answers.append(KeyringAnswer(found if isinstance(found, str) else "", missing))

    thread = threading.Thread(target=ask, name="keyring", daemon=True)
    thread.start()
    thread.join(WITHIN_S)
    if answers:
        return answers[0]
    return KeyringAnswer(trouble=f"the keyring gave no answer within {WITHIN_S:g} s; is it locked?")


def _backend() -> Any:  # noqa: ANN401  the optional package's own object
    """The first accepted backend, looked for inside a chain of several; None without."""
    _name_the_session_bus()
    try:
        found = importlib.import_module("keyring").get_keyring()
    except ImportError:
        return None
    kinds = [found, *getattr(found, "backends", ())]
    return next((kind for kind in kinds if _name_of(kind) in ACCEPTED), None)


def _name_of(backend: object) -> str:
    return f"{type(backend).__module__}.{type(backend).__name__}"


def _name_the_session_bus() -> None:
    """Say where the session's bus is: some clients start us without the variable that does.

    A Linux desktop's keyring is reached over it. Its usual place is the session's own directory.
    """
    if "DBUS_SESSION_BUS_ADDRESS" in os.environ or not hasattr(os, "getuid"):
        return
    runtime = os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}"
    bus = Path(runtime) / "bus"
    if bus.is_socket() and bus.stat().st_uid == os.getuid():
        os.environ["DBUS_SESSION_BUS_ADDRESS"] = f"unix:path={bus}"
