"""What the suite calls by name, served by our own factory: `python -m tests.conformance.fixtures`.

The suite tests a server by tools, resources and prompts of an example that it describes. They are
put before our own tables here, and nothing else is: factory, middleware, sealing of questions,
caching and transport are the product's.
"""

import base64
import json
import logging
import sys
import tempfile
import warnings
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any, TypeAlias

import anyio
from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.server.mcpserver import Context
from mcp.shared.exceptions import MCPError
from mcp_types import (
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    CallToolResult,
    EmptyResult,
    GetPromptResult,
    InputRequiredResult,
    Prompt,
    PromptArgument,
    RequestParams,
    Resource,
    ResourceTemplate,
    SamplingMessage,
    SetLevelRequestParams,
    SubscribeRequestParams,
    TextContent,
    Tool,
    UnsubscribeRequestParams,
)
from pydantic import AnyUrl

from tests.world import SEAL_KEY, World
from vast_mcp.clock import SystemClock
from vast_mcp.server import ServerLifespan, VastServer, create_server
from vast_mcp.transports import HttpDoor, serve_http

Ctx: TypeAlias = Context[ServerLifespan, Any]
Answer: TypeAlias = CallToolResult | InputRequiredResult
Answering: TypeAlias = Callable[[Ctx, dict[str, Any]], Awaitable[Answer]]
PAUSE_S = 0.05
PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJg"
    "gg=="
)
WAV = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA="
IMAGE = {"type": "image", "data": PNG, "mimeType": "image/png"}


def said(*content: object, error: bool = False) -> CallToolResult:
    """Content as the protocol has it; a text stands for itself."""
    parts = [{"type": "text", "text": one} if isinstance(one, str) else one for one in content]
    return CallToolResult.model_validate({"content": parts, "isError": error})


def embedded(uri: str, mime_type: str, text: str) -> dict[str, object]:
    """A resource inside an answer."""
    return {"type": "resource", "resource": {"uri": uri, "mimeType": mime_type, "text": text}}


def form(message: str, **properties: object) -> dict[str, object]:
    """A question with fields, all of which are required."""
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    params = {"mode": "form", "message": message, "requestedSchema": schema}
    return {"method": "elicitation/create", "params": params}


def sampling(text: str, most: int) -> dict[str, object]:
    """A question to the client's model."""
    messages = [{"role": "user", "content": {"type": "text", "text": text}}]
    params = {"messages": messages, "maxTokens": most}
    return {"method": "sampling/createMessage", "params": params}


ROOTS: dict[str, object] = {"method": "roots/list", "params": {}}
NAME = form("What is your name?", name={"type": "string"})


def wanted(requests: dict[str, object], state: str | None = None) -> InputRequiredResult:
    """An answer that asks first."""
    asked: dict[str, object] = {"resultType": "input_required", "inputRequests": requests}
    return InputRequiredResult.model_validate(asked | ({"requestState": state} if state else {}))


def once(requests: dict[str, object], state: str | None = None, done: str = "done") -> Answering:
    """A tool that asks once, and again while an answer is missing."""

    async def answer(context: Ctx, _: dict[str, Any]) -> Answer:
        given = context.input_responses or {}
        if not set(requests) <= set(given) or (state and context.request_state != state):
            return wanted(requests, state)
        seen = {key: one.model_dump(mode="json") for key, one in given.items()}
        return said(done, json.dumps(seen))

    return answer


async def several_rounds(context: Ctx, _: dict[str, Any]) -> Answer:
    """A tool that asks twice, one after the other."""
    given = context.input_responses or {}
    if context.request_state == "two" and "step2" in given:
        return said("both steps are done")
    if context.request_state == "one" and "step1" in given:
        colour = form("Step 2: What is your favorite color?", color={"type": "string"})
        return wanted({"step2": colour}, "two")
    return wanted({"step1": form("Step 1: What is your name?", name={"type": "string"})}, "one")


async def by_capability(context: Ctx, _: dict[str, Any]) -> Answer:
    """A tool that asks only what the client can answer."""
    able = context.client_capabilities
    requests: dict[str, object] = {}
    if able and able.sampling is not None:
        requests["sample"] = sampling("Say hello", 20)
    if able and able.elicitation is not None:
        requests["name"] = NAME
    if not requests or set(requests) <= set(context.input_responses or {}):
        return said("done")
    return wanted(requests)


async def needs_sampling(context: Ctx, _: dict[str, Any]) -> Answer:
    """A tool that cannot do without the client's model."""
    able = context.client_capabilities
    if able is None or able.sampling is None:
        raise MCPError(
            code=MISSING_REQUIRED_CLIENT_CAPABILITY,
            message="This tool needs sampling.",
            data={"requiredCapabilities": {"sampling": {}}},
        )
    return said("done")


async def logs(context: Ctx, _: dict[str, Any]) -> Answer:
    """A tool that logs three times."""
    for number, text in enumerate(("started", "processing data", "completed")):
        if number:
            await SystemClock().sleep(PAUSE_S)
        words = f"Tool {text}" if number == 1 else f"Tool execution {text}"
        await context.request_context.session.send_log_message(
            "info", words, related_request_id=context.request_id
        )
    return said("logged")


async def progresses(context: Ctx, _: dict[str, Any]) -> Answer:
    """A tool that tells how far it is."""
    for done in (0, 50, 100):
        await context.report_progress(done, 100)
        await SystemClock().sleep(PAUSE_S)
    return said("done")


async def samples(context: Ctx, given: dict[str, Any]) -> Answer:
    """A tool that asks the client's model."""
    message = SamplingMessage(role="user", content=TextContent(type="text", text=given["prompt"]))
    got = await context.request_context.session.create_message(
        [message], max_tokens=100, related_request_id=context.request_id
    )
    return said(f"LLM response: {getattr(got.content, 'text', got.content)}")


def asks(head: str, message: str, **properties: object) -> Answering:
    """A tool that asks the person in the middle of the call; a call may bring the message."""
    schema = {"type": "object", "properties": properties, "required": []}

    async def answer(context: Ctx, given: dict[str, Any]) -> Answer:
        got = await context.request_context.session.elicit_form(
            given.get("message", message), schema, related_request_id=context.request_id
        )
        return said(f"{head}: action={got.action}, content={json.dumps(got.content)}")

    return answer


def simple(*content: object, error: bool = False) -> Answering:
    """A tool that always answers the same."""

    async def answer(_: Ctx, __: dict[str, Any]) -> Answer:
        return said(*content, error=error)

    return answer


OPTIONS = [f"option{number}" for number in (1, 2, 3)]
TITLED = [{"const": f"value{number}", "title": f"Choice {number}"} for number in (1, 2, 3)]
TOOLS: dict[str, Answering] = {
    "test_simple_text": simple("This is a simple text response for testing."),
    "test_image_content": simple(IMAGE),
    "test_audio_content": simple({"type": "audio", "data": WAV, "mimeType": "audio/wav"}),
    "test_embedded_resource": simple(
        embedded("test://embedded-resource", "text/plain", "This is an embedded resource content.")
    ),
    "test_multiple_content_types": simple(
        "Multiple content types test:",
        IMAGE,
        embedded(
            "test://mixed-content-resource", "application/json", '{"test":"data","value":123}'
        ),
    ),
    "test_error_handling": simple(
        "This tool intentionally returns an error for testing", error=True
    ),
    "test_tool_with_logging": logs,
    "test_tool_with_progress": progresses,
    "test_sampling": samples,
    "test_elicitation": asks(
        "User response", "", username={"type": "string"}, email={"type": "string"}
    ),
    "test_elicitation_sep1034_defaults": asks(
        "Elicitation completed",
        "Please check the defaults",
        name={"type": "string", "default": "John Doe"},
        age={"type": "integer", "default": 30},
        score={"type": "number", "default": 95.5},
        status={"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
        verified={"type": "boolean", "default": True},
    ),
    "test_elicitation_sep1330_enums": asks(
        "Elicitation completed",
        "Please choose",
        untitledSingle={"type": "string", "enum": OPTIONS},
        titledSingle={"type": "string", "oneOf": TITLED},
        legacyEnum={
            "type": "string",
            "enum": ["opt1", "opt2", "opt3"],
            "enumNames": ["Option One", "Option Two", "Option Three"],
        },
        untitledMulti={"type": "array", "items": {"type": "string", "enum": OPTIONS}},
        titledMulti={"type": "array", "items": {"anyOf": TITLED}},
    ),
    "test_input_required_result_elicitation": once({"user_name": NAME}, done="Hello!"),
    "test_input_required_result_sampling": once(
        {"capital_question": sampling("What is the capital of France?", 100)}
    ),
    "test_input_required_result_list_roots": once({"client_roots": ROOTS}),
    "test_input_required_result_request_state": once(
        {"confirm": form("Please confirm", ok={"type": "boolean"})}, "kept", "state-ok"
    ),
    "test_input_required_result_multiple_inputs": once(
        {"user_name": NAME, "greeting": sampling("Generate a greeting", 50), "client_roots": ROOTS},
        "kept",
    ),
    "test_input_required_result_multi_round": several_rounds,
    "test_input_required_result_tampered_state": once({"user_name": NAME}, "kept"),
    "test_input_required_result_capabilities": by_capability,
    "test_missing_capability": needs_sampling,
}
ARGUMENTS = {"test_sampling": "prompt", "test_elicitation": "message"}
TEXTS = {
    "test://static-text": ("text/plain", "This is the content of the static text resource."),
    "test://watched-resource": ("text/plain", "Watched resource content"),
}
PROMPTS: dict[str, tuple[tuple[str, ...], Callable[[dict[str, Any]], list[object]]]] = {
    "test_simple_prompt": ((), lambda _: ["This is a simple prompt for testing."]),
    "test_prompt_with_arguments": (
        ("arg1", "arg2"),
        lambda given: [f"Prompt with arguments: arg1='{given['arg1']}', arg2='{given['arg2']}'"],
    ),
    "test_prompt_with_embedded_resource": (
        ("resourceUri",),
        lambda given: [
            embedded(given["resourceUri"], "text/plain", "Embedded resource content for testing."),
            "Please process the embedded resource above.",
        ],
    ),
    "test_prompt_with_image": ((), lambda _: [IMAGE, "Please analyze the image above."]),
    "test_input_required_result_prompt": ((), lambda _: ["With the context that you gave."]),
}
CONTEXT = form("What context should the prompt use?", context={"type": "string"})


class WithFixtures(VastServer):
    """Our server with the suite's example put before its own tables."""

    async def list_tools(self) -> list[Tool]:
        """Ours and the example's."""
        return [*await super().list_tools(), *(_listed(name) for name in TOOLS)]

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Ctx | None = None
    ) -> Answer:
        """The example's own, or else this server's."""
        if name in TOOLS and context is not None:
            return await TOOLS[name](context, arguments)
        return await super().call_tool(name, arguments, context)

    async def list_resources(self) -> list[Resource]:
        """Ours and the example's."""
        names = [*TEXTS, "test://static-binary"]
        added = [Resource(uri=uri, name=uri, mime_type="text/plain") for uri in names]
        return [*await super().list_resources(), *added]

    async def list_resource_templates(self) -> list[ResourceTemplate]:
        """Ours and the example's."""
        uri = "test://template/{id}/data"
        return [
            *await super().list_resource_templates(),
            ResourceTemplate(uri_template=uri, name="template", mime_type="application/json"),
        ]

    async def read_resource(
        self, uri: AnyUrl | str, context: Ctx | None = None
    ) -> Iterable[ReadResourceContents] | InputRequiredResult:
        """The example's own, or else this server's."""
        name = str(uri)
        if name in TEXTS:
            mime_type, text = TEXTS[name]
            return [ReadResourceContents(content=text, mime_type=mime_type)]
        if name == "test://static-binary":
            return [ReadResourceContents(content=base64.b64decode(PNG), mime_type="image/png")]
        if name.startswith("test://template/"):
            key = name.split("/")[3]
            text = json.dumps({"id": key, "templateTest": True, "data": f"Data for ID: {key}"})
            return [ReadResourceContents(content=text, mime_type="application/json")]
        return await super().read_resource(uri, context)

    async def list_prompts(self) -> list[Prompt]:
        """Ours and the example's."""
        added = [
            Prompt(
                name=name,
                description=name,
                arguments=[PromptArgument(name=one, required=True) for one in arguments],
            )
            for name, (arguments, _) in PROMPTS.items()
        ]
        return [*await super().list_prompts(), *added]

    async def get_prompt(
        self, name: str, arguments: dict[str, Any] | None = None, context: Ctx | None = None
    ) -> GetPromptResult | InputRequiredResult:
        """The example's own, or else this server's."""
        if name not in PROMPTS or context is None:
            return await super().get_prompt(name, arguments, context)
        if name == "test_input_required_result_prompt" and not context.input_responses:
            return wanted({"user_context": CONTEXT})
        texts = PROMPTS[name][1](arguments or {})
        parts = [{"type": "text", "text": one} if isinstance(one, str) else one for one in texts]
        messages = [{"role": "user", "content": part} for part in parts]
        return GetPromptResult.model_validate({"messages": messages})


def _listed(name: str) -> Tool:
    argument = ARGUMENTS.get(name)
    properties = {argument: {"type": "string"}} if argument else {}
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return Tool(name=name, description=name, input_schema=schema)


async def _accepted(_: object, __: RequestParams) -> EmptyResult:
    return EmptyResult()


def built(home: Path) -> WithFixtures:
    """The factory's own server, its class exchanged: the factory has no door for a test's class."""
    server = create_server(World(home).runtime, SEAL_KEY)
    server.__class__ = WithFixtures
    core = server._lowlevel_server
    for method, params in (
        ("logging/setLevel", SetLevelRequestParams),
        ("resources/subscribe", SubscribeRequestParams),
        ("resources/unsubscribe", UnsubscribeRequestParams),
    ):
        core.add_request_handler(method, params, _accepted)
    assert isinstance(server, WithFixtures)
    return server


def main() -> int:
    """Serve over HTTP on a free port until a signal comes."""
    logging.disable(logging.INFO)
    warnings.simplefilter("ignore")  # the example uses what the newest revision deprecates
    with tempfile.TemporaryDirectory() as home:
        server = built(Path(home))

        def ready(address: str) -> None:
            sys.stderr.write(f"serving MCP at {address}\n")
            sys.stderr.flush()

        async def serve() -> int:
            return await serve_http(server, HttpDoor(port=0), on_ready=ready)

        return anyio.run(serve)


if __name__ == "__main__":
    raise SystemExit(main())
