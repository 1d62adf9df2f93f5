"""A task's budget as it stands: the tightest cap, what counts against it, what is left."""

from dataclasses import dataclass

from vast_mcp.policy import Limits
from vast_mcp.policy.budget import budget_of
from vast_mcp.store import Transaction
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
        return max(Usd(0), self.cap - self.counted)


def budget_now(tx: Transaction, limits: Limits, task: str, now_us: int) -> Budget | None:
    """The budget of a task; None where nobody gave it one."""
    caps = [one for one in (budget_of(limits, task), tx.task_cap(task)) if one is not None]
    if not caps:
        return None
    seen = tx.exposure(now_us, task=task)
    return Budget(task, min(caps), seen.task_spent + seen.task_reserved)
