"""Trying whether the key may end machines, on a machine that cannot exist."""

from dataclasses import dataclass
from typing import ClassVar

from vast_mcp.account.context import Account
from vast_mcp.actions.base import PlainAct
from vast_mcp.errors import Forbidden, InputInvalid, NotFound, OutcomeUnknown
from vast_mcp.guard.act import Errand, Outcome, Sight
from vast_mcp.operations import instances
from vast_mcp.policy.facts import Request

NOWHERE = 999_999_999_999
"""No machine: ids have eight digits (2026). The vendor was asked with it before, 2026-09-28."""
MAY, MAY_NOT, UNKNOWN = "may_end", "may_not_end", "unknown"


@dataclass(frozen=True, slots=True)
class ProveRights(PlainAct):
    """A destroy of `NOWHERE`: 404 shows that the key may destroy, 401 that it may not.

    Takes no argument, so that it can never be aimed at anything else.
    """

    tool: ClassVar[str] = "prove_rights"

    async def look(self, account: Account) -> Sight:
        """The whole list, in which it must not stand: of a long one the last complete reading.

        Raises:
            InputInvalid: there is such a machine, or the ledger has one.
        """
        listed = (await account.cache.listed()).instances
        held = await account.ledger.read(lambda tx: tx.rental_of("instance", NOWHERE))
        if held is not None or any(instance.instance_id >= NOWHERE for instance in listed):
            raise InputInvalid("instance_id", "ids have grown so large that this one may exist")
        return Sight(
            request=Request(self.tool, corrective=True),
            snapshot={"instance_id": NOWHERE},
            question=f"Send a destroy of {NOWHERE}, which does not exist?",
            handle="prove-rights",
        )

    async def carry_out(self, account: Account, errand: Errand) -> Outcome:  # noqa: ARG002
        """Sent once; only the refusal is of interest.

        Raises:
            ApiError: nothing was learned.
        """
        try:
            await errand.send(instances.destroy_instance(NOWHERE))
        except NotFound:
            return Outcome(
                status=MAY, said="The key may end machines (tried on one that does not exist)."
            )
        except Forbidden as refused:
            return Outcome(status=MAY_NOT, said=str(refused))
        except OutcomeUnknown as error:
            return Outcome(status=UNKNOWN, said=str(error))
        return Outcome(status=UNKNOWN, said="Vast.ai answered as if the machine had existed.")
