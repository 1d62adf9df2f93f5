"""Measures what a user waits for and what a model reads; `make bench` prints one table.

Cold start: a new process with an empty home, from spawn to the answer of the first `tools/list`,
ours (`serve --simulate`) and the bare server in turns. Per call: the same read through a real stdio
client and through the API client alone, on simulators of the same seed. Sizes: bytes / 4 of what
the model sees. Exit 1 when a goal is missed.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp_types import CallToolResult

from vast_mcp.api.connection import Connection
from vast_mcp.api.reads import Reads
from vast_mcp.clock import ScaledClock
from vast_mcp.simulator import Simulator, SimulatorTransport

HERE = Path(__file__).resolve().parent
ROUNDS = 11
CALLS = 60
OURS = ["-m", "vast_mcp", "serve", "--simulate"]
BARE = [str(HERE / "bare_server.py")]
GREETING = (
    {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "bench", "version": "1"},
        },
    },
    {"jsonrpc": "2.0", "method": "notifications/initialized"},
    {"jsonrpc": "2.0", "id": 2, "method": "tools/list"},
)


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table; `goal` is the largest value that is good."""

    name: str
    value: float
    unit: str
    goal: float | None = None

    @property
    def met(self) -> bool:
        """Whether it is within its goal; a figure without one always is."""
        return self.goal is None or self.value <= self.goal

    def __str__(self) -> str:
        """Name, value, goal, and a word if it is missed."""
        goal = "" if self.goal is None else f"goal {self.goal:g}"
        return (
            f"{self.name:<44} {self.value:>9.2f} {self.unit:<6} {goal:<11}"
            f"{'' if self.met else ' MISSED'}"
        ).rstrip()


def seconds_to_listing(words: list[str]) -> float:
    """From spawn to the first listing, in a home where nothing was ever written."""
    with tempfile.TemporaryDirectory() as home:
        environment = {"PATH": os.environ["PATH"], "HOME": home, "TMPDIR": home}
        began = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        for message in GREETING:
            process.stdin.write(json.dumps(message).encode() + b"\n")
        process.stdin.flush()
        answered = json.loads(process.stdout.readline())
        listed = json.loads(process.stdout.readline())
        took = time.perf_counter() - began
        process.stdin.close()
        process.wait(timeout=20)
        process.stdout.close()
    if answered.get("id") != 1 or not listed["result"]["tools"]:
        raise SystemExit(f"no listing from {' '.join(words)}")
    return took


def cold_start() -> list[Figure]:
    """Both servers in turns, so that a busy machine troubles both alike."""
    for words in (OURS, BARE):
        seconds_to_listing(words)  # compiled modules are on the disk after this
    times: dict[str, list[float]] = {"ours": [], "bare": []}
    for _ in range(ROUNDS):
        times["bare"].append(seconds_to_listing(BARE))
        times["ours"].append(seconds_to_listing(OURS))
    ours, bare = (statistics.median(times[name]) for name in ("ours", "bare"))
    return [
        Figure("cold start to the first tools/list", ours * 1000, "ms"),
        Figure("the same, bare one-tool server", bare * 1000, "ms"),
        Figure("cold start against the bare server", ours / bare, "x", 1.20),
    ]


async def median_ms(call: Callable[[], Any]) -> float:
    """The median of many calls in a row, after a few to warm up."""
    times = []
    for number in range(CALLS + 5):
        began = time.perf_counter()
        await call()
        if number >= 5:
            times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times)


async def bare_call_ms() -> float:
    """The same read by our API client alone."""
    clock = ScaledClock(speed=10_000)
    simulator = Simulator(clock, seed=0, rate_limits=False)
    async with Connection(
        api_key="sim-key", transport=SimulatorTransport(simulator), clock=clock
    ) as connection:
        reads = Reads(connection)
        return await median_ms(reads.list_instances)


async def through_the_server() -> list[Figure]:
    """Time added per call, and the sizes of what the model reads."""
    with tempfile.TemporaryDirectory() as home, Path(home, "log").open("w") as log:
        environment = {"PATH": os.environ["PATH"], "HOME": home, "TMPDIR": home}
        policy = Path(home, "policy.toml")
        policy.write_text(
            "[limits]\nmax_running = 9\n[no_question]\nusd_per_day = 25\n", encoding="utf-8"
        )
        server = StdioServerParameters(
            command=sys.executable,
            args=[*OURS, "--speed", "2000", "--policy", str(policy)],
            env=environment,
        )
        async with Client(stdio_client(server, errlog=log)) as client:
            listing = await client.list_tools()
            size = len(
                listing.model_dump_json(by_alias=True, exclude_none=True, exclude_unset=True)
            )
            offers = await ask(client, "search_offers", limit=10, hours=1)
            for offer in offers.get("offers", [])[:5]:
                await ask(
                    client,
                    "create_instance",
                    offer_id=offer["offer_id"],
                    lease_hours=1,
                    max_price_usd_per_hour=1,
                )
            shown = await ask(client, "show_instances")
            ours = await median_ms(lambda: client.call_tool("show_instances", {}))
    alone = await bare_call_ms()
    return [
        Figure("one read through the server (stdio)", ours, "ms"),
        Figure("the same read by the API client alone", alone, "ms"),
        Figure("time added per call", ours - alone, "ms", 8.0),
        Figure(f"default tools/list ({len(listing.tools)} tools)", size / 4, "tokens", 9_000),
        Figure(f"{len(offers.get('offers', []))} offers", tokens(offers), "tokens", 600),
        Figure(f"{len(shown.get('instances', []))} instances", tokens(shown), "tokens", 600),
    ]


async def ask(client: Client, tool: str, /, **arguments: object) -> dict[str, Any]:
    """The structured answer of a tool."""
    result = await client.call_tool(tool, arguments)
    assert isinstance(result, CallToolResult)
    if result.is_error:
        print(f"{tool}: {result.content}", file=sys.stderr)
    return result.structured_content or {}


def tokens(answer: dict[str, Any]) -> float:
    """Bytes / 4 of the compact JSON that the model sees."""
    return len(json.dumps(answer, separators=(",", ":"), ensure_ascii=False).encode()) / 4


def main() -> int:
    """Measure everything and print it."""
    figures = [*anyio.run(through_the_server), *cold_start()]
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} CPUs, median of {ROUNDS} starts")
    for figure in figures:
        print(figure)
    return 0 if all(figure.met for figure in figures) else 1


if __name__ == "__main__":
    raise SystemExit(main())
