"""What each resource says. All of it is JSON of chosen fields; nothing is passed on whole."""

from statistics import median

from vast_mcp.errors import NotFound
from vast_mcp.instances.fleet import known_rental
from vast_mcp.instances.logs import excerpt
from vast_mcp.leases.remembered import holds
from vast_mcp.market.browsing import browse
from vast_mcp.models import Offer
from vast_mcp.operations import Json, JsonObject
from vast_mcp.session import Session
from vast_mcp.showing import dollars, given
from vast_mcp.text import clean_line
from vast_mcp.views.account import account_summary
from vast_mcp.views.billable_items import machines
from vast_mcp.views.budgets import budget_rows
from vast_mcp.views.copies import copy_rows
from vast_mcp.views.endpoints import endpoints_seen, group_row
from vast_mcp.views.jobs import job_row, list_jobs
from vast_mcp.views.machine import machine_detail
from vast_mcp.views.rules import policy_summary
from vast_mcp.views.spending import audit_rows, leases, spending

LOG_LINES = 200
AUDIT_ROWS = 50
PRICED_DISK_GB = 50.0


async def account(session: Session) -> Json:
    """As `show_account`."""
    return await account_summary(session)


async def instances(session: Session) -> Json:
    """Every machine."""
    held = await machines(session.account, await session.account.cache.seen())
    return [machine.row() for machine in held]


async def instance(session: Session, instance_id: int) -> Json:
    """One machine, a few more facts."""
    return await machine_detail(session.account, instance_id)


async def instance_logs(session: Session, instance_id: int) -> Json:
    """The end of its log."""
    look = await session.account.reads.look(instance_id)
    known = look.instance is not None or holds(await known_rental(session.account, instance_id))
    if look.trouble is not None and not known:
        raise look.trouble
    if look.gone or not known:
        raise NotFound(f"There is no instance {instance_id} on this account.")
    log = await session.account.reads.logs(instance_id, tail=LOG_LINES)
    return {"instance_id": instance_id, "untrusted_log": excerpt(log).text}


async def volumes(session: Session) -> Json:
    """Every volume."""
    return [
        given(
            {
                "volume_id": volume.volume_id,
                "machine_id": volume.machine_id,
                "disk_gb": volume.disk_gb,
                "usd_per_hour": dollars(volume.usd_per_hour),
                "usd_per_day": dollars(volume.usd_per_hour.per_day),
                "instance_ids": [*volume.instance_ids] or None,
                "untrusted_label": str(clean_line(volume.label, 60)),
            }
        )
        for volume in await session.account.reads.volumes()
    ]


async def endpoints(session: Session) -> Json:
    """As `show_endpoints`."""
    return [endpoint.row() for endpoint in await endpoints_seen(session.account)]


async def workergroups(session: Session) -> Json:
    """Every workergroup."""
    return [group_row(group) for group in await session.account.reads.workergroups()]


async def spend(session: Session) -> Json:
    """Spent and reserved against the caps, and what was spent per day."""
    facts = await session.account.cache.seen()
    money = await spending(session.account, facts.bearers)
    return {
        **money.against(session.account.limits()),
        "running": money.counted.running,
        "reserved_usd_per_hour": dollars(money.counted.usd_per_hour),
        "budgets": await budget_rows(session.account),
        "unasked_today_usd": dollars(money.counted.unasked_today),
        "spent_by_day_usd": money.days(),
    }


async def policy(session: Session) -> Json:
    """As `show_policy`."""
    return await policy_summary(session)


async def leased(session: Session) -> Json:
    """Everything under a lease."""
    return await leases(session.account)


async def audit(session: Session) -> Json:
    """The newest entries of the audit chain."""
    return await audit_rows(session.account, AUDIT_ROWS)


async def gpu_prices(session: Session) -> Json:
    """What one GPU of each kind costs now; of a cut market only the cheapest price is told."""
    seen = await browse(session.account.reads, {"num_gpus": {"eq": 1}}, rental="on_demand",
                        disk_gb=PRICED_DISK_GB)  # fmt: skip
    by_name: dict[str, list[Offer]] = {}
    for offer in seen.offers:
        by_name.setdefault(offer.gpu_name, []).append(offer)
    gpus: list[Json] = [
        _price(name, offers, whole=seen.whole) for name, offers in sorted(by_name.items())
    ]
    answer: JsonObject = {"disk_gb": PRICED_DISK_GB, "offers": len(seen.offers), "gpus": gpus}
    if seen.left_out:
        answer["warnings"] = list(seen.left_out)
    cut = (
        f"only the cheapest {len(seen.offers)} offers were searched; more expensive GPUs are"
        " missing"
    )
    return answer if seen.whole else {**answer, "more": cut}


def _price(name: str, offers: list[Offer], *, whole: bool) -> JsonObject:
    prices = [offer.usd_per_hour.dollars for offer in offers]
    price: JsonObject = {
        "gpu": str(clean_line(name, 40)),
        "cheapest_usd_per_hour": round(min(prices), 4),
    }
    if whole:
        price |= {"offers": len(offers), "median_usd_per_hour": round(median(prices), 4)}
    return price


async def job_rows(session: Session) -> Json:
    """Copies that go on and the newest jobs, as `show_jobs` lists them."""
    return [
        *copy_rows(session.account),
        *(job_row(shown_job) for shown_job in await list_jobs(session)),
    ]
