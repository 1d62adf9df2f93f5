"""Commands on a machine, and its ports on this computer."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import ClassVar

from vast_mcp.account.context import Account
from vast_mcp.actions.base import PlainAct, Seen, see
from vast_mcp.actions.ssh_target import (
    Aboard,
    back_up,
    entered,
    first_seen,
    locator,
    must_have_ssh,
    running_only,
    standing_still,
    way_in,
)
from vast_mcp.credentials import exposed, said
from vast_mcp.errors import InputInvalid
from vast_mcp.guard.act import Errand, Outcome, Sight
from vast_mcp.operations import JsonObject, instances
from vast_mcp.policy.facts import Request
from vast_mcp.remote.command import CommandResult, command_line, run_command
from vast_mcp.store import canonical
from vast_mcp.text import clean_line

SHOWN_BYTES = 7_000
"""About 1,750 tokens of JSON: with the rest of the answer it stays under 2,000."""
_SHOWN_LETTERS = 160


@dataclass(frozen=True, slots=True)
class RunCommand(PlainAct):
    """Run a command over SSH; on a stopped machine the vendor's `ls` or `du`.

    The audit gets a digest of it, never the text.
    """

    tool: ClassVar[str] = "run_command"
    instance_id: int
    command: str = field(repr=False)
    directory: str = ""
    env: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    timeout_s: float = 30.0

    async def look(self, account: Account) -> Sight:
        """The machine and how it is entered; what cannot be sent is refused before it is asked."""
        self._line()
        seen = await see(account, self.instance_id)
        where = way_in(seen)
        if not where:
            self._listing(seen)
        shown = clean_line(self.command, _SHOWN_LETTERS)
        digest = hashlib.sha256(canonical(self.arguments()).encode()).hexdigest()[:12]
        return Aboard(
            request=Request(self.tool, seen.target),
            snapshot={**seen.snapshot, "command": digest},
            question=f"Run on {self.instance_id} ({seen.words}): {shown} ?{self._secret_words()}",
            handle=f"run-{self.instance_id}-{digest}",
            label=seen.target.label,
            addresses=where,
        )

    async def carry_out(self, account: Account, errand: Errand) -> Outcome:
        """Run it to its end or its time limit."""
        sight = errand.sight
        assert isinstance(sight, Aboard)
        if not sight.addresses:
            return await self._on_disk(account)
        async with entered(account, self.instance_id, sight.addresses) as session:
            result = await run_command(
                session,
                self.command,
                clock=account.clock,
                directory=self.directory,
                env=dict(self.env),
                timeout_s=self.timeout_s,
            )
            notes = (*first_seen(account, session), *host_reads(self.env, self.command))
            return _told(self.instance_id, result, notes, self.timeout_s)

    def _secret_words(self) -> str:
        return "".join(f" {note}" for note in host_reads(self.env, self.command))

    def _line(self) -> str:
        return command_line(self.command, directory=self.directory, env=dict(self.env))

    def _listing(self, seen: Seen) -> None:
        """Refuse what a stopped machine cannot do."""
        try:
            if self.directory or self.env:
                raise InputInvalid(
                    "instance_id", "no directory and no variables on a stopped machine"
                )
            instances.list_disk(self.instance_id, self.command.strip())
        except InputInvalid as error:
            must_have_ssh(seen)
            raise InputInvalid(
                "instance_id",
                f"{standing_still(seen, 'this machine')}: only a plain `ls PATH` or `du PATH`"
                " works",
                hint=back_up(seen),
            ) from error

    async def _on_disk(self, account: Account) -> Outcome:
        output = await account.reads.list_disk(self.instance_id, self.command.strip())
        return Outcome(
            status="done",
            said="The machine is stopped: this is Vast.ai's listing of its disk.",
            values={"instance_id": self.instance_id},
            shown={"untrusted_output": fitting(output)},
        )


def host_reads(env: Iterable[tuple[str, str]], command: str) -> tuple[str, ...]:
    """A warning where a command shows the host what looks like a credential."""
    found = exposed(dict(env), (("the command", command),))
    return (f"The host can read {said(found)}.",) if found else ()


def _told(
    instance_id: int, result: CommandResult, warnings: tuple[str, ...], timeout_s: float
) -> Outcome:
    values: JsonObject = {
        "instance_id": instance_id,
        "exit_code": result.exit_code,
        "signal": result.signal,
        "output_bytes": result.output_bytes,
        "seconds": round(result.elapsed_s, 1),
    }
    status, said, step = "done", "Exit status 0.", ""
    if result.timed_out:
        status = "timed_out"
        said = f"It ran longer than {timeout_s:g} s and was killed with all its processes."
        step = "For longer work: background=true, or run_job."
    elif result.signal:
        status, said = "failed", f"Ended by signal {result.signal}."
    elif result.exit_code != 0:
        status, said = "failed", f"Exit status {result.exit_code}."
    return Outcome(
        status=status,
        said=said,
        next=step,
        warnings=warnings,
        values={name: value for name, value in values.items() if value is not None},
        shown={"untrusted_output": fitting(result.output, beyond=result.left_out_bytes)},
    )


def fitting(text: str, limit: int = SHOWN_BYTES, *, beyond: int = 0) -> str:
    """Both ends of a text, so that its JSON takes no more than `limit` bytes.

    `beyond`: so many bytes in its middle were not even kept; they count as left out as well.
    """
    if _size(text) <= limit:
        return text
    half = len(text)
    while True:
        half = half * 3 // 4
        head, tail = text[: half // 2], text[-(half - half // 2) :]
        shown = f"{head}\n… [{len(text) - half + beyond} characters left out] …\n{tail}"
        if _size(shown) <= limit or half < 8:
            return shown


def _size(text: str) -> int:
    return len(json.dumps(text, ensure_ascii=False).encode())


@dataclass(frozen=True, slots=True)
class ForwardPort(PlainAct):
    """A port of the machine on this computer's loopback."""

    tool: ClassVar[str] = "forward_port"
    instance_id: int
    port: int

    async def look(self, account: Account) -> Sight:
        """The machine, which must run."""
        seen = await see(account, self.instance_id)
        return Aboard(
            request=Request(self.tool, seen.target),
            snapshot={**seen.snapshot, "port": self.port},
            question=f"Forward from {self.instance_id} ({seen.words}) port {self.port} to this"
            " computer?",
            handle=f"forward-{self.instance_id}-{self.port}",
            label=seen.target.label,
            addresses=running_only(seen, "a port"),
        )

    async def carry_out(self, account: Account, errand: Errand) -> Outcome:  # noqa: ARG002
        """Open it; the same port again is the same forward."""
        forward = await account.remote.forwards.open(
            self.instance_id, self.port, locator(account, self.instance_id)
        )
        return Outcome(
            status="forwarded",
            said=f"{forward.url} leads to port {self.port} of the machine while this server runs."
            " Only this computer can reach it.",
            next="It works once something listens there.",
            values={"instance_id": self.instance_id, "url": forward.url},
        )
