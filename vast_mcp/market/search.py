"""Searching the market: read, rank, remember the prices shown, and say why nothing fits."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from vast_mcp.account.context import Account
from vast_mcp.api.query import parse_order, parse_query
from vast_mcp.errors import InputInvalid, LedgerUnavailable
from vast_mcp.market.bids import bid_warnings
from vast_mcp.market.browsing import CHEAPEST_FIRST, MOST_PAGES, Browsed, browse
from vast_mcp.market.comparing import NamePrices, by_name
from vast_mcp.market.filters import FILTER_NAMES, OfferFilters
from vast_mcp.market.gpus import (
    Meant,
    all_cards,
    as_sold,
    names_in,
    resolve_countries,
    resolve_gpu_names,
)
from vast_mcp.market.ranking import (
    IN_ROWS,
    OWN_COLUMNS,
    Market,
    Order,
    Ranked,
    SearchCriteria,
    check_order,
    in_order,
    merged,
    near_misses,
    rank,
    wire_filters,
    wire_order,
)
from vast_mcp.models import Offer, Rental, Template, disk_for, image_for
from vast_mcp.models.ports import needed
from vast_mcp.operations import Json, JsonObject
from vast_mcp.store import Quote, Transaction
from vast_mcp.units import UsdPerHour

_WIDE_PAGES = 2
_MOST_EASED = 4
"""Answers about searches with one filter dropped, at most, after one that found nothing."""
_MOST_COMPARED = 3
"""Names that are searched for one by one, where a search for all of them was cut."""
_MOST_COLUMNS = 6
DEFAULT_HOURS = 4.0
_SHORT_HOURS = 0.25
_SMALL_DISK_GB = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Search(OfferFilters):
    """A search as it was asked, before names and texts are made out."""

    gpu_names: tuple[str, ...] = ()
    max_price_usd_per_hour: float | None = None
    countries: tuple[str, ...] = ()
    disk_gb: float | None = None
    rental: Rental = "on_demand"
    template_hash: str | None = None
    image: str | None = None
    """What will run, where it is known; the policy may refuse it."""
    hours: float = DEFAULT_HOURS
    download_gb: float = 10
    query: str = ""
    order_by: str = ""
    limit: int = 10
    counted: bool = True
    """False: the first ones will do, and nobody asks how many there are."""


@dataclass(frozen=True, slots=True)
class Found:
    """What is shown of a search."""

    shown: tuple[Ranked, ...]
    market: Market
    search: Search
    wish: SearchCriteria
    looked_at: int
    whole: bool
    """False when the vendor has more than was looked at: every count is a least number."""
    by_price: bool
    """Whether the cheapest were looked at first, so that `cheapest` holds for a part as well."""
    without: dict[str, int] = field(default_factory=dict)
    without_whole: bool = True
    """False: `without` was counted in a part of the market, and may lack a filter."""
    warnings: tuple[str, ...] = ()
    compared: tuple[NamePrices, ...] = ()
    """Prices by name, where several cards were asked for."""
    columns: tuple[str, ...] = ()
    """What was searched or ordered by and stands in no field of its own; six at most."""


async def search_market(account: Account, search: Search) -> Found:
    """Offers that fit, best first; their prices are kept, so that a rent is held to them.

    Raises:
        InputInvalid: a name, text or template that means nothing.
        ApiError: the market cannot be read.
    """
    order = parse_order(search.order_by, own=OWN_COLUMNS)
    check_order(order)
    wish, meant = await _wish(account, search)
    asked = wire_order(order, wish.rental)
    limits, now_us = account.limits(), account.clock.lease_us()

    def enough(offers: Sequence[Offer]) -> bool:
        return not search.counted and bool(rank(wish, offers, limits, now_us).ranked)

    seen = await _fetch(account, wish, asked, enough=enough)
    market = rank(wish, seen.offers, limits, now_us, keep_order=bool(order))
    market = replace(market, ranked=in_order(market.ranked, order))
    shown = market.ranked[: search.limit]
    found = Found(
        shown,
        market,
        search,
        wish,
        looked_at=len(seen.offers),
        whole=seen.whole,
        by_price=tuple(asked[:1]) == tuple(CHEAPEST_FIRST),
        warnings=(*_ambiguous(meant), *seen.left_out),
        columns=_asked_columns(wish.query or {}, order),
    )
    if search.counted and len(all_cards(meant)) > 1:
        found = replace(found, compared=await _compare(account, found, meant))
    if not market.ranked:
        without, whole = await _without(account, search, wish)
        return replace(found, without=without, without_whole=whole)
    said = (await _remember(account, shown), await bid_warnings(account, wish, shown))
    return replace(found, warnings=(*found.warnings, *(text for part in said for text in part)))


def _asked_columns(query: JsonObject, order: Order) -> tuple[str, ...]:
    asked = [*(column for column, bound in query.items() if bound is not None)]
    asked += [column for column, _ in order]
    return tuple(dict.fromkeys(value for value in asked if value not in IN_ROWS))[:_MOST_COLUMNS]


def _ambiguous(meant: Sequence[Meant]) -> tuple[str, ...]:
    return tuple(
        f"{name.asked!r} is the name of several GPUs, and all were searched:"
        f" {', '.join(name.cards)}. Name the ones you mean."
        for name in meant
        if name.ambiguous
    )


async def _compare(
    account: Account, found: Found, meant: Sequence[Meant]
) -> tuple[NamePrices, ...]:
    """Prices by name; each name is searched by itself where the search for all was cut."""
    if found.whole:
        return by_name(meant, found.market, whole=True)
    prices: list[NamePrices] = []
    limits, now_us = account.limits(), account.clock.lease_us()
    for name in meant[:_MOST_COMPARED]:
        wish = replace(found.wish, gpu_names=name.cards)
        seen = await _fetch(account, wish, pages=1)
        market = rank(wish, seen.offers, limits, now_us)
        prices += by_name([name], market, whole=seen.whole)
    return tuple(prices)


async def _meant(account: Account, search: Search, query: JsonObject) -> tuple[Meant, ...]:
    """What the names of cards mean, those in the query included.

    Raises:
        InputInvalid: one means no card; or several, and a machine is to be chosen unseen.
    """
    if not search.gpu_names and not names_in(query):
        return ()
    known = await account.reads.gpu_names()
    meant = resolve_gpu_names(search.gpu_names, known)
    if names_in(query):
        try:
            more = resolve_gpu_names(names_in(query), known)
        except InputInvalid as error:
            said = error.message.partition(": ")[2]
            raise InputInvalid("query", f"gpu_name: {said}", hint=error.hint) from error
        query["gpu_name"] = {"in": list(all_cards(more))}
        meant = meant or more
    for name in meant:
        if name.ambiguous and not search.counted:
            raise InputInvalid(
                "gpu_names",
                f"{name.asked!r} is the name of several GPUs",
                hint=f"Name the ones you mean: {', '.join(name.cards)}.",
            )
    return meant


async def _wish(account: Account, search: Search) -> tuple[SearchCriteria, tuple[Meant, ...]]:
    query = as_sold(parse_query(search.query))
    countries = resolve_countries(search.countries)
    template = await _template(account, search.template_hash)
    meant = await _meant(account, search, query)
    names = all_cards(meant) if search.gpu_names else ()
    price = search.max_price_usd_per_hour
    wish = SearchCriteria(
        disk_gb=disk_for(search.disk_gb or None, template),
        hours=search.hours,
        download_gb=search.download_gb,
        rental=search.rental,
        gpu_names=names or None,
        max_price=None if price is None else UsdPerHour.of(price),
        countries=countries or None,
        query=query or None,
        image=image_for(search.image, template),
        **{**search.asked(), "ports": _ports(search.ports, template)},
    )
    return wish, meant


def _ports(asked: int | None, template: Template | None) -> int | None:
    """How many open ports are needed; None: it does not matter."""
    if asked is None and template is not None:
        asked = needed(template.ports, jupyter=template.jupyter)
    return asked or None


async def needs_of(
    account: Account, disk_gb: float | None, template_hash: str | None
) -> tuple[float, int]:
    """The disk that will be rented, and how many open ports the template needs.

    The disk: the one asked for, else the template's, else the default.

    Raises:
        InputInvalid: there is no such template.
    """
    template = await _template(account, template_hash)
    ports = needed(template.ports, jupyter=False) if template is not None else 0
    return disk_for(disk_gb or None, template), ports


async def _template(account: Account, template_hash: str | None) -> Template | None:
    if template_hash is None:
        return None
    template = await account.reads.template(template_hash)
    if template is None:
        raise InputInvalid(
            "template_hash",
            "there is no such template (its hash changes when it is edited)",
            hint="search_templates finds the current one.",
        )
    return template


async def _fetch(
    account: Account,
    wish: SearchCriteria,
    order: Order = CHEAPEST_FIRST,
    *,
    pages: int = MOST_PAGES,
    enough: Callable[[Sequence[Offer]], bool] = lambda _: False,
) -> Browsed:
    return await browse(
        account.reads,
        merged(wire_filters(wish)),
        rental=wish.rental,
        disk_gb=wish.disk_gb,
        order=order,
        ceiling=wish.max_price,
        pages=pages,
        enough=enough,
    )


async def _without(
    account: Account, search: Search, wish: SearchCriteria
) -> tuple[dict[str, int], bool]:
    """How many would fit if one given filter were dropped; those that would help only.

    The second value: whether all offers that could tell were seen; else each count is a least
    number, and a filter that is not named may be in the way all the same. Two searches in most
    cases, six at most: searches have a budget of their own at the vendor.
    """
    limits, now_us = account.limits(), account.clock.lease_us()
    wide = replace(
        wish.without(*FILTER_NAMES),
        max_price=None,
        countries=None,
        hours=_SHORT_HOURS,
    )
    seen = await _fetch(account, wide, pages=_WIDE_PAGES)
    counts = near_misses(wish, seen.offers, limits, now_us)
    eased = _only_the_vendor_tells(search, wish)
    if not seen.whole:
        eased |= {name: one for name, one in _each_dropped(wish).items() if name not in counts}
    whole = seen.whole and len(eased) <= _MOST_EASED
    for name, easier in list(eased.items())[:_MOST_EASED]:
        found = await _fetch(account, easier, pages=max(1, _MOST_EASED // len(eased)))
        counts[name] = len(rank(easier, found.offers, limits, now_us).ranked)
        whole = whole and found.whole
    return {name: count for name, count in counts.items() if count}, whole


def _only_the_vendor_tells(search: Search, wish: SearchCriteria) -> dict[str, SearchCriteria]:
    """The wish without each filter whose misses a wider search does not show."""
    eased: dict[str, SearchCriteria] = {}
    if wish.gpu_names is not None:
        eased["gpu_names"] = replace(wish, gpu_names=None)
    if wish.query is not None:
        eased["query"] = replace(wish, query=None)
    if search.disk_gb is not None:
        eased["disk_gb"] = replace(wish, disk_gb=_SMALL_DISK_GB)
    return eased


def _each_dropped(wish: SearchCriteria) -> dict[str, SearchCriteria]:
    """The wish without each other filter that it has; the more expensive ones are cut off first."""
    each = {
        "max_price_usd_per_hour": replace(wish, max_price=None),
        "countries": replace(wish, countries=None),
        **{name: wish.without(name) for name in FILTER_NAMES},
        "hours": replace(wish, hours=min(wish.hours, _SHORT_HOURS)),
    }
    return {name: eased for name, eased in each.items() if eased != wish}


async def _remember(account: Account, shown: Sequence[Ranked]) -> tuple[str, ...]:
    """Keep the prices just shown. A reserved price is for looking: nothing rents at it."""
    now_us = account.clock.utc_us()
    quotes = [
        Quote(
            offer_id=ranked.offer.offer_id,
            disk_gb=ranked.offer.disk_gb,
            usd_per_hour=ranked.offer.usd_per_hour,
            storage_usd_per_gb_month=ranked.offer.storage_usd_per_gb_month,
            rental=ranked.offer.rental,
            shown_us=now_us,
        )
        for ranked in shown
        if ranked.offer.rental != "reserved"
    ]

    def write(tx: Transaction) -> None:
        tx.remember_quotes(quotes)

    if not quotes:
        return ()
    try:
        await account.ledger.write(write)
    except LedgerUnavailable as error:
        return (f"These prices could not be saved, so nothing can be rented now: {error}",)
    return ()


TEMPLATES_FETCHED = 200


async def find_templates(account: Account, query: str) -> list[Template]:
    """Templates by a part of their name, else of their image; without one the recommended ones.

    The most used come first.
    """
    text = " ".join(query.split())
    if not text:
        wanted: dict[str, Json] = {"recommended": {"eq": True}}
        found = await account.reads.templates(filters=wanted, limit=TEMPLATES_FETCHED)
    else:
        found = await account.reads.templates(name=text, limit=TEMPLATES_FETCHED)
        if not found:
            image: dict[str, Json] = {"image": text.lower()}
            found = await account.reads.templates(filters=image, limit=TEMPLATES_FETCHED)
    return sorted(found, key=lambda template: -template.created_count)
