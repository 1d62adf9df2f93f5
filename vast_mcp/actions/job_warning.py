"""What a person should know of jobs before a machine is destroyed."""

from vast_mcp.store import Transaction


def job_words(tx: Transaction, instance_id: int) -> str:
    """A job that runs there, or outputs that never came home; begins with a space, or is empty."""
    for job in tx.jobs_of_machine(instance_id):
        if not job.phase.over:
            return f" Job {job.job_id} is running on it."
        if job.facts.started and not job.facts.verified:
            count = len(job.spec.outputs)
            return (
                f" Job {job.job_id}: not all of its {count} outputs were brought back."
                if count
                else ""
            )
    return ""
