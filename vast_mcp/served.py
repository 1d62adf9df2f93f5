"""Everything that is served, whole: tools as the SDK runs them, prompts, resources, completions.

Nearly all of our modules hang on this one, so the server imports it after the first listing has
left (`opening.py`). What that listing says is in `tools/listed/`, written from here.
"""

import inspect
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from mcp.server.mcpserver.tools import Tool
from mcp.server.mcpserver.utilities.func_metadata import FuncMetadata
from pydantic import BaseModel

from vast_mcp.prompts import PROMPTS, PromptSpec
from vast_mcp.resources.catalogue import Catalogue
from vast_mcp.resources.completions import complete
from vast_mcp.session import Session
from vast_mcp.tools import (
    account,
    declared,
    disk,
    guard,
    instances,
    jobs,
    lifecycle,
    market,
    serverless,
    work,
)
from vast_mcp.tools._spec import ToolSpec
from vast_mcp.tools._strict import StrictTool, lean
from vast_mcp.tools.absence import absence
from vast_mcp.tools.toolsets import Choosable, ServedTools

TOOLS: tuple[ToolSpec, ...] = (
    *market.TOOLS,
    *instances.TOOLS,
    *lifecycle.TOOLS,
    *declared.TOOLS,
    *disk.TOOLS,
    *jobs.TOOLS,
    *work.TOOLS,
    *serverless.TOOLS,
    *account.TOOLS,
    *guard.TOOLS,
)


@dataclass(frozen=True, slots=True)
class Served:
    """The tables behind the lists."""

    catalogue: Catalogue
    prompts: dict[str, PromptSpec]
    specs: dict[str, ToolSpec]
    _built: dict[str, StrictTool] = field(default_factory=dict)

    def tool(self, name: str) -> StrictTool:
        """The tool of this name; its argument model is made when it is first called."""
        if name not in self._built:
            self._built[name] = strict_tool(self.specs[name], {})
        return self._built[name]

    def absence(self, offer: ServedTools[Choosable], name: str) -> str:
        """What to say to a call of a tool that is not served."""
        return absence(offer, name)

    async def complete(self, session: Session, argument: str, typed: str) -> list[str]:
        """Values for this argument of a prompt or a resource that fit what was typed."""
        return await complete(session, argument, typed)


def load() -> Served:
    """New tables; importing this module is what takes long."""
    return Served(
        Catalogue(), {spec.name: spec for spec in PROMPTS}, {spec.name: spec for spec in TOOLS}
    )


def strict_tools(specs: Iterable[ToolSpec]) -> list[Tool]:
    """The SDK's tools for declared ones; most share one result type, whose schema is made once."""
    schemas: dict[type[BaseModel], dict[str, Any]] = {}
    return [strict_tool(spec, schemas) for spec in specs]


def strict_tool(spec: ToolSpec, schemas: dict[type[BaseModel], dict[str, Any]]) -> StrictTool:
    """One of them; `schemas` are those of results that are known by now."""
    tool = StrictTool.from_function(
        spec.function,
        name=spec.name,
        title=spec.title,
        description=inspect.cleandoc(spec.function.__doc__ or ""),
        annotations=spec.annotations,
        structured_output=False,
    )
    assert isinstance(tool, StrictTool)
    tool.parameters = {**lean(tool.parameters), "additionalProperties": False}
    answer: type[BaseModel] = inspect.signature(spec.function).return_annotation
    if answer not in schemas:
        schemas[answer] = lean(answer.model_json_schema(), output=True)
    tool.fn_metadata = FuncMetadata(
        arg_model=tool.fn_metadata.arg_model, output_schema=schemas[answer], output_model=answer
    )
    return tool
