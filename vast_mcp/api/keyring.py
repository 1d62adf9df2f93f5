"""The key in use, and what takes its place when the vendor ends a two-factor session.

As the official client does: the plain key once a session has ended, a session again once there is
a new one. A key that a person named for this process is never replaced, and no key of another
account is ever taken.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Self

from vast_mcp.config import ApiKey, KeyKind
from vast_mcp.text import Redactor

FindKeys = Callable[[], Sequence[ApiKey]]
SameAccount = Callable[[ApiKey], Awaitable[bool | None]]
"""Whether a key is of the account at hand; None when that cannot be told now."""
_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class KeyChange:
    """One key has taken another's place. `says` holds neither."""

    at_us: int
    before: ApiKey
    after: ApiKey
    says: str


class KeyRing:
    """One account's keys. `find` looks for them afresh; `redactor` learns every one it meets."""

    def __init__(
        self,
        current: ApiKey | None,
        find: FindKeys,
        redactor: Redactor | None = None,
        *,
        missing: str = "",
    ) -> None:
        self._current = current
        self._find = find
        self._refused: set[str] = set()
        self.redactor = redactor or Redactor()
        self.changes: list[KeyChange] = []
        self.missing = missing
        """Why there is no key, where more is known than that."""
        for key in (current, *find()):
            if key is not None:
                self.redactor.learn(key.value)

    @classmethod
    def among(cls, find: FindKeys, redactor: Redactor | None = None, *, missing: str = "") -> Self:
        """A ring that begins with the first key that is found."""
        keys = find()
        return cls(keys[0] if keys else None, find, redactor, missing=missing)

    def __repr__(self) -> str:
        return f"<KeyRing {self._current.origin if self._current else 'empty'}>"

    @property
    def current(self) -> ApiKey | None:
        """The key to send."""
        return self._current

    async def replace(
        self, sent: ApiKey, now_us: int, same_account: SameAccount, *, sessions_only: bool
    ) -> bool:
        """Take another key than `sent`, which was refused; False when there is none.

        True as well if another call has changed it already. With `sessions_only` the key at hand is
        right and lacks the second factor: only a session helps.
        """
        if self._current != sent:
            return self._current is not None
        if sent.kind is KeyKind.GIVEN:
            return False
        if not sessions_only:
            self._refused.add(sent.value)
        for key in self._find():
            self.redactor.learn(key.value)
            unfit = key.value == sent.value or key.value in self._refused
            if unfit or (sessions_only and key.kind is not KeyKind.SESSION):
                continue
            if sent.kind is KeyKind.LOGIN and key.kind is KeyKind.FILE:
                continue  # who logged in chose a key; the official client's file is another choice
            same = await same_account(key)
            if same is False:
                self._refused.add(key.value)
                _logger.warning("The key in %s belongs to another account; not used.", key.origin)
            if same:
                if self._current == sent:  # nobody was faster while the account was compared
                    self._change(sent, key, now_us)
                return True
        return False

    def _change(self, before: ApiKey, after: ApiKey, now_us: int) -> None:
        if after.kind is KeyKind.SESSION:
            says = f"A new two-factor session was found in {after.origin} and is used from now on."
        elif before.kind is not KeyKind.SESSION:
            says = f"The key in use is refused; the one now in {after.origin} is used."
        else:
            says = (
                f"The two-factor session from {before.origin} has ended; the key in"
                f" {after.origin} is used from now on. It may lack permission to end machines:"
                " the user runs `vastai tfa login`; no restart is needed."
            )
        self._current = after
        self.changes.append(KeyChange(now_us, before, after, says))
        _logger.warning("%s", says)


def ring_of(value: str | None) -> KeyRing:
    """A ring with this one key, or none, that is never replaced."""
    text = (value or "").strip()
    return KeyRing(ApiKey(text, "given") if text else None, tuple)
