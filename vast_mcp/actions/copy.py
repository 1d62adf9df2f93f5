"""Copies: up to a machine, down from it, and between machines by the vendor.

An upload hands files to a stranger's computer, so the first one from a local directory to a machine
asks, with its count and size; later ones up to 500 MB from there do not. What is uploaded is what
was counted: the files are listed once for the question and once more before the yes is redeemed.

See docs/vendor-api.md#copying.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from vast_mcp.account.context import Account
from vast_mcp.actions.base import PlainAct, Seen, see
from vast_mcp.actions.copy_answers import count_words, under_way
from vast_mcp.actions.copy_between import BetweenSight, copy_between, look_between, whole_paths
from vast_mcp.actions.copy_ends import Place, place
from vast_mcp.actions.ssh_target import (
    Aboard,
    entered,
    first_seen,
    running_only,
    standing_still,
    way_in,
)
from vast_mcp.errors import InputInvalid
from vast_mcp.guard.act import Errand, Outcome, Sight
from vast_mcp.operations import JsonObject
from vast_mcp.policy.facts import Request
from vast_mcp.remote.address import Address
from vast_mcp.remote.paths import LocalPlace
from vast_mcp.remote.plan import CopyPlan, plan_download, plan_upload
from vast_mcp.remote.progress import CopyReport, Report
from vast_mcp.remote.selection import Selection
from vast_mcp.remote.sftp import open_sftp
from vast_mcp.remote.threads import in_thread
from vast_mcp.store import Transaction, canonical
from vast_mcp.text import clean_line
from vast_mcp.units import size_words

UNASKED_BYTES = 500_000_000
"""Later uploads from an agreed root to the same machine are not asked up to this size."""
WAIT_S = 40.0
"""A call answers within this; the copy goes on."""
_SKIPS_SHOWN = 8
_RESUMES = (
    "The same call again waits for the end. The copy stops with this server; the same call then"
    " resumes it."
)


@dataclass(frozen=True, slots=True)
class CopySight(Aboard):
    """A copy as seen: what would go up, and from which root."""

    up: CopyPlan | None = None
    root: str = ""


@dataclass(frozen=True, slots=True)
class CopyFiles(PlainAct):
    """Copy files between this computer and a machine, or between machines."""

    tool: ClassVar[str] = "copy_files"
    source: str
    destination: str
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    async def look(self, account: Account) -> Sight:
        """Both ends; for an upload also every file that would go.

        Raises:
            InputInvalid: the two places cannot be copied between.
            PathRefused: a path that must not be read or written.
            CopyRefused: above a cap, or nothing to copy.
        """
        source, target = self._ends()
        if source.kind == "local":
            return await self._look_up(account, source, target)
        if target.kind == "local":
            return await self._look_down(account, source, target)
        return await look_between(account, self, source, target)

    def _ends(self) -> tuple[Place, Place]:
        source = place(self.source, "source", target=False)
        target = place(self.destination, "destination", target=True)
        kinds = {source.kind, target.kind}
        if kinds == {"local"}:
            raise InputInvalid("destination", "both places are on this computer")
        if kinds == {"local", "volume"}:
            raise InputInvalid(
                "source" if source.kind == "volume" else "destination",
                "a volume cannot be copied to or from this computer",
                hint="Copy between the volume and an instance, then from there.",
            )
        if "local" not in kinds:
            whole_paths(source, target)
            if self.include or self.exclude:
                raise InputInvalid("include", "copies between machines need absolute paths")
        return source, target

    @property
    def _selection(self) -> Selection:
        return Selection(self.include, self.exclude)

    @property
    def key(self) -> str:
        """The same for the same call: a copy under way is found by it."""
        return hashlib.sha256(canonical(self.arguments()).encode()).hexdigest()

    # -- looking ---------------------------------------------------------------------------

    async def _look_up(self, account: Account, source: Place, target: Place) -> Sight:
        local = account.remote.roots().place(source.path, allow_secrets=True)
        plan = await in_thread(lambda: plan_upload(local, target.path, selection=self._selection))
        seen = await see(account, target.number)
        agreed = _agreed_roots(seen)
        under_way = account.remote.transfers.find(self.key) is not None
        known = _root_mark(local) in agreed and plan.total_bytes <= UNASKED_BYTES and not plan.doubt
        return CopySight(
            request=Request("upload_files", seen.target, covered=known or under_way),
            snapshot={**seen.snapshot, "files": _manifest(plan), "to": plan.remote},
            question=_upload_question(target.number, seen, plan),
            handle=f"upload-{target.number}",
            label=seen.target.label,
            addresses=_running(seen),
            up=plan,
            root=_root_mark(local),
        )

    async def _look_down(self, account: Account, source: Place, target: Place) -> Sight:
        account.remote.roots().place(target.path)
        seen = await see(account, source.number)
        return CopySight(
            request=Request("download_files", seen.target),
            snapshot={**seen.snapshot, "from": source.path, "to": target.path},
            question=f"Download from {source.number} ({seen.words}) {clean_line(source.path, 80)}"
            f" to {clean_line(target.path, 80)} on this computer?",
            handle=f"download-{source.number}",
            label=seen.target.label,
            addresses=_running(seen),
        )

    # -- doing -----------------------------------------------------------------------------

    async def carry_out(self, account: Account, errand: Errand) -> Outcome:
        """Begin it and wait a while; one that takes longer goes on by itself."""
        source, target = self._ends()
        sight = errand.sight
        if isinstance(sight, BetweenSight):
            return await copy_between(account, errand, sight, self)
        assert isinstance(sight, CopySight)
        if sight.up is not None:
            machine = target.number
            await account.ledger.write(lambda tx: _agree(tx, machine, sight.root))
        else:
            machine = source.number
        return await self._follow(account, errand, sight, machine)

    async def _follow(
        self, account: Account, errand: Errand, sight: CopySight, machine: int
    ) -> Outcome:
        source, target = self._ends()
        notes: list[str] = []

        async def work(report: Report) -> CopyReport:
            # Both are imported where they are used: they are the heavy half of this room.
            from vast_mcp.remote.download import download  # noqa: PLC0415
            from vast_mcp.remote.upload import upload  # noqa: PLC0415

            async with entered(account, machine, sight.addresses) as session:
                notes.extend(first_seen(account, session))
                if (up := sight.up) is not None:
                    done = await upload(session, up, clock=account.clock, progress=report)
                    return _told_of(done, up, up.remote)
                local = account.remote.roots().place(target.path)
                async with open_sftp(session) as sftp:
                    plan = await plan_download(
                        sftp,
                        source.path,
                        local,
                        into=target.path.endswith("/"),
                        selection=self._selection,
                    )
                done = await download(session, plan, clock=account.clock, progress=report)
                return _told_of(done, plan, str(plan.local.path))

        transfers = account.remote.transfers
        said = f"{self.source} to {self.destination}"
        transfer = transfers.begin(self.key, machine, said, work)
        finished = await transfers.wait(transfer, WAIT_S, errand.tell)
        if finished is None:
            return under_way(transfer, machine, _RESUMES)
        return _finished(finished, machine, tuple(notes))


def _told_of(report: CopyReport, plan: CopyPlan, place: str) -> CopyReport:
    """With what its plan knows: the end may be told by another call."""
    return replace(
        report,
        place=str(clean_line(place, 300)),
        empty=sum(not file.size for file in plan.files),
        skipped=tuple(f"{skipped.name}: {skipped.why}" for skipped in plan.skipped[:_SKIPS_SHOWN]),
        skipped_count=plan.skipped_count,
    )


def _running(seen: Seen) -> tuple[Address, ...]:
    """Where it is entered.

    The vendor's own way into a stopped machine is rsync through its host's door, for which it names
    no host key and its client checks none: whoever stands in between reads and
    writes the files, and no checksum of ours could tell. So it is not taken.

    Raises:
        InputInvalid: it does not run; says what starting it costs.
    """
    if not way_in(seen):
        one = seen.instance
        raise InputInvalid(
            "instance_id",
            f"{standing_still(seen)}: files are copied over SSH, which needs it running",
            hint=f"start_instance(instance_id={one.instance_id}, lease_hours=1) costs"
            f" {one.usd_per_hour}, {one.usd_per_hour.over(300)} for five minutes; copy, then"
            f" stop it. Or without starting it: C.{one.instance_id}:PATH to or from another"
            " instance of yours. Vast.ai's rsync into stopped machines offers no host key to"
            " verify, so it is not used.",
        )
    return running_only(seen, "a copy")


def _root_mark(local: LocalPlace) -> str:
    """Stands for a root in the books: no path of this computer is written there."""
    return hashlib.sha256(str(local.root).encode()).hexdigest()[:16]


def _agreed_roots(seen: Seen) -> tuple[str, ...]:
    return seen.rental.facts.upload_roots if seen.rental else ()


def _agree(tx: Transaction, machine: int, root: str) -> None:
    """Remember that uploads from this root to this machine had their yes."""
    rental = tx.rental_of("instance", machine)
    if rental is not None and root not in rental.facts.upload_roots:
        roots = (*rental.facts.upload_roots, root)
        tx.update_rental(rental, facts=replace(rental.facts, upload_roots=roots))


def _manifest(plan: CopyPlan) -> str:
    """Which files, and how big: what a yes was given to."""
    digest = hashlib.sha256()
    for file in plan.files:
        digest.update(f"{file.name}\0{file.size}\0".encode())
    return digest.hexdigest()


def _upload_question(machine: int, seen: Seen, plan: CopyPlan) -> str:
    count = len(plan.files)
    if plan.doubt:  # one file, by its exact path
        return (
            f"Upload to {machine} ({seen.words}) {clean_line(plan.local.path, 80)}"
            f" ({size_words(plan.total_bytes)}), which looks like a secret: it {plan.doubt}?"
            f" Into {clean_line(plan.remote, 60)}. Its host can read it."
        )
    return (
        f"Upload to {machine} ({seen.words}) {count} file{'' if count == 1 else 's'}"
        f" ({size_words(plan.total_bytes)}) from {clean_line(plan.local.path, 80)} into"
        f" {clean_line(plan.remote, 60)}? Its host can read them. Later uploads from"
        f" {clean_line(plan.local.root.name, 40)} up to 500 MB will not ask."
    )


def _finished(report: CopyReport, machine: int, notes: Sequence[str]) -> Outcome:
    warnings = list(notes)
    skipped = report.skipped_count
    values: JsonObject = {
        "instance_id": machine,
        "files": report.files,
        "unchanged": report.unchanged,
        "bytes": report.moved_bytes,
        "bytes_per_second": int(report.moved_bytes / report.moving_s) if report.moving_s else 0,
        "verified": report.verified,
        "skipped": skipped,
    }
    shown: JsonObject = {"path": report.place}  # no path of this computer goes into the books
    if report.skipped:
        shown["untrusted_skipped"] = list(report.skipped)
    if report.changed:
        warnings.append(
            f"{len(report.changed)} files changed while they were copied and were left out."
        )
    return Outcome(
        status="copied",
        said=f"{count_words(report)}; all checksums match.",
        next="" if not skipped else "Skipped files were not copied; pass secrets by name instead.",
        warnings=tuple(warnings),
        values=values,
        shown=shown,
    )
