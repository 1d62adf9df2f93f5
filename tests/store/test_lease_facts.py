"""Promise: a fact of a lease is never lost, mistaken or guessed, whoever else writes the row."""

import json
from collections.abc import Callable
from dataclasses import fields, replace
from functools import partial
from pathlib import Path

import anyio
import pytest

from tests.database import opened
from tests.store.test_exposure import lease, rental
from vast_mcp.errors import LedgerUnavailable
from vast_mcp.store import (
    EndpointFacts,
    Gpus,
    Halt,
    KeyState,
    LeaseFacts,
    LowStretch,
    Rental,
    SqliteLedger,
    Transaction,
)
from vast_mcp.store.rows import RentalChanges
from vast_mcp.units import UsdPerHour

ALL = LeaseFacts(
    gpus=Gpus(2, "RTX 4090"), is_bid=True, disk_gb=50.5, ports=("8000", "9000"),
    guarded_inside=True, endpoint=EndpointFacts(3, UsdPerHour(400_000)), adopted=True,
    unasked_day="2026-06-01", unasked_from_us=1, upload_roots=("ab12",), answered_us=2,
    named_id=27_000_001, unmarked_id=27_000_002, good_reads=1, missed=2, checked=False,
    breach="it is interruptible", key=KeyState.LOOK, start_us=3, starting=True, came_up=False,
    stop_sent=True, stopped_for=Halt.LEASE, ended_for=Halt.JOB,
    rested_us=12, seen_us=4, parked_us=5, destroy_us=6, rise_intent="abc", raised_us=7,
    low=(LowStretch(8, 10_000, 9), LowStretch(10, 0, 11)),
    carried={"of_tomorrow": [1, {"a": None}]},
)  # fmt: skip
STORED = {
    "gpu": "2x RTX 4090", "bid": True, "disk_gb": 50.5, "ports": ["8000", "9000"], "inside": True,
    "workers": 3, "per_worker_micros": 400_000, "adopted": True, "unasked_day": "2026-06-01",
    "unasked_from_us": 1, "upload_roots": ["ab12"], "answered_us": 2, "named": 27_000_001,
    "unmarked": 27_000_002, "good_reads": 1, "missed": 2, "checked": False,
    "breach": "it is interruptible", "key": "look", "start_us": 3, "starting": True,
    "came_up": False, "stop_sent": True, "stopped_for": "lease", "ended_for": "job",
    "rested_us": 12, "seen_us": 4, "parked_us": 5, "destroy_us": 6,
    "rise": "abc", "raised_us": 7, "low": [[8, 10_000, 9], [10, 0, 11]],
    "of_tomorrow": [1, {"a": None}],
}  # fmt: skip
"""As every release has named them: two versions may share a ledger."""


async def test_every_fact_comes_back_and_is_stored_as_earlier_releases_name_it(
    tmp_path: Path,
) -> None:
    """All fields at once, none of them at its default."""
    plain = LeaseFacts()
    same = [one.name for one in fields(ALL) if getattr(ALL, one.name) == getattr(plain, one.name)]
    assert same == [], "a fact that this test leaves at its default proves nothing"
    book = SqliteLedger(tmp_path / "a.db")
    await book.write(lambda tx: tx.add_rental(rental(facts=ALL), []))
    await book.close()
    with opened(tmp_path / "a.db") as db:
        (stored,) = db.execute("SELECT details FROM rentals").fetchone()
    assert json.loads(stored) == STORED
    again = SqliteLedger(tmp_path / "a.db")
    (read,) = await again.read(lambda tx: tx.live_rentals())
    await again.close()
    assert read.facts == ALL


async def _with_details(tmp_path: Path, details: object) -> SqliteLedger:
    """A ledger whose one rental has this text where its facts are."""
    book = SqliteLedger(tmp_path / "a.db")
    await book.write(lambda tx: tx.add_rental(rental(), [lease()]))
    await book.close()
    with opened(tmp_path / "a.db") as db:
        db.execute("UPDATE rentals SET details = ?", (json.dumps(details),))
    return book


async def test_what_another_version_wrote_survives_a_change_of_this_one(tmp_path: Path) -> None:
    """A newer server on the same ledger keeps its own facts, and an empty one is an absent one."""
    book = await _with_details(tmp_path, {"of_tomorrow": 7, "unmarked": None, "missed": 1})

    def change(tx: Transaction) -> LeaseFacts:
        (one,) = tx.live_rentals()
        return tx.update_rental(one, facts=replace(one.facts, missed=0, stop_sent=True)).facts

    facts = await book.write(change)
    await book.close()
    assert (facts.unmarked_id, facts.missed, facts.stop_sent) == (None, 0, True)
    with opened(tmp_path / "a.db") as db:
        (stored,) = db.execute("SELECT details FROM rentals").fetchone()
    assert json.loads(stored) == {"of_tomorrow": 7, "stop_sent": True}


async def test_a_cause_that_only_a_newer_release_names_is_still_a_stop_of_ours(
    tmp_path: Path,
) -> None:
    """It is for words alone: no reason to close the books; and none stored is none."""
    book = await _with_details(tmp_path, {"stopped_for": "of_tomorrow", "ended_for": ""})
    (read,) = await book.read(lambda tx: tx.live_rentals())
    await book.close()
    assert (read.facts.stopped_for, read.facts.ended_for) == (Halt.OTHER, Halt.NONE)


@pytest.mark.parametrize(
    "details",
    [
        {"seen_us": "soon"}, {"stop_sent": 1}, {"missed": True}, {"workers": 2.5}, {"key": "lent"},
        {"gpu": "two RTX 4090"}, {"low": [[1, 2]]}, {"ports": "8000"}, {"ports": [8000]}, [], None,
    ],
)  # fmt: skip
async def test_a_fact_that_was_never_written_like_this_closes_the_books(
    tmp_path: Path, details: object
) -> None:
    """What cannot be read means "refuse", never a default that somebody decides on."""
    book = await _with_details(tmp_path, details)
    with pytest.raises(LedgerUnavailable, match="damaged"):
        await book.read(lambda tx: tx.live_rentals())
    await book.close()


async def test_processes_that_change_different_facts_of_one_rental_undo_nothing_of_each_other(
    tmp_path: Path,
) -> None:
    """Four connections to one file, as of four processes, each with a fact of its own."""
    first = SqliteLedger(tmp_path / "a.db")
    await first.write(lambda tx: tx.add_rental(rental(), []))
    rounds = 25
    changes: list[Callable[[LeaseFacts], LeaseFacts]] = [
        lambda facts: replace(facts, missed=facts.missed + 1),
        lambda facts: replace(facts, good_reads=facts.good_reads + 1),
        lambda facts: replace(facts, ports=(*facts.ports, "1")),
        lambda facts: replace(
            facts, endpoint=EndpointFacts(workers=(facts.endpoint.workers or 0) + 1)
        ),
    ]

    def change(tx: Transaction, how: Callable[[LeaseFacts], LeaseFacts]) -> Rental:
        (one,) = tx.live_rentals()
        return tx.update_rental(one, facts=how(one.facts))

    async def process(how: Callable[[LeaseFacts], LeaseFacts]) -> None:
        book = SqliteLedger(tmp_path / "a.db")
        for _ in range(rounds):
            await book.write(partial(change, how=how))
        await book.close()

    async with anyio.create_task_group() as tasks:
        for how in changes:
            tasks.start_soon(process, how)
    (one,) = await first.read(lambda tx: tx.live_rentals())
    await first.close()
    facts = one.facts
    assert (facts.missed, facts.good_reads, len(facts.ports), facts.endpoint.workers) == (
        rounds, rounds, rounds, rounds,
    )  # fmt: skip


def test_what_of_a_rental_may_be_changed_are_its_own_fields_and_types() -> None:
    """`update_rental` is checked against this list: a name or type apart would check nothing."""
    types = {one.name: one.type for one in fields(Rental)}
    assert {name: types[name] for name in RentalChanges.__annotations__} == (
        RentalChanges.__annotations__
    )
