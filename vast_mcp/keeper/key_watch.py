"""Whether our machines still have our SSH key: given late, given again, or refused for good.

The key belongs to the rent's yes. A restart may leave only the account's keys on a machine, so it
is looked after once when a machine that did not run runs again.
"""

from collections.abc import Awaitable, Callable, Sequence

from vast_mcp.account.context import Account
from vast_mcp.actions.declared import DeclaredAct
from vast_mcp.clock import HOUR_US, MINUTE_US
from vast_mcp.errors import ApiError, ConfigInvalid, VastMcpError, VendorRefused
from vast_mcp.guard.act import Act, Caller, Outcome
from vast_mcp.leases import books
from vast_mcp.models import Instance
from vast_mcp.operations.on_instances import ATTACH_SSH_KEY, KeyToAttach
from vast_mcp.store import KeyState, Rental, RentalState

KEY_AFTER_US = 2 * MINUTE_US
"""Until then whoever rented it may still be about to give it our key."""
KEY_UNTIL_US = HOUR_US
"""A key that cannot be given for so long is not tried for ever."""
_MOST_LOOKS = 5
"""Machines whose keys are read in one round; the others have their turn in the next."""
Correct = Callable[[Act, Caller], Awaitable[Outcome]]


async def watch_keys(
    account: Account, correct: Correct, caller: Caller, seen: Sequence[tuple[Rental, Instance]]
) -> tuple[list[str], list[str]]:
    """What was done about keys and what failed, in words; a refusal is said once per machine."""
    did: list[str] = []
    failed: list[str] = []
    looks = 0
    for rental, instance in seen:
        key, due = rental.facts.key, False
        if rental.state is not RentalState.ACTIVE:
            continue
        if key is KeyState.GIVEN and instance.actual_status != "running":
            await _note(account, rental, KeyState.LOOK)
        elif key is KeyState.LOOK and instance.actual_status == "running" and looks < _MOST_LOOKS:
            looks += 1
            due = not await _there(account, instance.instance_id)
            if not due:
                await _note(account, rental, KeyState.GIVEN)
        elif key is KeyState.DUE:
            due = KEY_AFTER_US <= account.now_us() - rental.created_us < KEY_UNTIL_US
        if due:
            await _give(account, correct, caller, rental, instance.instance_id, did, failed)
    return did, failed


async def _there(account: Account, instance_id: int) -> bool:
    """Whether our key is among the attached ones; what cannot be read is looked at again."""
    try:
        ours = account.show_key().split()[:2]
        attached = await account.reads.instance_ssh_keys(instance_id)
    except (ApiError, ConfigInvalid, OSError):
        return True
    return any(key.public_key.split()[:2] == ours for key in attached)


async def _give(
    account: Account,
    correct: Correct,
    caller: Caller,
    rental: Rental,
    instance_id: int,
    did: list[str],
    failed: list[str],
) -> None:
    try:
        await correct(DeclaredAct(ATTACH_SSH_KEY, KeyToAttach(instance_id)), caller)
        did.append(f"{instance_id} was given our SSH key")
    except VendorRefused as error:
        await _note(account, rental, KeyState.REFUSED)
        failed.append(f"{instance_id} does not accept our SSH key, not tried again: {error}")
    except VastMcpError as error:
        failed.append(f"{instance_id} does not have our SSH key: {error}")


async def _note(account: Account, rental: Rental, key: KeyState) -> None:
    await account.ledger.write(lambda tx: books.note_key(tx, rental.intent_id, key))
