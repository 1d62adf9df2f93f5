"""One machine with the facts a diagnosis needs."""

from vast_mcp.account.context import Account
from vast_mcp.instances.fleet import show_one
from vast_mcp.instances.state import Held
from vast_mcp.operations import JsonObject
from vast_mcp.showing import dollars, given
from vast_mcp.text import clean_ends, clean_line
from vast_mcp.units import minute
from vast_mcp.views.billable_items import machine


async def machine_detail(account: Account, instance_id: int) -> JsonObject:
    """Its state, cost, lease and disk, and the vendor's message.

    Raises:
        NotFound: the account has none of this id.
    """
    return detail_of(await show_one(account, instance_id))


def detail_of(seen: Held) -> JsonObject:
    """All of it as a row."""
    one, held = seen.instance, machine(seen)
    contract_us = one.contract_ends_us
    return given(
        {
            **held.row(),
            "usd_per_hour": dollars(one.usd_per_hour),
            "disk_usd_per_day": dollars(one.disk_usd_per_hour.per_day),
            "at_lease_end": held.then if held.lease_ends_us is not None else None,
            "disk_gb": one.disk_gb or None,
            "disk_used_gb": None if one.disk_used_gb is None else round(one.disk_used_gb, 1),
            "gpu_utilisation_percent": one.gpu_utilisation_percent,
            "interruptible": True if one.is_bid else None,
            "country": one.country,
            "contract_ends": None if contract_us is None else minute(contract_us),
            "untrusted_image": str(clean_line(one.image, 120)),
            "warnings": [*seen.warnings] or None,
            "untrusted_status": str(clean_ends(one.status_message)),
        }
    )
