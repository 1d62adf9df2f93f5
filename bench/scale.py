"""Measures large accounts and long histories, today's code beside an older commit in one run.

    python bench/scale.py [COMMIT]

Each figure comes from a process of its own: the commit's package (in a worktree) and today's, same
seed, same simulator time. SIZES (machines rented elsewhere), ROWS (closed rentals in the ledger),
SEED from the environment. Times are simulated seconds unless they say otherwise; the vendor keeps
its documented intervals, and where it says "five in ten" its shared limit as well.
"""

import asyncio
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from vast_mcp.keeper.tick import look_once

HERE = Path(__file__).resolve().parent
SIZES = [int(size) for size in os.environ.get("SIZES", "100,700,1000").split(",")]
ROWS = int(os.environ.get("ROWS", "100000"))
SEED = int(os.environ.get("SEED", "1"))
LEASES = 3
PATIENCE_S = 900.0
HOUR_S = 3600
SECOND_US = 1_000_000
POLICY = """
[limits]
max_running = 99
max_usd_per_day = 1000
max_total_usd_per_hour = 99
[no_question]
usd_per_day = 999
"""


def new_world(tmp: str, **options: Any) -> Any:  # noqa: ANN401  either commit's own class
    """The tests' world of the commit at hand."""
    from tests.world import World  # noqa: PLC0415

    world = World(Path(tmp), policy=POLICY, seed=SEED)
    world.simulator.set_credit(10_000_000.0)
    for name, value in options.items():
        setattr(world.simulator.limits, name, value)
    return world


def populate(world: Any, count: int) -> None:  # noqa: ANN401
    """Machines that the account's owner rented elsewhere."""
    first = world.simulator.add_foreign_instance()
    made = world.simulator.world.fleet
    model = made.alive[first]
    for _ in range(count - 1):
        contract = made.create(model.listing, model.order, world.simulator.world.now_us)
        contract.foreign = True
        made.enter(contract, "running", world.simulator.world.now_us)


async def leases(size: int) -> dict[str, Any]:
    """How late the leases of three machines end on an account with so many others."""
    with tempfile.TemporaryDirectory() as tmp:
        world = new_world(tmp)
        async with world.connect() as client:
            for offer in (await world.offers())[:LEASES]:
                await world.rent(client, offer, lease_hours=1)
        rented_us = world.clock.utc_us()
        world.run_until_ready()
        populate(world, size)
        async with world.runtime() as runtime:
            began_s = world.clock.monotonic_s()
            try:
                rows = len(await runtime.session.account.reads.list_instances())
                reading = {"reading_s": round(world.clock.monotonic_s() - began_s, 1), "rows": rows}
            except Exception as error:  # noqa: BLE001  that it fails is the figure
                reading = {"reading_s": f"{type(error).__name__}"}
            ends_us = (rented_us + HOUR_S * SECOND_US) // 60_000_000 * 60_000_000
            world.clock.move(max(0.0, (ends_us - world.clock.utc_us()) / SECOND_US) + 1)
            before = len(world.simulator.requests)
            until_s = world.clock.monotonic_s() + PATIENCE_S
            while world.clock.monotonic_s() < until_s:
                with suppress(Exception):
                    await look_once(runtime.session.guard)
                if len(stops(world, before)) >= LEASES:
                    break
                world.clock.move(60)
        late = [round((at - ends_us) / SECOND_US, 1) for at in stops(world, before).values()]
    return {**reading, "leases_ended": len(late), "last_ended_after_s": max(late, default=None)}


def stops(world: Any, since: int) -> dict[int, int]:  # noqa: ANN401
    """When each machine was told to stop, and the vendor took it."""
    found: dict[int, int] = {}
    for request in list(world.simulator.requests)[since:]:
        if request.changed and request.status == 200 and request.method in {"PUT", "DELETE"}:
            found.setdefault(request.path, request.at_us)
    return found


async def chat(bucket: int | None) -> dict[str, Any]:
    """Search, rent, wait, show, stop, destroy: calls, refusals, seconds that the vendor costs."""
    with tempfile.TemporaryDirectory() as tmp:
        world = new_world(tmp, bucket=bucket)
        seconds: dict[str, float] = {}
        async with world.connect() as client:

            async def step(tool: str, **arguments: object) -> dict[str, Any]:
                began_s = world.clock.monotonic_s()
                answer: dict[str, Any] = await world.call(client, tool, **arguments)
                seconds[tool] = round(world.clock.monotonic_s() - began_s, 1)
                world.clock.move(8)  # the model thinks, the person reads
                return answer

            found = await step("search_offers", gpu_names=["RTX 3090"], limit=5)
            offer_id = found["offers"][0]["offer_id"]
            rented = await step("create_instance", offer_id=offer_id)
            instance_id = rented["instance_id"]
            world.run_until_ready()
            await step("wait_for_instance", instance_id=instance_id)
            await step("show_instances")
            await step("stop_instance", instance_id=instance_id)
            await step("destroy_instance", instance_id=instance_id)
        asked = list(world.simulator.requests)
    return {
        **seconds,
        "all_s": round(sum(seconds.values()), 1),
        "calls": len(asked),
        "refused_429": sum(request.status == 429 for request in asked),
    }


async def history(rows: int) -> dict[str, Any]:
    """Milliseconds of this computer for one create, with so many closed rentals in the ledger."""
    with tempfile.TemporaryDirectory() as tmp:
        world = new_world(tmp)
        times: list[float] = []
        async with world.connect() as client:
            offers = await world.offers()
            first = await world.rent(client, offers[0])
            await world.call(client, "destroy_instance", instance_id=first)
            ledger = next(
                path for path in (Path(tmp) / "state").glob("*.db") if "pace" not in path.name
            )
            fill(ledger, rows)
            for offer in offers[1:12]:
                began = time.perf_counter()
                await world.rent(client, offer)
                times.append((time.perf_counter() - began) * 1000)
    return {"rows": rows, "create_ms": round(statistics.median(times), 1)}


def fill(path: Path, rows: int) -> None:
    """Copies of the closed rental, ended over the last three years, each with its segments."""
    with sqlite3.connect(path) as books:
        names = [str(row[1]) for row in books.execute("PRAGMA table_info(rentals)")]
        model = dict(
            zip(names, books.execute("SELECT * FROM rentals LIMIT 1").fetchone(), strict=True)
        )
        day_us = 86_400 * SECOND_US
        spread_us = 3 * 365 * day_us // max(1, rows)
        copies, stretches = [], []
        for number in range(rows):
            back_us = 40 * day_us + number * spread_us
            intent_id = f"{number:011d}"
            copies.append(
                {
                    **model,
                    "intent_id": intent_id,
                    "target_id": 5_000_000 + number,
                    "created_us": model["created_us"] - back_us,
                    "lease_ends_us": model["lease_ends_us"] - back_us,
                    "ended_us": model["ended_us"] - back_us,
                }
            )
            ended_us = model["ended_us"] - back_us
            stretches.append((intent_id, model["created_us"] - back_us, ended_us, ended_us))
        marks = ", ".join(f":{name}" for name in names)
        books.executemany(f"INSERT INTO rentals ({', '.join(names)}) VALUES ({marks})", copies)  # noqa: S608
        books.executemany(
            "INSERT INTO segments (tenant, account, intent_id, kind, rate, fixed, from_us,"
            " until_us, closed_us) VALUES ('local', '', ?, 'lease', 300000, 0, ?, ?, ?)",
            stretches,
        )


MEASURES = {"leases": leases, "chat": chat, "history": history}


def ask(place: Path, name: str, argument: int | None) -> dict[str, Any]:
    """One figure by the package that lies in this place."""
    done = subprocess.run(
        [sys.executable, str(HERE / "scale.py"), "--one", name, json.dumps(argument)],
        cwd=place,
        env={**os.environ, "PYTHONPATH": str(place)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        return {"failed": done.stderr.strip().splitlines()[-1]}
    answer: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return answer


def main() -> int:
    """Everything, before and after."""
    if sys.argv[1:2] == ["--one"]:
        sys.path.insert(0, os.environ["PYTHONPATH"])
        print(json.dumps(asyncio.run(MEASURES[sys.argv[2]](json.loads(sys.argv[3])))))
        return 0
    commit = sys.argv[1] if len(sys.argv) > 1 else "HEAD"
    print(f"seed={SEED} sizes={SIZES} rows={ROWS} before={commit}")
    asked: list[tuple[str, int | None]] = [
        *(("leases", size) for size in SIZES),
        ("chat", None),
        ("chat", 5),
        ("history", 0),
        ("history", ROWS),
    ]
    with tempfile.TemporaryDirectory() as tmp:
        old = Path(tmp, "before")
        git = ["git", "-C", str(HERE.parent), "worktree"]
        subprocess.run([*git, "add", "--detach", str(old), commit], check=True, capture_output=True)
        try:
            for name, argument in asked:
                for word, place in (("before", old), ("after", HERE.parent)):
                    print(f"{name} {argument} {word}: {ask(place, name, argument)}", flush=True)
        finally:
            subprocess.run([*git, "remove", "--force", str(old)], check=True, capture_output=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
