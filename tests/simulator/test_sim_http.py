"""See docs/vendor-api.md#logs-and-commands."""

import argparse
import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from vast_mcp.cli import simulate
from vast_mcp.clock import ManualClock
from vast_mcp.simulator import Simulator, serve_http


@asynccontextmanager
async def _served(simulator: Simulator) -> AsyncIterator[str]:
    ready: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(serve_http(simulator, 0, on_ready=ready.set_result))
    try:
        yield f"http://127.0.0.1:{await asyncio.wait_for(ready, 5)}"
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_the_same_world_is_served_over_http_with_its_books() -> None:
    """Any client over HTTP; the demo reads money at /simulator/books (docs/design.md#commands)."""
    simulator = Simulator(ManualClock(), rate_limits=False)
    async with _served(simulator) as base, httpx2.AsyncClient(base_url=base) as http:
        http.headers["Authorization"] = "Bearer sim-key"
        offers = (await http.post("/api/v0/bundles/", json={"limit": 1})).json()["offers"]
        created = await http.put(f"/api/v0/asks/{offers[0]['id']}/", json={"image": "x/y"})
        books = (await http.get("/simulator/books")).json()

    assert created.json()["new_contract"] in simulator.world.instances
    assert books["balance_usd"] == 100.0
    assert [row["id"] for row in books["instances"]] == [created.json()["new_contract"]]
    assert len(simulator.mutations()) == 1


async def test_results_are_fetched_from_the_same_port() -> None:
    """The result URL of a served simulator is on its own port, without a key."""
    simulator = Simulator(ManualClock(), rate_limits=False)
    number = simulator.add_foreign_instance()
    async with _served(simulator) as base, httpx2.AsyncClient(base_url=base) as http:
        answer = await http.put(
            f"/api/v0/instances/request_logs/{number}/",
            json={},
            headers={"Authorization": "Bearer sim-key"},
        )
        url = answer.json()["result_url"]
        statuses = [(await http.get(url)).status_code for _ in range(3)]

    assert url.startswith(base)
    assert statuses == [404, 404, 200]


@pytest.mark.parametrize("kind", ["answer_lost_after_commit", "reset"])
async def test_a_severed_answer_closes_the_connection(kind: str) -> None:
    """Over HTTP the client sees the connection end."""
    simulator = Simulator(ManualClock(), rate_limits=False)
    simulator.faults.add(kind)  # type: ignore[arg-type]
    async with _served(simulator) as base, httpx2.AsyncClient(base_url=base) as http:
        with pytest.raises(httpx2.TransportError):
            await http.get("/api/v0/users/current")


async def test_only_loopback_is_served() -> None:
    """Servers listen on loopback only."""
    with pytest.raises(ValueError, match="loopback only"):
        await serve_http(Simulator(ManualClock()), 0, host="0.0.0.0")


PROGRAM = (
    "import argparse, signal, sys\n"
    "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a background job ignores it
    "from vast_mcp.cli import simulate\n"
    "parser = argparse.ArgumentParser()\n"
    "simulate.add_arguments(parser)\n"
    "sys.exit(simulate.run(parser.parse_args()))\n"
)


async def test_the_command_removes_its_machines_however_it_is_ended(tmp_path: Path) -> None:
    """SIGTERM, too, ends in order: no directory of a machine stays behind."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, "--port", "0", "--ssh",
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": ".", "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    assert process.stderr is not None
    await asyncio.wait_for(process.stderr.readline(), 30)
    during = os.listdir(tmp_path)  # noqa: PTH208  pathlib would block as well
    process.send_signal(signal.SIGTERM)
    await asyncio.wait_for(process.communicate(), 30)

    assert (process.returncode, len(during)) == (0, 1)
    assert os.listdir(tmp_path) == []  # noqa: PTH208


async def test_the_command_serves_until_interrupted_and_says_how_to_reach_it() -> None:
    """`vast-mcp simulate` prints the two variables on stderr (docs/design.md#commands)."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, "--port", "0", "--speed", "60", "--seed", "5",
        stderr=asyncio.subprocess.PIPE, env={**os.environ, "PYTHONPATH": "."},
    )  # fmt: skip
    assert process.stderr is not None
    await process.stderr.readline()
    line = (await asyncio.wait_for(process.stderr.readline(), 60)).decode()
    url = line.split("VAST_URL=")[1].split()[0]
    async with httpx2.AsyncClient() as http:
        books = json.loads((await http.get(f"{url}/simulator/books")).text)
    process.send_signal(signal.SIGINT)
    _, rest = await asyncio.wait_for(process.communicate(), 60)

    assert "VAST_API_KEY=sim-key" in line
    assert books["balance_usd"] == 100.0
    assert process.returncode == 0
    assert b"Traceback" not in rest


def _run(*words: str) -> int:
    parser = argparse.ArgumentParser()
    simulate.add_arguments(parser)
    return simulate.run(parser.parse_args(words))


def test_a_speed_that_makes_no_sense_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2 is usage (docs/design.md#commands)."""
    assert _run("--speed", "0") == 2
    assert "speed must be above 0" in capsys.readouterr().err


def test_a_taken_port_is_told_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1, no traceback."""
    with socket.create_server(("127.0.0.1", 0)) as holder:
        assert _run("--port", str(holder.getsockname()[1])) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8900", 200), ("localhost:1", 200), ("[::1]:80", 200), ("LOCALHOST", 200),
        ("console.vast.ai", 200), ("console.vast.ai.evil.com", 421), ("x.vast.ai", 421),
        ("evil.com", 421), ("localhost:evil.com", 421), ("localhost.evil.com", 421), ("", 421),
        ("127.0.0.1.evil.com:8900", 421), ("127.0.0.2", 421), ("localhost:80@evil.com", 421),
        ("evil.com#localhost", 421), ("localhost:999999", 421), ("127.0.0.1:8900, evil.com", 421),
    ],
)  # fmt: skip
async def test_the_simulator_answers_to_its_own_name_only(host: str, status: int) -> None:
    """A web page behind a rebound name cannot play with it: the browser sends the page's name."""
    simulator = Simulator(ManualClock(), rate_limits=False)
    async with _served(simulator) as base, httpx2.AsyncClient(base_url=base) as http:
        answer = await http.get("/simulator/books", headers={"Host": host})

    assert answer.status_code == status
    assert simulator.requests == type(simulator.requests)() or status == 200
