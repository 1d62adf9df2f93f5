"""What is open while the server runs: the one place where everything is put together."""

import asyncio
import hashlib
import shlex
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import anyio
import httpx2

from vast_mcp import __version__
from vast_mcp.account.cache import AccountCache
from vast_mcp.account.context import Account
from vast_mcp.account.encryption import Seal
from vast_mcp.account.lease_label import Marker
from vast_mcp.account.ledger import AccountLedger, known_account
from vast_mcp.account.secret_store import SecretStore
from vast_mcp.account.secrets import MachineSecrets
from vast_mcp.account.ssh_key import KEY_NAME
from vast_mcp.api.connection import Connection
from vast_mcp.api.keyring import KeyRing
from vast_mcp.api.reads import Reads
from vast_mcp.api.writes import Writes
from vast_mcp.clock import Clock
from vast_mcp.config import SEAL_KEY, Settings, load_or_make_secret
from vast_mcp.guard.act import Caller
from vast_mcp.guard.door import Guard
from vast_mcp.guard.journal import Journal
from vast_mcp.guard.tasks import Errands
from vast_mcp.jobs import Jobs
from vast_mcp.jobs.rebuild import rebuild
from vast_mcp.keeper.rights import RightsWatch
from vast_mcp.keeper.rounds import Keeper, Listener
from vast_mcp.notices import Messenger
from vast_mcp.policy.source import policy_source
from vast_mcp.rate_limit.pace import SharedPace
from vast_mcp.remote.errors import PathRefused
from vast_mcp.remote.own_places import held_of_ours
from vast_mcp.remote.paths import LocalRoots
from vast_mcp.remote.station import open_remote
from vast_mcp.session import Session
from vast_mcp.store import Cipher, SqliteLedger
from vast_mcp.text import Redactor
from vast_mcp.vendor_clock import DateHearing, judged

MARK_KEY = "mark.key"


@dataclass(frozen=True, slots=True)
class Runtime:
    """An opened account."""

    session: Session
    errands: Errands
    seal_key: bytes
    messenger: Messenger
    """Tells the person; the keeper's listener, here for those that look by themselves."""


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
                f"{root} is open for copying and contains {what}, which no copy may touch.",
                hint="Only the user can move one of them to another directory.",
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
    pace = SharedPace(state_dir / f"pace-{settings.key_digest}.db", clock.vendor())
    remote = open_remote(
        state_dir=state_dir,
        key=state_dir / KEY_NAME,
        clock=clock,
        roots=lambda: local_roots(settings),
    )
    known = redactor or Redactor()
    ring = KeyRing.among(settings.find_keys, known, missing=settings.key_trouble)
    async with _connect(settings, clock, transport, pace, ring) as connection:
        reads = Reads(connection)
        cipher = Cipher(seal_key, known.scrub_secrets)
        ledger, spare = _books(settings, reads, cipher), SqliteLedger(None)
        async with _closed_at_the_end(ledger, spare, pace), remote as station:
            keeps = keep and connection.has_key and not settings.read_only
            account = Account(
                reads=reads,
                cache=AccountCache(reads, clock, marker, attended=keeps),
                ledger=ledger,
                clock=clock,
                marker=marker,
                limits=policy_source(settings).current,
                remote=station,
                secrets=_secrets(settings, cipher, known, Seal(seal_key)),
                redactor=known,
                keys=ring,
                begun_jobs=asyncio.Queue(),
                home=settings.home,
            )
            session, errands = _wire(account, connection, spare, settings)
            messenger = Messenger(session, settings.environment)
            kept = _kept(session, (*listeners, messenger.ticked)) if keeps else nullcontext()
            async with errands.open(), kept, session.jobs.open(resume=keeps):
                yield Runtime(session, errands, seal_key, messenger)


class _Closes(Protocol):
    async def close(self) -> None: ...


@asynccontextmanager
async def _closed_at_the_end(*held: _Closes) -> AsyncIterator[None]:
    """Let go of files in this order, also on the way out that a signal takes."""
    try:
        yield
    finally:
        with anyio.CancelScope(shield=True):
            for resource in held:
                await resource.close()


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


def _books(settings: Settings, reads: Reads, cipher: Cipher) -> AccountLedger:
    async def learn_user_id() -> int:
        return (await reads.account()).user_id

    return AccountLedger(
        learn_user_id,
        state_dir=settings.home,
        key_digest=settings.key_digest,
        name_of=lambda user_id: _account_name(settings.api_base, user_id),
        given=settings.ledger,
        cipher=cipher,
    )


@asynccontextmanager
async def _kept(session: Session, listeners: Iterable[Listener]) -> AsyncIterator[None]:
    """With a keeper at work; its first look is awaited by whatever wants to change something."""
    guard, clock = session.guard, session.account.clock
    keeper = Keeper(guard, clock, listeners=listeners, rights=session.rights)
    guard.sweep.expect()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(keeper.run)
        yield
        tasks.cancel_scope.cancel()


def _secrets(settings: Settings, cipher: Cipher, redactor: Redactor, seal: Seal) -> MachineSecrets:
    store = SecretStore(settings.home, cipher)
    return MachineSecrets(
        settings.environment, store, redactor, seal, system_policy=settings.system_policy
    )


def _wire(
    account: Account,
    connection: Connection,
    spare: SqliteLedger,
    settings: Settings,
) -> tuple[Session, Errands]:
    errands = Errands()
    guard = Guard(
        account=account,
        spare=spare,
        journal=Journal(Writes(connection), account.clock, account.cache),
        errands=errands,
        rebuild=rebuild,
    )
    session = Session(
        account=account,
        guard=guard,
        jobs=Jobs(account, guard),
        rights=RightsWatch(guard, account),
        caller=Caller(terminal_only=settings.ask == "terminal", flags=_flags(settings)),
    )
    return session, errands


def _flags(settings: Settings) -> str:
    """What a command needs beside its own words to find these books, as a shell reads it."""
    if settings.ledger is None:
        return ""
    return f" --ledger {shlex.quote(str(settings.ledger.absolute()))}"


def _account_name(api_base: str, user_id: str) -> str:
    return hashlib.sha256(f"{api_base}\x00{user_id}".encode()).hexdigest()[:16]
