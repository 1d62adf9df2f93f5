"""What a rent is held to: the ceiling of the call, or the price that a search last showed."""

from vast_mcp.account.context import Account
from vast_mcp.actions.base import plain_number
from vast_mcp.actions.rent_price import Price, round_up
from vast_mcp.clock import MINUTE_US
from vast_mcp.errors import PolicyDenied
from vast_mcp.units import UsdPerHour, storage_rate

QUOTE_TTL_US = 30 * MINUTE_US


async def check_ceiling(account: Account, price: Price, *, most: float | None, bids: bool) -> str:
    """Refuse a price above the ceiling; say so when there is no ceiling to hold it to.

    A bid without a ceiling is its own.

    Raises:
        PolicyDenied: it costs more than the ceiling.
    """
    offer_id = price.offer.offer_id
    if most is not None:
        ceiling, origin = UsdPerHour.of(most), "max_price_usd_per_hour"
    elif bids:
        return ""
    else:
        quote = await account.ledger.read(lambda tx: tx.quote(offer_id, "on_demand"))
        if quote is None or account.clock.utc_us() - quote.shown_us > QUOTE_TTL_US:
            return "No recent price was shown for this offer, so the user must see it first."
        shown_disk = storage_rate(quote.storage_usd_per_gb_month, quote.disk_gb)
        disk_now = storage_rate(quote.storage_usd_per_gb_month, price.disk_gb)
        ceiling = round_up(quote.usd_per_hour - shown_disk + disk_now)
        origin = "the price shown by search_offers"
    if price.rate > round_up(ceiling):
        raise PolicyDenied(
            f"Not rented, nothing charged: offer {offer_id} now costs {price.rate} with"
            f" {plain_number(price.disk_gb)} GB disk, above {origin} ({ceiling}).",
            rules=("create.ceiling",),
            hint="Search again, or tell the user the new price and pass it as"
            " max_price_usd_per_hour.",
        )
    return ""


async def on_demand_after_all(account: Account, price: Price) -> str:
    """What to say where an offer that was shown as interruptible is rented without a bid."""
    offer_id = price.offer.offer_id
    bid, plain = await account.ledger.read(
        lambda tx: (tx.quote(offer_id, "interruptible"), tx.quote(offer_id, "on_demand"))
    )
    if bid is None or (plain is not None and plain.shown_us >= bid.shown_us):
        return ""
    return f"Without a bid this rents on demand, at {price.rate}."
