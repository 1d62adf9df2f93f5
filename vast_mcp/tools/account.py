"""The account's money: what is left, what runs, what was charged."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from vast_mcp.tools._ask import Svc
from vast_mcp.tools._result import Partly
from vast_mcp.tools._spec import ToolSpec
from vast_mcp.views.account import account_summary
from vast_mcp.views.charges import charges_summary


class BillingRow(Partly):
    """One thing that bills now."""

    PUBLISHED = ("instance_id", "what", "state", "bills", "why", "usd_per_hour_now", "lease_ends")

    instance_id: int | None = None
    volume_id: int | None = None
    endpoint_id: int | None = None
    intent: str | None = None
    what: str
    state: str | None = None
    bills: str | None = None
    why: str | None = None
    since: str | None = None
    usd_per_hour_now: float | None = None
    usd_per_hour: float | None = None
    made_by: str | None = None
    lease_ends: str | None = None
    untrusted_label: str | None = None


class AccountAnswer(Partly):
    """The account at a glance."""

    PUBLISHED = (
        "credit_usd", "usd_per_hour_now", "runway_hours", "spent_today_usd",
        "reserved_today_usd", "max_usd_per_day", "spent_month_usd", "max_usd_per_month", "budgets",
        "bills_now", "tonight", "warnings",
    )  # fmt: skip

    credit_usd: float
    usd_per_hour_now: float
    usd_per_day_now: float
    runway_hours: float | None = None
    frozen: str | None = None
    spent_today_usd: float | None = None
    reserved_today_usd: float | None = None
    max_usd_per_day: float | None = None
    spent_month_usd: float | None = None
    reserved_usd: float | None = None
    max_usd_per_month: float | None = None
    budgets: list[dict[str, Any]] | None = Field(None, description="per task")
    bills_now: list[BillingRow]
    tonight: list[str] = Field(description="what ends when, and what nothing ends")
    warnings: list[str] | None = None


class ChargeRow(BaseModel):
    """One group of charges."""

    group: str
    untrusted_label: str | None = None
    usd: float
    gpu_usd: float | None = None
    disk_usd: float | None = None
    traffic_usd: float | None = None


class ChargesAnswer(BaseModel):
    """What the vendor charged."""

    from_utc: str = Field(alias="from")
    to_utc: str = Field(alias="to")
    total_usd: float
    charged: list[ChargeRow]
    warnings: list[str] | None = None


async def show_account(session: Svc) -> AccountAnswer:
    """Credit, burn rate, runway, what is billed now (machines, volumes, endpoints), what ends when.

    For what this server rented: spent was billed, reserved is set aside on top. Free.
    """
    return AccountAnswer.model_validate(await account_summary(session))


async def show_charges(
    session: Svc,
    period: Literal["day", "week", "month"] = "week",
    group_by: Literal["instance", "day", "kind"] = "instance",
) -> ChargesAnswer:
    """What Vast.ai actually charged: today, the last 7 days or this month (UTC). Free.

    Also corrects this server's meter. A month by day takes up to half a minute.
    """
    return ChargesAnswer.model_validate(await charges_summary(session, period, group_by))


TOOLS = (
    ToolSpec(show_account, "Show the account", "account", reads=True),
    ToolSpec(show_charges, "Show charges", "account", reads=True),
)
