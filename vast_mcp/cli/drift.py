"""`vast-mcp doctor --drift`: what the account answers by now, against what vast-mcp expects.

Reads only: the way out lets nothing else pass. The report holds no value of any answer, so that it
can be pasted into an issue as it is.
"""

import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import httpx2

from vast_mcp import __version__
from vast_mcp.api.connection import Connection, network_transport
from vast_mcp.api.keyring import KeyRing
from vast_mcp.api.next_steps import missing_key
from vast_mcp.api.reads import Reads
from vast_mcp.cli._tap import Tap, TappedReply
from vast_mcp.cli.codes import Exit
from vast_mcp.clock import SECOND_US, Clock, SystemClock
from vast_mcp.config import Settings
from vast_mcp.errors import ApiError, VendorDown, VendorUnreadable
from vast_mcp.operations import JsonObject, market
from vast_mcp.rate_limit.pace import SharedPace
from vast_mcp.vendor_shapes import SHAPES, ReplyKind, ShapeDifference, compare, fields_of

_DISK_GB = 50.0
_ASKED_ROWS = 200
ROWS_AT_MOST = 64
"""More rows than this no search answered, whatever was asked for (observed 2026-09-29)."""
_CHARGES_US = 7 * 24 * 3600 * SECOND_US
HEAD = (
    f"vast-mcp {__version__}, drift report. Only reads were sent. It contains none of your keys,"
    " ids, names or prices; you can paste it into an issue."
)


@dataclass(frozen=True, slots=True)
class Subject:
    """One thing that was read: how many answers and fields, and what is not as expected."""

    name: str
    answers: int = 0
    fields: int = 0
    findings: tuple[ShapeDifference, ...] = ()
    trouble: str = ""
    """Why it could not be read or understood; kinds of error and statuses, no words of theirs."""
    broken: bool = False
    """An answer came that vast-mcp cannot use."""
    said: str = ""
    """Of a check that is not about fields: what was found."""

    @property
    def matters(self) -> bool:
        """Whether vast-mcp could do something wrong because of it."""
        return self.broken or any(finding.matters for finding in self.findings)

    @property
    def lines(self) -> list[str]:
        """For the report, the most important first."""
        word = "DIFFERS" if self.matters else "failed" if self.trouble else "fits"
        if self.findings and not self.matters:
            word = "note"
        counts = f"{self.answers} answer(s), {self.fields} field(s)" if self.answers else ""
        said = "; ".join(part for part in (counts, self.said, self.trouble) if part)
        ordered = sorted(self.findings, key=lambda finding: not finding.matters)
        rows = [f"{'  !' if row.matters else '   '} {row}" for row in ordered]
        return [f"{word:<8} {self.name:<22} {said or 'none on this account'}", *rows]


async def report(settings: Settings) -> int:
    """Read everything once and print the report; 1 when something that matters differs.

    Raises:
        KeyMissing: no key is set.
    """
    return await printed(settings, SystemClock(), network_transport(), sys.stdout.write)


async def printed(
    settings: Settings,
    clock: Clock,
    transport: httpx2.AsyncBaseTransport,
    write: Callable[[str], object],
) -> int:
    """The same over this transport, a line at a time."""
    if not settings.find_keys():
        raise missing_key(settings.key_trouble)
    write(f"{HEAD}\n\n")
    subjects = []
    bases = (settings.api_base, settings.serverless_base)
    tap = Tap(transport, bases, reads_only=True)
    async with Connection(
        api_key=KeyRing.among(settings.find_keys),
        transport=tap,
        clock=clock,
        api_base=settings.api_base,
        serverless_base=settings.serverless_base,
        user_agent=f"vast-mcp/{__version__}",
        pace=SharedPace(None, clock.vendor()),
    ) as connection:
        async for subject in examined(connection, tap, clock):
            subjects.append(subject)
            write("".join(f"{line}\n" for line in subject.lines))
            if subject.name == "account" and subject.trouble and not subject.broken:
                write("\nThe rest was not read: the account must be reachable first.\n")
                return Exit.VENDOR
    differing = sum(subject.matters for subject in subjects)
    fields = sum(subject.fields for subject in subjects)
    write(f"\n{fields} fields compared; {differing} subject(s) differ in what vast-mcp uses.\n")
    return Exit.FAILED if differing else Exit.FINE


async def examined(connection: Connection, tap: Tap, clock: Clock) -> AsyncIterator[Subject]:
    """Everything that vast-mcp decodes, one subject after another."""
    reads = Reads(connection)
    for name, read in _readings(reads, clock):
        yield await _read(name, read, tap)
    yield await _machines(reads, tap)
    yield await _workers(reads, tap)
    for check in (_lookup, _rows_at_most):
        yield await _checked(check, connection, tap)


Read = Callable[[], Awaitable[object]]


def _readings(reads: Reads, clock: Clock) -> tuple[tuple[str, Read], ...]:
    now_us = clock.utc_us()
    verified: JsonObject = {"verified": {"eq": True}}
    unverified: JsonObject = {"verified": {"eq": False}}
    recommended: JsonObject = {"recommended": {"eq": True}}
    return (
        ("account", reads.account),
        ("ssh keys", reads.ssh_keys),
        ("notices", reads.inbox),
        ("charges", lambda: reads.charges(now_us - _CHARGES_US, now_us)),
        ("volumes", reads.volumes),
        ("endpoints", reads.endpoints),
        ("workergroups", reads.workergroups),
        ("templates", lambda: reads.templates(filters=recommended, limit=20)),
        ("offers", lambda: reads.search_offers(verified, rental="on_demand", disk_gb=_DISK_GB)),
        (
            "offers, unverified",
            lambda: reads.search_offers(unverified, rental="on_demand", disk_gb=_DISK_GB),
        ),
        (
            "offers, interruptible",
            lambda: reads.search_offers(verified, rental="interruptible", disk_gb=_DISK_GB),
        ),
        ("instances", reads.list_instances),
    )


async def _read(name: str, read: Read, tap: Tap) -> Subject:
    """Do the read and compare every answer that came meanwhile."""
    before, trouble, broken = len(tap.seen), "", False
    try:
        await read()
    except ApiError as error:
        trouble = _named(error)
        broken = isinstance(error, VendorUnreadable)
    return _compared(name, tap.seen[before:], trouble, broken=broken)


def _compared(name: str, seen: list[TappedReply], trouble: str, *, broken: bool) -> Subject:
    findings: dict[tuple[str, str], ShapeDifference] = {}
    fields: set[str] = set()
    answers = [(reply.kind, reply.body) for reply in seen if reply.kind is not None]
    for kind, body in answers:
        fields |= {f"{kind}{path}" for path in fields_of(body, SHAPES[kind])}
        for finding in compare(kind, body):
            findings.setdefault((finding.path, finding.problem), finding)
    return Subject(
        name, len(answers), len(fields), tuple(findings.values()), trouble, broken=broken
    )


def _named(error: ApiError) -> str:
    status = f" with {error.status}" if error.status else ""
    what = "was unusable" if isinstance(error, VendorUnreadable) else "was not answered"
    verb = what if isinstance(error, VendorUnreadable | VendorDown) else "was refused"
    return f"{verb}{status} ({type(error).__name__})"


async def _machines(reads: Reads, tap: Tap) -> Subject:
    """One machine by its id, its keys and its log, if there is any machine."""

    async def look() -> None:
        for instance in (await reads.list_instances())[:1]:
            await reads.show_instance(instance.instance_id)
            await reads.instance_ssh_keys(instance.instance_id)
            await reads.logs(instance.instance_id, tail=1)

    return await _read("instance, its log", look, tap)


async def _workers(reads: Reads, tap: Tap) -> Subject:
    """The workers of one endpoint, if there is any endpoint."""

    async def look() -> None:
        for endpoint in (await reads.endpoints())[:1]:
            await reads.workers(endpoint.endpoint_id)

    return await _read("workers", look, tap)


Check = Callable[[Connection, Tap], Awaitable[Subject]]


async def _checked(check: Check, connection: Connection, tap: Tap) -> Subject:
    try:
        return await check(connection, tap)
    except ApiError as error:
        return Subject(check.__name__.strip("_").replace("_", " "), trouble=_named(error))


async def _lookup(connection: Connection, tap: Tap) -> Subject:
    """Which column finds an offer: `ask_contract_id`; a search by `id` finds nothing."""
    listed = next((rows for reply in tap.seen if (rows := _rows(reply))), [])
    numbers = [row.get("id") for row in listed if isinstance(row, dict)]
    known = next((number for number in numbers if isinstance(number, int)), None)
    if known is None:
        return Subject("offer lookup")
    found = {}
    for column in ("ask_contract_id", "id"):
        call = market.find_offer(column, known, rental="on_demand", disk_gb=_DISK_GB)
        await connection.send(call, timeout_s=30.0)
        found[column] = bool(_rows(tap.seen[-1]))
    if not any(found.values()):
        return Subject("offer lookup", trouble="the offer is gone meanwhile; run this again")
    said = ", ".join(f"by {name}: {'found' if yes else 'nothing'}" for name, yes in found.items())
    return Subject("offer lookup", said=said, broken=not found["ask_contract_id"])


async def _rows_at_most(connection: Connection, tap: Tap) -> Subject:
    """How many rows a search answers when more are asked for, and whether it says so."""
    call = market.search_offers({}, rental="on_demand", disk_gb=_DISK_GB, limit=_ASKED_ROWS)
    await connection.send(call, timeout_s=30.0)
    last = tap.seen[-1]
    count = len(_rows(last))
    cut = last.body.get("truncated") if isinstance(last.body, dict) else None
    says = "and says there are more" if cut is True else "and says that is all"
    said = f"{'more than' if count > ROWS_AT_MOST else 'at most'} {ROWS_AT_MOST} rows, {says}"
    silent = count == ROWS_AT_MOST and cut is not True
    return Subject("rows of a search", said=said, broken=silent)


def _rows(seen: TappedReply) -> list[object]:
    """The offers of an answer; empty for any other."""
    if seen.kind is not ReplyKind.OFFERS or not isinstance(seen.body, dict):
        return []
    rows = seen.body.get("offers")
    return rows if isinstance(rows, list) else []
