"""Promise: what was agreed of a job is never lost, mistaken or guessed, whoever else writes it."""

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from tests.database import opened
from tests.store.test_sealing import JOB
from vast_mcp.errors import LedgerUnavailable
from vast_mcp.store import (
    Gpus,
    Job,
    JobAgreement,
    JobEnd,
    JobFacts,
    JobKind,
    JobOutput,
    JobRent,
    JobSpec,
    SqliteLedger,
    Upload,
)
from vast_mcp.store.jobs import JobChanges
from vast_mcp.units import Usd, UsdPerHour

SPEC = JobSpec(
    command="python3 train.py", kind=JobKind.COMMAND, directory="src", outputs=("out", "log"),
    gpu_names=("RTX 4090",), offer_id=7, image="img", template_hash="abc", disk_gb=50.5,
    max_replacements=2, on_end="destroy", restart_on_resume=True,
    agreed=JobAgreement(
        gpus=Gpus(2, "RTX 4090"), rate=UsdPerHour(300_000), ceiling=UsdPerHour(370_000),
        at_most=Usd(5_000_000), hours=17.5, disk_per_day=Usd(240_000),
        uploads=(Upload("a.py", 1, 20), Upload(".env", 1, 9, "is named like one")),
    ),
    carried={"of_tomorrow": [1, {"a": None}]},
)  # fmt: skip
STORED_SPEC = {
    "command": "python3 train.py", "kind": "command", "directory": "src", "outputs": ["out", "log"],
    "gpu_names": ["RTX 4090"], "offer_id": 7, "image": "img", "template_hash": "abc",
    "disk_gb": 50.5, "max_replacements": 2, "on_end": "destroy", "restart_on_resume": True,
    "gpu": "2x RTX 4090", "rate_micros": 300_000, "ceiling_micros": 370_000,
    "at_most_micros": 5_000_000, "hours": 17.5, "disk_usd_per_day_micros": 240_000,
    "uploads": [{"path": "a.py", "files": 1, "bytes": 20},
                {"path": ".env", "files": 1, "bytes": 9, "doubt": "is named like one"}],
    "of_tomorrow": [1, {"a": None}],
}  # fmt: skip
FACTS = JobFacts(
    rent=JobRent("job abcdef 0", 7, 17.5, 0.37, "job abcdef", "lora", "abcdef", "img", "abc", 50.5),
    tried=(7, 8), denials=1, trouble="no", up_by_us=1, waits_for="SSH", key_us=2, shut_us=3,
    explained="a tunnel", rebooted=True, failing="slow", failed_hosts=("a",), failed_machines=(9,),
    quote="q", hopeless=True, needs="cuda_vers>=12", started=True, started_us=4, lost=5, absent=6,
    output_bytes=7, term_us=8, timed_out=False, exit_code=0,
    outputs=(JobOutput("out", "/home/out", 1, 20, 1, {"a": "b1"}, "lost"), JobOutput("log")),
    whole_log="/log", verified=True, leave=True, why="w", detail="d", ends=9, machine="gone",
    carried={"of_tomorrow": 1},
)  # fmt: skip
STORED_FACTS = {
    "create": {"request_key": "job abcdef 0", "offer_id": 7, "lease_hours": 17.5,
               "max_price_usd_per_hour": 0.37, "label": "job abcdef", "task": "lora",
               "job_id": "abcdef", "image": "img", "template_hash": "abc", "disk_gb": 50.5},
    "tried": [7, 8], "denials": 1, "trouble": "no", "up_by_us": 1, "waits_for": "SSH", "key_us": 2,
    "shut_us": 3, "explained": "a tunnel", "rebooted": True, "failing": "slow",
    "failed_hosts": ["a"], "failed_machines": [9], "quote": "q", "hopeless": True,
    "needs": "cuda_vers>=12", "started": True, "started_us": 4, "lost": 5, "absent": 6,
    "output_bytes": 7, "term_us": 8, "timed_out": False, "exit_code": 0,
    "outputs": [{"path": "out", "local": "/home/out", "files": 1, "bytes": 20, "empty": 1,
                 "sha256": {"a": "b1"}, "trouble": "lost"},
                {"path": "log", "local": "", "files": 0, "bytes": 0, "empty": 0, "sha256": {},
                 "trouble": ""}],
    "whole_log": "/log", "verified": True, "leave": True, "why": "w", "detail": "d", "ends": 9,
    "machine": "gone", "of_tomorrow": 1,
}  # fmt: skip
"""As every release has named them: two versions may share a ledger."""
WHOLE = replace(JOB, spec=SPEC, facts=FACTS, said=JobEnd("w", "gone", Usd(26_632)))


async def _kept(path: Path, job: Job) -> SqliteLedger:
    book = SqliteLedger(path)
    await book.write(lambda tx: tx.add_job(job))
    await book.close()
    return SqliteLedger(path)


async def _read(book: SqliteLedger) -> Job:
    job = await book.read(lambda tx: tx.job(JOB.job_id))
    await book.close()
    assert job is not None
    return job


@pytest.mark.parametrize("whole", [SPEC, FACTS, WHOLE.said])
def test_the_examples_leave_no_field_at_its_default(whole: Any) -> None:  # noqa: ANN401
    """A fact that they leave at its default proves nothing."""
    plain = type(whole)("") if isinstance(whole, JobSpec) else type(whole)()
    names = [one.name for one in fields(whole)]
    assert [name for name in names if getattr(whole, name) == getattr(plain, name)] == []


async def test_every_word_of_a_job_comes_back_and_is_stored_as_earlier_releases_name_it(
    tmp_path: Path,
) -> None:
    """All fields at once, none of them at its default."""
    book = await _kept(tmp_path / "a.db", WHOLE)
    with opened(tmp_path / "a.db") as db:
        stored = db.execute("SELECT spec, facts, said FROM jobs").fetchone()
    assert [json.loads(one) for one in stored] == [
        STORED_SPEC, STORED_FACTS, {"why": "w", "machine": "gone", "cost_micros": 26_632},
    ]  # fmt: skip
    assert await _read(book) == WHOLE


async def test_a_command_beside_jobs_may_rent_nothing(tmp_path: Path) -> None:
    """It has no agreement of machine and money, and none comes of reading it."""
    book = await _kept(tmp_path / "a.db", JOB)
    with opened(tmp_path / "a.db") as db:
        (spec,) = db.execute("SELECT spec FROM jobs").fetchone()
    assert json.loads(spec) == {"kind": "command", "command": JOB.spec.command}
    job = await _read(book)
    assert (job, job.aside, job.spec.agreed, job.at_most) == (JOB, True, None, None)


async def test_a_null_is_an_absent_fact_and_what_a_newer_release_wrote_survives(
    tmp_path: Path,
) -> None:
    """Earlier releases wrote null where nothing was yet."""
    book = await _kept(tmp_path / "a.db", JOB)
    with opened(tmp_path / "a.db") as db:
        facts = {"create": None, "failing": None, "key_us": None, "of_tomorrow": 7}
        db.execute("UPDATE jobs SET facts = ?", (json.dumps(facts),))
    job = await book.read(lambda tx: tx.job(JOB.job_id))
    assert job is not None
    assert job.facts == JobFacts(carried={"of_tomorrow": 7})
    await book.write(lambda tx: tx.update_job(job, facts=replace(job.facts, lost=1)))
    assert (await _read(book)).facts == JobFacts(lost=1, carried={"of_tomorrow": 7})


@pytest.mark.parametrize(
    ("column", "changes"),
    [
        ("spec", {"ceiling_micros": None}), ("spec", {"at_most_micros": "5"}),
        ("spec", {"gpu": "RTX 4090"}), ("spec", {"kind": "of_tomorrow"}),
        ("spec", {"uploads": [{"path": "a.py"}]}), ("spec", {"command": None}),
        ("facts", {"started": "yes"}), ("facts", {"verified": 1}), ("facts", {"lost": True}),
        ("facts", {"create": {"offer_id": 7}}), ("facts", {"outputs": ["out"]}),
        ("facts", {"outputs": [{"path": "out", "sha256": {"a": 1}}]}),
        ("said", {"cost_micros": 0.5}),
    ],
)  # fmt: skip
async def test_what_was_never_written_like_this_closes_the_books(
    tmp_path: Path, column: str, changes: dict[str, Any]
) -> None:
    """A ceiling or an end that cannot be read is refused, never taken for a default."""
    book = await _kept(tmp_path / "a.db", WHOLE)
    with opened(tmp_path / "a.db") as db:
        (stored,) = db.execute(f"SELECT {column} FROM jobs").fetchone()
        text = json.dumps({**json.loads(stored), **changes})
        db.execute(f"UPDATE jobs SET {column} = ?", (text,))
    with pytest.raises(LedgerUnavailable, match="damaged"):
        await book.read(lambda tx: tx.job(JOB.job_id))
    await book.close()


def test_what_of_a_job_may_be_changed_are_its_own_fields_and_types() -> None:
    """`update_job` is checked against this list: a name or type apart would check nothing."""
    types = {one.name: one.type for one in fields(Job)}
    changes = JobChanges.__annotations__
    assert {name: types[name] for name in changes} == changes
