"""Limits in force, plans that wait, and the way to redeem one."""

from typing import Annotated, Any

from pydantic import BaseModel, Field

from vast_mcp.tools._ask import Svc, redeeming
from vast_mcp.tools._result import WriteResult
from vast_mcp.tools._spec import ToolSpec
from vast_mcp.views.rules import policy_summary


class PlanRow(BaseModel):
    """A plan that waits for a yes."""

    plan_id: str
    tool: str
    needs: str
    approved: bool | None = None
    expires: str
    untrusted_question: str | None = None


class PolicyAnswer(BaseModel):
    """What holds now."""

    frozen: str | None = None
    broken: str | None = None
    read_only: bool | None = None
    limits: dict[str, str]
    set_by: dict[str, str] | None = Field(None, description="limits changed from the defaults")
    file: str | None = None
    budgets: list[dict[str, Any]] | None = None
    pending: list[PlanRow]


async def show_policy(session: Svc) -> PolicyAnswer:
    """Spend limits, levels and budgets in force, and plans that wait for a yes. Free.

    Only the user can change limits, in `file`.
    """
    return PolicyAnswer.model_validate(await policy_summary(session))


@redeeming
async def confirm_plan(
    plan_id: Annotated[str, Field(description="from the tool that needs the yes")],
) -> WriteResult:
    """Carry out a plan that waits for a yes, exactly once; it costs what the plan says.

    Call it only after the user has agreed to exactly this plan; it expires in ten minutes.
    """
    raise NotImplementedError  # replaced by `redeeming`


TOOLS = (
    ToolSpec(show_policy, "Show the policy", "guard", reads=True),
    ToolSpec(confirm_plan, "Carry out a confirmed plan", "guard", destroys=True, repeatable=True),
)
