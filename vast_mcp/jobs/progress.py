"""How far a job's machine is."""

from dataclasses import dataclass

from vast_mcp.account.context import Account
from vast_mcp.instances.waiting import look_once
from vast_mcp.models import Instance, StartFailure


@dataclass(frozen=True, slots=True)
class MachineProgress:
    """The machine now, and whether waiting for it still makes sense."""

    instance: Instance | None
    runs: bool
    dead: bool
    said: str
    failure: StartFailure | None = None
    """Why it does not come up, where its host says so."""


async def progress_of(account: Account, instance_id: int) -> MachineProgress:
    """One look at the machine.

    Raises:
        ApiError: it cannot be read.
    """
    held, verdict = await look_once(account, instance_id)
    instance = None if held is None else held.instance
    failure = None if held is None or held.stop_sent else held.failure
    return MachineProgress(instance, verdict.reached, verdict.word == "dead", verdict.said, failure)
