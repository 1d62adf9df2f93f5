"""Promise: nobody who reads the ledger's file reads what a plan or a job was asked with."""

import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.store.test_ledger import PLAN
from vast_mcp.store import (
    Cipher,
    Job,
    JobEnd,
    JobFacts,
    JobKind,
    JobPhase,
    JobSpec,
    PlanState,
    SqliteLedger,
)
from vast_mcp.store.schema import MIGRATIONS

CANARY = "canary-4f1d2c3b-value"
PLAN_WITH_VALUES: Any = {"env": [["HF_TOKEN", CANARY]], "onstart": f"echo {CANARY}"}
JOB = Job(
    job_id="abcdef", principal="local", phase=JobPhase.PLANNED, approved=True, stop_asked=False,
    instance_id=7, spec=JobSpec(f"echo {CANARY}", JobKind.COMMAND), facts=JobFacts(),
    sealed="", created_us=1, changed_us=1,
)  # fmt: skip


def _in_clear(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file()
            and CANARY.encode() in path.read_bytes()]  # fmt: skip


async def _written(book: SqliteLedger) -> None:
    plan = replace(PLAN, arguments=PLAN_WITH_VALUES, question=f"Run `{CANARY}`?")
    await book.write(lambda tx: tx.add_plan(plan))
    await book.write(lambda tx: tx.add_job(JOB))


async def test_no_page_of_the_ledger_holds_what_was_asked(tmp_path: Path) -> None:
    """Open, at work and over; the write-ahead log and free pages included."""
    book = SqliteLedger(tmp_path / "a.db", cipher=Cipher(b"k" * 32))
    await _written(book)
    assert _in_clear(tmp_path) == []

    plan = await book.read(lambda tx: tx.plan(PLAN.plan_id))
    job = await book.read(lambda tx: tx.job("abcdef"))
    assert plan is not None
    assert job is not None
    assert (plan.arguments, plan.question) == (PLAN_WITH_VALUES, f"Run `{CANARY}`?")
    assert job.spec.command == f"echo {CANARY}"

    await book.write(lambda tx: tx.update_plan(plan, state=PlanState.DONE))
    await book.write(lambda tx: tx.update_job(job, phase=JobPhase.DONE, ended_us=2))
    ended = await book.read(lambda tx: tx.plan(PLAN.plan_id))
    over = await book.read(lambda tx: tx.job("abcdef"))
    assert ended is not None
    assert over is not None
    assert (ended.arguments, over.spec.command) == ({}, "")
    await book.close()
    assert _in_clear(tmp_path) == []


async def test_a_ledger_of_an_earlier_release_is_sealed_when_it_is_opened(tmp_path: Path) -> None:
    """Its rows, its log and what it had deleted: opened once, nothing of it is left in clear."""
    path = tmp_path / "a.db"
    old = SqliteLedger(path)  # writes as earlier releases did
    await _written(old)
    plan = await old.read(lambda tx: tx.plan(PLAN.plan_id))
    assert plan is not None
    await old.close()
    with sqlite3.connect(path) as raw:
        raw.execute("DROP TABLE compacted")
        raw.execute("DROP TABLE charge_readings")
        raw.execute("DROP INDEX rentals_by_job")
        for table, column in (("charged", "as_of_us"), ("jobs", "task"), ("rentals", "job_id")):
            raw.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
        earlier = next(n for n, script in enumerate(MIGRATIONS) if "compacted" in script)
        raw.execute(f"PRAGMA user_version = {earlier}")
        raw.execute("PRAGMA secure_delete = OFF")
        raw.execute("CREATE TABLE gone (x TEXT)")
        raw.executemany("INSERT INTO gone VALUES (?)", [(CANARY * 50,)] * 50)
        raw.commit()
        raw.execute("DELETE FROM gone")
    raw.close()
    assert _in_clear(tmp_path) != []

    book = SqliteLedger(path, cipher=Cipher(b"k" * 32))
    kept = await book.read(lambda tx: (tx.plan(PLAN.plan_id), tx.job("abcdef")))
    assert kept[0] is not None
    assert kept[1] is not None
    assert kept[0].arguments == PLAN_WITH_VALUES
    assert kept[1].spec.command == f"echo {CANARY}"
    await book.close()
    assert _in_clear(tmp_path) == []


async def test_a_ledger_is_sealed_once_and_not_written_anew_at_every_start(tmp_path: Path) -> None:
    """Compacting a large file takes seconds, and nothing in clear comes into it any more."""
    path = tmp_path / "a.db"
    book = SqliteLedger(path, cipher=Cipher(b"k" * 32))
    await _written(book)
    await book.close()
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE plans SET question = 'as it stands'")
    raw.close()
    again = SqliteLedger(path, cipher=Cipher(b"k" * 32))
    await again.read(lambda tx: tx.plan(PLAN.plan_id))
    await again.close()
    with sqlite3.connect(path) as raw:
        assert raw.execute("SELECT DISTINCT question FROM plans").fetchall() == [("as it stands",)]
    raw.close()


async def test_another_key_voids_a_plan_and_breaks_nothing(tmp_path: Path) -> None:
    """A seal.key that was replaced: the question is gone, the books stay readable."""
    first = SqliteLedger(tmp_path / "a.db", cipher=Cipher(b"k" * 32))
    await _written(first)
    await first.close()
    second = SqliteLedger(tmp_path / "a.db", cipher=Cipher(b"q" * 32))
    plan = await second.read(lambda tx: tx.plan(PLAN.plan_id))
    job = await second.read(lambda tx: tx.job("abcdef"))
    assert plan is not None
    assert job is not None
    assert (plan.state, plan.arguments) == (PlanState.VOID, {})
    assert job.spec.command == ""


async def test_a_known_secret_in_quoted_text_is_masked_when_written(tmp_path: Path) -> None:
    """What an error or a program said may hold one; columns that decide stay as they are."""
    cipher = Cipher(b"k" * 32, lambda text: text.replace(CANARY, "[secret]"))
    book = SqliteLedger(tmp_path / "a.db", cipher=cipher)
    job = replace(JOB, facts=JobFacts(detail=f"it said {CANARY}"), said=JobEnd(CANARY))
    await book.write(lambda tx: tx.add_job(job))
    kept = await book.read(lambda tx: tx.job(JOB.job_id))
    await book.close()
    assert kept is not None
    assert kept.facts.detail == "it said [secret]"
    assert _in_clear(tmp_path) == []


def test_what_is_sealed_or_empty_stays_as_it_is() -> None:
    """Sealing twice needs no two keys; nothing needs none."""
    cipher = Cipher(b"k" * 32)
    sealed = cipher.close("text")
    assert sealed not in ("", "text")
    assert cipher.close(sealed) == sealed
    assert (cipher.close(""), cipher.open("")) == ("", "")
    assert (cipher.open(sealed), cipher.open("plain")) == ("text", "plain")
    assert Cipher(b"x" * 32).open(sealed) == ""
    assert cipher.open(sealed[:-4] + "AAAA") == ""
    assert cipher.open("s1:no base64!") == ""
