"""Jobs and rents that share one named budget: each job keeps a ceiling and a sum of its own."""

import json
import sqlite3
from pathlib import Path

import pytest

from tests.jobs.leaping_world import LeapingWorld
from tests.jobs.test_earlier_jobs import EARLIER
from tests.world import ToolFailed
from vast_mcp.store import SqliteLedger
from vast_mcp.store.schema import MIGRATIONS
from vast_mcp.units import Usd

OFFERED = "work,instances"
BUDGET = "[budget.lora]\nmax_cost_usd = 6.0\n"


async def test_a_job_of_a_task_neither_lowers_its_budget_nor_counts_its_other_rents(
    tmp_path: Path,
) -> None:
    """A job for at most $2 in a task of $6: others may spend the rest, its cost is its own."""
    async with (
        LeapingWorld(tmp_path, policy=BUDGET, offered=OFFERED).open() as world,
        world.served() as client,
    ):
        await world.rent(client, task="lora", lease_hours=20)
        job_id = await world.started(client, task="LORA", max_cost_usd=2)
        job = (await world.over(client, job_id))["jobs"][0]
        ledger = world.running[0].session.account.ledger
        now_us = world.clock.lease_us()
        of_task = await ledger.read(lambda tx: tx.exposure(now_us, task="lora"))
        assert job["phase"] == "done", job
        assert job["task"] == "lora"
        assert (
            0 < job["cost_so_far_usd"] < of_task.task_spent.dollars + of_task.task_reserved.dollars
        )
        assert of_task.task_cap is None
        assert of_task.task_reserved > Usd(0)
        kept = await ledger.read(lambda tx: [one.job_id for one in tx.rentals_since(0)])
        assert sorted(kept) == ["", job_id]
        await world.rent(client, (await world.offers())[4], task="lora", lease_hours=20)


async def test_a_job_beyond_what_its_task_has_left_is_refused_unasked(tmp_path: Path) -> None:
    """The person's budget binds what the job may cost at most; nobody is asked, nothing is sent."""
    async with (
        LeapingWorld(tmp_path, policy=BUDGET, offered=OFFERED).open() as world,
        world.served() as client,
    ):
        await world.rent(client, task="lora", lease_hours=20)
        before = len(world.simulator.mutations())
        with pytest.raises(ToolFailed, match=r"budget\.lora"):
            await world.started(client, task="lora", max_cost_usd=5.9)
        assert world.questions == []
        assert len(world.simulator.mutations()) == before


async def test_two_jobs_of_one_task_never_spend_more_than_its_budget(tmp_path: Path) -> None:
    """Both were agreed to while the money was there; the second rent is decided again."""
    async with (
        LeapingWorld(tmp_path, policy=BUDGET, offered=OFFERED).open() as world,
        world.served() as client,
    ):
        first = await world.started(client, task="lora", max_cost_usd=5, max_hours=20)
        await world.until(client, first, "waiting", "running", "done", "ending")
        job = (await world.over(client, first))["jobs"][0]
        second = await world.started(client, task="lora", max_cost_usd=5)
        await world.over(client, second)
        ledger, now_us = world.running[0].session.account.ledger, world.clock.lease_us()
        whole = await ledger.read(lambda tx: tx.exposure(now_us, task="lora"))
        assert whole.task_spent + whole.task_reserved <= Usd.of(6)
        assert job["at_most_usd"] == 5


async def test_an_older_ledgers_jobs_keep_their_machines(tmp_path: Path) -> None:
    """Their rents bore `job <id>` as the task: from now on the id has a column of its own."""
    path = tmp_path / "old.db"
    upto = next(n for n, script in enumerate(MIGRATIONS) if "rentals ADD COLUMN job_id" in script)
    with sqlite3.connect(path) as raw:
        for script in MIGRATIONS[:upto]:
            raw.executescript(script)
        raw.execute(f"PRAGMA user_version = {upto}")
        raw.execute(
            "INSERT INTO jobs VALUES ('abc12345','local','','local','running',1,0,27000001,"
            "?,'{}','',1,1,NULL,'',0,'{}')",
            (json.dumps(EARLIER["spec"]),),
        )
        for intent, task in (("a", "job abc12345"), ("b", "job nobody"), ("c", "lora")):
            raw.execute(
                "INSERT INTO rentals VALUES (?,'local','','local','instance','active','','','',1,1,"
                "1,1,'stop',1,?,NULL,NULL,NULL,NULL,1,1,0,NULL,NULL,NULL,'{}','{}')",
                (intent, task),
            )
    raw.close()
    book = SqliteLedger(path)
    kept = await book.read(lambda tx: {one.intent_id: one.job_id for one in tx.live_rentals()})
    job = await book.read(lambda tx: tx.job("abc12345"))
    await book.close()
    assert kept == {"a": "abc12345", "b": "", "c": ""}
    assert job is not None
    assert (job.budget, job.at_most) == ("job abc12345", Usd(5_000_000))
