"""Which ledger belongs to the key at hand: one file per vendor account.

The account's user id is learned once and kept under the key's hash, so that two keys of one account
share their books. A key that may not read the account uses its own hash. Until it is known, the
ledger is unavailable, and spending with it.
"""

import re
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import anyio

from vast_mcp.errors import (
    ApiError,
    Forbidden,
    KeyMissing,
    LedgerUnavailable,
    TwoFactorNeeded,
    Unauthorized,
)
from vast_mcp.store import Cipher, Ledger, SqliteLedger, Transaction

_T = TypeVar("_T")
_NAME = re.compile(r"[0-9a-f]{16}")


def known_account(state_dir: Path, key_digest: str) -> str | None:
    """The account's name that was learned with this key before, if any."""
    try:
        name = (state_dir / "accounts" / key_digest).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return name if _NAME.fullmatch(name) else None


def ledgers_in(state_dir: Path) -> tuple[Path, ...]:
    """Every account's ledger that lies there."""
    try:
        found = sorted(state_dir.glob("*.db"))
    except OSError:
        return ()
    return tuple(path for path in found if _NAME.fullmatch(path.stem))


def known_ledger(state_dir: Path, key_digest: str) -> Path | None:
    """The ledger of the account that was learned with this key before, if it is there."""
    name = known_account(state_dir, key_digest)
    path = state_dir / f"{name}.db"
    return path if name is not None and path.is_file() else None


class AccountLedger:
    """A ledger that finds its file at first use. Satisfies `Ledger`."""

    def __init__(
        self,
        learn_user_id: Callable[[], Awaitable[int]],
        *,
        state_dir: Path,
        key_digest: str,
        name_of: Callable[[str], str],
        given: Path | None = None,
        cipher: Cipher | None = None,
    ) -> None:
        self._cipher = cipher
        self._learn_user_id = learn_user_id
        self._state_dir = state_dir
        self._key_digest = key_digest
        self._name_of = name_of
        self._given = given
        self._found: SqliteLedger | None = None
        self._turn = anyio.Lock()

    @property
    def place(self) -> str:
        """The file, or where it will be."""
        return self._found.place if self._found else str(self._given or self._state_dir)

    async def read(self, work: Callable[[Transaction], _T]) -> _T:
        """Run this over a consistent view of the account's books."""
        return await (await self._ledger()).read(work)

    async def write(self, work: Callable[[Transaction], _T]) -> _T:
        """Run this as one indivisible step on the account's books."""
        return await (await self._ledger()).write(work)

    async def close(self) -> None:
        """Let go of the file."""
        if self._found is not None:
            await self._found.close()

    async def _ledger(self) -> Ledger:
        if self._found is None:
            async with self._turn:
                if self._found is None:
                    self._found = await self._find()
        return self._found

    async def _find(self) -> SqliteLedger:
        if self._given is not None:
            return SqliteLedger(self._given, account=self._key_digest, cipher=self._cipher)
        account = await self._account()
        path = self._state_dir / f"{account}.db"
        return SqliteLedger(path, account=account, cipher=self._cipher)

    async def _account(self) -> str:
        known = self._state_dir / "accounts" / self._key_digest
        name = known_account(self._state_dir, self._key_digest)
        if name is not None:
            return name
        try:
            account = self._name_of(str(await self._learn_user_id()))
        except (KeyMissing, TwoFactorNeeded, Unauthorized):
            raise  # says better than we could what is to be done
        except Forbidden:  # this key never may: its books are its own
            account = self._key_digest
        except ApiError as error:
            raise LedgerUnavailable(
                f"The account's ledger cannot be found: {error}",
                hint="Spending is closed until the account is known.",
            ) from error
        try:
            known.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # In one step: a process that read half a name would keep books of its own.
            fresh = known.with_name(f"{known.name}.{secrets.token_hex()}")
            fresh.write_text(account, encoding="ascii")
            fresh.replace(known)
        except OSError as error:
            raise LedgerUnavailable(
                f"The state directory {self._state_dir} cannot be written ({error.strerror}).",
                hint="Spending is closed until it can be; stop and destroy still work.",
            ) from error
        return account
