"""What every test stands on: an environment without keys, a home of its own, no way out."""

import asyncio
import ipaddress
import os
import socket
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

_PLACES = ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME")


settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")  # a busy machine is no reason to fail


class ReachedOutside(BaseException):
    """A test tried to leave the machine. Not an `Exception`: no code under test may swallow it."""


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: Any) -> None:  # noqa: ANN401  pytest does not export the factory's type
    """No key, no setting and no file of whoever runs the tests can be seen or written."""
    for name in list(os.environ):
        if name.startswith("VAST_") or name.endswith(("_proxy", "_PROXY")):
            monkeypatch.delenv(name)
    home: Path = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("TMPDIR", str(home))
    monkeypatch.setenv("NO_COLOR", "1")
    for name in _PLACES:
        monkeypatch.setenv(name, str(home / name.lower()))


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sockets reach loopback and nothing else; names are not looked up."""
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex
    resolve = socket.getaddrinfo

    def checked(self: socket.socket, address: Any) -> None:  # noqa: ANN401  any address family
        _refuse_outside(self, address)
        connect(self, address)

    def checked_ex(self: socket.socket, address: Any) -> int:  # noqa: ANN401  any address family
        _refuse_outside(self, address)
        return connect_ex(self, address)

    def resolved(host: Any, *rest: Any, **more: Any) -> Any:  # noqa: ANN401  as the original
        if not _is_loopback(host):
            raise ReachedOutside(f"a test looked up {host!r}")
        return resolve(host, *rest, **more)

    async def connected(_: Any, sock: socket.socket, address: Any) -> None:  # noqa: ANN401
        _refuse_outside(sock, address)
        await sock_connect(_, sock, address)

    sock_connect = asyncio.SelectorEventLoop.sock_connect
    monkeypatch.setattr(socket.socket, "connect", checked)
    monkeypatch.setattr(socket.socket, "connect_ex", checked_ex)
    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    monkeypatch.setattr(asyncio.SelectorEventLoop, "sock_connect", connected)


def _refuse_outside(sock: socket.socket, address: Any) -> None:  # noqa: ANN401  any address family
    if sock.family not in {socket.AF_INET, socket.AF_INET6}:
        return
    if not _is_loopback(address[0]):
        raise ReachedOutside(f"a test connected to {address!r}")


def _is_loopback(host: Any) -> bool:  # noqa: ANN401  text, bytes or nothing
    if host is None:
        return True
    name = host.decode() if isinstance(host, bytes) else str(host)
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"
