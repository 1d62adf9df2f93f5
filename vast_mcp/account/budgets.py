"""A task's budget as it stands: the tightest cap, what counts against it, what is left."""

from dataclasses import dataclass

from vast_mcp.clock import Clock
from vast_mcp.policy import Limits
from vast_mcp.policy.budget import budget_of
from vast_mcp.store import AuditEntry, Ledger, Transaction
from vast_mcp.units import Usd


@dataclass(frozen=True, slots=True)
class Budget:
    """One task's money. `counted` is what its next rent is decided on: spent and reserved."""

    task: str
    cap: Usd
    counted: Usd

    @property
    def left(self) -> Usd:
        """What may still be rented for it."""
        return max(Usd(), self.cap - self.counted)


@dataclass(frozen=True, slots=True)
class Standing:
    """What a person is shown before they set a task's budget."""

    task: str
    cap: Usd | None
    """What the ledger holds: set at a terminal, or by a call."""
    stated: Usd | None
    """What the policy states, which binds as well."""
    spent: Usd
    reserved: Usd


def budget_now(tx: Transaction, limits: Limits, task: str, now_us: int) -> Budget | None:
    """The budget of a task; None where nobody gave it one."""
    caps = [budget for budget in (budget_of(limits, task), tx.task_cap(task)) if budget is not None]
    if not caps:
        return None
    seen = tx.exposure(now_us, task=task)
    return Budget(task, min(caps), seen.task_spent + seen.task_reserved)


def standing_of(tx: Transaction, limits: Limits, task: str, now_us: int) -> Standing:
    """Every cap of a task, and what counts against them."""
    seen = tx.exposure(now_us, task=task)
    return Standing(
        task, tx.task_cap(task), budget_of(limits, task), seen.task_spent, seen.task_reserved
    )


async def set_budget(ledger: Ledger, clock: Clock, task: str, cap: Usd) -> None:
    """A person's word: the budget that the ledger holds from now on, higher or lower.

    Raises:
        LedgerUnavailable: it could not be written down, so the old one holds.
    """

    def write(tx: Transaction) -> None:
        tx.record(
            AuditEntry(
                at_us=clock.utc_us(),
                principal="local",
                phase="decision",
                tool="budget",
                verdict="set",
                detail={"cap_micros": cap.micros},
            )
        )
        tx.set_task_cap(task, cap)

    await ledger.write(write)
