"""What is served: tools, resources and prompts of one account, for any MCP client."""

import difflib
import inspect
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Protocol

from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.caching import CacheableMethod, CacheHint
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.server.mcpserver import Context, MCPServer, RequestStateSecurity
from mcp.server.mcpserver.exceptions import (
    ResourceError,
    ToolError,
    UnexpectedResourceError,
    UnexpectedToolError,
)
from mcp.server.mcpserver.tools import Tool
from mcp.server.mcpserver.utilities.func_metadata import FuncMetadata
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    CallToolResult,
    CompleteRequestParams,
    CompleteResult,
    Completion,
    GetPromptResult,
    InputRequiredResult,
    Prompt,
    Resource,
    ResourceTemplate,
)
from pydantic import AnyUrl, BaseModel

from vast_mcp import __version__
from vast_mcp.errors import InputInvalid, VastMcpError
from vast_mcp.guard.terminal import on_these_books
from vast_mcp.instructions import instructions
from vast_mcp.policy import Limits
from vast_mcp.prompts import PROMPTS
from vast_mcp.resources import Catalogue, Notices, complete
from vast_mcp.resources.catalogue import MIME_TYPE
from vast_mcp.session import Session
from vast_mcp.text import clean_line
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
from vast_mcp.tools._lifespan import Lifespan
from vast_mcp.tools._spec import ToolSpec
from vast_mcp.tools._strict import StrictTool, lean
from vast_mcp.tools.toolsets import DEFAULT, ServedTools, choose

NAME = "vast"
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
_LISTS: tuple[CacheableMethod, ...] = (
    "tools/list",
    "prompts/list",
    "resources/list",
    "resources/templates/list",
)
_LIST_HINT = CacheHint(ttl_ms=300_000, scope="public")
"""The lists are the same for every caller and never change while serving. Reads are not cached."""


class Opened(Protocol):
    """An account that is open while the server runs."""

    @property
    def session(self) -> Session:
        """What is handed on."""
        ...


@dataclass(frozen=True, slots=True)
class ServerLifespan:
    """What tools, resources and prompts reach through their context."""

    session: Session

    def session_for(self, context: Context[Any, Any]) -> Session:  # noqa: ARG002
        """Those of whoever calls: a verified token's subject is a principal of its own."""
        return self.session_of_caller()

    def session_of_caller(self) -> Session:
        """The same, for handlers that have no context object."""
        token = get_access_token()
        if token is None:
            return self.session
        principal = f"token:{token.subject or token.client_id}"
        return self.session.for_caller(replace(self.session.caller, principal=principal))

    def scrub(self, text: str) -> str:
        """Without any secret value this process knows; commands for a terminal are whole."""
        whole = on_these_books(text, self.session.caller.flags)
        return self.session.account.redactor.scrub(whole)


class VastServer(MCPServer[ServerLifespan]):
    """The SDK's server with our tables behind it instead of its registries."""

    def __init__(self, offer: ServedTools, notices: Notices, **options: Any) -> None:  # noqa: ANN401  the SDK's own
        super().__init__(
            NAME,
            title="Vast.ai GPUs",
            version=__version__,
            tools=strict_tools(offer.served),
            cache_hints=dict.fromkeys(_LISTS, _LIST_HINT),
            subscriptions=notices.bus,
            **options,
        )
        self._offer = offer
        self._served = {spec.name: spec for spec in offer.served}
        self._notices = notices
        self._catalogue = Catalogue()
        self._prompts = {spec.name: spec for spec in PROMPTS}
        self._lowlevel_server.add_request_handler(
            "completion/complete", CompleteRequestParams, self._complete
        )

    async def call_tool(
        self,
        name: str,
        arguments: dict[str, Any],
        context: Context[ServerLifespan, Any] | None = None,
    ) -> CallToolResult | InputRequiredResult:
        """Call a tool; one that is known but not offered says which switch offers it."""
        try:
            return await self._call(name, arguments, context)
        except UnexpectedToolError:
            raise
        except ToolError as error:  # whatever it echoes, a known secret is not in it
            scrub = _session(context).account.redactor.scrub
            raise ToolError(scrub(str(error))) from error.__cause__

    async def _call(
        self,
        name: str,
        arguments: dict[str, Any],
        context: Context[ServerLifespan, Any] | None,
    ) -> CallToolResult | InputRequiredResult:
        spec = self._served.get(name)
        if spec is None:
            raise ToolError(self._offer.absence(name))
        try:
            return await super().call_tool(name, arguments, context)
        finally:  # whatever came of it: an error may have changed something too
            if not spec.reads:
                target = arguments.get("instance_id")
                await self._notices.changed(target if isinstance(target, int) else None)

    async def list_resources(self) -> list[Resource]:
        """Resources with one URI."""
        return self._catalogue.resources()

    async def list_resource_templates(self) -> list[ResourceTemplate]:
        """Resources of one machine."""
        return self._catalogue.templates()

    async def read_resource(
        self, uri: AnyUrl | str, context: Context[ServerLifespan, Any] | None = None
    ) -> Iterable[ReadResourceContents] | InputRequiredResult:
        """Read one with the session of whoever asks."""
        try:
            text = await self._catalogue.read(str(uri), _session(context))
        except (MCPError, ResourceError):
            raise
        except Exception as defect:
            raise UnexpectedResourceError("The resource could not be read.") from defect
        return [ReadResourceContents(content=text, mime_type=MIME_TYPE)]

    async def list_prompts(self) -> list[Prompt]:
        """Every prompt."""
        return [spec.listed() for spec in self._prompts.values()]

    async def get_prompt(
        self,
        name: str,
        arguments: dict[str, Any] | None = None,
        context: Context[ServerLifespan, Any] | None = None,
    ) -> GetPromptResult | InputRequiredResult:
        """Render one; what is wrong comes back as an error that says so."""
        spec = self._prompts.get(name)
        session = _session(context)
        if spec is None:
            message = session.account.redactor.scrub(_no_prompt(name, self._prompts))
            raise MCPError(code=INVALID_PARAMS, message=message)
        try:
            return await spec.render(session, arguments or {}, self._absence)
        except InputInvalid as error:
            message = session.account.redactor.scrub(f"{name}: {error}")
            raise MCPError(code=INVALID_PARAMS, message=message) from error
        except VastMcpError as error:
            message = session.account.redactor.scrub(f"{name}: {error}")
            raise MCPError(code=INTERNAL_ERROR, message=message) from error

    def _absence(self, name: str) -> str:
        known = name in {spec.name for spec in self._offer.known}
        return self._offer.absence(name) if known and name not in self._served else ""

    async def _complete(
        self, ctx: ServerRequestContext[ServerLifespan, Any], params: CompleteRequestParams
    ) -> CompleteResult:
        session = ctx.lifespan_context.session_of_caller()
        values = await complete(session, params.argument.name, params.argument.value)
        return CompleteResult(completion=Completion(values=values, has_more=False))


def _session(context: Context[ServerLifespan, Any] | None) -> Session:
    if context is None:
        raise MCPError(code=INTERNAL_ERROR, message="Asked outside of a request.")
    lifespan: Lifespan = context.request_context.lifespan_context
    return lifespan.session_for(context)


def _no_prompt(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.4)
    hint = f" Did you mean {near[0]}?" if near else ""
    return f"There is no prompt {clean_line(name, 60)!r}.{hint}"


def create_server(
    runtime: Callable[[], AbstractAsyncContextManager[Opened]],
    seal_key: bytes,
    *,
    toolsets: str = DEFAULT,
    read_only: bool = False,
    limits: Limits | None = None,
    simulated: bool = False,
    notices: Notices | None = None,
    **options: Any,  # noqa: ANN401  what the SDK's server takes: auth, token_verifier …
) -> VastServer:
    """A server over a runtime that is opened with its lifespan.

    `limits` are those in force at start-up, for the instructions; `notices` is handed in by who
    also wants to speak through it (the keeper).

    Raises:
        ConfigInvalid: `toolsets` names a set that does not exist.
    """

    @asynccontextmanager
    async def lifespan(_: MCPServer[ServerLifespan]) -> AsyncIterator[ServerLifespan]:
        async with runtime() as opened:
            yield ServerLifespan(opened.session)

    offer = choose(TOOLS, toolsets, read_only=read_only)
    return VastServer(
        offer,
        notices or Notices(),
        instructions=instructions(
            limits or Limits(),
            read_only=read_only,
            simulated=simulated,
            unloaded=offer.unloaded(),
        ),
        lifespan=lifespan,
        request_state_security=RequestStateSecurity(keys=[seal_key]),
        **options,
    )


def strict_tools(specs: Iterable[ToolSpec]) -> list[Tool]:
    """The SDK's tools for declared ones.

    Most share one result type, whose schema is made once: a client waits for this at every start.
    """
    schemas: dict[type[BaseModel], dict[str, Any]] = {}
    return [_strict_tool(spec, schemas) for spec in specs]


def _strict_tool(spec: ToolSpec, schemas: dict[type[BaseModel], dict[str, Any]]) -> StrictTool:
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
