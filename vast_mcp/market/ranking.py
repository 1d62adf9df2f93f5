"""What a job costs on each offer, and in which order they are shown: the pure half of a search."""

import statistics
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from vast_mcp.api.query import in_query_units
from vast_mcp.clock import SECOND_US
from vast_mcp.errors import InputInvalid
from vast_mcp.market.filters import OfferFilters
from vast_mcp.models import Offer, Rental
from vast_mcp.operations import Json, JsonObject
from vast_mcp.policy import Deny, Limits
from vast_mcp.policy.engine import decide
from vast_mcp.policy.facts import Exposure, Request, Spend
from vast_mcp.store import split_by_day
from vast_mcp.text import clean_line
from vast_mcp.units import Usd, UsdPerHour, seconds_from_hours

_UNKNOWN_MBIT = 100.0
"""Taken for a host that does not say how fast it downloads."""
_FASTEST_MBIT = 2_000.0
"""Registries do not serve one host faster than this."""
_SLOWEST_MBIT = 0.1
"""Less is no speed: it would take years."""
_MBIT_PER_GB = 8_000.0
_MB_WRITTEN_PER_GB = 2_000.0
"""What is pulled is written twice: as it comes, and unpacked."""
_SLOWEST_DISK_MB_S = 1.0
_PLENTY = Usd(1 << 62)
_NOT_THE_OFFER = (
    "action.", "allow.images", "budget.", "dangerous.", "levels.", "limits.min_credit_usd",
    "policy.", "read_only",
)  # fmt: skip
"""Rules about the account, the image or the act: they say nothing about an offer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchCriteria(OfferFilters):
    """What is searched for. None is "any"; prices are all-in, with `disk_gb` of storage."""

    disk_gb: float
    hours: float
    download_gb: float
    rental: Rental = "on_demand"
    gpu_names: tuple[str, ...] | None = None
    max_price: UsdPerHour | None = None
    countries: tuple[str, ...] | None = None
    query: JsonObject | None = None
    image: str = ""


@dataclass(frozen=True, slots=True)
class Ranked:
    """An offer and what the whole job costs on it."""

    offer: Offer
    job: Usd

    def columns(self, names: Sequence[str]) -> dict[str, float | bool | str]:
        """Some searchable columns as a query states them, rounded; unknown ones are left out."""
        found, told = {}, dict(self.offer.columns)
        for name in names:
            value = told.get(name)
            if value is not None:
                stated = in_query_units(name, value)
                found[name] = float(f"{stated:.4g}") if isinstance(stated, float) else stated
        return found


@dataclass(frozen=True, slots=True)
class Market:
    """The offers that fit, best first, and what was left out."""

    ranked: tuple[Ranked, ...]
    hidden: Mapping[str, tuple[Offer, ...]]
    """By rule, the offers that fit and that the policy would refuse."""

    @property
    def hidden_by_policy(self) -> dict[str, int]:
        """How many each rule keeps out."""
        return {rule: len(offers) for rule, offers in self.hidden.items()}

    @property
    def cheapest(self) -> UsdPerHour | None:
        """The lowest hourly price of all that fit."""
        return min((ranked.offer.usd_per_hour for ranked in self.ranked), default=None)

    @property
    def median(self) -> UsdPerHour | None:
        """The middle hourly price of all that fit."""
        prices = [ranked.offer.usd_per_hour.micros for ranked in self.ranked]
        return UsdPerHour(int(statistics.median(prices))) if prices else None


def wire_filters(wish: SearchCriteria) -> dict[str, dict[str, Json]]:
    """The wish as the vendor's filters, by the parameter that asks for each."""
    asked: dict[str, dict[str, Json]] = {}
    if wish.gpu_names is not None:
        asked["gpu_names"] = {"gpu_name": {"in": list(wish.gpu_names)}}
    asked |= wish.wired()
    if wish.max_price is not None and wish.rental == "on_demand":
        # Which price it compares is known for this kind only; `fits` compares all of them.
        asked["max_price_usd_per_hour"] = {"dph_total": {"lte": wish.max_price.dollars}}
    if wish.countries is not None:
        asked["countries"] = {"geolocation": {"in": list(wish.countries)}}
    asked["hours"] = {"duration": {"gte": float(seconds_from_hours(wish.hours))}}
    if wish.query:
        asked["query"] = dict(wish.query)
    return asked


def merged(parts: Mapping[str, Mapping[str, Json]]) -> JsonObject:
    """All filters in one object; of two bounds on one column the tighter one holds.

    Raises:
        InputInvalid: the query and a parameter contradict each other.
    """
    whole: JsonObject = {}
    for filters in parts.values():
        for column, condition in filters.items():
            known = whole.get(column)
            if isinstance(known, dict) and isinstance(condition, dict):
                whole[column] = _both(column, known, condition)
            elif not isinstance(known, dict):
                whole[column] = condition
    return whole


def _both(column: str, known: JsonObject, more: JsonObject) -> JsonObject:
    both = dict(known)
    for op, value in more.items():
        if op not in both or both[op] == value:
            both[op] = value
        elif op in {"gte", "gt"}:
            both[op] = max(_number(both[op]), _number(value))
        elif op in {"lte", "lt"}:
            both[op] = min(_number(both[op]), _number(value))
        else:
            raise InputInvalid("query", f"`{column}` is also given by a parameter; use only one")
    return both


def _number(value: Json) -> float:
    try:
        return float(str(value))
    except ValueError as error:
        raise InputInvalid("query", f"{clean_line(value, 40)!r} is not a number") from error


def misfits(wish: SearchCriteria, offer: Offer) -> list[str]:
    """The parameters an offer does not keep to: the vendor's word is not taken for it."""
    keeps = {
        "gpu_names": wish.gpu_names is None or offer.gpu_name in wish.gpu_names,
        **wish.kept_by(offer),
        "max_price_usd_per_hour": wish.max_price is None or offer.usd_per_hour <= wish.max_price,
        "countries": wish.countries is None or offer.country in wish.countries,
        "hours": offer.max_hours >= wish.hours,
        "disk_gb": offer.max_disk_gb >= wish.disk_gb,
        "query": _new_enough(wish.query, offer.cuda_max),
    }
    return [name for name, kept in keeps.items() if not kept]


def _new_enough(query: JsonObject | None, cuda_max: float) -> bool:
    """Whether a least CUDA version in the query holds; an offer that tells none is believed.

    The vendor is said to compare it as text at times, where "9.2" is above "12.4": an image would
    then fail on a host that cannot run it.
    """
    condition = (query or {}).get("cuda_max_good")
    if not isinstance(condition, dict) or not cuda_max:
        return True
    return all(cuda_max >= _number(condition[op]) for op in ("gte", "gt") if op in condition)


def fits(wish: SearchCriteria, offer: Offer) -> bool:
    """Whether an offer can be rented and is what was asked."""
    return offer.rentable and not misfits(wish, offer)


def near_misses(
    wish: SearchCriteria, offers: Sequence[Offer], limits: Limits, now_us: int
) -> dict[str, int]:
    """By parameter, how many offers fail that one only and are not refused by the policy."""
    counts: Counter[str] = Counter()
    for offer in offers:
        missed = misfits(wish, offer) if offer.rentable else []
        shorter = replace(wish, hours=min(wish.hours, offer.max_hours))
        if len(missed) == 1 and not _refused_by(shorter, offer, limits, now_us):
            counts[missed[0]] += 1
    return dict(counts)


def loading_s(offer: Offer, download_gb: float) -> float:
    """How long that much takes to arrive and be unpacked there, in seconds: the slower decides.

    Slow disks make pulls of 25 minutes and more, 800 MB/s is enough (reported, 2026).
    """
    told = offer.download_mbit if offer.download_mbit > 0 else _UNKNOWN_MBIT
    fetched_s = download_gb * _MBIT_PER_GB / min(max(told, _SLOWEST_MBIT), _FASTEST_MBIT)
    if offer.disk_mb_per_s <= 0:
        return fetched_s
    written_s = download_gb * _MB_WRITTEN_PER_GB / max(offer.disk_mb_per_s, _SLOWEST_DISK_MB_S)
    return max(fetched_s, written_s)


def job_cost(offer: Offer, hours: float, download_gb: float) -> Usd:
    """Price x hours, the traffic, and the hours that loading that much takes at this price."""
    return (
        offer.usd_per_hour.over(seconds_from_hours(hours))
        + Usd.ceil(offer.download_usd_per_gb * download_gb)
        + offer.usd_per_hour.over(loading_s(offer, download_gb))
    )


def rank(
    wish: SearchCriteria,
    offers: Sequence[Offer],
    limits: Limits,
    now_us: int,
    *,
    keep_order: bool = False,
) -> Market:
    """The offers that fit and may be rented, cheapest job first unless an order was asked for."""
    hidden: dict[str, list[Offer]] = {}
    ranked: list[Ranked] = []
    for offer in offers:
        if not fits(wish, offer):
            continue
        rule = _refused_by(wish, offer, limits, now_us)
        if rule:
            hidden.setdefault(rule, []).append(offer)
        else:
            ranked.append(Ranked(offer, job_cost(offer, wish.hours, wish.download_gb)))
    if not keep_order:
        ranked.sort(key=_by_job)
    kept = {rule: tuple(kept_out) for rule, kept_out in hidden.items()}
    return Market(tuple(ranked), MappingProxyType(kept))


def _by_job(one: Ranked) -> tuple[int, float, int]:
    return one.job.micros, -one.offer.reliability, one.offer.offer_id


def _refused_by(wish: SearchCriteria, offer: Offer, limits: Limits, now_us: int) -> str:
    """The first rule that would refuse this offer whatever the account holds; empty for none."""
    rate = offer.usd_per_hour
    seconds = seconds_from_hours(wish.hours)
    days = split_by_day(rate, now_us, now_us + seconds * SECOND_US)
    traffic = Usd.ceil(offer.download_usd_per_gb * wish.download_gb)
    cost = rate.over(seconds) + traffic
    spend = Spend(
        usd_per_hour=rate,
        adds_usd_per_hour=rate,
        adds_running=1,
        lease_hours=wish.hours,
        cost=cost,
        rental_total=cost,
        by_day=days,
        disk_gb=wish.disk_gb,
        usd_per_gb_traffic=Usd.ceil(max(offer.download_usd_per_gb, offer.upload_usd_per_gb)),
        gpu_name=offer.gpu_name,
        num_gpus=offer.num_gpus,
        image=wish.image,
        country=offer.country,
        datacenter=offer.datacenter,
        verified=offer.verified,
        max_contract_hours=offer.max_hours,
    )
    exposure = Exposure(credit=_PLENTY, account_usd_per_hour=UsdPerHour())
    decision = decide(Request("create_instance", spend=spend), exposure, limits)
    reasons = decision.reasons if isinstance(decision, Deny) else ()
    about = (reason.rule for reason in reasons if not reason.rule.startswith(_NOT_THE_OFFER))
    return next(about, "")


# -- the order -----------------------------------------------------------------------------
#
# By the values that rows show, whatever the vendor did. It cuts a search before we see it, so it is
# asked for the same order as far as it knows the column. Its own order is not always that of the
# rows: it sorts a country by "Region, CC" and a reserved price by what is not discounted
# (docs/vendor-api.md#offers).

Order = Sequence[tuple[str, str]]
"""Columns with `asc` or `desc`, the first one foremost."""
_BY_JOB = "job_usd"
_PRICE = "dph_total"
OWN_COLUMNS = frozenset({_BY_JOB})
"""What the vendor does not know: it is computed here."""


_VALUES: Mapping[str, Callable[[Ranked], Any]] = {
    _BY_JOB: lambda one: one.job.micros,
    _PRICE: lambda one: one.offer.usd_per_hour.micros,
    "ask_contract_id": lambda one: one.offer.offer_id,
    "cuda_max_good": lambda one: one.offer.cuda_max,
    "datacenter": lambda one: one.offer.datacenter,
    "direct_port_count": lambda one: one.offer.direct_ports,
    "duration": lambda one: one.offer.duration_s,
    "geolocation": lambda one: one.offer.country,
    "gpu_name": lambda one: one.offer.gpu_name,
    "gpu_ram": lambda one: one.offer.gpu_ram_gb,
    "min_bid": lambda one: one.offer.min_bid.micros if one.offer.min_bid else 0,
    "num_gpus": lambda one: one.offer.num_gpus,
    "reliability": lambda one: one.offer.reliability,
}
"""Columns whose value a row shows."""
IN_ROWS = frozenset(_VALUES) | {"rentable", "rented", "external"}
"""Columns that need no place of their own in a row: it shows them, or they are the same in all."""


def check_order(order: Order) -> None:
    """Refuse what neither the vendor nor we can sort by.

    Raises:
        InputInvalid: `job_usd` stands behind a column that only the vendor knows.
    """
    behind = order[len(_led(order)) :]
    if any(column == _BY_JOB for column, _ in behind):
        raise InputInvalid("order_by", "`job_usd` must come first")


def wire_order(order: Order, rental: Rental) -> Order:
    """What the vendor is asked to sort by, so that it cuts where we would."""
    names = {_BY_JOB: _PRICE, "datacenter": "hosting_type"}
    if rental == "reserved":
        names |= {_BY_JOB: "discounted_dph_total", _PRICE: "discounted_dph_total"}
    steps: dict[str, str] = {}
    for column, way in order or ((_PRICE, "asc"),):
        steps.setdefault(names.get(column, column), way)
    return tuple(steps.items())


def in_order(ranked: Sequence[Ranked], order: Order) -> tuple[Ranked, ...]:
    """By the leading columns that rows show, else as they came."""
    found = list(ranked)
    for column, way in reversed(_led(order)):
        found.sort(key=_VALUES[column], reverse=way == "desc")
    return tuple(found)


def _led(order: Order) -> Order:
    """The steps before the first that only the vendor can do."""
    for at, (column, _) in enumerate(order):
        if column not in _VALUES:
            return order[:at]
    return order
