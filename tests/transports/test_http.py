"""A server on HTTP: closed by default, and open only to whom it was told to open."""

import signal
from collections.abc import Mapping
from pathlib import Path

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from tests.transports.processes import INITIALIZE, started
from vast_mcp.errors import ConfigInvalid
from vast_mcp.transports import HttpDoor

TOKEN = "a-token-of-some-length"
HEADERS = {"accept": "application/json, text/event-stream", "content-type": "application/json"}
SERVE = ("--simulate", "--transport", "http", "--port", "0")
ADDRESS = r"serving MCP at (\S+)"


@pytest.mark.parametrize(
    ("door", "said"),
    [
        ({"host": "0.0.0.0"}, "a token is needed"),
        ({"host": "0.0.0.0", "token": TOKEN}, "the host names it may be called by"),
        ({"host": "::", "allowed_hosts": ("gpu.example",)}, "a token is needed"),
        ({"token": "short"}, "shorter than"),
    ],
)
def test_a_door_that_would_stand_open_is_refused(door: Mapping[str, object], said: str) -> None:
    """Refused before anything listens (docs/design.md#commands)."""
    with pytest.raises(ConfigInvalid, match=said):
        HttpDoor(**door)  # type: ignore[arg-type]  # the point is to try combinations


def test_a_named_host_stands_beside_nothing_else() -> None:
    """On a public address, loopback's names are not answered."""
    door = HttpDoor("0.0.0.0", 1, TOKEN, allowed_hosts=("gpu.example",))
    assert door.hosts == ["gpu.example", "gpu.example:*"]


async def test_a_client_with_the_token_is_served_and_others_are_not(tmp_path: Path) -> None:
    """401 without it, with a wrong one, with another scheme."""
    file = tmp_path / "token"
    file.write_text(f"alice {TOKEN}\n", encoding="utf-8")
    async with started(tmp_path, *SERVE, "--token-file", str(file)) as server:
        address = await server.said(ADDRESS)
        async with httpx2.AsyncClient(trust_env=False) as http:
            for offered in ("", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x"):
                headers = {**HEADERS, "authorization": offered} if offered else HEADERS
                answer = await http.post(address, json=INITIALIZE, headers=headers)
                assert answer.status_code == 401, offered
        right = {"authorization": f"Bearer {TOKEN}"}
        async with (
            httpx2.AsyncClient(headers=right, trust_env=False) as http,
            Client(streamable_http_client(address, http_client=http)) as client,
        ):
            assert (await client.list_tools()).tools
        assert TOKEN not in "".join(server.log)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"host": "evil.example:8765"}, 421),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "http://localhost:3000"}, 200),
    ],
)
async def test_foreign_hosts_and_origins_are_turned_away(
    headers: dict[str, str], status: int, tmp_path: Path
) -> None:
    """A page in a browser on this machine must not reach the server by another name."""
    async with started(tmp_path, *SERVE) as server:
        address = await server.said(ADDRESS)
        async with httpx2.AsyncClient(trust_env=False) as http:
            answer = await http.post(address, json=INITIALIZE, headers={**HEADERS, **headers})
        assert answer.status_code == status


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_cleanly(number: signal.Signals, tmp_path: Path) -> None:
    """Also with a client connected; nothing hangs."""
    async with started(tmp_path, *SERVE) as server:
        address = await server.said(ADDRESS)
        async with httpx2.AsyncClient(trust_env=False) as http:
            await http.post(address, json=INITIALIZE, headers=HEADERS)
            server.process.send_signal(number)
            code = await server.ended()
    assert code == 128 + number
    assert "Traceback" not in "".join(server.log)
