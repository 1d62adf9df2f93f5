"""What acts on the inside of a machine share: where it is entered, and what it is then called."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from vast_mcp.account.context import Account
from vast_mcp.actions.base import Seen
from vast_mcp.errors import InputInvalid, NotFound
from vast_mcp.guard.act import Sight
from vast_mcp.leases.halting import contract_over
from vast_mcp.models import InstanceState, state_of
from vast_mcp.remote.address import Address, addresses
from vast_mcp.remote.session import SshSession

KEY_PATIENCE_S = 12.0
"""A call must end within a client's patience; waiting longer is what wait_for_instance is for."""
_STOPPED = frozenset({InstanceState.STOPPED, InstanceState.STOPPING, InstanceState.OUTBID})

_WAIT = 'wait_for_instance(instance_id={id}, until="ssh") first.'
_DEAD = {
    InstanceState.FAILED: "wait_for_instance({id}) says what helps.",
    InstanceState.ENDED: "show_logs({id}) shows its output; destroy_instance ends its cost.",
    InstanceState.HOST_OFFLINE: "Nothing is billed meanwhile; check again later, or rent another.",
}
"""States that no waiting in one call ends, and what to do then."""


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
    must_have_ssh(seen)
    if state not in {InstanceState.READY, InstanceState.RUNNING_NO_SSH}:
        why = f" ({seen.why})" if seen.why else ""
        raise InputInvalid(
            "instance_id",
            f"{instance_id} is {state.value}{why}, so nothing can be done on it"
            + ("" if state in _DEAD else " yet"),
            hint=_DEAD.get(state, _WAIT).format(id=instance_id),
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
    must_have_ssh(seen)  # a start would cost money and open nothing
    found = way_in(seen)
    if not found:
        raise InputInvalid(
            "instance_id",
            f"{standing_still(seen)}; {what} needs it running",
            hint=back_up(seen),
        )
    return found


def standing_still(seen: Seen, subject: str = "") -> str:
    """`27000001 is stopped (its lease ended …)`, for a refusal."""
    why = f" ({seen.why})" if seen.why else ""
    return f"{subject or seen.instance.instance_id} is stopped{why}"


def back_up(seen: Seen) -> str:
    """What runs it again."""
    one = seen.instance
    if contract_over(one, seen.now_us):
        return "It cannot be started any more; destroy_instance ends its cost."
    if state_of(one) is InstanceState.OUTBID and not seen.stopped_by_us:
        least = "" if one.min_bid is None else f" above {one.min_bid}"
        return f"change_bid{least} lets it run again; or destroy_instance."
    return f"start_instance(instance_id={one.instance_id}, lease_hours) runs it again."


def must_have_ssh(seen: Seen) -> None:
    """Refuse what would need a login where none ever comes, running or not.

    Raises:
        InputInvalid: its image runs a command of its own, without SSH.
    """
    if seen.instance.words.runs_command:
        raise InputInvalid(
            "instance_id",
            'this machine runs its own command (connect="args") and has no SSH',
            hint='show_logs shows its output; rent with connect="ssh" to work on a machine.',
        )


def entered(
    account: Account, instance_id: int, where: Sequence[Address]
) -> AbstractAsyncContextManager[SshSession]:
    """The machine's session, from the pool."""
    return account.remote.pool.session(instance_id, where, key_patience_s=KEY_PATIENCE_S)


def locator(account: Account, instance_id: int) -> Callable[[], Awaitable[Sequence[Address]]]:
    """Where the machine is, asked anew each time: it may be restarted meanwhile."""

    async def locate() -> Sequence[Address]:
        instance = (await account.reads.look(instance_id)).instance
        if instance is None:
            raise NotFound(f"Instance {instance_id} does not exist any more.")
        return addresses(instance)

    return locate


def first_seen(account: Account, session: SshSession) -> tuple[str, ...]:
    """A sentence about a host key that was met for the first time; said once."""
    key = account.remote.pool.introduction(session)
    return (f"Its SSH host key, seen for the first time: {key}.",) if key else ()
