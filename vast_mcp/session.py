"""What a face of the program (tools, prompts, resources, notices, commands) is handed."""

from dataclasses import dataclass, replace

from vast_mcp.account.context import Account
from vast_mcp.guard.act import Caller
from vast_mcp.guard.door import Guard
from vast_mcp.jobs import Jobs
from vast_mcp.keeper.rights import RightsWatch


@dataclass(frozen=True, slots=True)
class Session:
    """One account as one caller uses it: what it reads, the way to change it, who asks."""

    account: Account
    guard: Guard
    jobs: Jobs
    """What runs on machines under one yes each."""
    rights: RightsWatch
    """Whether the key may end machines, as far as that was tried."""
    caller: Caller

    def for_caller(self, caller: Caller) -> "Session":
        """The same account, asked by this caller."""
        return replace(self, caller=caller)
