"""No limit is ever passed, however many processes of one account rent at once.

See docs/design.md#money, docs/hazards.md#money.
"""

import asyncio
import multiprocessing
import os
from dataclasses import dataclass
from multiprocessing.connection import Connection as Pipe
from pathlib import Path

import pytest

from tests.world import World, report, scale
from vast_mcp.actions import CreateInstance
from vast_mcp.api.connection import network_transport
from vast_mcp.clock import ManualClock
from vast_mcp.config import Settings
from vast_mcp.errors import VastMcpError
from vast_mcp.guard.act import Caller, Ready
from vast_mcp.runtime import open_runtime
from vast_mcp.simulator import Simulator, serve_http
from vast_mcp.store import current_rate, spent_and_reserved
from vast_mcp.units import Usd, UsdPerHour

PROCESSES = scale("VAST_MCP_TEST_PROCESSES", 16)
RENTS = scale("VAST_MCP_TEST_RENTS", 2)
FORK = multiprocessing.get_context("fork")
POLICY = """
[limits]
max_running = {running}
max_total_usd_per_hour = {hourly}
max_usd_per_day = {day}
[no_question]
usd_per_day = {day}
[budget.job]
max_cost_usd = {task}
"""


@dataclass(frozen=True)
class Caps:
    """The caps of one run; one of them is tight."""

    running: int = 1000
    hourly: float = 500.0
    day: float = 900.0
    task: float = 900.0


CAPS = {
    "running": Caps(running=5),
    "per hour": Caps(hourly=0.9),
    "per day": Caps(day=2.5),
    "task": Caps(task=1.3),
}


def serve(ready: Pipe) -> None:
    """The one vendor, in a process of its own."""
    clock = ManualClock()
    simulator = Simulator(clock, seed=21, credit_usd=10_000, rate_limits=False)
    asyncio.run(serve_http(simulator, 0, on_ready=ready.send))


def settings_of(port: int, tmp: Path) -> Settings:
    """One account on one ledger."""
    base = f"http://127.0.0.1:{port}"
    return Settings(
        api_base=base,
        serverless_base=base,
        api_key="sim-key",
        state_dir=tmp / "state",
        user_policy=tmp / "policy.toml",
        system_policy=tmp / "none.toml",
    )


def rent_many(settings: Settings, offers: list[int], go: Pipe, done: Pipe) -> None:
    """One process: rent these one after the other; how many came, and what was said otherwise."""

    async def work() -> tuple[int, list[str]]:
        clock = ManualClock(auto_advance=True)
        rented, refused = 0, []
        async with open_runtime(settings, clock=clock, transport=network_transport()) as runtime:
            guard, caller = runtime.session.guard, Caller()
            for number, offer_id in enumerate(offers):
                key = f"{os.getpid()}-{number}"
                act = CreateInstance(
                    offer_id, 2.0, max_price_usd_per_hour=1.0, task="job", request_key=key
                )
                try:
                    proposal = await guard.propose(act, caller)
                    assert isinstance(proposal, Ready), proposal
                    outcome = await guard.perform(proposal, caller)
                    rented += outcome.status == "rented"
                except VastMcpError as error:
                    refused.append(str(error))
        return rented, refused

    go.recv()
    done.send(asyncio.run(work()))


@pytest.mark.parametrize("which", CAPS)
def test_processes_that_rent_at_once_never_pass_a_cap(tmp_path: Path, which: str) -> None:
    """16 processes on one ledger: money and machines stay under every cap."""
    caps = CAPS[which]
    (tmp_path / "policy.toml").write_text(POLICY.format(**vars(caps)), encoding="utf-8")
    heard, ready = FORK.Pipe(duplex=False)
    vendor = FORK.Process(target=serve, args=(ready,), daemon=True)
    vendor.start()
    workers: list[tuple[multiprocessing.context.ForkProcess, Pipe, Pipe]] = []
    try:
        settings = settings_of(int(heard.recv()), tmp_path)
        _unpaced(settings)
        offers = asyncio.run(_offers(settings, PROCESSES * RENTS))
        for number in range(PROCESSES):
            start, go = FORK.Pipe()
            result, done = FORK.Pipe(duplex=False)
            share = offers[number::PROCESSES]
            worker = FORK.Process(target=rent_many, args=(settings, share, go, done), daemon=True)
            worker.start()
            workers.append((worker, start, result))
        for _, start, _ in workers:
            start.send(None)
        results = [result.recv() for _, _, result in workers]
        rented = sum(count for count, _ in results)
        refused = [text for _, texts in results for text in texts]
        report(f"{which}: {PROCESSES} processes x {RENTS}: {rented} rented, {len(refused)} refused")
        asyncio.run(_check(settings, caps, rented))
        assert rented >= 1
        assert refused, "the cap was never reached: the run proves nothing"
        for text in refused:
            assert "Not rented, nothing charged" in text, text
            assert "database" not in text, text
    finally:
        for worker, _, _ in workers:
            worker.join(20)
        vendor.terminate()
        vendor.join(20)


def _unpaced(settings: Settings) -> None:
    """Each process here has a clock of its own, so they cannot share slots: let them race."""
    (settings.state_dir / f"pace-{settings.key_digest}.db").mkdir(parents=True)


async def _offers(settings: Settings, count: int) -> list[int]:
    clock = ManualClock(auto_advance=True)
    async with open_runtime(settings, clock=clock, transport=network_transport()) as runtime:
        world = World(settings.state_dir.parent)
        found = await world.offers(runtime, limit=500)
    cheap = [one for one in found if one.usd_per_hour.dollars < 0.9]
    assert cheap
    ids = [one.offer_id for one in cheap]
    return (ids * (1 + count // len(ids)))[:count]


async def _check(settings: Settings, caps: Caps, rented: int) -> None:
    """The ledger and the vendor's own books agree, and neither is above a cap."""
    clock = ManualClock(auto_advance=True)
    async with open_runtime(settings, clock=clock, transport=network_transport()) as runtime:
        session = runtime.session
        alive = await session.account.reads.list_instances()
        live = await session.account.ledger.read(lambda tx: tx.live_rentals())
        segments = await session.account.ledger.read(
            lambda tx: [part for one in live for part in tx.segments(one.intent_id)]
        )
        broken = await session.account.ledger.read(lambda tx: tx.broken_audit_link())
    assert broken is None
    assert len(alive) == len(live) == rented <= caps.running
    hourly = sum((current_rate(one) for one in live), UsdPerHour(0))
    assert sum(one.usd_per_hour.micros for one in alive) <= hourly.micros
    assert hourly.dollars <= caps.hourly
    spent, reserved = spent_and_reserved(segments, clock.utc_us())
    assert spent + reserved <= Usd.of(min(caps.day, caps.task))
