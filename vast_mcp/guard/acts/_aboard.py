"""What acts on the inside of a machine share: where it is entered, and what it is then called."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from vast_mcp.errors import InputInvalid, NotFound
from vast_mcp.guard.act import Desk, Sight
from vast_mcp.guard.acts._base import Seen
from vast_mcp.models import InstanceState, state_of
from vast_mcp.remote.address import Address, addresses
from vast_mcp.remote.session import Session

KEY_PATIENCE_S = 12.0
"""A call must end within a client's patience; waiting longer is what wait_for_instance is for."""
_STOPPED = frozenset({InstanceState.STOPPED, InstanceState.STOPPING, InstanceState.OUTBID})


@dataclass(frozen=True, slots=True)
class Aboard(Sight):
    """A machine to be entered, and where; no address: it is stopped."""

    addresses: tuple[Address, ...] = ()


def way_in(seen: Seen) -> tuple[Address, ...]:
    """Where SSH answers; nothing for a stopped machine.

    Raises:
        InputInvalid: it neither runs nor is it stopped, or it has no SSH at all.
        AddressInvalid: what the vendor names is no address.
    """
    state, instance_id = state_of(seen.instance), seen.instance.instance_id
    if state in _STOPPED:
        return ()
    if "args" in seen.instance.runtype.split():
        raise InputInvalid(
            "instance_id", "this machine runs a command of its own (args) and has no SSH"
        )
    if state not in {InstanceState.READY, InstanceState.RUNNING_NO_SSH}:
        raise InputInvalid(
            "instance_id",
            f"{instance_id} is {state.value}, so nothing can be done on it yet",
            hint=f'wait_for_instance(instance_id={instance_id}, until="ssh") first.',
        )
    found = addresses(seen.instance)
    if not found:
        raise InputInvalid(
            "instance_id",
            f"{instance_id} has no SSH address yet",
            hint=f'wait_for_instance(instance_id={instance_id}, until="ssh") first.',
        )
    return found


def running_only(seen: Seen, what: str) -> tuple[Address, ...]:
    """Where SSH answers.

    Raises:
        InputInvalid: it does not run.
    """
    found = way_in(seen)
    if not found:
        raise InputInvalid(
            "instance_id",
            f"{seen.instance.instance_id} is stopped; {what} needs it running",
            hint="start_instance starts it under a new lease.",
        )
    return found


def entered(
    desk: Desk, instance_id: int, where: Sequence[Address]
) -> AbstractAsyncContextManager[Session]:
    """The machine's session, from the pool."""
    return desk.remote.pool.session(instance_id, where, key_patience_s=KEY_PATIENCE_S)


def locator(desk: Desk, instance_id: int) -> Callable[[], Awaitable[Sequence[Address]]]:
    """Where the machine is, asked anew each time: it may be restarted meanwhile."""

    async def locate() -> Sequence[Address]:
        instance = (await desk.reads.look(instance_id)).instance
        if instance is None:
            raise NotFound(f"Instance {instance_id} does not exist any more.")
        return addresses(instance)

    return locate


def first_seen(desk: Desk, session: Session) -> tuple[str, ...]:
    """A sentence about a host key that was met for the first time; said once."""
    key = desk.remote.pool.introduction(session)
    return (f"Its SSH host key, seen for the first time: {key}.",) if key else ()
