"""Run a command on a rented machine under one yes; see how far it is; stop it."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from vast_mcp.guard.act import Act
from vast_mcp.session import Session
from vast_mcp.tools._ask import Svc, asking
from vast_mcp.tools._spec import ToolSpec
from vast_mcp.views.copies import copy_rows
from vast_mcp.views.jobs import job_row, list_jobs, output_after, wait_for_job
from vast_mcp.views.jobs_asked import AskedJob, run_job_act, stop_job_act

JobId = Annotated[str, Field(max_length=40, description="from run_job or show_jobs, or a copy_id")]


@asking
def run_job(
    session: Session,
    command: Annotated[
        str, Field(max_length=8000, description="shell; runs in the upload directory")
    ],
    upload: Annotated[
        list[str] | None, Field(max_length=20, description="local paths under ~/vast-mcp")
    ] = None,
    files: Annotated[
        dict[str, str] | None, Field(description="name to text, up to 64 KB each")
    ] = None,
    outputs: Annotated[
        list[str] | None, Field(max_length=20, description="paths to bring back")
    ] = None,
    gpu_names: Annotated[list[str] | None, Field(description="these, or offer_id")] = None,
    offer_id: Annotated[
        int | None, Field(ge=1, description="from search_offers; tried first")
    ] = None,
    image: Annotated[
        str | None, Field(description="default: vastai/pytorch, or the template's")
    ] = None,
    template_hash: Annotated[str | None, Field(description="from search_templates")] = None,
    disk_gb: Annotated[
        float | None, Field(ge=8, le=100_000, description="default: the template's, else 50")
    ] = None,
    env: Annotated[dict[str, str] | None, Field(description="no secrets")] = None,
    secrets: Annotated[
        list[str] | None, Field(max_length=20, description="names, as in create_instance")
    ] = None,
    max_cost_usd: Annotated[
        float | None, Field(gt=0, le=1_000_000, description="maximum total cost")
    ] = None,
    task: Annotated[str, Field(max_length=60, description="as in create_instance")] = "",
    max_hours: Annotated[
        float | None,
        Field(gt=0, le=8760, description="default: 4, or what max_cost_usd pays for, up to 24"),
    ] = None,
    max_replacements: Annotated[int, Field(ge=0, le=5, description="of failed hosts")] = 2,
    on_end: Annotated[
        Literal["stop", "destroy"],
        Field(
            description="destroy: once outputs are back and verified; stop keeps the disk,"
            " still billed"
        ),
    ] = "stop",
    restart_on_resume: Annotated[bool, Field(description="rerun after a reboot")] = False,
) -> Act:
    """Rent a machine, run a command on it, bring the outputs back, end the machine: one question.

    Use it for "run my script and bring the result back" instead of single calls; no search is
    needed first. It asks once, then continues by itself, even after a restart; show_jobs shows
    progress. Outputs go to ~/vast-mcp/job-<id>/, verified by SHA-256. Costs the offer's price,
    disk and traffic, at most max_cost_usd. Pass a budget the user named.
    """
    return run_job_act(
        session,
        AskedJob(
            command=command,
            upload=tuple(upload or ()),
            files=files or {},
            outputs=tuple(outputs or ()),
            env=env or {},
            image=image,
            secrets=tuple(secrets or ()),
            task=task,
        ),
        gpu_names=tuple(gpu_names or ()),
        offer_id=offer_id,
        template_hash=template_hash,
        disk_gb=disk_gb,
        max_cost_usd=max_cost_usd,
        max_hours=max_hours,
        max_replacements=max_replacements,
        on_end=on_end,
        restart_on_resume=restart_on_resume,
    )


@asking
def stop_job(session: Session, job_id: JobId) -> Act:
    """Stop a job: terminate its command, bring back its named outputs, end its machine.

    The machine ends as agreed when the job began (a stopped one's disk is still billed); one that
    existed before stays. Also ends a copy.
    """
    return stop_job_act(session, job_id)


class JobsShown(BaseModel):
    """One job with its new output, or the list."""

    jobs: list[dict[str, Any]]
    untrusted_output: str | None = None
    cursor: int | None = None
    next: str | None = None


async def show_jobs(
    session: Svc,
    job_id: Annotated[str | None, Field(max_length=40, description="one, with output")] = None,
    wait_seconds: Annotated[int, Field(ge=0, le=45, description="wait for its end")] = 0,
    cursor: Annotated[int | None, Field(ge=0, description="output from here on")] = None,
) -> JobsShown:
    """Show jobs: phase, cost so far, time left, outputs; with job_id also what it prints.

    Without job_id it lists the newest, also those of earlier chats. Free.
    """
    copies = copy_rows(session.account, job_id)
    if job_id is None:
        return JobsShown(
            jobs=[*copies, *(job_row(shown_job) for shown_job in await list_jobs(session))]
        )
    if copies:
        return JobsShown(jobs=copies)
    seen = await wait_for_job(session, job_id, wait_seconds)
    text, after = await output_after(session, job_id, cursor)
    again = (
        None if seen.job.phase.over else ("It continues by itself; check again, or end the turn.")
    )
    return JobsShown(jobs=[job_row(seen)], untrusted_output=text or None, cursor=after, next=again)


TOOLS = (
    ToolSpec(run_job, "Run a job", "work"),
    ToolSpec(show_jobs, "Show jobs", "work", reads=True),
    ToolSpec(stop_job, "Stop a job", "work", destroys=True, repeatable=True),
)
