"""The one shape in which every tool that writes answers."""

from typing import Any, ClassVar

from pydantic import BaseModel, Field, GetJsonSchemaHandler
from pydantic_core import CoreSchema

from vast_mcp.guard.act import Outcome


class Partly(BaseModel):
    """An answer whose listing names a part of its fields: those that a reader needs to know of.

    The schema stands in the listing of every tool that answers so. What else a machine has is told
    by the answer itself, and a schema allows more than it lists.
    """

    PUBLISHED: ClassVar[tuple[str, ...]]

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """The published part of the schema."""
        schema = handler(core_schema)
        fields = {name: schema["properties"][name] for name in cls.PUBLISHED}
        required = [name for name in schema.get("required", ()) if name in fields]
        return {**schema, "properties": fields, "required": required}


class WriteResult(Partly):
    """What was done, what it costs, what to do next."""

    PUBLISHED = ("status", "said", "next", "warnings", "plan_id", "instance_id")

    status: str
    said: str = ""
    next: str | None = None
    warnings: list[str] | None = None
    plan_id: str | None = None
    instance_id: int | None = None
    machines: list[dict[str, Any]] | None = None
    endpoint_id: int | None = None
    workergroup_id: int | None = None
    job_id: str | None = None
    replayed: bool | None = None
    usd_per_hour: float | None = None
    max_cost_usd: float | None = Field(None, description="worst case until the lease ends")
    task: str | None = None
    left_usd: float | None = Field(None, description="of the task's budget")
    added_usd: float | None = None
    disk_usd_per_day: float | None = None
    lease_ends: str | None = None
    lease_layers: list[str] | None = None
    bills: str | None = None
    intent: str | None = None
    exit_code: int | None = None
    signal: str | None = None
    seconds: float | None = None
    untrusted_output: str | None = None
    output_bytes: int | None = None
    output_path: str | None = None
    url: str | None = None
    copy_id: str | None = None
    path: str | None = None
    files: int | None = None
    unchanged: int | None = None
    bytes: int | None = None
    done_bytes: int | None = None
    total_bytes: int | None = None
    bytes_per_second: int | None = None
    verified: str | None = None
    skipped: int | None = None
    untrusted_skipped: list[str] | None = None

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
                **outcome.shown,
            }
        )
