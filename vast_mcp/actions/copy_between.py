"""Copies between machines and volumes: the vendor carries them out, we look whether they arrived.

The vendor confirms that it has taken a copy on, shows its progress in a status text and reports no
end. Where both ends can be entered by SSH the end is seen there, by checksum; where
not, the answer says that nothing was verified.

See docs/vendor-api.md#copying.
"""

import posixpath
import shlex
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from typing import Protocol

from vast_mcp.account.context import Account
from vast_mcp.actions.base import see
from vast_mcp.actions.copy_answers import count_words, under_way
from vast_mcp.actions.copy_ends import Place
from vast_mcp.actions.copy_target import Landing, kind_in, landing, unseen_landing
from vast_mcp.actions.ssh_target import entered, first_seen, way_in
from vast_mcp.errors import ApiError, InputInvalid
from vast_mcp.guard.act import Errand, Outcome, Sight
from vast_mcp.operations import JsonObject, copying
from vast_mcp.policy.facts import Owner, Request, Target
from vast_mcp.remote.address import Address
from vast_mcp.remote.between import Expected, arrived, survey, watch
from vast_mcp.remote.errors import AddressInvalid, SshUnavailable
from vast_mcp.remote.paths import remote_path
from vast_mcp.remote.progress import CopyReport, Report
from vast_mcp.remote.session import SshSession
from vast_mcp.remote.transfers import Work
from vast_mcp.text import clean_line

WAIT_S = 30.0
"""A call waits so long for the end, after the looks that come before; then it answers."""
_GOES_ON = (
    "Vast.ai does the copy, even without this server. The same call again waits for the end and"
    " verifies checksums on both machines."
)


class _Asked(Protocol):
    """The act, as far as this half of it needs it."""

    @property
    def tool(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def destination(self) -> str: ...
    @property
    def key(self) -> str: ...


@dataclass(frozen=True, slots=True)
class End:
    """One end as seen; `closed` says why it cannot be looked into."""

    place: Place
    target: Target
    snapshot: JsonObject
    words: str
    addresses: tuple[Address, ...] = ()
    closed: str = ""

    def enter(self, account: Account) -> AbstractAsyncContextManager[SshSession]:
        """Its session, from the pool."""
        return entered(account, self.place.number, self.addresses)


@dataclass(frozen=True, slots=True)
class BetweenSight(Sight):
    """A copy between two ends that are not this computer."""

    ends: tuple[End, ...] = ()
    """Target and source."""


def whole_paths(source: Place, target: Place) -> None:
    """Check what only the vendor will read.

    Raises:
        InputInvalid: a path that is not absolute.
        PathRefused: a target that breaks the machine.
    """
    for one, field in ((source, "source"), (target, "destination")):
        if not one.path.startswith("/"):
            raise InputInvalid(field, "between machines a path begins with a slash")
    remote_path(target.path, target=True)


async def look_between(account: Account, asked: _Asked, source: Place, target: Place) -> Sight:
    """Both ends, and the question."""
    if source == target:
        raise InputInvalid("destination", "is the source")
    ends = (await _end(account, target), await _end(account, source))
    strictest = next((end for end in ends if not end.target.ours), ends[0])
    snapshot: JsonObject = {"from": asked.source, "to": asked.destination}
    snapshot |= {f"end{number}": end.snapshot for number, end in enumerate(ends)}
    under_way = account.remote.transfers.find(asked.key) is not None
    return BetweenSight(
        request=Request(asked.tool, strictest.target, covered=under_way),
        snapshot=snapshot,
        question=f"Copy to {target.number} ({ends[0].words}) {clean_line(target.path, 60)} from"
        f" {source.number} ({ends[1].words}) {clean_line(source.path, 60)}? Existing"
        " files are overwritten; the hosts may charge for traffic.",
        handle=f"copy-{target.number}-{source.number}",
        label=strictest.target.label,
        ends=ends,
    )


async def _end(account: Account, one: Place) -> End:
    if one.kind == "volume":
        # Whose volume it is cannot be told: a person has to say yes.
        target = Target("volume", one.number, "", Owner.FOREIGN)
        closed = f"V.{one.number} is a volume, which has no SSH of its own"
        return End(one, target, {"volume_id": one.number}, "a volume", closed=closed)
    seen = await see(account, one.number)
    found: tuple[Address, ...] = ()
    closed = f"{one.number} is not running"
    try:
        found = way_in(seen)
    except (InputInvalid, AddressInvalid) as error:
        closed = error.message
    return End(one, seen.target, seen.snapshot, seen.words, found, "" if found else closed)


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What the vendor is asked for, and what must then stand on the target; or why nobody knows."""

    lands: Landing
    expected: Expected | None = None
    before: frozenset[str] = frozenset()
    unseen: str = ""
    notes: tuple[str, ...] = ()


async def copy_between(
    account: Account, errand: Errand, sight: BetweenSight, asked: _Asked
) -> Outcome:
    """Ask the vendor for it once; then wait a while for what can be seen of its end."""
    target, source = sight.ends
    transfers = account.remote.transfers
    transfer = transfers.find(asked.key)
    notes: tuple[str, ...] = ()
    if transfer is None:
        prepared = await _prepare(account, target, source)
        notes = prepared.notes
        await errand.send(
            copying.copy_direct(
                source.place.vendor_id,
                prepared.lands.src_path,
                target.place.vendor_id,
                prepared.lands.dst_path,
            )
        )
        if prepared.expected is None:
            return _unseen(prepared, target.place)
        said = f"{asked.source} to {asked.destination}"
        work = _watching(account, target, source, prepared.expected, prepared.before)
        transfer = transfers.begin(asked.key, target.place.number, said, work, by_vendor=True)
    report = await transfers.wait(transfer, WAIT_S, errand.tell)
    if report is None:
        return under_way(transfer, target.place.number, _GOES_ON)
    return _arrived(report, target.place.number, notes)


def _watching(
    account: Account, target: End, source: End, expected: Expected, before: frozenset[str]
) -> Work:
    async def work(report: Report) -> CopyReport:
        return await watch(
            lambda: source.enter(account),
            lambda: target.enter(account),
            expected,
            before,
            clock=account.clock,
            progress=report,
        )

    return work


async def _prepare(account: Account, target: End, source: End) -> _Prepared:
    """Look into both ends, as far as they can be entered, before anything is asked for."""
    wanted = target.place.path
    if source.closed:
        return _Prepared(await _closed_landing(account, source, wanted), unseen=source.closed)
    try:
        async with source.enter(account) as session:
            notes = first_seen(account, session)
            found = await survey(session, remote_path(source.place.path))
    except SshUnavailable as error:
        return _Prepared(unseen_landing(source.place.path, wanted), unseen=error.message)
    lands = landing(found.path, wanted, single=found.single)
    if target.closed:
        return _Prepared(lands, unseen=target.closed, notes=notes)
    expected = Expected(found, lands.place)
    try:
        async with target.enter(account) as session:
            notes += first_seen(account, session)
            before = await arrived(session, expected)
    except SshUnavailable as error:
        return _Prepared(lands, unseen=error.message, notes=notes)
    if found.left_out:
        notes += (
            f"{found.left_out} links and unusual names are left to Vast.ai's copy: not compared.",
        )
    return _Prepared(lands, expected, before, notes=notes)


async def _closed_landing(account: Account, source: End, wanted: str) -> Landing:
    """Of a stopped machine the vendor lists the disk, which tells files from directories."""
    path = source.place.path
    single: bool | None = None
    if source.place.kind == "instance" and not path.endswith("/"):
        above = posixpath.dirname(path)
        with suppress(ApiError, InputInvalid):
            listed = await account.reads.list_disk(
                source.place.number, f"ls -l {shlex.quote(above)}"
            )
            single = kind_in(listed, posixpath.basename(path))
    if single is None:
        return unseen_landing(path, wanted)
    return landing(remote_path(path), wanted, single=single)


def _unseen(prepared: _Prepared, target: Place) -> Outcome:
    return Outcome(
        status="copying",
        said=f"Vast.ai copies it to {prepared.lands.words}, starting in about 30 s. It does not"
        f" report the end, and nothing was verified: {prepared.unseen}.",
        next="show_instances shows its progress in untrusted_status. Compare sizes before"
        " destroying the source.",
        warnings=prepared.notes,
        values={
            "verified": "no",
            **({} if target.kind == "volume" else {"instance_id": target.number}),
        },
    )


def _arrived(report: CopyReport, machine: int, notes: tuple[str, ...]) -> Outcome:
    return Outcome(
        status="copied",
        said=f"{count_words(report)}, by Vast.ai; all checksums match on both machines.",
        warnings=notes,
        values={
            "instance_id": machine,
            "path": report.place,
            "files": report.files,
            "unchanged": report.unchanged,
            "bytes": report.moved_bytes,
            "verified": report.verified,
        },
    )
