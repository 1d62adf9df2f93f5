"""Look at the market: what can be rented now, and what one can start from."""

import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from vast_mcp.market.comparing import compared, hidden_rows
from vast_mcp.market.ranking import Ranked
from vast_mcp.market.search import (
    DEFAULT_HOURS,
    TEMPLATES_FETCHED,
    Found,
    Search,
    find_templates,
    search_market,
)
from vast_mcp.models import Template
from vast_mcp.policy import Limits
from vast_mcp.showing import at_least
from vast_mcp.text import clean_line
from vast_mcp.tools._ask import Svc
from vast_mcp.tools._spec import ToolSpec


class OfferRow(BaseModel):
    """One offer; prices with storage."""

    offer_id: int
    gpu: str
    gpu_ram_gb: int | None = None
    usd_per_hour: float
    job_usd: float
    max_hours: int
    reliability: float | None = None
    country: str | None = None
    cuda: float | None = None
    datacenter: bool | None = None
    open_ports: int
    min_bid_usd_per_hour: float | None = None
    columns: dict[str, Any] | None = None
    untrusted_columns: dict[str, Any] | None = None

    @classmethod
    def of(cls, ranked: Ranked, asked: Sequence[str]) -> "OfferRow":
        """The fields a choice is made by."""
        offer = ranked.offer
        columns = ranked.columns(asked)
        texts = {name: text for name, text in columns.items() if isinstance(text, str)}
        numbers = {name: one for name, one in columns.items() if not isinstance(one, str)}
        bid = offer.min_bid if offer.rental == "interruptible" else None
        return cls(
            offer_id=offer.offer_id,
            gpu=f"{offer.num_gpus}x {offer.gpu_name}",
            gpu_ram_gb=int(offer.gpu_ram_gb) or None,
            usd_per_hour=at_least(offer.usd_per_hour),
            job_usd=round(ranked.job.dollars, 2 if ranked.job.dollars >= 1 else 3),
            max_hours=int(offer.max_hours),
            reliability=round(offer.reliability, 3) or None,
            country=offer.country or None,
            cuda=offer.cuda_max or None,
            datacenter=offer.datacenter or None,
            open_ports=offer.direct_ports,
            min_bid_usd_per_hour=None if bid is None else at_least(bid),
            columns=numbers or None,
            untrusted_columns=texts or None,
        )


_COLUMN_OF = {
    "offer_id": "ask_contract_id",
    "gpu": "gpu_name",
    "gpu_ram_gb": "gpu_ram",
    "usd_per_hour": "dph_total",
    "price": "dph_total",
    "max_hours": "duration",
    "country": "geolocation",
    "cuda": "cuda_max_good",
    "open_ports": "direct_port_count",
    "min_bid_usd_per_hour": "min_bid",
}


def _columns(order_by: str) -> str:
    """The same order with the rows' own field names as the vendor calls them."""
    return re.sub(r"\w+", lambda name: _COLUMN_OF.get(name[0], name[0]), order_by)


class OfferList(BaseModel):
    """Offers that fit, best first."""

    offers: list[OfferRow]
    matching: int
    more: bool | None = Field(None, description="part of the market: counts are lower bounds")
    cheapest: float | None = Field(None, description="USD/h")
    median: float | None = Field(None, description="USD/h")
    disk_gb: float
    hours: float
    without: dict[str, int] | None = None
    """On no result: how many would fit if that filter were dropped."""
    hidden_by_policy: dict[str, Any] | None = Field(
        None, description="per rule: how many fit, the cheapest per GPU"
    )
    compared: dict[str, Any] | None = Field(None, description="per name, hidden ones included")
    next: str
    warnings: list[str] | None = None

    @classmethod
    def of(cls, found: Found, closed: str = "") -> "OfferList":
        """A search as it is shown. `closed` says why nothing can be rented at all."""
        market, wish = found.market, found.wish
        cheapest = market.cheapest if found.whole or found.by_price else None
        median = market.median if found.whole else None
        return cls(
            offers=[OfferRow.of(ranked, found.columns) for ranked in found.shown],
            matching=len(market.ranked),
            more=None if found.whole else True,
            cheapest=None if cheapest is None else at_least(cheapest),
            median=None if median is None else at_least(median),
            disk_gb=wish.disk_gb,
            hours=wish.hours,
            without=found.without or None,
            hidden_by_policy=dict(hidden_rows(market)) or None,
            compared=dict(compared(found.compared)) or None,
            next=closed or _next(found),
            warnings=[*found.warnings, *_cuts(found)] or None,
        )


def _cuts(found: Found) -> list[str]:
    """What was counted in a part of the market only."""
    if not found.whole:
        first = f"{'cheapest' if found.by_price else 'first'} {found.looked_at}"
        return [
            (
                f"Only the {first} offers were searched; the vendor has more. Narrow the search"
                " to see all."
            )
        ]
    if not found.without_whole:
        return ["`without` was counted in part of the market: its counts are lower bounds."]
    return []


def _closed(limits: Limits) -> str:
    if limits.read_only:
        return "Search only: this server is read-only, so nothing can be rented."
    if limits.broken:
        return "Search only: the policy file is broken, and the user has to repair it."
    return ""


def _why_nothing(found: Found) -> str:
    nothing = "No offer fits"
    if not found.whole:
        nothing = f"None of {found.looked_at} offers fits, and the vendor has more"
    if found.compared and found.market.hidden_by_policy and found.whole:
        return (
            "`compared` has the prices. All are beyond the user's limits, so none is listed: see"
            " `hidden_by_policy`."
        )
    if found.without:
        hidden = " `hidden_by_policy`: fit, but beyond the user's limits."
        return (
            f"{nothing}. `without`: how many would fit if that filter were dropped or"
            f" relaxed.{hidden if found.market.hidden_by_policy else ''}"
        )
    if found.market.hidden_by_policy and found.whole:
        return (
            "The policy refuses all that fit; `hidden_by_policy` has their prices. Only the user"
            " can change it."
        )
    if not found.whole:
        return f"{nothing}: name gpu_names, countries or a price, or relax a filter."
    if not found.without_whole:
        return f"{nothing}; relax a filter."
    return f"{nothing}, and no single filter is the cause: relax several."


def _next(found: Found) -> str:
    if not found.shown:
        return _why_nothing(found)
    bid = "bid_usd_per_hour" if found.wish.rental == "interruptible" else ""
    step = f"create_instance({', '.join(filter(None, ['offer_id', *_kept(found), bid]))})"
    match found.wish.rental:
        case "interruptible":
            return f"{step}, bidding above min_bid_usd_per_hour; higher bids win."
        case "reserved":
            return "Search only: a reservation is a prepayment that only the user can make."
        case _:
            return step


def _kept(found: Found) -> list[str]:
    """What a rent needs as well, to be what was searched for and priced."""
    asked = found.search
    return [
        *([f'template_hash="{asked.template_hash}"'] if asked.template_hash else []),
        *([f"disk_gb={asked.disk_gb:g}"] if asked.disk_gb else []),
        *(["ports"] if asked.ports else []),
        *([f"lease_hours={asked.hours:g}"] if asked.hours != DEFAULT_HOURS else []),
    ]


async def search_offers(
    session: Svc,
    gpu_names: Annotated[
        list[str] | None, Field(description='such as "RTX 4090", "4090", "H100" (all kinds)')
    ] = None,
    num_gpus: Annotated[int | None, Field(ge=1, le=64, description="in one machine")] = None,
    min_gpu_ram_gb: Annotated[
        float | None, Field(gt=0, le=1000, description="per GPU, as sold")
    ] = None,
    max_price_usd_per_hour: Annotated[float | None, Field(gt=0, le=1000)] = None,
    min_reliability: Annotated[float | None, Field(ge=0, le=1)] = None,
    datacenter: bool | None = None,
    countries: Annotated[
        list[str] | None, Field(description="two-letter codes, or EU, Europe, Asia, North_America…")
    ] = None,
    disk_gb: Annotated[
        float | None, Field(ge=8, le=100_000, description="default: the template's, else 50")
    ] = None,
    rental: Literal["on_demand", "interruptible", "reserved"] = "on_demand",
    template_hash: str | None = None,
    hours: Annotated[
        float, Field(gt=0, le=8760, description="how long the job runs")
    ] = DEFAULT_HOURS,
    ports: Annotated[
        int | None,
        Field(ge=1, le=64, description="open ports needed; default: the template's"),
    ] = None,
    download_gb: Annotated[float, Field(ge=0, le=100_000, description="image and data")] = 10,
    query: Annotated[
        str, Field(description="more, in the vastai CLI's syntax: cuda_vers>=12.4 cpu_ram>64")
    ] = "",
    order_by: Annotated[
        str, Field(description="a row field; descending: reliability- ; default job_usd")
    ] = "",
    limit: Annotated[int, Field(ge=1, le=50)] = 10,
) -> OfferList:
    """Find GPUs to rent now.

    Use it before create_instance: for 30 minutes a rent is held to the price shown; offer ids go
    stale.

    Ranked by job_usd, the cost of the whole job (price x hours, traffic, loading). Prices, also
    `cheapest` and `median`, are USD/h with the disk, for all GPUs of an offer. Leaves out offers
    that end before `hours` or that the policy would refuse. Free.
    """
    search = Search(
        gpu_names=tuple(gpu_names or ()),
        num_gpus=num_gpus,
        min_gpu_ram_gb=min_gpu_ram_gb,
        max_price_usd_per_hour=max_price_usd_per_hour,
        min_reliability=min_reliability,
        datacenter=datacenter,
        countries=tuple(countries or ()),
        disk_gb=disk_gb,
        rental=rental,
        template_hash=template_hash,
        hours=hours,
        ports=ports,
        download_gb=download_gb,
        query=query,
        order_by=_columns(order_by),
        limit=limit,
    )
    return OfferList.of(
        await search_market(session.account, search), _closed(session.account.limits())
    )


class TemplateRow(BaseModel):
    """One template; its name and image were written by others."""

    template_hash: str
    untrusted_name: str
    untrusted_image: str
    recommended_disk_gb: float | None = None
    connects: str
    private: bool | None = None

    @classmethod
    def of(cls, template: Template) -> "TemplateRow":
        """The fields a choice is made by."""
        ways = [way for way, has in (("jupyter", template.jupyter), ("ssh", template.ssh)) if has]
        tag = f":{template.tag}" if template.tag else ""
        return cls(
            template_hash=template.hash_id,
            untrusted_name=str(clean_line(template.name, 60)),
            untrusted_image=str(clean_line(f"{template.image}{tag}", 100)),
            recommended_disk_gb=template.recommended_disk_gb,
            connects="+".join(ways) or template.runtype or "unknown",
            private=template.private or None,
        )


class TemplateList(BaseModel):
    """Templates, the most used first."""

    templates: list[TemplateRow]
    matching: int
    next: str


async def search_templates(
    session: Svc,
    query: Annotated[
        str,
        Field(
            max_length=100, description="part of the name or image; default: the recommended ones"
        ),
    ] = "",
    limit: Annotated[int, Field(ge=1, le=25)] = 10,
) -> TemplateList:
    """Find templates: images with their settings, such as vLLM or ComfyUI.

    Use it when a ready-made setup is wanted; pass template_hash to search_offers and
    create_instance. Free.
    """
    fit = await find_templates(session.account, query)
    step = "create_instance(offer_id, template_hash)"
    if len(fit) == TEMPLATES_FETCHED:
        step += f". Only the first {TEMPLATES_FETCHED} were searched: a longer query finds others."
    return TemplateList(
        templates=[TemplateRow.of(template) for template in fit[:limit]],
        matching=len(fit),
        next=step if fit else "No template matches. Try a shorter query, or pass `image`.",
    )


TOOLS = (
    ToolSpec(search_offers, "Search GPU offers", "market", reads=True),
    ToolSpec(search_templates, "Search templates", "market", reads=True),
)
