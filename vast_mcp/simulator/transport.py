"""The simulator as an in-process network: a transport for `httpx2` clients."""

from collections.abc import AsyncIterator
from urllib.parse import parse_qsl

import httpx2

from vast_mcp.simulator.faults import Severed
from vast_mcp.simulator.simulator import Simulator
from vast_mcp.simulator.wire import DRIPS, Request, Response


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
        if response.drip_s:
            slow = _Dripping(self.simulator, response, request)
            return httpx2.Response(
                response.status, headers=response.headers, stream=slow, request=request
            )
        return httpx2.Response(
            response.status, headers=response.headers, content=response.body, request=request
        )


class _Dripping(httpx2.AsyncByteStream):
    """A body that arrives in portions, on the simulator's clock.

    Real timeouts cannot see simulated time, so the client's patience is acted out: past its read
    timeout, taken for the whole body, it sees what it would see.
    """

    def __init__(self, simulator: Simulator, response: Response, request: httpx2.Request) -> None:
        self._simulator = simulator
        self._response = response
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        patience = self._request.extensions.get("timeout", {}).get("read")
        waited = 0.0
        for piece in self._response.pieces():
            gap = self._response.drip_s / DRIPS
            if patience is not None and waited + gap > patience:
                await self._simulator.pause(patience - waited)
                raise httpx2.ReadTimeout("The read operation timed out", request=self._request)
            await self._simulator.pause(gap)
            waited += gap
            yield piece


def _as_seen(severed: Severed, request: httpx2.Request) -> httpx2.TransportError:
    if severed.how == "refused":
        return httpx2.ConnectError("Connection refused", request=request)
    if severed.how == "reset":
        return httpx2.ReadError("Connection reset by peer", request=request)
    return httpx2.ReadTimeout("The read operation timed out", request=request)
