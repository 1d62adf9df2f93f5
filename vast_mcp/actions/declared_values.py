"""Arguments of a declared write whose value is found only when the request is put together."""

from typing import Any

from vast_mcp.account.context import Account
from vast_mcp.account.lease_label import check_label, user_part
from vast_mcp.actions.base import see
from vast_mcp.guard.act import Errand
from vast_mcp.leases.books import note_key
from vast_mcp.operations import Json, JsonObject
from vast_mcp.operations._fields import AtSending, Fields
from vast_mcp.store import KeyState, Transaction


def check(account: Account, fields: Fields, given: JsonObject) -> None:
    """Refuse before anybody is asked what may not be sent.

    Raises:
        PolicyDenied: a secret's name is not allowed.
        InputInvalid: no value is known under it, or a text holds a secret or imitates a mark.
    """
    how = fields.at_sending()
    for name, value in given.items():
        if not isinstance(value, str):
            continue
        if how.get(name) is AtSending.SECRET:
            account.secrets.check((value,), account.limits())
            continue
        if how.get(name) is AtSending.LEASE_LABEL:
            check_label(value)
        account.secrets.check_text(name, value, account.limits())


async def resolve(account: Account, fields: Fields, given: Any, errand: Errand) -> JsonObject:  # noqa: ANN401  the declaration's dataclass
    """The values, by the argument's name."""
    found: dict[str, Json] = {}
    for name, how in fields.at_sending().items():
        value = str(getattr(given, name))
        match how:
            case AtSending.SECRET:
                intent_id = errand.booking.intent_id
                found[name] = account.secrets.values((value,), account.limits(), intent_id)[0][1]
            case AtSending.OWN_SSH_KEY:
                found[name] = value.strip() or account.show_key()
            case AtSending.LEASE_LABEL:
                found[name] = await _marked(account, given.instance_id, check_label(value))
    return found


async def _marked(account: Account, instance_id: int, text: str) -> str:
    """The text with the lease mark behind it, as the books have its end now."""
    seen = await see(account, instance_id)
    if seen.rental is not None and seen.whose.mark is not None:
        return account.marker.label(text, seen.rental.intent_id, seen.rental.lease_ends_us)
    return text if seen.whose.copied else account.marker.relabel(seen.instance.raw_label, text)


async def still_holds(account: Account, fields: Fields, given: Any, resolved: JsonObject) -> bool:  # noqa: ANN401  the declaration's dataclass
    """Whether what was sent is what would be sent now: another call may move a lease's end."""
    for name, how in fields.at_sending().items():
        label = str(resolved[name])
        if how is AtSending.LEASE_LABEL and account.marker.read(label) is not None:
            booked = await account.ledger.read(
                lambda tx: tx.rental_of("instance", given.instance_id)
            )
            if booked is None:
                continue
            now = account.marker.label(user_part(label), booked.intent_id, booked.lease_ends_us)
            if now != label:
                return False
    return True


async def note_resolved(account: Account, fields: Fields, given: Any) -> None:  # noqa: ANN401  the declaration's dataclass
    """Write down that a machine got our own key."""

    def write(tx: Transaction) -> None:
        rental = tx.rental_of("instance", given.instance_id)
        if rental is not None:
            note_key(tx, rental.intent_id, KeyState.GIVEN)

    own = [name for name, how in fields.at_sending().items() if how is AtSending.OWN_SSH_KEY]
    if any(not getattr(given, name) for name in own):
        await account.ledger.write(write)
