"""Which books an act is written in: the ledger, or a spare for what no broken ledger may block."""

from pathlib import Path

import pytest

from vast_mcp.clock import ManualClock
from vast_mcp.errors import LedgerUnavailable
from vast_mcp.guard.fallback_ledger import ALWAYS_OPEN, SPARE_S, Shelf
from vast_mcp.store import SqliteLedger

NO_LEDGER = b"this is no ledger"


async def test_a_broken_ledger_is_left_alone_for_a_minute_and_then_tried_again(
    tmp_path: Path,
) -> None:
    """A question and its answer meet in the same books; after that the ledger may be whole."""
    path, clock = tmp_path / "a.db", ManualClock()
    ledger, spare = SqliteLedger(path), SqliteLedger(None)
    shelf = Shelf(ledger, spare, clock)
    path.write_bytes(NO_LEDGER)
    assert await shelf.books_for("stop_instance") is spare
    path.unlink()
    clock.move(SPARE_S - 0.001)
    assert await shelf.books_for("destroy_instance") is spare
    clock.move(0.001)
    assert await shelf.books_for("stop_instance") is ledger
    await ledger.close()


async def test_only_stop_and_destroy_do_without_a_ledger(tmp_path: Path) -> None:
    """Nothing is spent that no book would remember."""
    (tmp_path / "a.db").write_bytes(NO_LEDGER)
    shelf = Shelf(SqliteLedger(tmp_path / "a.db"), SqliteLedger(None), ManualClock())
    for tool in ("create_instance", "extend_lease", "start_instance"):
        with pytest.raises(LedgerUnavailable):
            await shelf.books_for(tool)
    assert {"stop_instance", "destroy_instance"} == ALWAYS_OPEN


async def test_an_act_whose_books_fail_half_way_goes_on_once_in_the_spare(tmp_path: Path) -> None:
    """And so does the next minute; a failing spare has no spare, and a rent has none at all."""
    clock = ManualClock()
    ledger, spare = SqliteLedger(tmp_path / "a.db"), SqliteLedger(None)
    shelf = Shelf(ledger, spare, clock)
    assert shelf.spare_for("create_instance", ledger) is None
    assert await shelf.books_for("stop_instance") is ledger
    assert shelf.spare_for("stop_instance", ledger) is spare
    assert shelf.spare_for("stop_instance", spare) is None
    clock.move(SPARE_S - 0.001)
    assert await shelf.books_for("stop_instance") is spare
    clock.move(0.001)
    assert await shelf.books_for("stop_instance") is ledger
    await ledger.close()
