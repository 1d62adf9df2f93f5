"""Which ledger belongs to a key: found by the account, once, and never guessed."""

from pathlib import Path

import pytest

from vast_mcp.account.ledger import (
    AccountLedger,
    known_account,
    known_ledger,
    ledgers_in,
)
from vast_mcp.errors import (
    ApiError,
    Forbidden,
    KeyMissing,
    LedgerUnavailable,
    TwoFactorNeeded,
    Unauthorized,
    VendorDown,
    VendorRefused,
)

DIGEST = "d" * 16
ACCOUNT = "a" * 16


class Vendor:
    """Says whose key it is, or why not; counts how often it was asked."""

    def __init__(self, answer: int | ApiError = 7) -> None:
        self.answer = answer
        self.asked = 0

    async def user_id(self) -> int:
        """Whose key it is."""
        self.asked += 1
        if isinstance(self.answer, ApiError):
            raise self.answer
        return self.answer


def books(state: Path, vendor: Vendor, given: Path | None = None) -> AccountLedger:
    """The books of one process."""
    return AccountLedger(
        vendor.user_id, state_dir=state, key_digest=DIGEST, given=given,
        name_of=lambda user: ACCOUNT if user == "7" else "b" * 16,
    )  # fmt: skip


async def opened(books: AccountLedger) -> str:
    """The file that they are in, once they were read."""
    try:
        await books.read(lambda tx: tx.live_rentals())
        return books.place
    finally:
        await books.close()


async def test_an_account_is_asked_for_once_and_known_from_then_on(tmp_path: Path) -> None:
    """By every process, also while the vendor is away; the note is nobody else's to read."""
    vendor = Vendor()
    own = books(tmp_path, vendor)
    assert own.place == str(tmp_path)
    await own.close()
    assert await opened(own) == str(tmp_path / f"{ACCOUNT}.db")
    await opened(own)
    vendor.answer = VendorDown("away")
    assert await opened(books(tmp_path, vendor)) == str(tmp_path / f"{ACCOUNT}.db")
    assert vendor.asked == 1
    assert (tmp_path / "accounts").stat().st_mode & 0o7777 == 0o700
    assert [path.name for path in (tmp_path / "accounts").iterdir()] == [DIGEST]
    assert known_account(tmp_path, DIGEST) == ACCOUNT
    assert known_ledger(tmp_path, DIGEST) == tmp_path / f"{ACCOUNT}.db"


async def test_a_ledger_that_was_named_is_the_one_and_nobody_is_asked(tmp_path: Path) -> None:
    """`--ledger`: whatever the account is."""
    vendor, given = Vendor(), tmp_path / "mine.db"
    own = books(tmp_path, vendor, given)
    assert own.place == str(given)
    assert await opened(own) == str(given)
    assert vendor.asked == 0
    assert given.is_file()


async def test_a_key_that_may_not_say_whose_it_is_has_books_of_its_own(tmp_path: Path) -> None:
    """Restricted keys: their money is counted all the same."""
    own = books(tmp_path, Vendor(Forbidden("no")))
    assert await opened(own) == str(tmp_path / f"{DIGEST}.db")


@pytest.mark.parametrize("error", [KeyMissing("k"), TwoFactorNeeded("t"), Unauthorized("u")])
async def test_a_key_that_is_refused_says_so_itself(tmp_path: Path, error: ApiError) -> None:
    """And nothing is noted of it."""
    with pytest.raises(type(error)):
        await opened(books(tmp_path, Vendor(error)))
    assert known_account(tmp_path, DIGEST) is None


@pytest.mark.parametrize("error", [VendorDown("away"), VendorRefused("no")])
async def test_without_an_answer_spending_is_closed_until_there_is_one(
    tmp_path: Path, error: ApiError
) -> None:
    """No ledger is guessed: two would each allow a day's money."""
    vendor = Vendor(error)
    own = books(tmp_path, vendor)
    with pytest.raises(LedgerUnavailable, match="cannot be found") as refused:
        await own.read(lambda tx: tx.live_rentals())
    assert "closed" in refused.value.hint
    vendor.answer = 7
    assert await opened(own) == str(tmp_path / f"{ACCOUNT}.db")


async def test_a_state_directory_that_cannot_be_written_closes_spending(tmp_path: Path) -> None:
    """Else every process would ask, and perhaps find another one."""
    (tmp_path / "accounts").write_text("a file")
    with pytest.raises(LedgerUnavailable, match="cannot be written") as refused:
        await opened(books(tmp_path, Vendor()))
    assert "stop and destroy still work" in refused.value.hint


@pytest.mark.parametrize(
    ("noted", "name"),
    [(ACCOUNT, ACCOUNT), (f"{ACCOUNT}\n", ACCOUNT), ("a" * 15, None), ("a" * 17, None),
     ("g" * 16, None), ("", None), ("../../../etc/aa", None), ("\u00e9" * 16, None)],
)  # fmt: skip
def test_a_note_that_is_no_accounts_name_is_none(
    tmp_path: Path, noted: str, name: str | None
) -> None:
    """It becomes a file's name."""
    (tmp_path / "accounts").mkdir()
    (tmp_path / "accounts" / DIGEST).write_text(noted, encoding="utf-8")
    assert known_account(tmp_path, DIGEST) == name
    assert known_ledger(tmp_path, DIGEST) is None


def test_only_files_that_are_named_so_are_ledgers(tmp_path: Path) -> None:
    """In their order; a missing directory holds none."""
    for name in ("b" * 16, "a" * 16, "pace", "a" * 17):
        (tmp_path / f"{name}.db").write_bytes(b"")
    assert [path.stem[0] for path in ledgers_in(tmp_path)] == ["a", "b"]
    assert ledgers_in(tmp_path / "nowhere") == ()
