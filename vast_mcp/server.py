"""What is served: tools, resources and prompts of one account, for any MCP client."""

import difflib
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import anyio.to_thread
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
    Tool,
)
from pydantic import AnyUrl

from vast_mcp import __version__
from vast_mcp.clock import Clock
from vast_mcp.errors import InputInvalid, VastMcpError
from vast_mcp.guard.terminal import on_these_books
from vast_mcp.instructions import instructions
from vast_mcp.opening import Opening
from vast_mcp.policy import Limits
from vast_mcp.resources.notices import Notices
from vast_mcp.text import clean_line
from vast_mcp.tools.listing import ListedTool, definitions, known_tools
from vast_mcp.tools.toolsets import DEFAULT, ServedTools, choose

if TYPE_CHECKING:
    from vast_mcp.served import Served
    from vast_mcp.session import Session

NAME = "vast"
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
    def session(self) -> "Session":
        """What is handed on."""
        ...


@dataclass(frozen=True, slots=True)
class ServerLifespan:
    """What tools, resources and prompts reach through their context."""

    opening: Opening[Opened]

    async def ready(self) -> "Session":
        """The session of whoever calls, as soon as the account is open."""
        await self.opening.account()
        return self.session_of_caller()

    def session_for(self, context: Context[Any, Any]) -> "Session":  # noqa: ARG002
        """Those of whoever calls: a verified token's subject is a principal of its own."""
        return self.session_of_caller()

    def session_of_caller(self) -> "Session":
        """The same, for handlers that have no context object."""
        session = self.opening.opened().session
        token = get_access_token()
        if token is None:
            return session
        principal = f"token:{token.subject or token.client_id}"
        return session.for_caller(replace(session.caller, principal=principal))

    def scrub(self, text: str) -> str:
        """Without any secret value this process knows; commands for a terminal are whole."""
        session = self.opening.opened().session
        return session.account.redactor.scrub(on_these_books(text, session.caller.flags))


class VastServer(MCPServer[ServerLifespan]):
    """The SDK's server with our tables behind it instead of its registries."""

    def __init__(
        self,
        offer: ServedTools[ListedTool],
        notices: Notices,
        **options: Any,  # noqa: ANN401  the SDK's own
    ) -> None:
        super().__init__(
            NAME,
            title="Vast.ai GPUs",
            version=__version__,
            cache_hints=dict.fromkeys(_LISTS, _LIST_HINT),
            subscriptions=notices.bus,
            **options,
        )
        self._offer = offer
        self._served = {tool.name: tool for tool in offer.served}
        self._definitions = {tool.name: tool for tool in definitions(self._served)}
        self._notices = notices
        self._openings: set[Opening[Opened]] = set()
        self._tables: Served | None = None
        self._lowlevel_server.add_request_handler(
            "completion/complete", CompleteRequestParams, self._complete
        )

    @asynccontextmanager
    async def lifespan_of(self, opening: Opening[Opened]) -> AsyncIterator[ServerLifespan]:
        """One run of this server, over an account of its own."""
        self._openings.add(opening)
        try:
            async with opening.running():
                yield ServerLifespan(opening)
        finally:
            self._openings.discard(opening)

    async def list_tools(self) -> list[Tool]:
        """Those that are served, as their files say."""
        for opening in self._openings:
            opening.listed()
        return list(self._definitions.values())

    def _tool_input_schema(self, name: str) -> dict[str, Any] | None:
        """Asked by the HTTP transport before a call; the SDK would look in its own registry."""
        tool = self._definitions.get(name)
        return None if tool is None else tool.input_schema

    async def _table(self) -> "Served":
        """The tables; a thread imports them, so that the server goes on answering meanwhile."""
        if self._tables is None:
            self._tables = await anyio.to_thread.run_sync(_load)
        return self._tables

    async def call_tool(
        self,
        name: str,
        arguments: dict[str, Any],
        context: Context[ServerLifespan, Any] | None = None,
    ) -> CallToolResult | InputRequiredResult:
        """Call a tool; one that is known but not offered says which switch offers it."""
        session = await _session(context)
        try:
            return await self._call(name, arguments, context)
        except UnexpectedToolError:
            raise
        except ToolError as error:  # whatever it echoes, a known secret is not in it
            raise ToolError(session.account.redactor.scrub(str(error))) from error.__cause__

    async def _call(
        self,
        name: str,
        arguments: dict[str, Any],
        context: Context[ServerLifespan, Any] | None,
    ) -> CallToolResult | InputRequiredResult:
        tables = await self._table()
        listed = self._served.get(name)
        if listed is None:
            raise ToolError(tables.absence(self._offer, name))
        assert context is not None
        tool = tables.tool(name)
        try:
            result: CallToolResult | InputRequiredResult = await tool.run(
                arguments, context, convert_result=True
            )
            return result
        finally:  # whatever came of it: an error may have changed something too
            if not listed.reads:
                target = arguments.get("instance_id")
                await self._notices.changed(target if isinstance(target, int) else None)

    async def list_resources(self) -> list[Resource]:
        """Resources with one URI."""
        return (await self._table()).catalogue.resources()

    async def list_resource_templates(self) -> list[ResourceTemplate]:
        """Resources of one machine."""
        return (await self._table()).catalogue.templates()

    async def read_resource(
        self, uri: AnyUrl | str, context: Context[ServerLifespan, Any] | None = None
    ) -> Iterable[ReadResourceContents] | InputRequiredResult:
        """Read one with the session of whoever asks."""
        session = await _session(context)
        catalogue = (await self._table()).catalogue
        try:
            text = await catalogue.read(str(uri), session)
        except (MCPError, ResourceError):
            raise
        except Exception as defect:
            raise UnexpectedResourceError("The resource could not be read.") from defect
        return [ReadResourceContents(content=text, mime_type=catalogue.mime_type)]

    async def list_prompts(self) -> list[Prompt]:
        """Every prompt."""
        return [spec.listed() for spec in (await self._table()).prompts.values()]

    async def get_prompt(
        self,
        name: str,
        arguments: dict[str, Any] | None = None,
        context: Context[ServerLifespan, Any] | None = None,
    ) -> GetPromptResult | InputRequiredResult:
        """Render one; what is wrong comes back as an error that says so."""
        session = await _session(context)
        tables = await self._table()
        spec = tables.prompts.get(name)
        if spec is None:
            message = session.account.redactor.scrub(_no_prompt(name, tables.prompts))
            raise MCPError(code=INVALID_PARAMS, message=message)
        try:
            return await spec.render(session, arguments or {}, partial(self._absence, tables))
        except InputInvalid as error:
            message = session.account.redactor.scrub(f"{name}: {error}")
            raise MCPError(code=INVALID_PARAMS, message=message) from error
        except VastMcpError as error:
            message = session.account.redactor.scrub(f"{name}: {error}")
            raise MCPError(code=INTERNAL_ERROR, message=message) from error

    def _absence(self, tables: "Served", name: str) -> str:
        known = name in {tool.name for tool in self._offer.known}
        return tables.absence(self._offer, name) if known and name not in self._served else ""

    async def _complete(
        self, ctx: ServerRequestContext[ServerLifespan, Any], params: CompleteRequestParams
    ) -> CompleteResult:
        session = await ctx.lifespan_context.ready()
        tables = await self._table()
        values = await tables.complete(session, params.argument.name, params.argument.value)
        return CompleteResult(completion=Completion(values=values, has_more=False))


async def _session(context: Context[ServerLifespan, Any] | None) -> "Session":
    if context is None:
        raise MCPError(code=INTERNAL_ERROR, message="Asked outside a request.")
    lifespan: ServerLifespan = context.request_context.lifespan_context
    return await lifespan.ready()


def _load() -> "Served":
    from vast_mcp.served import load  # noqa: PLC0415  most of our modules: after the first listing

    return load()


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
    open_after_listing: Clock | None = None,
    **options: Any,  # noqa: ANN401  what the SDK's server takes: auth, token_verifier …
) -> VastServer:
    """A server over a runtime, opened with its lifespan or, given a clock, after the first listing.

    `limits` are those in force at start-up, for the instructions; `notices` is handed in by who
    also wants to speak through it (the keeper).

    Raises:
        ConfigInvalid: `toolsets` names a set that does not exist.
    """

    @asynccontextmanager
    async def lifespan(_: MCPServer[ServerLifespan]) -> AsyncIterator[ServerLifespan]:
        async with server.lifespan_of(Opening(runtime, open_after_listing)) as lifespan:
            yield lifespan

    offer = choose(known_tools(), toolsets, read_only=read_only)
    server = VastServer(
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
    return server
