"""The filters that compare one column of an offer with one value: a row each.

What is sent to the vendor, what an answer is held to, and how a search is eased where nothing fits
follow from the row. A filter needs nothing more than its argument in the tool.
"""

import typing
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Annotated, Any, Literal, Self

from vast_mcp.models import Offer
from vast_mcp.operations import Json
from vast_mcp.units import NOMINAL, mb_from_gb


@dataclass(frozen=True, slots=True)
class OfferFilter:
    """One row: the vendor's column, how it is compared, and whether an offer keeps to it.

    The vendor's word is not taken for it: `keeps` looks at what the offer itself says. `sent` is
    the value in the vendor's unit.
    """

    column: str
    op: Literal["eq", "gte"]
    keeps: Callable[[Any, Offer], bool]
    sent: Callable[[Any], Json] = lambda asked: asked


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferFilters:
    """What may be asked of an offer; None is "any"."""

    num_gpus: Annotated[
        int | None, OfferFilter("num_gpus", "eq", lambda asked, offer: offer.num_gpus == asked)
    ] = None
    min_gpu_ram_gb: Annotated[
        float | None,
        OfferFilter(
            "gpu_ram",
            "gte",
            lambda asked, offer: offer.gpu_ram_gb >= asked * NOMINAL,
            sent=lambda asked: mb_from_gb(asked) * NOMINAL,
        ),
    ] = None
    """As cards are sold: 24 finds those that report 23,034 MB as well."""
    ports: Annotated[
        int | None,
        OfferFilter("direct_port_count", "gte", lambda asked, offer: offer.direct_ports >= asked),
    ] = None
    """How many open ports the host must have."""
    min_reliability: Annotated[
        float | None,
        OfferFilter("reliability", "gte", lambda asked, offer: offer.reliability >= asked),
    ] = None

    datacenter: Annotated[
        bool | None, OfferFilter("datacenter", "eq", lambda asked, offer: offer.datacenter == asked)
    ] = None
    """In a datacenter, or not in one (`hosting_type`, docs/vendor-api.md#offers)."""

    def asked(self) -> dict[str, Any]:
        """Every filter by name with its value, also those that are any."""
        return {name: getattr(self, name) for name in FILTER_NAMES}

    def wired(self) -> dict[str, dict[str, Json]]:
        """Those that are asked for, as the vendor's conditions."""
        return {name: {row.column: {row.op: row.sent(value)}} for name, row, value in self._given()}

    def kept_by(self, offer: Offer) -> dict[str, bool]:
        """Whether an offer keeps to each of those that are asked for."""
        return {name: row.keeps(value, offer) for name, row, value in self._given()}

    def without(self, *names: str) -> Self:
        """A copy in which these filters are any."""
        eased: dict[str, Any] = dict.fromkeys(names)
        return replace(self, **eased)

    def _given(self) -> list[tuple[str, OfferFilter, Any]]:
        given = self.asked()
        return [(name, row, given[name]) for name, row in _ROWS if given[name] is not None]


def _rows() -> tuple[tuple[str, OfferFilter], ...]:
    hints = typing.get_type_hints(OfferFilters, include_extras=True)
    return tuple((field.name, hints[field.name].__metadata__[0]) for field in fields(OfferFilters))


_ROWS = _rows()
FILTER_NAMES = tuple(name for name, _ in _ROWS)
