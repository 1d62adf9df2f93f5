"""Budgets of tasks for answers: the cap, what was spent, what is reserved, what is left."""

from collections.abc import Sequence

from vast_mcp.account.budgets import Budget, budget_now
from vast_mcp.account.context import Account
from vast_mcp.instances.cost_estimate import billed_by_day
from vast_mcp.operations import Json, JsonObject
from vast_mcp.policy import Limits
from vast_mcp.showing import dollars
from vast_mcp.store import Rental, Transaction, day_of, spent_and_reserved
from vast_mcp.store.exposure import month_start_us
from vast_mcp.units import Usd

_ROWS = 10


async def budget_rows(account: Account) -> list[Json]:
    """Every task of the policy or set ahead, and every one that holds money or ended this month.

    Raises:
        LedgerUnavailable: the books cannot be read.
    """
    limits, now_us = account.limits(), account.clock.lease_us()
    return await account.ledger.read(lambda tx: _rows(tx, limits, now_us))


def _rows(tx: Transaction, limits: Limits, now_us: int) -> list[Json]:
    rentals = tx.rentals_since(month_start_us(now_us))
    newest = sorted(rentals, key=lambda one: -one.created_us)
    begun = [rental.task for rental in newest if rental.task]
    names = dict.fromkeys([*limits.budgets, *begun, *tx.tasks_not_begun()])
    found = (budget_now(tx, limits, name, now_us) for name in names)
    budgets = [budget for budget in found if budget is not None][:_ROWS]
    return [_row(tx, budget, rentals, now_us) for budget in budgets]


def task_spent(tx: Transaction, task: str, rentals: Sequence[Rental], now_us: int) -> Usd:
    """What was billed for a task; `rentals` are those of this month, the earlier ones are over.

    What the caps count as spent, less what of it was seen not to bill.
    """
    charged = tx.charged_since(day_of(month_start_us(now_us)))
    spent = tx.exposure(now_us, task=task).task_spent
    for rental in rentals:
        if rental.task == task:
            segments = tx.segments(rental.intent_id)
            billed = sum(billed_by_day(rental, segments, charged, now_us).values(), Usd())
            spent -= max(Usd(), spent_and_reserved(segments, now_us)[0] - billed)
    return max(Usd(), spent)


def _row(tx: Transaction, one: Budget, rentals: Sequence[Rental], now_us: int) -> JsonObject:
    spent = task_spent(tx, one.task, rentals, now_us)
    return {
        "task": one.task,
        "max_cost_usd": dollars(one.cap),
        "spent_usd": dollars(spent),
        "reserved_usd": dollars(max(Usd(), one.counted - spent)),
        "left_usd": dollars(one.left),
    }
