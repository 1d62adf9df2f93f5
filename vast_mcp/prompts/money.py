"""Prompts about spending and its limits."""

from collections.abc import Mapping
from typing import cast

from vast_mcp.prompts._prompt import PromptField, PromptSpec, Told
from vast_mcp.session import Session
from vast_mcp.views.account import account_summary
from vast_mcp.views.charges import Period, charges_summary
from vast_mcp.views.rules import policy_summary


async def _review_spend(session: Session, given: Mapping[str, str]) -> Told:
    period = cast("Period", given["period"])  # checked against the choices below
    facts = {
        "account": await account_summary(session),
        "charges_by_instance": await charges_summary(session, period, "instance"),
    }
    return Told(
        "vast://spend",
        facts,
        f"Review my Vast.ai spending for this {period} from the facts above. Say in a few lines"
        " what it cost and for what, what is billed now and until when, and how long the credit"
        " lasts. Name what costs money without being used: stopped machines whose disk is billed,"
        " volumes, idle endpoints, machines without a lease. For each suggest one step and what"
        " it saves per day. Change nothing until I say so.",
    )


async def _set_limits(session: Session, given: Mapping[str, str]) -> Told:
    facts = {
        "policy": await policy_summary(session),
        "account": await account_summary(session),
    }
    wish = given["wish"]
    wanted = f' What I want: "{wish}".' if wish else " Ask me first what I want to allow."
    return Told(
        "vast://policy",
        facts,
        f"Help me set the spend limits of this server.{wanted} The facts above are the limits in"
        " force and where changed ones come from. Only I can change them, by editing the policy"
        " file (`vast-mcp policy init` writes one, `vast-mcp policy check` tests it). Write the"
        " TOML lines to add, only the keys that differ, grouped by table: the part of the name"
        " before the dot is the table. Say for each in one line what it then allows or forbids,"
        " and warn about any that is looser than now.",
    )


PROMPTS = (
    PromptSpec(
        "review_spend",
        "Review spending",
        "What was spent, what is billed now, what to end.",
        _review_spend,
        (
            PromptField(
                "period", "day, week or month", default="week", choices=("day", "week", "month")
            ),
        ),
    ),
    PromptSpec(
        "set_limits",
        "Set spend limits",
        "Write the policy lines for the limits you want.",
        _set_limits,
        (PromptField("wish", "what to allow or forbid, in your words", default=""),),
    ),
)
