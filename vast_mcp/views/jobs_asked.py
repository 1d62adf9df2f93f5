"""The acts behind `run_job` and `stop_job`, from what was asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from vast_mcp.actions import DestroyInstance, DestroyInstances
from vast_mcp.errors import InputInvalid
from vast_mcp.guard.act import Act
from vast_mcp.jobs.background import RunInBackground
from vast_mcp.jobs.run import RunJob
from vast_mcp.jobs.stop import StopJob, StopKindly, StopSeveral
from vast_mcp.jobs.uploads import check_files, check_outputs
from vast_mcp.market.terms import check_env, check_image, check_secrets, check_task
from vast_mcp.remote.command import command_line
from vast_mcp.session import Session


@dataclass(frozen=True, slots=True)
class AskedJob:
    """The part of a job that has to be checked, or must not be shown."""

    command: str
    upload: tuple[str, ...]
    files: Mapping[str, str] = field(repr=False)
    outputs: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False)
    image: str | None
    secrets: tuple[str, ...] = ()
    task: str = ""


def run_job_act(session: Session, asked: AskedJob, **rest: Any) -> Act:  # noqa: ANN401  the act's own fields
    """A job, checked as far as it can be without looking.

    Raises:
        InputInvalid: an argument cannot be.
        PathRefused: a path that leads elsewhere.
    """
    if not asked.command.strip() or "\0" in asked.command:
        raise InputInvalid("command", "must be a shell command")
    if not rest.get("gpu_names") and rest.get("offer_id") is None:
        raise InputInvalid(
            "gpu_names", "name a GPU or an offer_id", hint="search_offers lists both."
        )
    check_image(asked.image)
    check_env(dict(asked.env))
    secrets = check_secrets(asked.secrets, asked.env)
    check_files(dict(asked.files))
    check_outputs(asked.outputs)
    for value in asked.env.values():
        session.account.redactor.hide(value)
    return RunJob(
        command=asked.command,
        upload=asked.upload,
        sealed=session.account.secrets.seal(asked.env, asked.files),
        files=tuple((name, len(text.encode())) for name, text in sorted(asked.files.items())),
        outputs=asked.outputs,
        image=asked.image,
        secrets=secrets,
        task=check_task(asked.task),
        **rest,
    )


def background_act(
    session: Session, instance_id: int, command: str, directory: str, env: Mapping[str, str]
) -> Act:
    """A command that is not waited for.

    Raises:
        InputInvalid: it cannot be sent as given.
    """
    check_env(dict(env))
    command_line(command, directory=directory, env=env)
    for value in env.values():
        session.account.redactor.hide(value)
    return RunInBackground(instance_id, command, directory, session.account.secrets.seal(env, {}))


def stop_act(instance_id: int | None, instance_ids: Sequence[int] | None) -> Act:
    """A person's stop of one machine or several: what runs there is told first.

    Raises:
        InputInvalid: both are named, or neither.
    """
    chosen = one_or_several(instance_id, instance_ids)
    return StopKindly(chosen) if isinstance(chosen, int) else StopSeveral(chosen)


def destroy_act(instance_id: int | None, instance_ids: Sequence[int] | None) -> Act:
    """The end of one machine or several, disks included.

    Raises:
        InputInvalid: both are named, or neither.
    """
    chosen = one_or_several(instance_id, instance_ids)
    return DestroyInstance(chosen) if isinstance(chosen, int) else DestroyInstances(chosen)


def one_or_several(
    instance_id: int | None, instance_ids: Sequence[int] | None
) -> int | tuple[int, ...]:
    """Whichever was named.

    Raises:
        InputInvalid: both, or neither.
    """
    if (instance_id is None) == (instance_ids is None):
        raise InputInvalid("instance_id", "pass exactly one of instance_id and instance_ids")
    return instance_id if instance_id is not None else tuple(instance_ids or ())


def stop_job_act(session: Session, job_id: str) -> Act:
    """The stop of a job of whoever calls."""
    return StopJob(job_id, session.caller.principal)
