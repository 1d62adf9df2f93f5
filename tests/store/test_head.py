"""The end of the audit log cannot be cut off unseen, and its second record is in nobody's way."""

import stat
from pathlib import Path

import anyio
import pytest

from tests.database import opened
from tests.world import World
from vast_mcp.store import AuditEntry, SqliteLedger

ROWS = 6


def entry(number: int) -> AuditEntry:
    """One decision."""
    return AuditEntry(number, "local", "decision", "stop_instance", "allowed", subject=str(number))


async def written(path: Path, count: int = ROWS, first: int = 1) -> None:
    """So many rows, each by a transaction of its own."""
    book = SqliteLedger(path)
    for number in range(first, first + count):
        await book.write(lambda tx, number=number: tx.record(entry(number)))  # type: ignore[misc]  # bound per turn
    await book.close()


async def fault(path: Path) -> str:
    """What `audit verify` would say."""
    book = SqliteLedger(path)
    try:
        return await book.read(lambda tx: tx.audit_fault())
    finally:
        await book.close()


def cut(path: Path, last: int) -> None:
    """Remove every row after this one."""
    with opened(path) as books:
        books.execute("DELETE FROM audit WHERE seq > ?", (last,))
    books.close()


@pytest.mark.parametrize("left", range(ROWS))
async def test_rows_cut_off_at_the_end_are_missed_for_good(tmp_path: Path, left: int) -> None:
    """Also after more was written, as much as there was or more (docs/hazards.md#audit)."""
    path = tmp_path / "a.db"
    await written(path)
    assert await fault(path) == ""
    cut(path, left)
    assert f"it had {ROWS} rows" in await fault(path)
    await written(path, ROWS - left, first=100)
    assert f"it had {ROWS} rows" in await fault(path)
    await written(path, 2, first=200)
    assert "newest are gone" in await fault(path)


async def test_a_crash_between_the_row_and_its_record_is_no_fault(tmp_path: Path) -> None:
    """The record may be behind; the next row takes it along."""
    path, head = tmp_path / "a.db", tmp_path / "a.db.head"
    await written(path)
    behind = head.read_bytes()
    await written(path, 1, first=50)
    head.write_bytes(behind)
    assert await fault(path) == ""
    await written(path, 1, first=60)
    cut(path, ROWS + 1)
    assert f"it had {ROWS + 2} rows" in await fault(path)


async def test_it_is_private_and_follows_all_processes(tmp_path: Path) -> None:
    """Of several writers at once it names the newest row of all (docs/design.md#ledger)."""
    path = tmp_path / "a.db"
    async with anyio.create_task_group() as tasks:
        for number in range(8):
            tasks.start_soon(written, path, 5, 10 * number)
    assert await fault(path) == ""
    assert stat.S_IMODE((tmp_path / "a.db.head").stat().st_mode) == 0o600
    cut(path, 39)
    assert "it had 40 rows" in await fault(path)


NO_HEADS = (
    '{"count": 1e999, "chain": ""}',
    '{"count": 99999999999999999999, "chain": ""}',
    '{"count": "many", "chain": ""}',
)


@pytest.mark.parametrize("how", ["gone", "garbled", "a directory", "a link", *NO_HEADS])
async def test_a_record_that_cannot_be_used_is_told_and_stops_nothing(
    tmp_path: Path, how: str
) -> None:
    """Stop and destroy are never blocked by it, nor is anything else (docs/design.md#money)."""
    world = World(tmp_path, seed=1)
    async with world.connect() as client:
        instance_id = await world.rent(client)
        (ledger,) = (tmp_path / "state").glob(f"{'[0-9a-f]' * 16}.db")
        head = ledger.with_name(f"{ledger.name}.head")
        head.unlink()
        if how in NO_HEADS:
            head.write_text(how)
        elif how == "garbled":
            head.write_text("{}")
        elif how == "a directory":
            head.mkdir()
        elif how == "a link":
            head.symlink_to(tmp_path / "nowhere" / "else")
        assert str(head) in await fault(ledger)
        stopped = await world.call(client, "stop_instance", instance_id=instance_id)
        gone = await world.call(client, "destroy_instance", instance_id=instance_id)
    assert (stopped["status"], gone["status"]) == ("stopped", "destroyed")
    assert bool(await fault(ledger)) is (how in {"garbled", "a directory", *NO_HEADS})
