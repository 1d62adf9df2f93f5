"""How a server is reached: over its own stdin and stdout, or over streamable HTTP."""

import hmac
import os
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import anyio
from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings
from mcp.server.lowlevel.server import NotificationOptions
from mcp.server.mcpserver import MCPServer
from mcp.server.stdio import stdio_server
from pydantic import AnyHttpUrl

from vast_mcp.clock import SystemClock
from vast_mcp.errors import ConfigInvalid
from vast_mcp.http_limits import MOST_CONNECTIONS, ExactNames, impatient_protocol

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

PATH = "/mcp"
HEALTH_PATH = "/healthz"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
GRACE_S = 10
_SHORTEST_TOKEN = 16


@dataclass(frozen=True, slots=True)
class HttpDoor:
    """Where HTTP is served and who may come in."""

    host: str = "127.0.0.1"
    port: int = 8765
    token: str = ""
    subject: str = "operator"
    """Whose token it is: the principal of everything done with it."""
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
                f"--host {self.host} is reachable from other computers, so a token is needed.",
                hint="Set VAST_MCP_HTTP_TOKEN or --token-file, or serve on 127.0.0.1.",
            )
        if not self.allowed_hosts:
            raise ConfigInvalid(
                f"--host {self.host} needs the host names it may be called by.",
                hint="Pass --allowed-host NAME for each; others are refused (DNS rebinding).",
            )

    @property
    def names(self) -> list[str]:
        """What this server is called, without a port."""
        bare = [f"[{host}]" if ":" in host else host for host in LOOPBACK]
        local = bare if self.host in LOOPBACK else []
        return [*local, *self.allowed_hosts]

    @property
    def hosts(self) -> list[str]:
        """Values of the Host header that the SDK lets through; `ExactNames` is stricter."""
        return [form for name in self.names for form in (name, f"{name}:*")]

    @property
    def origins(self) -> list[str]:
        """Values of the Origin header that are answered; a client without one is no browser."""
        return [f"{scheme}://{host}" for scheme in ("http", "https") for host in self.hosts]


async def serve_stdio(server: MCPServer[Any]) -> int:
    """Serve until stdin ends (0), or end the process with 128 + the number of a signal.

    The SDK's own runner leaves the lifespan open on SIGTERM and hangs on SIGINT.
    """
    core = server._lowlevel_server  # noqa: SLF001  the SDK has no public way to own the runner
    caught: list[int] = []
    async with stdio_server() as (incoming, outgoing):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_await_signal, caught, tasks.cancel_scope)
            # Neither list changes while it serves: nothing is declared that is never sent.
            options = core.create_initialization_options(
                NotificationOptions(tools_changed=False, resources_changed=False)
            )
            await core.run(incoming, outgoing, options)
            tasks.cancel_scope.cancel()
        if caught:  # the lifespan is closed; the thread that reads stdin cannot be woken
            sys.stderr.flush()
            os._exit(128 + caught[0])
    return 0


async def _await_signal(caught: list[int], scope: anyio.CancelScope) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for number in signals:
            caught.append(int(number))
            scope.cancel()
            return


async def serve_http(
    server: MCPServer[Any], door: HttpDoor, *, on_ready: Callable[[str], None] | None = None
) -> int:
    """Serve streamable HTTP until a signal comes (128 + its number).

    A port of 0 takes a free one; `on_ready` is told the address once it listens.

    Raises:
        ConfigInvalid: the address cannot be listened on.
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
        http=impatient_protocol(),
        limit_concurrency=MOST_CONNECTIONS,
    )
    running = uvicorn.Server(config)
    caught: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        # uvicorn shuts down cleanly and then raises the signal again: here it must find a listener.
        signal.signal(number, lambda got, _: caught.append(got))
    listening = _bound(door)
    async with anyio.create_task_group() as tasks:
        if on_ready is not None:
            tasks.start_soon(_announce, running, door, on_ready)
        try:
            with suppress(SystemExit):  # how newer releases of it give up at the start
                await running.serve(sockets=[listening])
        finally:
            listening.close()
            tasks.cancel_scope.cancel()
    if not running.started:
        return 1
    return 128 + caught[0] if caught else 0


def _bound(door: HttpDoor) -> socket.socket:
    """A socket on the door's address, before anything else is opened.

    Raises:
        ConfigInvalid: it is taken, not this computer's, or not allowed.
    """
    try:
        found = socket.getaddrinfo(door.host, door.port, type=socket.SOCK_STREAM)
        family, kind, protocol, _, address = found[0]
        listening = socket.socket(family, kind, protocol)
        try:
            if sys.platform != "win32":
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
        except OSError:
            listening.close()
            raise
    except OSError as error:
        raise ConfigInvalid(
            f"Cannot listen on {door.host}:{door.port}: {error.strerror or error}.",
            hint="Pass another --port, or 0 for a free one.",
        ) from error
    return listening


def http_app(server: MCPServer[Any], door: HttpDoor) -> "Starlette":
    """The ASGI application: who may call it by which name; the token is the server's matter."""
    from mcp.server.transport_security import TransportSecuritySettings  # noqa: PLC0415

    app = server.streamable_http_app(
        streamable_http_path=PATH,
        host=door.host,
        transport_security=TransportSecuritySettings(
            allowed_hosts=door.hosts, allowed_origins=door.origins
        ),
    )
    app.add_route(HEALTH_PATH, _healthy)
    app.add_middleware(ExactNames, names=door.names)
    return app


async def _healthy(_: "Request") -> "Response":
    """Alive, for whoever watches over processes; nothing of the account is told or asked."""
    from starlette.responses import PlainTextResponse  # noqa: PLC0415

    return PlainTextResponse("ok\n", headers={"cache-control": "no-store"})


class OneToken:
    """The verifier of a server with a single bearer token, compared in constant time."""

    def __init__(self, door: HttpDoor) -> None:
        self._expected = door.token.encode()
        self._subject = door.subject

    async def verify_token(self, token: str) -> AccessToken | None:
        """Whose token it is; None refuses it with 401."""
        if not hmac.compare_digest(token.encode(), self._expected):
            return None
        return AccessToken(token=token, client_id="vast-mcp", scopes=[], subject=self._subject)


def auth_options(door: HttpDoor | None) -> dict[str, Any]:
    """What the server must be made with so that it asks for this door's token."""
    if door is None or not door.token:
        return {}
    # Without a resource URL there is no OAuth metadata, so no client starts a discovery.
    auth = AuthSettings(issuer_url=AnyHttpUrl("https://unused.invalid"), resource_server_url=None)
    return {"auth": auth, "token_verifier": OneToken(door)}


async def _announce(running: Any, door: HttpDoor, on_ready: Callable[[str], None]) -> None:  # noqa: ANN401  uvicorn.Server, imported late
    while not running.started:
        await SystemClock().sleep(0.02)
    port = running.servers[0].sockets[0].getsockname()[1]
    host = f"[{door.host}]" if ":" in door.host else door.host
    on_ready(f"http://{host}:{port}{PATH}")
