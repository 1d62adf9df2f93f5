"""One pace for all processes of an account, on real files and in real processes.

See docs/design.md#money, docs/hazards.md#reliability, docs/vendor-api.md#rate-limits.
"""

import asyncio
import logging
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import anyio
import httpx2
import pytest

from tests.api.vendor import Wire, ok
from tests.world import World, scale
from vast_mcp.api.connection import Connection
from vast_mcp.api.reads import Reads
from vast_mcp.clock import SECOND_US, ManualClock, SystemClock
from vast_mcp.errors import RateLimited
from vast_mcp.operations import Host, Operation, account, instances, market
from vast_mcp.rate_limit.pace import SharedPace
from vast_mcp.rate_limit.slots import MARGIN_US, SHOWN_HOLDS_US

LIST, SHOW = instances.LIST_INSTANCES, instances.SHOW_INSTANCE
STOP, START = instances.STOP_INSTANCE, instances.START_INSTANCE
SEARCH, DESTROY = market.SEARCH_OFFERS, instances.DESTROY_INSTANCE
MARGIN_S = MARGIN_US / SECOND_US
SOON_S = 0.02
"""What rounding adds to a wait."""


class Processes:
    """Several processes of one account on one clock."""

    def __init__(self, tmp: Path, *, count: int = 2) -> None:
        self.clock = ManualClock(auto_advance=True)
        self.file = tmp / "state" / "pace.db"
        self.paces = [self.another() for _ in range(count)]

    def another(self) -> SharedPace:
        """One more process."""
        return SharedPace(self.file, self.clock)

    async def waited(self, number: int, operation: Operation, **options: object) -> float:
        """Seconds that a turn took."""
        began_s = self.clock.monotonic_s()
        await self.paces[number].turn(operation, **options)  # type: ignore[arg-type]
        return self.clock.monotonic_s() - began_s

    async def show_budget(self) -> None:
        """Let the vendor show the account's budget: a refusal no interval explains, in a crowd."""
        for operation in (LIST, SHOW, SEARCH, account.SHOW_ACCOUNT):
            await self.paces[0].turn(operation)
        await self.paces[0].turn(DESTROY)
        await self.paces[0].pushed_back(START, 8.0)

    async def close(self) -> None:
        """Let go of the file."""
        for pace in self.paces:
            await pace.close()


def run(tmp: Path, work: Callable[[Processes], Awaitable[None]]) -> Awaitable[None]:
    """Do this with two processes and close them."""

    async def whole() -> None:
        processes = Processes(tmp)
        try:
            await work(processes)
        finally:
            await processes.close()

    return whole()


async def test_another_process_keeps_the_distance_too(tmp_path: Path) -> None:
    """Once a second for the account, whoever asks; other kinds do not wait."""

    async def work(two: Processes) -> None:
        assert await two.waited(0, LIST) == 0
        assert await two.waited(1, SHOW) == 0
        assert 1.0 <= await two.waited(1, LIST) <= 1.0 + MARGIN_S + SOON_S
        assert stat.S_IMODE(two.file.stat().st_mode) == 0o600

    await run(tmp_path, work)


async def test_an_answer_holds_the_next_of_its_kind_back_in_all_processes(tmp_path: Path) -> None:
    """Counted from arrivals, and a request may be long under way; no stop waits."""

    async def work(two: Processes) -> None:
        await two.paces[0].turn(START)
        two.clock.move(3)
        await two.paces[0].arrived(START)
        assert await two.waited(1, STOP) == 0
        assert 1.0 <= await two.waited(1, START) <= 1.0 + MARGIN_S + SOON_S

    await run(tmp_path, work)


async def test_a_stop_passes_the_queue_and_keeps_its_distance_from_what_left(
    tmp_path: Path,
) -> None:
    """Behind ten starts on the same route it waits for one interval at most."""

    async def work(two: Processes) -> None:
        left: list[tuple[float, str]] = []

        async def go(number: int, operation: Operation) -> None:
            await two.paces[number].turn(operation)
            left.append((two.clock.monotonic_s(), operation.name))

        two.clock = ManualClock()
        two.paces = [two.another(), two.another()]
        for pace in two.paces:
            await pace.arrived(LIST)  # the first use opens the file, in a thread
        async with anyio.create_task_group() as tasks:
            for number in range(10):
                tasks.start_soon(go, number % 2, START)
            await two.clock.advance(0.3)
            tasks.start_soon(go, 1, STOP)
            for _ in range(160):
                await asyncio.sleep(0.001)  # noqa: TID251
                await two.clock.advance(0.25)
        stopped_s = next(at for at, name in left if name == "stop_instance")
        assert stopped_s <= 0.3 + STOP.interval_s + MARGIN_S + 0.25
        times = sorted(at for at, _ in left)
        assert len(times) == 11
        assert all(b - a >= STOP.interval_s for a, b in pairwise(times))

    await run(tmp_path, work)


async def test_a_retry_after_holds_for_every_process_but_no_stop(tmp_path: Path) -> None:
    """Obeys Retry-After, at most 60 s; stop and destroy do not wait for it."""

    async def work(two: Processes) -> None:
        await two.paces[0].pushed_back(START, 20.0)
        assert await two.waited(1, STOP) == 0
        assert 20.0 - SOON_S <= await two.waited(1, START) <= 20.0 + SOON_S
        await two.paces[0].pushed_back(LIST, 1e8)
        assert await two.waited(1, LIST) <= 60.0 + SOON_S

    await run(tmp_path, work)


async def test_the_days_quota_closes_searches_for_all_until_midnight(tmp_path: Path) -> None:
    """Reset at 00:00 UTC; nothing is sent, other reads go on (docs/vendor-api.md#transport)."""

    async def work(two: Processes) -> None:
        spent = httpx2.Response(429, json={"error": "search_quota_exceeded"})
        wire, silent = Wire([spent]), Wire([ok({"offers": []})])
        one, other = (
            Reads(Connection(api_key="k3y-x", transport=end, clock=two.clock, pace=pace))
            for end, pace in zip((wire, silent), two.paces, strict=True)
        )
        with pytest.raises(RateLimited):
            await one.search_offers({}, disk_gb=10)
        for reads in (one, other):
            with pytest.raises(RateLimited, match="00:00 UTC") as raised:
                await reads.search_offers({}, disk_gb=10)
            assert raised.value.code == "search_quota_exceeded"
            left_s = raised.value.retry_after_s or 0
        assert (len(wire.seen), len(silent.seen)) == (1, 0)
        assert await two.waited(1, LIST) == 0
        day_us = 24 * 3600 * SECOND_US
        assert (two.clock.utc_us() + int(left_s * SECOND_US)) % day_us == 0
        two.clock.move(left_s + 1)
        assert (await other.search_offers({}, disk_gb=10)).offers == ()

    await run(tmp_path, work)


async def test_five_calls_in_ten_seconds_over_all_endpoints_are_kept_from_the_first_on(
    tmp_path: Path,
) -> None:
    """Recorded 2026-07-25: 5 in 10 s for the account. Four are for everything, one for a stop."""

    async def work(two: Processes) -> None:
        waits = [
            await two.waited(number % 2, operation)
            for number, operation in enumerate((LIST, SHOW, SEARCH, account.SHOW_ACCOUNT, LIST))
        ]
        assert waits[:4] == [0, 0, 0, 0]
        assert 9.9 <= waits[4] <= 10.1
        assert await two.waited(1, DESTROY) == 0

    await run(tmp_path, work)


async def test_the_serverless_host_does_not_count_in_the_accounts_five(tmp_path: Path) -> None:
    """The limit was seen on the console's host; the other has limits of its own."""
    elsewhere = Operation("x", "GET", "/x/", "test", host=Host.SERVERLESS, interval_s=0.1)

    async def work(two: Processes) -> None:
        for _ in range(6):
            assert await two.waited(0, elsewhere) < 0.5
        for operation in (LIST, SHOW, SEARCH, account.SHOW_ACCOUNT):
            assert await two.waited(1, operation) == 0

    await run(tmp_path, work)


async def test_stops_wait_for_the_five_only_once_the_vendor_has_shown_them(tmp_path: Path) -> None:
    """Unproven, a limit holds no stop up; shown by a 429, a refused stop would come later still."""

    async def work(two: Processes) -> None:
        for operation in (LIST, SHOW, SEARCH, account.SHOW_ACCOUNT):
            await two.paces[0].turn(operation)
        for _ in range(4):
            assert await two.waited(1, STOP) <= STOP.interval_s + MARGIN_S + SOON_S
        two.clock.move(60)
        await two.show_budget()
        assert await two.waited(1, STOP) <= 10 + SOON_S
        two.clock.move(SHOWN_HOLDS_US / SECOND_US)
        for operation in (LIST, SHOW, SEARCH, account.SHOW_ACCOUNT, STOP):
            assert await two.waited(1, operation) == 0  # not for ever

    await run(tmp_path, work)


async def test_the_pages_of_a_long_list_leave_room_for_whoever_is_waited_for(
    tmp_path: Path,
) -> None:
    """A hundred pages in the background: a search and a stop of another process leave at once."""

    async def work(two: Processes) -> None:
        for _ in range(3):
            await two.paces[0].turn(LIST, background=True)
        assert await two.waited(1, SEARCH) == 0
        assert await two.waited(1, STOP) == 0
        began_s = two.clock.monotonic_s()
        for _ in range(30):
            await two.paces[0].turn(LIST, background=True)
        assert 90 <= two.clock.monotonic_s() - began_s <= 110

    await run(tmp_path, work)


async def test_a_busy_client_does_not_starve_a_long_list() -> None:
    """A page that has waited for a whole window goes like any other call."""
    clock = ManualClock()
    pace = SharedPace(None, clock)
    pages: list[float] = []

    async def busy() -> None:
        while True:
            await pace.turn(SEARCH)

    async def listing() -> None:
        for _ in range(3):
            await pace.turn(LIST, background=True)
            pages.append(clock.monotonic_s())

    async with anyio.create_task_group() as tasks:
        for _ in range(4):
            tasks.start_soon(busy)
        tasks.start_soon(listing)
        for _ in range(480):
            await clock.advance(0.25)
        tasks.cancel_scope.cancel()
    assert len(pages) == 3, pages


async def test_a_refusal_that_the_interval_explains_shows_no_budget(tmp_path: Path) -> None:
    """One second for a list is its own distance; from then on it keeps a quarter more."""

    async def work(two: Processes) -> None:
        await two.paces[0].turn(LIST)
        await two.paces[0].pushed_back(LIST, 1.0)
        two.clock.move(1.5)
        assert await two.waited(1, LIST) == 0
        assert 1.25 <= await two.waited(0, LIST) <= 1.25 + MARGIN_S + SOON_S
        for _ in range(4):
            assert await two.waited(1, STOP) <= STOP.interval_s + MARGIN_S + SOON_S

    await run(tmp_path, work)


async def test_refusals_of_two_kinds_within_a_minute_show_it_too(tmp_path: Path) -> None:
    """Somebody else uses the account: few calls of this server are refused; all wait then."""

    async def work(two: Processes) -> None:
        for operation in (LIST, SHOW):
            await two.paces[0].turn(operation)
            await two.paces[0].pushed_back(operation, 20.0)
        assert await two.waited(1, account.LIST_CHARGES) > 19
        assert await two.waited(1, STOP) == 0

    await run(tmp_path, work)


async def test_patience_is_told_how_long_it_would_take(tmp_path: Path) -> None:
    """A read's deadline bounds its waiting; no place in the queue is taken for nothing."""

    async def work(two: Processes) -> None:
        await two.paces[0].pushed_back(LIST, 30.0)
        for _ in range(3):
            with pytest.raises(RateLimited, match="not sent") as raised:
                await two.paces[1].turn(LIST, patience_s=5.0)
            assert 29 <= (raised.value.retry_after_s or 0) <= 30
        assert await two.waited(0, LIST) <= 30 + SOON_S

    await run(tmp_path, work)


@pytest.mark.parametrize("back_s", [1, 30, 3600, 400 * 86_400])
async def test_a_clock_set_back_blocks_nobody_for_long(tmp_path: Path, back_s: float) -> None:
    """At most a Retry-After's length, and a stop ten seconds."""

    async def work(two: Processes) -> None:
        for operation in (LIST, STOP, SEARCH):
            await two.paces[0].turn(operation)
        await two.show_budget()
        await two.paces[0].pushed_back(LIST, 60.0)
        await two.paces[0].pushed_back(SEARCH, None, quota=True)
        two.clock.move(-back_s)
        assert await two.waited(1, STOP) <= 10 + SOON_S
        assert await two.waited(1, LIST) <= 60 + back_s * (back_s <= 60) + SOON_S
        if back_s > 86_400:
            assert await two.waited(1, SEARCH) <= 60 + SOON_S

    await run(tmp_path, work)


@pytest.mark.parametrize("harm", ["garbage", "directory", "link", "newer"])
async def test_without_a_usable_file_the_distance_is_kept_by_each_alone(
    tmp_path: Path, harm: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Losing the file loses only politeness; it is said once."""
    file = tmp_path / "pace.db"
    if harm == "garbage":
        file.write_bytes(b"not a database" * 500)
    elif harm == "directory":
        file.mkdir()
    elif harm == "link":
        file.symlink_to(tmp_path / "elsewhere")
    else:
        newer = sqlite3.connect(file)
        newer.execute("PRAGMA user_version = 99")
        newer.close()
    clock = ManualClock(auto_advance=True)
    pace = SharedPace(file, clock)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            await pace.turn(LIST)
        await pace.pushed_back(LIST, 7.0)
        await pace.turn(LIST)
    await pace.close()
    assert 9 <= clock.monotonic_s() <= 9.5
    assert len([record for record in caplog.records if record.name.endswith("pace")]) == 1


async def test_a_held_lock_delays_no_stop(tmp_path: Path) -> None:
    """A process that hangs inside its transaction costs a second once, then the spare is used."""
    clock = SystemClock()
    pace = SharedPace(tmp_path / "pace.db", clock)
    await pace.turn(LIST)
    holder = sqlite3.connect(tmp_path / "pace.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    began_s = time.perf_counter()
    await pace.turn(STOP)
    await pace.turn(DESTROY)
    assert time.perf_counter() - began_s <= 5.0
    holder.close()
    await pace.close()


async def test_every_process_of_a_key_uses_one_file_and_other_keys_another(tmp_path: Path) -> None:
    """The file lies beside the ledger, under the key's digest."""
    world = World(tmp_path)
    async with world.runtime() as one, world.runtime() as other:
        await one.session.account.reads.list_instances()
        before_s = world.clock.monotonic_s()
        await other.session.account.reads.list_instances()
        assert world.clock.monotonic_s() - before_s >= LIST.interval_s
        found = list(world.settings.state_dir.glob("pace-*.db"))
    assert [path.name for path in found] == [f"pace-{world.settings.key_digest}.db"]
    assert not any(request.status == 429 for request in world.simulator.requests)


DEPART = """
import asyncio, sys
from pathlib import Path
from vast_mcp.clock import SystemClock
from vast_mcp.operations import Host, Operation
from vast_mcp.rate_limit.pace import SharedPace

async def turns():
    clock = SystemClock()
    pace = SharedPace(Path(sys.argv[1]), clock)
    fast = Operation("fast", "GET", "/fast/", "test", interval_s=0.01, host=Host.SERVERLESS)
    for _ in range(int(sys.argv[2])):
        await pace.turn(fast)
        print(clock.utc_us(), flush=True)
    await pace.close()

asyncio.run(turns())
"""
"""One real process: take so many turns and say when each came."""


def test_eight_real_processes_never_leave_closer_than_the_interval(tmp_path: Path) -> None:
    """On a real file with real clocks; PACE_SLOTS for more."""
    times = scale("PACE_SLOTS", 6)
    arguments = [sys.executable, "-c", DEPART, str(tmp_path / "pace.db"), str(times)]
    with ExitStack() as stack:
        workers = [
            stack.enter_context(subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True))
            for _ in range(8)
        ]
        said = [worker.communicate(timeout=300)[0] for worker in workers]
    left = sorted(int(line) for text in said for line in text.split())
    assert len(left) == 8 * times
    gaps = [b - a for a, b in pairwise(left)]
    print(f"8 processes x {times}: least gap {min(gaps) / 1000:.1f} ms")  # noqa: T201
    assert min(gaps) >= 0.01 * SECOND_US


def _serverless(number: int) -> Operation:
    return Operation(
        f"op{number}", "GET", f"/{number}/", "test", interval_s=1.0, host=Host.SERVERLESS
    )


async def test_a_turn_costs_less_than_a_millisecond(tmp_path: Path) -> None:
    """The politeness of all processes together is not felt; the median of a thousand."""
    clock = SystemClock()
    pace = SharedPace(tmp_path / "pace.db", clock)
    taken = []
    for number in range(1000):
        began_s = time.perf_counter()
        await pace.turn(_serverless(number))
        taken.append(time.perf_counter() - began_s)
    await pace.close()
    median_ms = sorted(taken)[500] * 1000
    print(f"a turn: median {median_ms:.3f} ms")  # noqa: T201
    assert median_ms <= 1.0
