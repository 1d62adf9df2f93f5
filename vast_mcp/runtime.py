"""What is open while the server runs: the one place where everything is put together."""

import hashlib
import shlex
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import anyio
import httpx2

from vast_mcp import __version__
from vast_mcp.api.connection import Connection
from vast_mcp.api.keyring import KeyRing
from vast_mcp.api.reads import Reads
from vast_mcp.api.writes import Writes
from vast_mcp.clock import Clock
from vast_mcp.config import Settings, load_or_make_secret
from vast_mcp.guard.account_books import AccountBooks, known_account
from vast_mcp.guard.act import Caller, Desk
from vast_mcp.guard.acts import rebuild
from vast_mcp.guard.door import Guard
from vast_mcp.guard.errands import Errands
from vast_mcp.guard.journal import Journal
from vast_mcp.guard.mark import Marker
from vast_mcp.guard.rights import RightsWatch
from vast_mcp.guard.secret_store import SecretStore
from vast_mcp.guard.ssh_key import KEY_NAME, public_key
from vast_mcp.guard.vault import Vault
from vast_mcp.guard.view import View
from vast_mcp.jobs import Jobs
from vast_mcp.jobs.office import Office
from vast_mcp.jobs.sealing import Seal
from vast_mcp.keeper import Keeper, Listener
from vast_mcp.notices import Messenger
from vast_mcp.policy import Limits
from vast_mcp.policy.source import PolicySource
from vast_mcp.rate_limit.pace import SharedPace
from vast_mcp.remote.errors import PathRefused
from vast_mcp.remote.own_places import held_of_ours
from vast_mcp.remote.paths import LocalRoots
from vast_mcp.remote.station import Remote, open_remote
from vast_mcp.services import Services
from vast_mcp.services.scouting import Scouting
from vast_mcp.store import Cipher, Ledger, SqliteLedger
from vast_mcp.text import Redactor
from vast_mcp.vendor_clock import DateHearing, judged

MARK_KEY = "mark.key"
SEAL_KEY = "seal.key"


@dataclass(frozen=True, slots=True)
class Runtime:
    """An opened account."""

    services: Services
    errands: Errands
    seal_key: bytes
    messenger: Messenger
    """Tells the person; the keeper's listener, here for those that look by themselves."""


def policy_source(settings: Settings) -> PolicySource:
    """Where the limits are read from, at every decision."""
    return PolicySource(
        settings.system_policy,
        settings.user_policy,
        settings.environment,
        settings.read_only,
        user_required=settings.policy_given,
    )


def local_roots(settings: Settings) -> LocalRoots:
    """The directories that copies may use: `~/vast-mcp`, `--files`, and the policy's own.

    Raises:
        PathRefused: one of them is missing, the whole disk, or holds the ledger, the limits or this
            server's own code.
    """
    named = policy_source(settings).current().files.roots
    found = LocalRoots(Path.home(), (*settings.files, *(Path(root) for root in named)))
    for root in found.roots:
        if what := held_of_ours(root, settings):
            raise PathRefused(
                f"{root} is open for files and holds {what}, which no copy may touch.",
                hint="Only the person can move one of them to another directory.",
            )
    return found


@asynccontextmanager
async def open_runtime(
    settings: Settings,
    *,
    clock: Clock,
    transport: httpx2.AsyncBaseTransport,
    keep: bool = False,
    listeners: Iterable[Listener] = (),
    redactor: Redactor | None = None,
) -> AsyncIterator[Runtime]:
    """Open everything for one key; on the way out sent writes are drained first.

    `redactor` is the one that the log uses: it learns every secret that turns up later.

    With `keep` leases are enforced for as long as it is open, except in read-only mode.

    Raises:
        ConfigInvalid: a key file in the state directory is not ours alone.
    """
    judge = judged(clock, settings.api_base)
    if judge is not None:
        clock, transport = judge, DateHearing(transport, judge, api_base=settings.api_base)
    state_dir = settings.home
    marker = Marker(load_or_make_secret(state_dir / MARK_KEY))
    seal_key = load_or_make_secret(state_dir / SEAL_KEY)
    vendor = clock.vendor()
    pace = SharedPace(state_dir / f"pace-{settings.key_digest}.db", vendor)
    remote = open_remote(
        state_dir=state_dir,
        key=state_dir / KEY_NAME,
        clock=clock,
        roots=lambda: local_roots(settings),
    )
    known = redactor or Redactor()
    ring = KeyRing.among(settings.find_keys, known)
    async with _connect(settings, clock, transport, pace, ring) as connection:
        reads = Reads(connection)
        cipher = Cipher(seal_key, known.scrub_secrets)
        ledger, spare = _books(settings, reads, cipher), SqliteLedger(None)
        async with _closed_at_the_end(ledger, spare, pace), remote as station:
            keeps = keep and connection.has_key and not settings.read_only
            parts = _Parts(
                settings, clock, connection, reads, marker, ledger, spare, station, ring, keeps
            )
            vault = _vault(settings, cipher, known)
            services, errands = _wire(parts, vault, known)
            _connect_jobs(services, seal_key, vault)
            messenger = Messenger(services, settings.environment)
            listeners = (*listeners, messenger.ticked)
            keeper = (
                Keeper(services.guard, clock, listeners=listeners, rights=services.rights)
                if keeps
                else None
            )
            working = services.jobs.open(resume=keeps)
            async with errands.open(), _kept(services.guard, keeper), working:
                yield Runtime(services, errands, seal_key, messenger)


class _Closes(Protocol):
    async def close(self) -> None: ...


@asynccontextmanager
async def _closed_at_the_end(*held: _Closes) -> AsyncIterator[None]:
    """Let go of files in this order, also on the way out that a signal takes."""
    try:
        yield
    finally:
        with anyio.CancelScope(shield=True):
            for one in held:
                await one.close()


def _connect(
    settings: Settings,
    clock: Clock,
    transport: httpx2.AsyncBaseTransport,
    pace: SharedPace,
    ring: KeyRing,
) -> Connection:
    return Connection(
        api_key=ring,
        transport=transport,
        clock=clock,
        api_base=settings.api_base,
        serverless_base=settings.serverless_base,
        user_agent=f"vast-mcp/{__version__}",
        pace=pace,
        is_own=lambda user_id: _is_own(settings, user_id),
    )


def _is_own(settings: Settings, user_id: int) -> bool:
    """Whether this is the account whose ledger the key belongs to; unknown counts as yes."""
    known = known_account(settings.home, settings.key_digest)
    return known is None or known == _account_name(settings.api_base, str(user_id))


def _books(settings: Settings, reads: Reads, cipher: Cipher) -> AccountBooks:
    async def learn_user_id() -> int:
        return (await reads.account()).user_id

    return AccountBooks(
        learn_user_id,
        state_dir=settings.home,
        key_digest=settings.key_digest,
        name_of=lambda user_id: _account_name(settings.api_base, user_id),
        given=settings.ledger,
        cipher=cipher,
    )


@asynccontextmanager
async def _kept(guard: Guard, keeper: Keeper | None) -> AsyncIterator[None]:
    """With a keeper at work; its first look is awaited by whatever wants to change something."""
    if keeper is None:
        yield
        return
    guard.sweep.expect()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(keeper.run)
        yield
        tasks.cancel_scope.cancel()


@dataclass(frozen=True, slots=True)
class _Parts:
    """What is open, before it is put together."""

    settings: Settings
    clock: Clock
    connection: Connection
    reads: Reads
    marker: Marker
    ledger: AccountBooks
    spare: SqliteLedger
    remote: Remote
    ring: KeyRing
    keeps: bool
    """Whether a keeper is at work."""


def _vault(settings: Settings, cipher: Cipher, redactor: Redactor) -> Vault:
    store = SecretStore(settings.home, cipher)
    return Vault(settings.environment, store, redactor, system_policy=settings.system_policy)


def _wire(parts: _Parts, vault: Vault, redactor: Redactor) -> tuple[Services, Errands]:
    settings = parts.settings
    view = View(parts.reads, parts.clock, parts.marker, attended=parts.keeps)
    source = policy_source(settings)
    jobs = Jobs(ledger=parts.ledger, clock=parts.clock, logs=settings.home / "jobs")
    errands = Errands()
    guard = Guard(
        desk=_desks(parts, view, vault),
        limits=source.current,
        ledger=parts.ledger,
        spare=parts.spare,
        journal=Journal(Writes(parts.connection), parts.clock, view),
        errands=errands,
        clock=parts.clock,
        rebuild=jobs.rebuilding(rebuild),
    )
    services = Services(
        reads=parts.reads,
        view=view,
        guard=guard,
        ledger=parts.ledger,
        clock=parts.clock,
        marker=parts.marker,
        limits=source.current,
        redactor=redactor,
        caller=Caller(terminal_only=settings.ask == "terminal", flags=_flags(settings)),
        keys=parts.ring,
        state_place=str(settings.home),
        remote=parts.remote,
        rights=RightsWatch(guard, parts.ledger, parts.clock, parts.ring),
        jobs=jobs,
    )
    return services, errands


def _flags(settings: Settings) -> str:
    """What a command needs beside its own words to find these books, as a shell reads it."""
    if settings.ledger is None:
        return ""
    return f" --ledger {shlex.quote(str(settings.ledger.absolute()))}"


def _desks(parts: _Parts, view: View, vault: Vault) -> Callable[[Limits, Ledger], Desk]:
    def desk(limits: Limits, books: Ledger) -> Desk:
        return Desk(
            reads=parts.reads,
            view=view,
            ledger=books,
            clock=parts.clock,
            marker=parts.marker,
            limits=limits,
            show_key=lambda: public_key(parts.settings.home),
            remote=parts.remote,
            vault=vault,
        )

    return desk


def _connect_jobs(services: Services, seal_key: bytes, vault: Vault) -> None:
    """Jobs stand below the read models that look at the market for them."""
    scout = Scouting(services)
    office = Office(
        lambda: scout,
        services.remote,
        Seal(seal_key),
        services.redactor,
        services.jobs.begin,
        learn_secrets=lambda: vault.learn(services.limits()),
    )
    services.jobs.connect(services.guard, office)


def _account_name(api_base: str, user_id: str) -> str:
    return hashlib.sha256(f"{api_base}\x00{user_id}".encode()).hexdigest()[:16]
