"""A server on stdio: protocol only on stdout, and a clean end however it is ended.

See docs/design.md#commands, docs/design.md#sending-once.
"""

import asyncio
import signal
import sqlite3
from pathlib import Path

import pytest

from tests.listening import listening
from tests.transports.processes import started
from vast_mcp.clock import ScaledClock, SystemClock
from vast_mcp.simulator import Simulator
from vast_mcp.simulator.wire import Request, Response


async def test_the_end_of_stdin_ends_the_server(tmp_path: Path) -> None:
    """A client that leaves closes our stdin: exit 0."""
    async with started(tmp_path, "--simulate") as server:
        await server.greet()
        assert server.process.stdin is not None
        server.process.stdin.close()
        assert await server.ended() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_the_server(number: signal.Signals, tmp_path: Path) -> None:
    """128 + the signal, with the lifespan closed; the SDK's own runner does neither."""
    async with started(tmp_path, "--simulate") as server:
        await server.greet()
        await server.ask(2, "tools/list")
        server.process.send_signal(number)
        assert await server.ended() == 128 + number
        assert "Traceback" not in "".join(server.log)


async def test_without_a_key_it_starts_and_tells_how_to_get_one(tmp_path: Path) -> None:
    """The tools are listed; a call answers what to do. Nothing reaches out."""
    async with started(tmp_path, VAST_URL="http://127.0.0.1:9") as server:
        await server.greet()
        assert (await server.ask(2, "tools/list"))["tools"]
        answer = await server.ask(3, "tools/call", name="show_instances", arguments={})
    assert answer["isError"]
    assert "VAST_API_KEY" in answer["content"][0]["text"]


async def test_the_simulator_ignores_the_key_and_address_of_the_environment(
    tmp_path: Path,
) -> None:
    """A game never reaches the real account, and keeps books of its own."""
    async with started(
        tmp_path, "--simulate", VAST_API_KEY="real-key-012345", VAST_URL="http://127.0.0.1:9"
    ) as server:
        await server.greet()
        answer = await server.ask(2, "tools/call", name="show_instances", arguments={})
        place = Path(await server.said(r"Ledger: (\S+)"))
    assert not answer.get("isError"), answer
    assert place.is_relative_to(tmp_path)
    assert not (tmp_path / "state").exists()
    assert "real-key-012345" not in "".join(server.log)


class SlowToRent(Simulator):
    """Takes two real seconds to answer a rent."""

    async def handle(self, request: Request) -> Response:
        """Execute at once, answer late."""
        response = await super().handle(request)
        if request.method == "PUT" and "/asks/" in request.path:
            await SystemClock().sleep(2)
        return response


async def test_a_rent_under_way_is_waited_for_when_a_signal_comes(tmp_path: Path) -> None:
    """A sent write is drained for up to 10 s, so its outcome stands in the ledger."""
    simulator = SlowToRent(ScaledClock(), rate_limits=False)
    async with listening(simulator) as address:
        words = {"VAST_URL": address, "VAST_API_KEY": "sim-key"}
        async with started(tmp_path, **words) as server:
            await server.greet()
            found = await server.ask(2, "tools/call", name="search_offers", arguments={"limit": 1})
            offer_id = found["structuredContent"]["offers"][0]["offer_id"]
            call = {"name": "create_instance", "arguments": {"offer_id": offer_id}}
            await server.send({"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": call})
            async with asyncio.timeout(30):
                while not simulator.world.instances:
                    await SystemClock().sleep(0.05)
            server.process.send_signal(signal.SIGTERM)
            assert await server.ended() == 143
    [ledger] = (tmp_path / "state" / "vast-mcp").glob(f"{'[0-9a-f]' * 16}.db")
    books = sqlite3.connect(ledger)
    rows = books.execute("SELECT state, target_id FROM rentals").fetchall()
    books.close()
    assert rows == [("active", next(iter(simulator.world.instances)))]
