"""A task's budget: the least of what the policy, earlier calls and this call gave it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from vast_mcp.policy._case import Bill, Finding, deny, span
from vast_mcp.policy.fitting import asked_hours, fewer_hours
from vast_mcp.policy.limits import Limits
from vast_mcp.text import clean_line, folded
from vast_mcp.units import Usd

_PLAIN = re.compile(r"[A-Za-z0-9][\w.-]*", re.ASCII)
_QUOTABLE = re.compile(r"[\w .:+-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Cap:
    """One of the budgets that bind an act."""

    amount: Usd
    whose: str
    """By whom it was set."""
    raised: str
    """Where a person raises it."""


def budgets(bill: Bill) -> Iterator[Finding]:
    """Refused when what the task or the job has spent and reserved, and this, pass its budget."""
    of_job = tuple(_of_job(bill))
    # A job without a named budget is a task of its own, with the very same ceiling: said once.
    if not (of_job and bill.exposure.task_cap == bill.exposure.job_cap):
        yield from _of_task(bill)
    yield from of_job


def _of_job(bill: Bill) -> Iterator[Finding]:
    """A job's own ceiling counts its own machines alone, whatever its task has left."""
    cap = bill.exposure.job_cap
    spent, reserved = bill.exposure.job_spent, bill.exposure.job_reserved
    if cap is None or spent + reserved + bill.spend.cost <= cap:
        return
    left = max(Usd(), cap - spent - reserved)
    yield deny(
        "job.max_cost_usd",
        f"The job's agreed maximum is {cap}: {spent} spent, {reserved} reserved, {left} left."
        f" {_needs(bill)}{_fits(bill)}.",
        fewer_hours(bill),
        "Only the user can agree to more: ask them, and start another job.",
    )


def _of_task(bill: Bill) -> Iterator[Finding]:
    spent, reserved = bill.exposure.task_spent, bill.exposure.task_reserved
    passed = [cap for cap in _caps(bill) if spent + reserved + bill.spend.cost > cap.amount]
    if not passed:
        return
    least = min(passed, key=lambda one: one.amount)
    left = max(Usd(), least.amount - spent - reserved)
    task = str(clean_line(bill.spend.task, 40))
    name = f'Budget of task "{task}"' if task else "The budget of this call"
    raised = " and ".join(limit.raised for limit in passed)
    yield deny(
        f"budget.{task}" if task else "max_cost_usd",
        f"{name} is {least.amount} (set by {least.whose}): {spent} spent, {reserved} reserved,"
        f" {left} left. {_needs(bill)}{_fits(bill)}.",
        fewer_hours(bill),
        f"Only the user can raise max_cost_usd ({raised}): ask them, do not split the job.",
    )


def budget_of(limits: Limits, task: str) -> Usd | None:
    """The policy's budget for a task. What looks the same is the same task."""
    return min((limits.budgets[name] for name in _names(limits, task)), default=None)


def place_of_budget(limits: Limits, task: str) -> str:
    """Where a person changes the policy's budget for a task: `budget.lora, in ~/policy.toml`."""
    name = min(_names(limits, task), key=lambda one: limits.budgets[one])
    return f"budget.{clean_line(name, 40)}, in {limits.place_of(f'budget.{name}')}"


def _names(limits: Limits, task: str) -> list[str]:
    wanted = folded(task)
    return [name for name in limits.budgets if wanted and folded(name) == wanted]


def _caps(bill: Bill) -> Iterator[_Cap]:
    """Every budget of this act; of equal ones the first is named."""
    task, stated = bill.spend.task, budget_of(bill.limits, bill.spend.task)
    if stated is not None:
        yield _Cap(stated, "the user", place_of_budget(bill.limits, task))
    if bill.exposure.task_cap is not None:
        yield _Cap(
            bill.exposure.task_cap,
            "an earlier call's max_cost_usd or the user",
            command_for(task),
        )
    if bill.spend.max_cost_usd is not None:
        yield _Cap(bill.spend.max_cost_usd, "this call's max_cost_usd", "this call's argument")


def command_for(task: str) -> str:
    """What a person types at a terminal to give a task more; a name never speaks to a shell."""
    task = task.strip()
    if _PLAIN.fullmatch(task):
        return f"`vast-mcp budget {task} USD` in a terminal"
    if _QUOTABLE.fullmatch(task) and not task.startswith("-"):
        return f'`vast-mcp budget "{task}" USD` in a terminal'
    return "`vast-mcp budget` in a terminal"


def _fits(bill: Bill) -> str:
    return f"; {bill.fits} h fits" if bill.fits else ""


def _needs(bill: Bill) -> str:
    hours = asked_hours(bill)
    if hours <= 0:
        return f"This needs {bill.spend.cost}"
    return f"{span(hours)} at {bill.spend.usd_per_hour} needs {bill.spend.cost}"
