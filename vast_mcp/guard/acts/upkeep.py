"""Small acts on a machine that exists: its label, its keys, files on its stopped disk."""

import re
import shlex
from dataclasses import dataclass
from typing import ClassVar

from vast_mcp.account.context import Account
from vast_mcp.account.lease_label import check_label
from vast_mcp.errors import InputInvalid, VendorRefused
from vast_mcp.guard.act import Errand, Outcome, Sight
from vast_mcp.guard.acts._aboard import must_have_ssh
from vast_mcp.guard.acts._base import PlainAct, insist, see
from vast_mcp.guard.acts._lease import write_mark
from vast_mcp.guard.books import note_key
from vast_mcp.models import Billing, billing_of
from vast_mcp.operations import instances
from vast_mcp.policy import Request
from vast_mcp.store import KeyState, Transaction

_PUBLIC_KEY = re.compile(
    r"(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)|sk-ssh-ed25519@openssh\.com"
    r"|sk-ecdsa-sha2-nistp256@openssh\.com) [A-Za-z0-9+/]{40,}={0,3}( [^\n\r]{0,200})?"
)
_SAFE_PATH = re.compile(r"/[A-Za-z0-9._@%+=:,/ -]{1,240}")
_COMMAND_LIMIT = 512


@dataclass(frozen=True, slots=True)
class LabelInstance(PlainAct):
    """Change the user's part of a label; our mark behind it stays."""

    tool: ClassVar[str] = "label_instance"
    instance_id: int
    label: str

    async def look(self, account: Account) -> Sight:
        """The machine; a label that imitates a mark or holds a secret is refused."""
        check_label(self.label)
        account.secrets.check_text("label", self.label, account.limits())
        seen = await see(account, self.instance_id)
        return Sight(
            request=Request(self.tool, seen.target),
            snapshot=seen.snapshot,
            question=f"Relabel {self.instance_id} ({seen.words})?",
            handle=f"label-{self.instance_id}",
            label=seen.target.label,
        )

    async def carry_out(self, account: Account, errand: Errand) -> Outcome:
        """Set it until it is seen."""
        seen = await see(account, self.instance_id)
        one = seen.instance
        if seen.rental is not None and seen.whose.mark is not None:
            # With the end that the books hold: another call may be moving it.
            ends_us = seen.rental.lease_ends_us
            done = await write_mark(account, errand.send, seen, check_label(self.label), ends_us)
        else:
            text = check_label(self.label)
            label = text if seen.whose.copied else account.marker.relabel(one.raw_label, text)
            effect = await insist(
                account,
                errand.send,
                instances.label_instance(self.instance_id, label),
                self.instance_id,
                lambda now: now is not None and now.raw_label == label,
            )
            done = effect.seen
        return Outcome(
            status="labelled" if done else "unknown",
            said="The label is set." if done else "The label was sent, but is not seen yet.",
            values={"instance_id": self.instance_id},
        )


@dataclass(frozen=True, slots=True)
class AttachSshKey(PlainAct):
    """Add a public key to a machine."""

    tool: ClassVar[str] = "attach_ssh_key"
    instance_id: int
    public_key: str = ""
    """Empty: our own key."""

    async def look(self, account: Account) -> Sight:
        """The machine; anything that is not one public key is refused before it can leave.

        Raises:
            InputInvalid: that, or a machine that has no SSH.
        """
        if self.public_key:
            check_public_key(self.public_key)
        seen = await see(account, self.instance_id)
        must_have_ssh(seen)
        return Sight(
            request=Request(self.tool, seen.target),
            snapshot=seen.snapshot,
            question=f"Give {self.instance_id} ({seen.words}) another SSH key?",
            handle=f"key-{self.instance_id}",
            label=seen.target.label,
        )

    async def carry_out(self, account: Account, errand: Errand) -> Outcome:
        """Sent once; the key arrives on the machine after 10 to 15 s (docs/vendor-api.md#ssh)."""
        key = self.public_key.strip() or account.show_key()
        said = "The key is attached; it works after about 15 s."
        try:
            await errand.send(instances.attach_ssh_key(self.instance_id, key))
        except VendorRefused as refusal:
            if "already associated" not in refusal.message:
                raise
            said = "The machine has this key already."
        if not self.public_key:
            await account.ledger.write(self._note)
        return Outcome(
            status="attached",
            said=said,
            values={"instance_id": self.instance_id},
        )

    def _note(self, tx: Transaction) -> None:
        rental = tx.rental_of("instance", self.instance_id)
        if rental is not None:
            note_key(tx, rental.intent_id, KeyState.GIVEN)


def check_public_key(text: str) -> None:
    """Refuse anything but one line that is an SSH public key.

    Raises:
        InputInvalid: among others for a private key, which must never leave the machine.
    """
    if "PRIVATE KEY" in text:
        raise InputInvalid(
            "public_key",
            "this is a private key; it was not sent anywhere",
            hint="Pass the matching .pub line.",
        )
    if not _PUBLIC_KEY.fullmatch(text.strip()):
        raise InputInvalid("public_key", 'must be one line such as "ssh-ed25519 AAAA… name"')


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
                "instance_id", "this machine is not stopped; the vendor deletes on stopped ones"
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
            next=f'list_disk(instance_id={self.instance_id}, path="…") shows what is left.',
            values={"instance_id": self.instance_id},
        )
