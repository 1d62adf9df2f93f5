"""A task's budget: the least of what the policy, earlier calls and this call gave it."""

from collections.abc import Iterator

from vast_mcp.policy._case import Bill, Finding, deny, span
from vast_mcp.policy.fitting import asked_hours, fewer_hours
from vast_mcp.policy.limits import Limits
from vast_mcp.text import clean_line, folded
from vast_mcp.units import Usd

_ONLY_PERSON = "Only the person can raise max_cost_usd: ask them, do not split the job."


def budgets(bill: Bill) -> Iterator[Finding]:
    """Refused when what the task or the job has spent and reserved, and this, pass its budget."""
    yield from _of_task(bill)
    yield from _of_job(bill)


def _of_job(bill: Bill) -> Iterator[Finding]:
    """A job's own ceiling counts its own machines alone, whatever its task has left."""
    cap = bill.exposure.job_cap
    spent, reserved = bill.exposure.job_spent, bill.exposure.job_reserved
    if cap is None or spent + reserved + bill.spend.cost <= cap:
        return
    left = max(Usd(), cap - spent - reserved)
    yield deny(
        "job.max_cost_usd",
        f"The job may cost {cap} in all, as agreed: {spent} spent, {reserved} reserved, {left}"
        f" left. {_needs(bill)}{_fits(bill)}.",
        fewer_hours(bill),
        "Only the person can agree to more: ask them, and start another job.",
    )


def _of_task(bill: Bill) -> Iterator[Finding]:
    found = _cap(bill)
    if found is None:
        return
    cap, whose = found
    spent, reserved = bill.exposure.task_spent, bill.exposure.task_reserved
    if spent + reserved + bill.spend.cost <= cap:
        return
    left = max(Usd(), cap - spent - reserved)
    task = str(clean_line(bill.spend.task, 40))
    name = f'Budget of task "{task}"' if task else "The budget of this call"
    yield deny(
        f"budget.{task}" if task else "max_cost_usd",
        f"{name} is {cap} (set by {whose}): {spent} spent, {reserved} reserved, {left} left. "
        f"{_needs(bill)}{_fits(bill)}.",
        fewer_hours(bill),
        _ONLY_PERSON,
    )


def budget_of(limits: Limits, task: str) -> Usd | None:
    """The policy's budget for a task. What looks the same is the same task."""
    wanted = folded(task)
    given = [cap for name, cap in limits.budgets.items() if wanted and folded(name) == wanted]
    return min(given, default=None)


def _cap(bill: Bill) -> tuple[Usd, str] | None:
    ranked = [
        (cap, whose)
        for cap, whose in (
            (budget_of(bill.limits, bill.spend.task), "the person"),
            (bill.exposure.task_cap, "an earlier call's max_cost_usd"),
            (bill.spend.max_cost_usd, "this call's max_cost_usd"),
        )
        if cap is not None
    ]
    return min(ranked, key=lambda entry: entry[0], default=None)


def _fits(bill: Bill) -> str:
    return f"; {bill.fits} h fits" if bill.fits else ""


def _needs(bill: Bill) -> str:
    hours = asked_hours(bill)
    if hours <= 0:
        return f"This needs {bill.spend.cost}"
    return f"{span(hours)} at {bill.spend.usd_per_hour} needs {bill.spend.cost}"
