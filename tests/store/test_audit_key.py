"""Who holds the ledger without its key can add no row to the audit that verifies."""

import hashlib
import json
from pathlib import Path

import pytest

from tests.database import opened
from tests.store.test_head import ROWS, fault, written
from vast_mcp.store.audit_key import CHAINED

GENESIS = "0" * 64


def key_file(path: Path) -> Path:
    """Where its key lies."""
    return path.with_name(f"{path.name}.audit-key")


def head_file(path: Path) -> Path:
    """Where its newest link is kept a second time."""
    return path.with_name(f"{path.name}.head")


def chained_by_hand(path: Path, first: int = 1) -> None:
    """Give every row from this one a link of plain SHA-256, as anybody can, and the head too."""
    with opened(path) as books:
        books.row_factory = None
        names = ", ".join(("seq", "chain", *CHAINED))
        rows = books.execute(f"SELECT {names} FROM audit ORDER BY seq").fetchall()
        previous = GENESIS
        for seq, chain, *values in rows:
            if seq >= first:
                columns = dict(zip(CHAINED, values, strict=True))
                said = previous + json.dumps(
                    columns, sort_keys=True, separators=(",", ":"), ensure_ascii=False
                )
                chain = hashlib.sha256(said.encode()).hexdigest()  # noqa: PLW2901  the new link
                books.execute(
                    "UPDATE audit SET previous = ?, chain = ? WHERE seq = ?", (previous, chain, seq)
                )
            previous = chain
    books.close()
    head_file(path).write_text(json.dumps({"count": len(rows), "chain": previous}))


async def test_a_row_added_without_the_key_does_not_verify(tmp_path: Path) -> None:
    """A plain link over a forged row, the head brought along: it is the first broken row."""
    path = tmp_path / "a.db"
    await written(path)
    with opened(path) as books:
        books.execute(
            "INSERT INTO audit (tenant, account, at_us, principal, phase, tool, verdict, subject,"
            " digest, policy_digest, detail, previous, chain) SELECT tenant, account, at_us,"
            " principal, phase, tool, 'asked', subject, digest, policy_digest, detail, chain, ''"
            " FROM audit ORDER BY seq DESC LIMIT 1"
        )
    books.close()
    chained_by_hand(path, first=ROWS + 1)
    assert f"row {ROWS + 1} was altered" in await fault(path)


async def test_a_ledger_from_before_the_key_is_taken_under_it(tmp_path: Path) -> None:
    """What was whole stays whole, and from then on needs the key."""
    path = tmp_path / "a.db"
    await written(path)
    key_file(path).unlink()
    chained_by_hand(path)
    assert await fault(path) == ""
    assert key_file(path).stat().st_mode & 0o077 == 0
    await written(path, 2, first=50)
    assert await fault(path) == ""
    chained_by_hand(path)
    assert "row 1 was altered" in await fault(path)


async def test_the_key_is_missed_from_the_moment_it_was_introduced(tmp_path: Path) -> None:
    """An old ledger is only looked at, and its new key taken away: no second one is made."""
    path = tmp_path / "a.db"
    await written(path)
    key_file(path).unlink()
    chained_by_hand(path)
    assert await fault(path) == ""
    key_file(path).unlink()
    assert "audit-key is missing" in await fault(path)
    assert not key_file(path).exists()


async def test_an_old_ledger_that_was_altered_is_not_made_whole(tmp_path: Path) -> None:
    """The key is no pardon for what was broken before it."""
    path = tmp_path / "a.db"
    await written(path)
    key_file(path).unlink()
    chained_by_hand(path)
    with opened(path) as books:
        books.execute("UPDATE audit SET verdict = 'denied' WHERE seq = 3")
    books.close()
    assert "altered" in await fault(path)


async def test_a_key_that_was_taken_away_is_missed_and_not_made_again(tmp_path: Path) -> None:
    """Else a whole chain could be forged: remove the key, chain it plainly, wait for a start."""
    path = tmp_path / "a.db"
    await written(path)
    key_file(path).unlink()
    assert "audit-key is missing" in await fault(path)
    await written(path, 1, first=9)  # nothing that is decided waits for it
    assert not key_file(path).exists()
    assert "audit-key is missing" in await fault(path)


@pytest.mark.parametrize("crash", ["before the rows are safe", "after the rows are safe"])
async def test_a_crash_while_the_key_is_introduced_loses_neither_rows_nor_key(
    tmp_path: Path, crash: str
) -> None:
    """The key has its final name only once the rows stand under it."""
    path = tmp_path / "a.db"
    await written(path)
    key = key_file(path)
    fresh = key.with_name(f"{key.name}.new")
    if crash == "after the rows are safe":
        key.rename(fresh)
    else:
        key.unlink()
        chained_by_hand(path)
        fresh.write_bytes(b"k" * 32)
        fresh.chmod(0o600)
    assert await fault(path) == ""
    assert key.exists()
    assert not fresh.exists()
