"""The one shape in which every tool that writes answers."""

from pydantic import BaseModel, Field

from vast_mcp.guard.act import Outcome


class WriteResult(BaseModel):
    """What was done, what it costs, what to do next."""

    status: str
    said: str = ""
    next: str | None = None
    warnings: list[str] | None = None
    plan_id: str | None = None
    instance_id: int | None = None
    endpoint_id: int | None = None
    workergroup_id: int | None = None
    replayed: bool | None = None
    usd_per_hour: float | None = None
    max_cost_usd: float | None = Field(None, description="worst case to the lease's end")
    added_usd: float | None = None
    disk_usd_per_day: float | None = None
    lease_ends: str | None = None
    bills: str | None = None
    intent: str | None = None

    @classmethod
    def of(cls, outcome: Outcome) -> "WriteResult":
        """The guard's outcome, flat."""
        return cls.model_validate(
            {
                "status": outcome.status,
                "said": outcome.said,
                "next": outcome.next or None,
                "warnings": list(outcome.warnings) or None,
                **outcome.values,
            }
        )
