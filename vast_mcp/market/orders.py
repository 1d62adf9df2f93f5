"""In which order offers are shown: by the values that their rows show, whatever the vendor did.

The vendor cuts a search before we see it, so it is asked for the same order as far as it knows the
column. Its own order is not always that of the rows: it sorts a country by "Region, CC" and a
reserved price by what is not discounted (docs/vendor-api.md#offers).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from vast_mcp.errors import InputInvalid
from vast_mcp.market.ranking import Ranked
from vast_mcp.models import Rental

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
        raise InputInvalid("order_by", "`job_usd` goes first")


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
