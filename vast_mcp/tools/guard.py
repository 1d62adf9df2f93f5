"""Limits in force, plans that wait, and the way to redeem one."""

from typing import Annotated

from pydantic import Field

from vast_mcp.tools._ask import redeeming
from vast_mcp.tools._result import WriteResult
from vast_mcp.tools._spec import ToolSpec


@redeeming
async def confirm_plan(
    plan_id: Annotated[str, Field(description="as answered by the tool that needs the yes")],
) -> WriteResult:
    """Carry out a plan that waits for a yes. Call it only after the person agreed to that plan."""
    raise NotImplementedError  # replaced by `redeeming`


TOOLS = (
    ToolSpec(confirm_plan, "Carry out a confirmed plan", "guard", destroys=True, repeatable=True),
)
