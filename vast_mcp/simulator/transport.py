"""The simulator as an in-process network: a transport for `httpx2` clients."""

from urllib.parse import parse_qsl

import httpx2

from vast_mcp.simulator.faults import Severed
from vast_mcp.simulator.simulator import Simulator
from vast_mcp.simulator.wire import Request


class SimulatorTransport(httpx2.AsyncBaseTransport):
    """Whatever host a client names, this simulator answers; nothing leaves the process.

    Where a fault severs the connection the client sees what it would see on a network:
    `ReadTimeout`, `ReadError` or `ConnectError`.
    """

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Hand the request over and bring the answer back."""
        plain = Request(
            method=request.method,
            path=request.url.path,
            query=dict(parse_qsl(request.url.query.decode(), keep_blank_values=True)),
            headers={name.lower(): value for name, value in request.headers.items()},
            body=await request.aread(),
        )
        try:
            response = await self.simulator.handle(plain)
        except Severed as severed:
            raise _as_seen(severed, request) from severed
        return httpx2.Response(
            response.status, headers=response.headers, content=response.body, request=request
        )


def _as_seen(severed: Severed, request: httpx2.Request) -> httpx2.TransportError:
    if severed.how == "refused":
        return httpx2.ConnectError("Connection refused", request=request)
    if severed.how == "reset":
        return httpx2.ReadError("Connection reset by peer", request=request)
    return httpx2.ReadTimeout("The read operation timed out", request=request)
