"""Leave to do something on the machine that is no request to the vendor: an upload, a download."""

from dataclasses import dataclass

from vast_mcp.account.context import Account
from vast_mcp.actions.base import PlainAct, see
from vast_mcp.guard.act import Errand, Outcome, Sight
from vast_mcp.policy.facts import Request


@dataclass(frozen=True, slots=True)
class FileTransfer(PlainAct):
    """Decided and audited like any act; the doing itself is the job's."""

    tool: str
    """Which leave is asked for."""
    instance_id: int

    async def look(self, account: Account) -> Sight:
        """The machine."""
        seen = await see(account, self.instance_id)
        return Sight(
            request=Request(self.tool, seen.target),
            snapshot=seen.snapshot,
            question=f"{self.tool} on {self.instance_id}?",
            handle=f"{self.tool}-{self.instance_id}",
        )

    async def carry_out(self, account: Account, errand: Errand) -> Outcome:
        """Nothing is sent to the vendor."""
        del account, errand
        return Outcome("cleared", "The policy allows it.")
