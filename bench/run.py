"""Measures what a user waits for and what a model reads; `make bench` prints one table.

Cold start: our wheel is installed in an environment of its own, away from the source tree. Each
start is a new process in an empty home, ours (`serve --simulate`) and the SDK's bare server of the
same environment in turns, from spawn to the answer of the first `tools/list`. With `--against
COMMIT` the wheel of that commit starts in the same turns, and the first call is compared.
Per call: the same read through a real stdio client and through the API client alone, on simulators
of the same seed. Sizes: bytes / 4 of what the model sees. Exit 1 when a goal is missed.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
from cold_start import THINKS_S, medians
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp_types import CallToolResult
from wheels import Installed

from vast_mcp.api.connection import Connection
from vast_mcp.api.reads import Reads
from vast_mcp.clock import ScaledClock
from vast_mcp.simulator import Simulator, SimulatorTransport

ROUNDS = 7
CALLS = 60
OURS = ["-m", "vast_mcp", "serve", "--simulate"]


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
            f"{self.name:<48} {self.value:>9.2f} {self.unit:<6} {goal:<11}"
            f"{'' if self.met else ' MISSED'}"
        ).rstrip()


def cold_start(ours: Installed, before: Installed | None) -> list[Figure]:
    """All servers in turns; the first call at once and after as long as a model thinks."""
    mine = {"ours": ours.server} | ({"before": before.server} if before else {})
    listed = medians({"bare": ours.bare, **mine}, ROUNDS)
    bare = listed["bare"].listing
    figures = [Figure("cold start to tools/list, bare one-tool server", bare * 1000, "ms")]
    for name in mine:
        took = listed[name].listing
        goal = 1.15 if name == "ours" else None
        figures.append(Figure(f"the same, {name}", took * 1000, "ms"))
        figures.append(Figure(f"{name} against the bare server", took / bare, "x", goal))
    at_once = medians(mine, ROUNDS, call_after_s=0.0)
    later = medians(mine, ROUNDS, call_after_s=THINKS_S)
    for name in mine:
        whole, call = at_once[name].spawn_to_call, later[name].call
        assert whole is not None
        assert call is not None
        figures.append(Figure(f"spawn to a first call made at once, {name}", whole * 1000, "ms"))
        figures.append(Figure(f"first call after {THINKS_S:g} s, {name}", call * 1000, "ms"))
    return figures


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
        Figure("time added per call", ours - alone, "ms", 5.0),
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
    words = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    words.add_argument("--against", metavar="COMMIT", help="measure the wheel of this commit too")
    words.add_argument("--starts-only", action="store_true", help="leave calls and sizes out")
    given = words.parse_args()
    with tempfile.TemporaryDirectory() as place:
        ours = Installed.of(Path(place, "ours"))
        before = Installed.of(Path(place, "before"), given.against) if given.against else None
        figures = cold_start(ours, before)
    if not given.starts_only:
        figures += anyio.run(through_the_server)
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} CPUs, median of {ROUNDS} starts")
    for figure in figures:
        print(figure)
    return 0 if all(figure.met for figure in figures) else 1


if __name__ == "__main__":
    raise SystemExit(main())
