"""What is served: tools, resources and prompts of one account, for any MCP client."""

import inspect
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from mcp.server.mcpserver import Context, MCPServer, RequestStateSecurity

from vast_mcp import __version__
from vast_mcp.runtime import Runtime
from vast_mcp.services import Services
from vast_mcp.tools import guard, instances
from vast_mcp.tools._spec import ToolSpec
from vast_mcp.tools._strict import StrictTool, lean

NAME = "vast"
TOOLS: tuple[ToolSpec, ...] = (*instances.TOOLS, *guard.TOOLS)


@dataclass(frozen=True, slots=True)
class ServerLifespan:
    """What tools reach through their context."""

    services: Services

    def services_for(self, context: Context[Any, Any]) -> Services:  # noqa: ARG002
        """One principal on stdio and loopback."""
        return self.services

    def scrub(self, text: str) -> str:
        """Without any secret value this process knows."""
        return self.services.redactor.scrub(text)


def create_server(
    runtime: Callable[[], AbstractAsyncContextManager[Runtime]], seal_key: bytes
) -> MCPServer[ServerLifespan]:
    """A server over a runtime that is opened with its lifespan."""

    @asynccontextmanager
    async def lifespan(_: MCPServer[ServerLifespan]) -> AsyncIterator[ServerLifespan]:
        async with runtime() as opened:
            yield ServerLifespan(opened.services)

    return MCPServer(
        NAME,
        title="Vast.ai GPUs",
        version=__version__,
        tools=[strict_tool(spec) for spec in TOOLS],
        lifespan=lifespan,
        request_state_security=RequestStateSecurity(keys=[seal_key]),
    )


def strict_tool(spec: ToolSpec) -> StrictTool:
    """The SDK's tool for a declared one."""
    tool = StrictTool.from_function(
        spec.function,
        name=spec.name,
        title=spec.title,
        description=inspect.cleandoc(spec.function.__doc__ or ""),
        annotations=spec.annotations,
    )
    assert isinstance(tool, StrictTool)
    tool.parameters = {**lean(tool.parameters), "additionalProperties": False}
    return tool
