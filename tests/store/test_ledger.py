"""One file, one writer at a time, private, and never one of a newer version.

See docs/design.md#ledger, docs/hazards.md#local-state.
"""

import shutil
import stat
from dataclasses import replace
from functools import partial
from pathlib import Path

import anyio
import pytest

from tests.database import opened
from tests.store.test_exposure import NOW_US, lease, rental
from vast_mcp.errors import LedgerUnavailable
from vast_mcp.store import AuditEntry, Gpus, LeaseFacts, Plan, PlanState, SqliteLedger, Transaction
from vast_mcp.store.schema import MIGRATIONS
from vast_mcp.units import Usd

PLAN = Plan(
    plan_id="stop-1-ABCDEF", code="ABCDEF", principal="local", tool="stop_instance", key="k",
    arguments={"instance_id": 1, "env": [["A", "secret"]]}, snapshot={}, question="?",
    form="confirm", digits="", level="ask", policy_digest="p", state=PlanState.OPEN,
    created_us=NOW_US, expires_us=NOW_US, changed_us=NOW_US,
)  # fmt: skip


async def test_what_is_written_comes_back_as_it_was(tmp_path: Path) -> None:
    """Rows survive a restart, money and flags included."""
    book = SqliteLedger(tmp_path / "a.db")
    facts = LeaseFacts(gpus=Gpus(1, "RTX 4090"), stop_sent=True)
    one = rental(asked=True, max_cost=Usd(5), facts=facts)
    await book.write(lambda tx: tx.add_rental(one, [lease()]))
    await book.write(lambda tx: tx.add_plan(PLAN))
    await book.close()
    again = SqliteLedger(tmp_path / "a.db")
    assert await again.read(lambda tx: tx.live_rentals()) == [one]
    assert await again.read(lambda tx: tx.segments(one.intent_id)) == [lease()]
    assert await again.read(lambda tx: tx.plan(PLAN.plan_id)) == PLAN
    await again.close()


async def test_a_plan_that_ended_forgets_its_arguments(tmp_path: Path) -> None:
    """Environment values have no business lying about (docs/design.md#foreign-text-and-secrets)."""
    book = SqliteLedger(tmp_path / "a.db")
    await book.write(lambda tx: tx.add_plan(PLAN))
    await book.write(lambda tx: tx.update_plan(PLAN, state=PlanState.DONE))
    found = await book.read(lambda tx: tx.plan(PLAN.plan_id))
    await book.close()
    assert found == replace(PLAN, state=PlanState.DONE, arguments={})


async def test_an_exception_inside_undoes_all_of_it(tmp_path: Path) -> None:
    """A reservation is one step or none."""
    book = SqliteLedger(tmp_path / "a.db")

    def half(tx: Transaction) -> None:
        tx.add_rental(rental(), [lease()])
        raise KeyError("in the middle")

    with pytest.raises(KeyError):
        await book.write(half)
    assert await book.read(lambda tx: tx.live_rentals()) == []
    await book.close()


async def test_the_file_and_its_folder_are_private(tmp_path: Path) -> None:
    """Dir 0700, file 0600, loose permissions are tightened."""
    path = tmp_path / "state" / "a.db"
    book = SqliteLedger(path)
    await book.write(lambda tx: tx.add_plan(PLAN))
    for file in path.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    await book.close()
    path.chmod(0o664)
    await book.read(lambda tx: tx.open_plans())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    await book.close()


async def test_a_link_in_its_place_is_refused(tmp_path: Path) -> None:
    """Symlinks are refused."""
    (tmp_path / "elsewhere.db").touch()
    (tmp_path / "a.db").symlink_to(tmp_path / "elsewhere.db")
    with pytest.raises(LedgerUnavailable, match="symbolic link"):
        await SqliteLedger(tmp_path / "a.db").read(lambda tx: tx.live_rentals())


async def test_a_newer_ledger_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    """The schema's version is checked."""
    path = tmp_path / "a.db"
    with opened(path) as db:
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    with pytest.raises(LedgerUnavailable, match="newer"):
        await SqliteLedger(path).write(lambda tx: tx.add_plan(PLAN))
    with opened(path) as db:
        assert db.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)


async def test_every_migration_is_numbered_and_applied_once(tmp_path: Path) -> None:
    """Numbered migrations; opening twice changes nothing."""
    path = tmp_path / "a.db"
    for _ in range(2):
        book = SqliteLedger(path)
        await book.read(lambda tx: tx.live_rentals())
        await book.close()
    with opened(path) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


async def test_a_damaged_row_closes_the_books_instead_of_being_guessed_at(tmp_path: Path) -> None:
    """What cannot be read means "refuse", never "zero" (docs/design.md#money)."""
    book = SqliteLedger(tmp_path / "a.db")
    await book.write(lambda tx: tx.add_rental(rental(), [lease()]))
    await book.close()
    for field, value in (("state", "limbo"), ("details", "{not json")):
        with opened(tmp_path / "a.db") as db:
            (old,) = db.execute(f"SELECT {field} FROM rentals").fetchone()
            db.execute(f"UPDATE rentals SET {field} = ?", (value,))
        if field == "details":
            with pytest.raises(LedgerUnavailable, match="damaged"):
                await book.read(lambda tx: tx.live_rentals())
        with opened(tmp_path / "a.db") as db:
            db.execute(f"UPDATE rentals SET {field} = ?", (old,))
        await book.close()


async def test_a_freeze_reaches_a_server_whose_state_was_removed_meanwhile(tmp_path: Path) -> None:
    """A freeze binds every process; none goes on with a file that nobody else sees."""
    path = tmp_path / "state" / "a.db"
    server, other = SqliteLedger(path), SqliteLedger(path)
    await server.write(lambda tx: tx.add_rental(rental(), [lease()]))
    shutil.rmtree(path.parent)
    await other.write(lambda tx: tx.freeze(NOW_US, "a person"))
    assert await server.read(lambda tx: tx.frozen()) is not None
    await server.write(lambda tx: tx.add_rental(rental(2), [lease(2)]))
    await server.close()
    third = SqliteLedger(path)  # letting go of the lost file took nothing from the new one
    for book in (other, third):
        assert await book.read(lambda tx: tx.frozen()) is not None
        found = await book.read(lambda tx: tx.live_rentals())
        assert [one.intent_id for one in found] == ["intent00002"]
        await book.close()


async def test_a_ledger_that_was_restored_is_read_by_the_server_that_runs(tmp_path: Path) -> None:
    """One ledger for all processes; the file at its path is the ledger."""
    path, backup = tmp_path / "a.db", tmp_path / "backup.db"
    older = SqliteLedger(backup)
    await older.write(lambda tx: tx.add_rental(rental(7), [lease(7)]))
    await older.close()
    server = SqliteLedger(path)
    await server.write(lambda tx: tx.add_rental(rental(), [lease()]))
    for rest in ("a.db-wal", "a.db-shm"):
        (tmp_path / rest).unlink()
    backup.replace(path)
    found = await server.read(lambda tx: tx.live_rentals())
    assert [one.intent_id for one in found] == ["intent00007"]
    await server.close()


async def test_a_notice_claimed_under_a_clock_that_was_set_back_is_forgotten(
    tmp_path: Path,
) -> None:
    """Outbid again is told again; a claim from the future must not silence it."""
    book = SqliteLedger(tmp_path / "a.db")
    ahead_us = NOW_US + 5 * 3_600_000_000

    def outlives(tx: Transaction, claimed_us: int) -> bool:
        tx.claim_notice("outbid:1", "outbid", claimed_us)
        tx.forget_notice("outbid:1", NOW_US, 1_800_000_000)
        return tx.notice_at("outbid:1") is not None

    for claimed_us, kept in ((ahead_us, False), (NOW_US - 60_000_000, True)):
        assert await book.write(partial(outlives, claimed_us=claimed_us)) is kept
    await book.close()


async def test_many_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    """`BEGIN IMMEDIATE`: read-then-write of many connections is exact (docs/hazards.md#money)."""
    books = [SqliteLedger(tmp_path / "a.db") for _ in range(8)]

    def take(tx: Transaction, number: int) -> bool:
        if len(tx.live_rentals()) >= 20:
            return False
        tx.add_rental(rental(number), [lease(number)])
        return True

    taken: list[bool] = []

    async def work(book: SqliteLedger, first: int) -> None:
        taken.extend(
            [await book.write(partial(take, number=number)) for number in range(first, first + 8)]
        )

    async with anyio.create_task_group() as tasks:
        for at, book in enumerate(books):
            tasks.start_soon(work, book, at * 8)
    for book in books:
        await book.close()
    assert (taken.count(True), len(taken)) == (20, 64)


async def test_the_newest_entries_of_the_audit_are_read_newest_first(tmp_path: Path) -> None:
    """Whoever asks for a few wants to know what happened last."""
    book = SqliteLedger(tmp_path / "a.db")
    for number in range(4):
        entry = AuditEntry(NOW_US + number, "local", "decision", f"tool{number}", "allow")
        await book.write(partial(_record, entry=entry))
    found = await book.read(lambda tx: tx.audit(2))
    await book.close()
    assert [one.tool for one in found] == ["tool3", "tool2"]


def _record(tx: Transaction, entry: AuditEntry) -> None:
    tx.record(entry)
