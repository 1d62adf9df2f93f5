"""What the books add to the answer of a rent: its budget, and what an earlier one became."""

from collections.abc import Callable
from typing import TypeVar

from vast_mcp.account.budgets import budget_now
from vast_mcp.account.context import Account
from vast_mcp.errors import LedgerUnavailable
from vast_mcp.leases.rent_fates import TOLD_FOR_US, fates_among
from vast_mcp.operations import JsonObject
from vast_mcp.store import Transaction

_Found = TypeVar("_Found")


async def task_left(account: Account, intent_id: str, task: str) -> JsonObject:
    """The task that this rent counts for, if one was named, and what is left of its budget."""
    now_us = account.now_us()

    def read(tx: Transaction) -> JsonObject:
        rental = tx.rental(intent_id)
        if rental is None or not rental.task:
            return {}
        budget = budget_now(tx, account.limits(), rental.task, now_us)
        named: JsonObject = {"task": task} if task else {}
        return named if budget is None else {**named, "left_usd": round(budget.left.dollars, 4)}

    return await _read(account, read, {})


async def lost_before(account: Account, principal: str, request_key: str, digest: str) -> list[str]:
    """That this same call was sent before, its answer was lost, and nothing came of it."""
    now_us = account.now_us()

    def read(tx: Transaction) -> list[str]:
        same = tx.same_intent(principal, request_key, now_us - TOLD_FOR_US)
        lost = fates_among((rental for rental in same if rental.digest == digest), now_us)
        return [fate.words for fate in lost if not fate.arrived]

    return await _read(account, read, [])


async def _read(
    account: Account, read: Callable[[Transaction], _Found], otherwise: _Found
) -> _Found:
    """What was rented must be told even where the books cannot be read."""
    try:
        return await account.ledger.read(read)
    except LedgerUnavailable:
        return otherwise
