"""The market as a job asks for it."""

from dataclasses import dataclass

from vast_mcp.account.context import Account
from vast_mcp.errors import InputInvalid, OfferGone
from vast_mcp.market.search import Search, needs_of, search_market
from vast_mcp.models import Offer
from vast_mcp.units import UsdPerHour

_LOOKED_AT = 50


@dataclass(frozen=True, slots=True)
class JobWish:
    """What kind of machine, for how long."""

    gpu_names: tuple[str, ...]
    hours: float
    offer_id: int | None = None
    """This one first; others of its kind after it."""
    disk_gb: float | None = None
    template_hash: str | None = None
    image: str | None = None
    max_price: UsdPerHour | None = None
    query: str = ""
    """What hosts that failed have shown to be needed, in the search language."""


async def offers_for(account: Account, wish: JobWish) -> tuple[Offer, ...]:
    """What may be rented, the cheapest job first; the one that was named leads.

    Raises:
        InputInvalid: a GPU name that means nothing.
        ApiError: the market cannot be read.
    """
    named = await _named(account, wish)
    gpu_names = wish.gpu_names or ((named.gpu_name,) if named else ())
    search = Search(
        gpu_names=gpu_names,
        num_gpus=named.num_gpus if named else None if not gpu_names else 1,
        max_price_usd_per_hour=None if wish.max_price is None else wish.max_price.dollars,
        disk_gb=wish.disk_gb,
        template_hash=wish.template_hash,
        image=wish.image,
        hours=wish.hours,
        query=wish.query,
        limit=_LOOKED_AT,
        counted=False,
    )
    found = [ranked.offer for ranked in (await search_market(account, search)).shown]
    if named is None:
        return tuple(found)
    rest = [offer for offer in found if offer.offer_id != named.offer_id]
    return (named, *rest)


async def _named(account: Account, wish: JobWish) -> Offer | None:
    if wish.offer_id is None:
        return None
    disk_gb, ports = await needs_of(account, wish.disk_gb, wish.template_hash)
    found = await account.reads.find_offer(wish.offer_id, rental="on_demand", disk_gb=disk_gb)
    if found is not None and found.direct_ports < ports:
        raise InputInvalid(
            "offer_id",
            f"its host has {found.direct_ports} open ports, and the template opens {ports}",
            hint=f"search_offers(ports={ports}) finds hosts that have them.",
        )
    if found is not None:
        return found
    if wish.gpu_names:
        return None
    raise OfferGone(
        f"Offer {wish.offer_id} is no longer available.",
        hint="Search again, or pass gpu_names and let the job choose.",
    )
