"""Facts that several prompts begin with: money left, offers, machines, jobs, local files."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vast_mcp.account.freezing import frozen
from vast_mcp.errors import ApiError, InputInvalid, LedgerUnavailable, VastMcpError
from vast_mcp.jobs.uploads import measure
from vast_mcp.market.comparing import hidden_rows
from vast_mcp.market.ranking import Ranked
from vast_mcp.market.search import Found, Search, search_market
from vast_mcp.operations import Json, JsonObject
from vast_mcp.remote.secret_names import looks_secret
from vast_mcp.remote.threads import in_thread
from vast_mcp.session import Session
from vast_mcp.showing import dollars, given
from vast_mcp.text import clean_line
from vast_mcp.units import Usd, storage_rate
from vast_mcp.views.billable_items import machines
from vast_mcp.views.jobs import job_row, list_jobs
from vast_mcp.views.spending import spending

OFFERS = 5
MODERN = "compute_cap>=800"
"""Cards that know bfloat16, as today's models want it."""
_NAMES = 30
_CLOSES = ("frozen", "read_only", "broken_policy", "books_closed")


@dataclass(frozen=True, slots=True)
class MarketFact:
    """What the market has for a task."""

    fact: Json
    best: Ranked | None = None

    @property
    def offer_id(self) -> int | None:
        """The best one's id."""
        return None if self.best is None else self.best.offer.offer_id

    @property
    def unknown(self) -> tuple[str, ...]:
        """What a call can only name while nothing fits."""
        return ("offer_id",) if self.best is None else ()


def hurdle(money_left: JsonObject, seen: MarketFact) -> str:
    """What stands in the way from the start; empty if nothing does."""
    closed = [name for name in _CLOSES if name in money_left]
    if closed:
        return (
            f"Nothing can be rented now (`{closed[0]}` in the facts): tell me why, and stop here."
        )
    if seen.best is None:
        return (
            "No offer fits now (`offers` in the facts): tell me which requirement to relax,"
            " and wait."
        )
    return ""


async def money(session: Session) -> JsonObject:
    """What may still be spent, and what is asked about.

    Raises:
        ApiError: the account could not be read.
    """
    limits, facts = session.account.limits(), await session.account.cache.seen()
    free = limits.no_question
    books: JsonObject = {}
    try:
        counted = (await spending(session.account, facts.bearers)).counted
        today = counted.by_day.get(counted.today, Usd())
        month = counted.by_month.get(counted.today[:7], Usd())
        books = {
            "left_today_usd": dollars(max(Usd(), limits.max_usd_per_day - today)),
            "left_this_month_usd": dollars(max(Usd(), limits.max_usd_per_month - month)),
            "running": f"{counted.running} of at most {limits.max_running}",
            "frozen": await frozen(session.account.ledger),
        }
    except LedgerUnavailable as error:
        books = {"books_closed": str(error)}
    return given(
        {
            "credit_usd": dollars(facts.account.credit),
            **books,
            "rents_unasked_up_to": f"{free.usd_per_hour}, {free.usd_per_rental}, {free.hours:g} h",
            "never_above": f"{limits.max_usd_per_hour}, {limits.max_usd_per_rental} per rental,"
            f" {limits.max_lease_hours:g} h, {limits.max_disk_gb:g} GB of disk",
            "allowed_secrets": list(limits.secrets) or None,
            "read_only": True if limits.read_only else None,
            "broken_policy": str(clean_line(limits.broken, 300)),
        }
    )


async def offers(session: Session, search: Search) -> MarketFact:
    """The cheapest that fit. Their prices are kept, so a rent is held to them.

    Raises:
        InputInvalid: there is no such GPU or template.
    """
    try:
        found = await search_market(session.account, search)
    except InputInvalid as error:
        if error.field == "gpu_names":
            said = error.message.removeprefix("gpu_names: ")
            raise InputInvalid("gpu_name", said, hint=error.hint) from error
        raise
    except ApiError as error:
        return MarketFact(f"could not be read: {error}")
    best = found.shown[0] if found.shown else None
    return MarketFact(_offers(found), best)


def _offers(found: Found) -> JsonObject:
    rows: list[Json] = [_offer(ranked) for ranked in found.shown]
    return given(
        {
            "disk_gb": found.wish.disk_gb,
            "hours": found.wish.hours,
            "cheapest_first": rows,
            "matching": len(found.market.ranked),
            "would_fit_without": dict(found.without) or None,
            "hidden_by_policy": dict(hidden_rows(found.market)) or None,
        }
    )


def _offer(one: Ranked) -> JsonObject:
    offer = one.offer
    disk = storage_rate(offer.storage_usd_per_gb_month, offer.disk_gb)
    return {
        "offer_id": offer.offer_id,
        "gpu": f"{offer.num_gpus}x {offer.gpu_name}",
        "usd_per_hour": dollars(offer.usd_per_hour),
        "job_usd": round(one.job.dollars, 3),
        "stopped_usd_per_day": dollars(disk.per_day),
        "max_hours": int(offer.max_hours),
        "reliability": round(offer.reliability, 3),
    }


async def instances(session: Session) -> list[Json]:
    """Every machine of the account.

    Raises:
        ApiError: they could not be read.
    """
    return [
        machine.row()
        for machine in await machines(session.account, await session.account.cache.seen())
    ]


async def jobs(session: Session) -> list[Json]:
    """Jobs that are not over."""
    try:
        found = await list_jobs(session)
    except LedgerUnavailable as error:
        return [f"could not be read: {error}"]
    return [job_row(shown_job) for shown_job in found if not shown_job.job.phase.over]


async def local_files(session: Session) -> Json:
    """Where copies may read and write here, and what lies at the top of each."""
    try:
        roots = session.account.remote.roots().roots
    except VastMcpError as error:
        return f"no copying now: {error}"
    rows = await in_thread(lambda: [_root(root) for root in roots])
    return [*rows]


def _root(root: Path) -> JsonObject:
    try:
        names = sorted(name for name in os.listdir(root) if _showable(name))  # noqa: PTH208  names only
    except OSError:
        return {"directory": str(root), "empty": True}
    shown: list[Json] = [str(clean_line(name, 60)) for name in names[:_NAMES]]
    more = len(names) - len(shown)
    return given({"directory": str(root), "untrusted_names": shown, "more": more or None})


def _showable(name: str) -> bool:
    return not name.startswith(".") and not looks_secret((name,))


async def to_upload(session: Session, paths: Sequence[str]) -> list[Json]:
    """What each local path would send, or why it cannot be."""
    rows: list[Json] = []
    for path in paths:
        try:
            (one,) = await measure(session.account.remote.roots(), [path])
            if one.doubt:
                why = (
                    f"looks like a secret ({one.doubt}); only if I say so, and the question"
                    " mentions it"
                )
                rows.append({"path": path, "cannot_be_sent": why})
            else:
                rows.append({"path": one.path, "files": one.files, "bytes": one.bytes})
        except VastMcpError as error:
            rows.append({"path": path, "cannot_be_sent": str(error)})
    return rows
