"""Delete files on the disk of a machine that is stopped."""

import re
import shlex
from dataclasses import dataclass
from typing import ClassVar

from vast_mcp.account.context import Account
from vast_mcp.actions.base import PlainAct, see
from vast_mcp.errors import InputInvalid
from vast_mcp.guard.act import Errand, Outcome, Sight
from vast_mcp.models import Billing, billing_of
from vast_mcp.operations import instances
from vast_mcp.policy.facts import Request

_SAFE_PATH = re.compile(r"/[A-Za-z0-9._@%+=:,/ -]{1,240}")
_COMMAND_LIMIT = 512


@dataclass(frozen=True, slots=True)
class DeleteDiskFiles(PlainAct):
    """Delete files on a stopped machine's disk."""

    tool: ClassVar[str] = "delete_disk_files"
    instance_id: int
    paths: tuple[str, ...]

    async def look(self, account: Account) -> Sight:
        """The machine, which must be stopped, and the exact paths."""
        self.command()
        seen = await see(account, self.instance_id)
        if billing_of(seen.instance) is Billing.GPU_AND_DISK:
            raise InputInvalid(
                "instance_id",
                "this machine is not stopped; Vast.ai deletes files only on stopped machines",
            )
        shown = ", ".join(self.paths)
        return Sight(
            request=Request(self.tool, seen.target),
            snapshot=seen.snapshot,
            question=f"Delete on {self.instance_id} ({seen.words}) for good: {shown}?",
            handle=f"rm-{self.instance_id}",
            label=seen.target.label,
        )

    def command(self) -> str:
        """The vendor's `rm` for these paths.

        Raises:
            InputInvalid: a path is relative, climbs, is a whole root, or would not fit.
        """
        for path in self.paths:
            parts = path.strip("/").split("/")
            if not _SAFE_PATH.fullmatch(path) or ".." in parts or len(parts) < 2:
                raise InputInvalid(
                    "paths", "each must be absolute, at least two levels deep and without '..'"
                )
        command = shlex.join(["rm", "-r", "--", *self.paths])
        if not self.paths or len(command) > _COMMAND_LIMIT:
            raise InputInvalid("paths", f"1 or more, in at most {_COMMAND_LIMIT} characters")
        return command

    async def carry_out(self, account: Account, errand: Errand) -> Outcome:  # noqa: ARG002
        """Sent once."""
        await errand.send(instances.delete_disk_files(self.instance_id, self.command()))
        return Outcome(
            status="deleted",
            said="The files are being deleted.",
            next=f'list_disk(instance_id={self.instance_id}, path="…") shows what remains.',
            values={"instance_id": self.instance_id},
        )
