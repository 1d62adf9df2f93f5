"""How a server is reached: over its own stdin and stdout, or over streamable HTTP."""

import hmac
import json
import signal
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import anyio
from mcp.server.lowlevel.server import NotificationOptions
from mcp.server.mcpserver import MCPServer
from mcp.server.stdio import stdio_server

from vast_mcp.errors import ConfigInvalid

PATH = "/mcp"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
GRACE_S = 10
_SHORTEST_TOKEN = 16
Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Door:
    """Where HTTP is served and who may come in."""

    host: str = "127.0.0.1"
    port: int = 8765
    token: str = ""
    allowed_hosts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """A door that would stand open is refused.

        Raises:
            ConfigInvalid: reachable from other machines without a token or without named hosts.
        """
        if self.token and len(self.token) < _SHORTEST_TOKEN:
            raise ConfigInvalid(f"The HTTP token is shorter than {_SHORTEST_TOKEN} characters.")
        if self.host in LOOPBACK:
            return
        if not self.token:
            raise ConfigInvalid(
                f"--host {self.host} can be reached by others, so a token is needed.",
                hint="Set VAST_MCP_HTTP_TOKEN or --token-file, or serve on 127.0.0.1.",
            )
        if not self.allowed_hosts:
            raise ConfigInvalid(
                f"--host {self.host} needs the names it may be called by.",
                hint="Pass --allowed-host NAME for each; others are refused (DNS rebinding).",
            )

    @property
    def hosts(self) -> list[str]:
        """Values of the Host header that are answered."""
        bare = [f"[{host}]" if ":" in host else host for host in LOOPBACK]
        local = bare if self.host in LOOPBACK else []
        named = [*local, *self.allowed_hosts]
        return [form for name in named for form in (name, f"{name}:*")]

    @property
    def origins(self) -> list[str]:
        """Values of the Origin header that are answered; a client without one is no browser."""
        return [f"{scheme}://{host}" for scheme in ("http", "https") for host in self.hosts]


async def serve_stdio(server: MCPServer[Any]) -> int:
    """Serve until stdin ends (0) or a signal comes (128 + its number).

    The SDK's own runner leaves the lifespan open on SIGTERM and hangs on SIGINT. After a signal the
    caller has to leave with `os._exit`: the thread that reads stdin cannot be interrupted.
    """
    core = server._lowlevel_server  # noqa: SLF001  the SDK has no public way to own the runner
    caught: list[int] = []
    async with stdio_server() as (incoming, outgoing), anyio.create_task_group() as tasks:
        tasks.start_soon(_await_signal, caught, tasks.cancel_scope)
        options = core.create_initialization_options(
            NotificationOptions(tools_changed=False, resources_changed=True)
        )
        await core.run(incoming, outgoing, options)
        tasks.cancel_scope.cancel()
    return 128 + caught[0] if caught else 0


async def _await_signal(caught: list[int], scope: anyio.CancelScope) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for number in signals:
            caught.append(int(number))
            scope.cancel()
            return


async def serve_http(
    server: MCPServer[Any], door: Door, *, on_ready: Callable[[str], None] | None = None
) -> int:
    """Serve streamable HTTP until a signal comes (0); 1 when the port cannot be had.

    A port of 0 takes a free one; `on_ready` is told the address once it listens.
    """
    import uvicorn  # noqa: PLC0415  only this transport pays for it

    config = uvicorn.Config(
        http_app(server, door),
        host=door.host,
        port=door.port,
        timeout_graceful_shutdown=GRACE_S,
        log_config=None,
        access_log=False,
        server_header=False,
    )
    running = uvicorn.Server(config)
    async with anyio.create_task_group() as tasks:
        if on_ready is not None:
            tasks.start_soon(_announce, running, door, on_ready)
        try:
            await running.serve()
        except SystemExit:  # how uvicorn says that it could not bind
            return 1
        finally:
            tasks.cancel_scope.cancel()
    return 0 if running.started else 1


def http_app(server: MCPServer[Any], door: Door) -> App:
    """The ASGI application: host and origin checked by the SDK, the token by us."""
    from mcp.server.transport_security import TransportSecuritySettings  # noqa: PLC0415

    app = server.streamable_http_app(
        streamable_http_path=PATH,
        host=door.host,
        transport_security=TransportSecuritySettings(
            allowed_hosts=door.hosts, allowed_origins=door.origins
        ),
    )
    return TokenGate(app, door.token) if door.token else app


class TokenGate:
    """Lets nothing through without the bearer token, compared in constant time."""

    def __init__(self, app: App, token: str) -> None:
        self._app = app
        self._expected = token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 401, or hand on."""
        if scope["type"] == "http" and not self._admits(scope["headers"]):
            await _refuse(send)
            return
        await self._app(scope, receive, send)

    def _admits(self, headers: Sequence[tuple[bytes, bytes]]) -> bool:
        given = [value for name, value in headers if name.lower() == b"authorization"]
        if len(given) != 1:
            return False
        scheme, _, token = given[0].partition(b" ")
        matches = hmac.compare_digest(token.strip(), self._expected)
        return scheme.lower() == b"bearer" and matches


async def _refuse(send: Send) -> None:
    body = json.dumps({"error": "invalid_token", "error_description": "A bearer token is needed."})
    headers = [
        (b"content-type", b"application/json"),
        (b"www-authenticate", b'Bearer error="invalid_token"'),
    ]
    await send({"type": "http.response.start", "status": 401, "headers": headers})
    await send({"type": "http.response.body", "body": body.encode()})


async def _announce(running: Any, door: Door, on_ready: Callable[[str], None]) -> None:  # noqa: ANN401  uvicorn.Server, imported late
    while not running.started:  # noqa: ASYNC110  uvicorn has no event for it
        await anyio.sleep(0.02)  # noqa: TID251  waits for a socket, not for a clock
    port = running.servers[0].sockets[0].getsockname()[1]
    host = f"[{door.host}]" if ":" in door.host else door.host
    on_ready(f"http://{host}:{port}{PATH}")
