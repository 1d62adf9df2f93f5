"""What a yes to a job covers, checked against the job's row inside the deciding transaction.

A person said yes once, to a question that named the GPU and its price ceiling, the total, the
uploads, and what happens at the end. Only what that question named is covered; all
else meets the policy as if nobody had been asked. A deny of the policy holds either way.

See docs/design.md#levels.
"""

from dataclasses import dataclass, replace

from vast_mcp.guard.act import Act, Sight
from vast_mcp.policy import Deny, Reason
from vast_mcp.store import Job, Transaction

_ON_ITS_MACHINE = frozenset({"stop_instance", "upload_files", "download_files", "run_command"})


@dataclass(frozen=True, slots=True)
class Approval:
    """The job in whose name an act is done."""

    job_id: str
    owner: str
    """The server at work on it; another one's yes is void."""


def cover(tx: Transaction, approval: Approval | None, act: Act, sight: Sight) -> Sight:
    """The sight, marked as covered where the job's yes named it."""
    if approval is None:
        return sight
    job = tx.job(approval.job_id)
    if job is None or not job.approved or job.phase.over or job.owner != approval.owner:
        return sight
    if not _named(tx, job, act, sight):
        return sight
    return replace(sight, request=replace(sight.request, covered=True))


def uncovered(act: Act, sight: Sight) -> Deny | None:
    """A rent in a job's name that its yes does not cover is refused, however cheap it is."""
    if act.tool != "create_instance" or sight.request.covered:
        return None
    return Deny(
        (
            Reason(
                "job.uncovered",
                "The approval of this job does not cover that rent: it is above the price"
                " ceiling, the job already has a machine, or another server runs the job.",
            ),
        )
    )


def _named(tx: Transaction, job: Job, act: Act, sight: Sight) -> bool:
    if act.tool == "create_instance":
        return _may_rent(tx, job, sight)
    target = sight.request.target
    if target is None or target.target_id != job.instance_id:
        return False
    if act.tool == "destroy_instance":
        return may_destroy(job)
    if sight.request.action == "reboot_unstarted":
        return not job.facts.started
    return act.tool in _ON_ITS_MACHINE


def _may_rent(tx: Transaction, job: Job, sight: Sight) -> bool:
    """Within the ceiling, under the job's own budget, and never beside another machine of it."""
    spend = sight.request.spend
    if spend is None or spend.job_id != job.job_id or spend.task != job.budget:
        return False
    if job.spec.agreed is None or any(rental.job_id == job.job_id for rental in tx.live_rentals()):
        return False
    return spend.usd_per_hour <= job.spec.agreed.ceiling


def may_destroy(job: Job) -> bool:
    """Before its command began nothing is lost; afterwards only as agreed, with outputs home."""
    if not job.facts.started:
        return True
    return job.spec.on_end == "destroy" and job.facts.verified
