"""A stand-in for the optional package `keyring`: backends by their real names, kept in memory."""

import sys
import types

import pytest


class Backend:
    """One keyring. The tests name it as the package names its own."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], str] = {}
        self.reads = 0

    def get_password(self, service: str, name: str) -> str | None:
        """As the package's."""
        self.reads += 1
        return self.kept.get((service, name))

    def set_password(self, service: str, name: str, value: str) -> None:
        """As the package's."""
        self.kept[service, name] = value

    def delete_password(self, service: str, name: str) -> None:
        """As the package's."""
        del self.kept[service, name]


def named(module: str, name: str = "Keyring", base: type[Backend] = Backend) -> Backend:
    """A backend that calls itself this."""
    found: Backend = type(name, (base,), {"__module__": module})()
    return found


def installed(monkeypatch: pytest.MonkeyPatch, backend: object) -> None:
    """From now on the package is there and has this backend."""
    module = types.ModuleType("keyring")
    module.get_keyring = lambda: backend  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "keyring", module)


def absent(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on the package is not there."""
    monkeypatch.setitem(sys.modules, "keyring", None)
