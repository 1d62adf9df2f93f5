"""One real MCP client over stdio, its server, and the simulator's own books beside them."""

import os
import re
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO, TypeAlias

import anyio
import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp_types import CallToolResult, ElicitRequestParams, ElicitResult, TextContent

from vast_mcp.cli._screen import Screen
from vast_mcp.clock import SystemClock

_KEPT_FROM_ENVIRONMENT = ("PATH", "SYSTEMROOT", "TEMP", "TMPDIR", "LANG", "PYTHONPATH")
_ADDRESS = re.compile(r"simulator itself is at (http://127\.0\.0\.1:\d+)")
_START_S = 20.0
_READS_S = 1.05
Shown: TypeAlias = str | Callable[[Mapping[str, Any]], str]


class DemoFailed(Exception):
    """The server did not come up."""


@dataclass
class Conversation:
    """Calls tools, answers questions as it was told to, remembers what was asked."""

    screen: Screen
    client: Client | None = None
    reply: str = "yes"
    """How the person answers the next question: `yes`, `no` or `wrong digits`."""
    questions: list[str] = field(default_factory=list)

    async def call(
        self, tool: str, arguments: Mapping[str, object], *, reply: str = "yes", shown: Shown = ""
    ) -> tuple[dict[str, Any], str]:
        """Call a tool and show both sides; its fields, and the error's text if it failed.

        `shown` is what to show of the answer: a format string, or what makes a line of its fields.
        """
        assert self.client is not None
        self.reply = reply
        self.screen.call(tool, arguments)
        result = await self.client.call_tool(tool, dict(arguments))
        assert isinstance(result, CallToolResult)
        text = "".join(part.text for part in result.content if isinstance(part, TextContent))
        fields = dict(result.structured_content or {})
        error = text if result.is_error else ""
        self.screen.answer(error or _brief(fields, shown), failed=bool(error))
        return fields, error

    async def looked(self, tool: str) -> dict[str, Any]:
        """The fields of a reading tool's answer, without showing the call."""
        assert self.client is not None
        result = await self.client.call_tool(tool, {})
        assert isinstance(result, CallToolResult)
        return dict(result.structured_content or {})

    async def answer(self, context: Any, params: ElicitRequestParams) -> ElicitResult:  # noqa: ANN401, ARG002  the SDK's context
        """The person at the client."""
        self.questions.append(params.message)
        self.screen.question(params.message)
        await SystemClock().sleep(_READS_S)  # a faster answer would count as nobody's
        if self.reply == "no":
            self.screen.person("No.")
            return ElicitResult(action="decline")
        if "digits" in getattr(params, "requested_schema", {}).get("properties", {}):
            right = re.findall(r"\d{4,}", params.message)[0][-4:]
            digits = right if self.reply == "yes" else f"{(int(right) + 1) % 10_000:04d}"
            self.screen.person(f"types {digits}")
            return ElicitResult(action="accept", content={"digits": digits})
        self.screen.person("Yes.")
        return ElicitResult(action="accept", content={"confirm": True})


def _brief(fields: Mapping[str, Any], shown: Shown) -> str:
    if callable(shown):
        return shown(fields)
    if shown:
        return shown.format_map(_Gaps(fields))
    status, said, then = (fields.get(name, "") for name in ("status", "said", "next"))
    return " ".join(part for part in (f"[{status}]", said, f"Next: {then}" if then else "") if part)


class _Gaps(dict[str, Any]):
    """A field that is not there shows as a gap, not as a crash."""

    def __missing__(self, key: str) -> str:
        return f"<no {key}>"


@dataclass(frozen=True, slots=True)
class Books:
    """The simulator's own account of the money, read beside the server."""

    url: str

    async def read(self) -> dict[str, Any]:
        """What `/simulator/books` says now."""
        async with httpx2.AsyncClient(trust_env=False) as http:
            answer = await http.get(f"{self.url}/simulator/books", timeout=10)
            books: dict[str, Any] = answer.json()
            return books


@asynccontextmanager
async def conversing(
    screen: Screen, home: Path, policy: Path, speed: float
) -> AsyncIterator[tuple[Conversation, Books]]:
    """A client connected to a new server, which works on a new simulator.

    Raises:
        DemoFailed: the server did not come up.
    """
    conversation = Conversation(screen)
    words = ["-m", "vast_mcp", "serve", "--simulate", "--simulate-port", "0", "--seed", "7"]
    # The only program of the demo is its own fixed script; no model is connected.
    words.append("--run-python")
    words += ["--speed", f"{speed:g}", "--policy", str(policy), "--toolsets", "default"]
    environment = {name: os.environ[name] for name in _KEPT_FROM_ENVIRONMENT if name in os.environ}
    environment |= {"HOME": str(home)}
    # Not the home itself: its `vast-mcp` is the directory of copies, which no key may lie in.
    environment |= {"XDG_STATE_HOME": f"{home}/state", "XDG_CONFIG_HOME": f"{home}/config"}
    server = StdioServerParameters(command=sys.executable, args=words, env=environment)
    with (home / "server.log").open("w+", encoding="utf-8") as log:
        wire = stdio_client(server, errlog=log)
        try:
            async with Client(wire, elicitation_callback=conversation.answer) as client:
                conversation.client = client
                yield conversation, Books(await _address(log))
        finally:
            log.flush()


async def _address(log: TextIO) -> str:
    with anyio.move_on_after(_START_S):
        while True:
            log.seek(0)
            if found := _ADDRESS.search(log.read()):
                return found.group(1)
            await SystemClock().sleep(0.05)
    raise DemoFailed("the server did not say where its simulator is")
