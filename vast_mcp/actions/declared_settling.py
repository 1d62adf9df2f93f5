"""How the lost answer of a declared write is settled: by what the vendor shows afterwards.

What a look cannot tell stays unknown; a reading that fails proves nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from vast_mcp.account.context import Account
from vast_mcp.errors import ApiError
from vast_mcp.operations.declaration import Adds, Attempt, DeclaredWrite, Sets, VendorRoute

R = TypeVar("R")
_REPEATED_S = (2.5,)
"""Before the next sending of what is harmless to repeat."""
_ONCE_S = (2.5, 5.0, 7.5)
_ADDED_S = (5.0, 20.0, 35.0)
"""Three readings within a minute."""


class LostFate(StrEnum):
    """What became of a request whose answer was lost."""

    DONE = "done"
    NOT_SEEN = "not_seen"
    """Its end state does not hold; it may still be on its way."""
    NOT_DONE = "not_done"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class LostAnswer:
    """What became of it, and the id of the row that it added, if it did."""

    fate: LostFate
    new_id: int | None = None


async def listed_before(
    account: Account, declared: DeclaredWrite[Any], given: object
) -> frozenset[int]:
    """The ids there are before something is added.

    Raises:
        ApiError: they cannot be read, so nothing is sent.
    """
    lost = declared.lost
    if not isinstance(lost, Adds):
        return frozenset()
    return frozenset(map(lost.id_of, await _read(account, lost.shown, given)))


async def settle(
    account: Account, declared: DeclaredWrite[Any], attempt: Attempt[Any], before: frozenset[int]
) -> LostAnswer:
    """Look, and look again, as the declaration says."""
    match declared.lost:
        case Sets() as lost:
            return await _settle_set(account, lost, attempt)
        case Adds() as lost:
            return await _settle_added(account, lost, attempt, before)
    return LostAnswer(LostFate.UNKNOWN)


async def _settle_set(account: Account, lost: Sets[Any, Any], attempt: Attempt[Any]) -> LostAnswer:
    for pause_s in _REPEATED_S if lost.repeats else _ONCE_S:
        await account.clock.sleep(pause_s)
        rows = await _try(account, lost.shown, attempt.given)
        if rows is not None and lost.seen(attempt, rows):
            return LostAnswer(LostFate.DONE)
    return LostAnswer(LostFate.NOT_SEEN)


async def _settle_added(
    account: Account, lost: Adds[Any, Any], attempt: Attempt[Any], before: frozenset[int]
) -> LostAnswer:
    readings = 0
    for pause_s in _ADDED_S:
        await account.clock.sleep(pause_s)
        rows = await _try(account, lost.shown, attempt.given)
        if rows is None:
            continue
        readings += 1
        new = [row for row in rows if lost.id_of(row) not in before and lost.matches(attempt, row)]
        if new:
            only = lost.id_of(new[0]) if len(new) == 1 else None
            return LostAnswer(LostFate.UNKNOWN if only is None else LostFate.DONE, only)
    return LostAnswer(LostFate.NOT_DONE if readings == len(_ADDED_S) else LostFate.UNKNOWN)


async def _try(account: Account, shown: VendorRoute[R], given: object) -> Sequence[R] | None:
    try:
        return await _read(account, shown, given)
    except ApiError:
        return None


async def _read(account: Account, shown: VendorRoute[R], given: object) -> Sequence[R]:
    assert shown.reply is not None
    return await account.reads.declared_rows(shown.reading(given), shown.reply)
