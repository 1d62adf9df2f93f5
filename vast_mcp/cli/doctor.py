"""`vast-mcp doctor`: a line for each thing that has to be right."""

import argparse
import stat
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import anyio
import httpx2

from vast_mcp.account.freezing import frozen
from vast_mcp.account.ledger import known_ledger
from vast_mcp.api.connection import network_transport
from vast_mcp.api.next_steps import missing_key
from vast_mcp.cli.account import opened, settings_of
from vast_mcp.cli.codes import Exit
from vast_mcp.cli.leases import looked
from vast_mcp.cli.places import add_place_arguments
from vast_mcp.cli.terminal import add_json_argument, print_finding, print_json
from vast_mcp.clock import DAY_US, SECOND_US, SystemClock
from vast_mcp.config import ApiKey, KeyKind, Settings, find_keys, fits_a_script
from vast_mcp.errors import ApiError, Forbidden, NotFound, VastMcpError
from vast_mcp.guard.act import Caller
from vast_mcp.policy.source import policy_source
from vast_mcp.session import Session
from vast_mcp.vendor_clock import DECIDES_US, instant_us
from vast_mcp.views.key_standing import session_outlived

REACHED_WITHIN_S = 3.0
"""A person waits for this; the first answer of a vendor that is there takes well under one."""
SKEW_S = 120
"""Above this a lease's end is off by more than its layers allow for; it only warns."""


@dataclass(frozen=True, slots=True)
class DoctorLine:
    """One line. `sound` is None where there is something to know but no fault."""

    subject: str
    says: str
    sound: bool | None = True

    @property
    def word(self) -> str:
        """`ok`, `note` or `FAULT`."""
        return {True: "ok", False: "FAULT", None: "note"}[self.sound]

    def __str__(self) -> str:
        """The word, the subject, what was found."""
        return f"{self.word:<5}  {self.subject:<12} {self.says}"


class DateNoting(httpx2.AsyncBaseTransport):
    """Passes everything on and remembers what the vendor's clock said last, and when."""

    def __init__(self, inner: httpx2.AsyncBaseTransport) -> None:
        self._inner = inner
        self._clock = SystemClock()
        self.skew_s: float | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Hand on, look at `Date` on the way back."""
        response = await self._inner.handle_async_request(request)
        theirs_us = instant_us(response.headers.get("date"))
        if theirs_us is not None:
            self.skew_s = (self._clock.utc_us() - theirs_us) / SECOND_US
        return response

    async def aclose(self) -> None:
        """Close what is underneath."""
        await self._inner.aclose()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Whose policy and whose books; or another question: what the vendor answers by now."""
    add_place_arguments(parser)
    add_json_argument(parser)
    parser.add_argument(
        "--drift",
        action="store_true",
        help="compare the account's answers with what vast-mcp expects (reads only), and print a"
        " report without ids, names or keys that you can paste into an issue",
    )


def run(args: argparse.Namespace) -> int:
    """Print the findings as they come; 1 when one of them is a fault."""
    if args.drift:
        from vast_mcp.cli import drift  # noqa: PLC0415  the usual doctor does without it

        return anyio.run(drift.report, settings_of(args))
    return anyio.run(_examine, settings_of(args), args.json)


async def _examine(settings: Settings, as_json: bool) -> int:
    transport = DateNoting(network_transport())
    faults = 0
    found: list[dict[str, str]] = []
    async with opened(settings, transport=transport, level="ERROR") as runtime:
        async for finding in examined(settings, runtime.session, transport):
            if as_json:
                found.append(
                    {"result": finding.word, "subject": finding.subject, "says": finding.says}
                )
            else:
                print_finding(finding.word, finding.subject, finding.says)
            faults += finding.sound is False
    if as_json:
        print_json(found)
    return Exit.FAILED if faults else Exit.FINE


async def examined(
    settings: Settings, session: Session, transport: DateNoting
) -> AsyncIterator[DoctorLine]:
    """Every finding, in the order in which a person would mend them."""
    for finding in _key(settings, session.account.clock.utc_us()):
        yield finding
    if not fits_a_script(settings.api_base):
        told = "is not a plain https://host[:port][/path]: nothing can be rented until it is"
        yield DoctorLine("VAST_URL", told, sound=False)
    yield _policy(settings)
    reached = False
    if settings.api_key:
        (what, read), *others = _permissions(session)
        account = await _reached(settings.api_base, what, read)
        yield account
        reached = account.sound is not False
        if reached:
            for finding in await _together(others):
                yield finding
            yield await _right_to_end(settings, session)
        for change in session.account.keys.changes:
            yield DoctorLine("key", change.says, sound=None)
        yield _skew(transport.skew_s)
    yield _state(settings)
    if reached or settings.ledger or known_ledger(settings.state_dir, settings.key_digest):
        yield await _ledger(session)
        yield await _spending(session)
    if reached:
        yield await _leases(session)
        async for finding in _outlived(session):
            yield finding
    else:  # one cause is told once
        yield DoctorLine("the rest", "not checked: the account must be reachable first", sound=None)


def _key(settings: Settings, now_us: int) -> Iterator[DoctorLine]:
    """Where the key is from, who else can read it, and when it ends."""
    if not settings.api_key:
        yield DoctorLine("key", str(missing_key(settings.key_trouble)), sound=False)
        return
    keys = settings.find_keys()
    for key in keys:
        place = Path(key.origin)
        with suppress(OSError):
            if place.is_file() and place.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                yield DoctorLine("key", f"{place} can be read by others: chmod 600 it", sound=None)
    yield _ends(keys[0], now_us)
    for unused in _unused(settings):
        told = f"{unused} is not used: VAST_API_KEY takes precedence"
        yield DoctorLine("key", told, sound=None)


def _ends(key: ApiKey, now_us: int) -> DoctorLine:
    """The key's end, as far as anybody can know it."""
    if key.ends_us is None:
        kept = "vast-mcp login, kept in " if Path(key.origin).is_absolute() else ""
        return DoctorLine("key", f"from {kept if key.kind is KeyKind.LOGIN else ''}{key.origin}")
    when = datetime.fromtimestamp(key.ends_us // SECOND_US, UTC).strftime("%Y-%m-%d %H:%MZ")
    said = f"two-factor session from {key.origin}, ends about {when}"
    if key.ends_us - now_us > DAY_US:
        return DoctorLine("key", said)
    return DoctorLine("key", f"{said}: run `vastai tfa login`", sound=None)


def _unused(settings: Settings) -> Iterator[str]:
    """What a person logged in with while a key in the environment is used instead."""
    if settings.key_home is None or settings.key_origin != "VAST_API_KEY":
        return
    if settings.login is not None:
        yield "the key of vast-mcp login"
    environment = {k: v for k, v in settings.environment.items() if k != "VAST_API_KEY"}
    for key in find_keys(environment, settings.key_home):
        if key.kind is KeyKind.SESSION:
            yield f"the two-factor session in {key.origin}"


def _policy(settings: Settings) -> DoctorLine:
    limits = policy_source(settings).current()
    if limits.broken:
        return DoctorLine("policy", limits.broken, sound=False)
    suffix = "; read-only" if limits.read_only else ""
    return DoctorLine("policy", f"sound, digest {limits.digest[:12]}{suffix}")


def _permissions(session: Session) -> list[tuple[str, Callable[[], Awaitable[str]]]]:
    reads = session.account.reads

    async def account() -> str:
        seen = await reads.account()
        return f"reached; credit {seen.credit}"

    async def instances() -> str:
        return f"can be listed; {len(await reads.list_instances())} alive"

    async def endpoints() -> str:
        return f"can be listed; {len(await reads.endpoints())} exist"

    async def keys() -> str:
        return f"can be listed; {len(await reads.ssh_keys())} exist"

    return [
        ("account", account),
        ("instances", instances),
        ("endpoints", endpoints),
        ("ssh keys", keys),
    ]


async def _together(reads: Sequence[tuple[str, Callable[[], Awaitable[str]]]]) -> list[DoctorLine]:
    """Several reads at once, told in their own order: each waits for a slot of its own."""
    found: dict[str, DoctorLine] = {}

    async def look(what: str, read: Callable[[], Awaitable[str]]) -> None:
        found[what] = await _permission(what, read)

    async with anyio.create_task_group() as tasks:
        for what, read in reads:
            tasks.start_soon(look, what, read)
    return [found[what] for what, _ in reads]


async def _right_to_end(settings: Settings, session: Session) -> DoctorLine:
    """Whether this key can end what is rented: tried with the id of a machine that is none."""
    if settings.read_only:
        return DoctorLine("ending", "not tried in read-only mode", sound=None)
    try:
        rights = await session.rights.prove(Caller(client="doctor"))
    except VastMcpError as error:
        return DoctorLine("ending", f"could not be tried: {error}", sound=None)
    if rights.may_end is None:
        return DoctorLine("ending", f"not known: {rights.says}", sound=None)
    if rights.may_end:
        return DoctorLine("ending", rights.says)
    told = f"this key may not end machines, so no lease can be enforced: {rights.says}"
    return DoctorLine("ending", told, sound=False)


async def _permission(what: str, read: Callable[[], Awaitable[str]]) -> DoctorLine:
    try:
        return DoctorLine(what, await read())
    except (Forbidden, NotFound) as error:
        needed = what == "instances"
        return DoctorLine(what, f"the key may not: {error}", sound=False if needed else None)
    except ApiError as error:
        return DoctorLine(what, str(error), sound=False)


async def _reached(base: str, what: str, read: Callable[[], Awaitable[str]]) -> DoctorLine:
    """The first read of the vendor, whose address is told; it gets three seconds in all."""
    host = httpx2.URL(base).host
    found: DoctorLine | None = None
    with anyio.move_on_after(REACHED_WITHIN_S):
        found = await _permission(what, read)
    if found is None:
        told = f"{host} ({base}) did not answer within {REACHED_WITHIN_S:g} s"
        hint = "is the network up, and does a proxy or firewall block it?"
        return DoctorLine(what, f"{told}: {hint}", sound=False)
    if found.sound is False:
        return replace(found, says=f"{host} ({base}): {found.says}")
    return replace(found, says=f"{found.says}; {host} ({base})")


async def _spending(session: Session) -> DoctorLine:
    """Whether a person has frozen all spending."""
    try:
        since = await frozen(session.account.ledger)
    except VastMcpError as error:
        return DoctorLine("spending", str(error), sound=False)
    if since:
        return DoctorLine(
            "spending", f"frozen by {since}; `vast-mcp unfreeze` lifts it", sound=None
        )
    return DoctorLine("spending", "open, within the policy's limits")


def _skew(skew_s: float | None) -> DoctorLine:
    if skew_s is None:
        return DoctorLine("clock", "Vast.ai did not send its time", sound=None)
    if abs(skew_s) > SKEW_S:
        way = "ahead of" if skew_s > 0 else "behind"
        told = f"{abs(skew_s):.0f} s {way} Vast.ai: lease ends are off"
        if abs(skew_s) * SECOND_US > DECIDES_US:
            told = f"{abs(skew_s):.0f} s {way} Vast.ai: set it; leases follow Vast.ai's time"
        return DoctorLine("clock", told, sound=None)
    return DoctorLine("clock", f"within {max(1, round(abs(skew_s)))} s of Vast.ai's")


def _state(settings: Settings) -> DoctorLine:
    place = settings.home
    try:
        mode = place.stat().st_mode
    except OSError as error:
        return DoctorLine("state", f"{place}: {error.strerror}", sound=False)
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        return DoctorLine("state", f"{place} can be written by others: chmod 700 it", sound=False)
    return DoctorLine("state", f"{place}")


async def _ledger(session: Session) -> DoctorLine:
    try:
        fault = await session.account.ledger.read(lambda tx: tx.audit_fault())
        # A full or read-only disk shows only where something is written.
        await session.account.ledger.write(lambda tx: tx.try_a_write())
    except VastMcpError as error:
        return DoctorLine("ledger", str(error), sound=False)
    if fault:
        return DoctorLine("ledger", f"its audit log was altered or damaged: {fault}", sound=False)
    return DoctorLine("ledger", f"{session.account.ledger.place}, audit chain intact")


async def _outlived(session: Session) -> AsyncIterator[DoctorLine]:
    """Leases that end after the two-factor session which would have to end them."""
    key = session.account.keys.current
    if key is None:
        return
    with suppress(VastMcpError):  # a ledger that cannot be read has its own line
        rentals = await session.account.ledger.read(lambda tx: tx.live_rentals())
        leases = [
            (f"{rental.kind} {rental.target_id}", rental.lease_ends_us)
            for rental in rentals
            if rental.running and rental.target_id is not None
        ]
        said = session_outlived(key, leases, session.account.clock.utc_us())
        if said:
            yield DoctorLine("session", said, sound=None)


async def _leases(session: Session) -> DoctorLine:
    try:
        rows, trouble, missing = await looked(session)
    except VastMcpError as error:
        return DoctorLine("leases", str(error), sound=False)
    if trouble:
        return DoctorLine("leases", f"{len(rows)} in the ledger; Vast.ai: {trouble}", sound=False)
    loose = Counter(row.what.split()[0] for row in rows if row.ends == "no lease")
    parts = [f"{count} {kind}(s)" for kind, count in loose.items()]
    told = [f"{len(rows) - loose.total()} alive"]
    if parts:
        told.append(f"{', '.join(parts)} without our lease, never touched")
    return DoctorLine(
        "leases", "; ".join((*told, *missing)), sound=None if parts or missing else True
    )
