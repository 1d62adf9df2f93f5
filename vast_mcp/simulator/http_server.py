"""The simulator on a loopback port: a small HTTP/1.1 server over asyncio streams.

No web framework: a severed answer has to close the connection in the middle, signals belong to the
program around it, and the import stays cheap.
"""

import asyncio
import contextlib
import re
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit

from vast_mcp.simulator.faults import Severed
from vast_mcp.simulator.wire import DRIPS, Request, Response

if TYPE_CHECKING:
    from vast_mcp.simulator.simulator import Simulator

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_LARGEST_BODY = 16 * 1024 * 1024
_HEAD_TIMEOUT_S = 30.0
_MOST_HEADERS = 100
# The vendor's own names too: programs that have them built in are led here by their sockets, and no
# page of a stranger can bear them.
_HOST = re.compile(
    r"(127\.0\.0\.1|localhost|\[::1\]|(console|cloud|run)\.vast\.ai)(:[0-9]{1,5})?", re.IGNORECASE
)
_MISDIRECTED = Response(
    421,
    {"content-type": "text/plain"},
    b"This simulator answers to the names 127.0.0.1 and localhost only.\n",
)
_REMEMBERED = 10_000
"""Requests a served simulator keeps for its record; the counts in its books go on."""


async def serve_http(
    simulator: "Simulator",
    port: int,
    host: str = "127.0.0.1",
    *,
    on_ready: Callable[[int], None] | None = None,
) -> None:
    """Serve until cancelled. Port 0 takes a free one; `on_ready` is told which, once it listens.

    Raises:
        ValueError: `host` is not a loopback address: the books and the key are open to callers.
        OSError: the port is taken.
    """
    if host not in _LOOPBACK:
        raise ValueError(f"the simulator listens on loopback only, not on {host}")
    simulator.remember_only(_REMEMBERED)
    open_writers: set[asyncio.StreamWriter] = set()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_writers.add(writer)
        try:
            await _converse(simulator, reader, writer)
        finally:
            open_writers.discard(writer)
            writer.close()

    server = await asyncio.start_server(converse, host, port)
    try:
        if on_ready is not None:
            on_ready(server.sockets[0].getsockname()[1])
        await asyncio.Event().wait()
    finally:
        server.close()
        for writer in list(open_writers):
            writer.transport.abort()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(server.wait_closed(), timeout=2)


async def _converse(
    simulator: "Simulator", reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, TimeoutError):
        while (request := await _read(reader)) is not None:
            if not _names_loopback(request.headers.get("host", "")):
                writer.write(_head(_MISDIRECTED, keep=False) + _MISDIRECTED.body)
                await writer.drain()
                return
            try:
                response = await simulator.handle(request)
            except Severed as severed:
                if severed.how != "timeout":
                    writer.transport.abort()
                return
            keep = request.headers.get("connection", "").lower() != "close"
            writer.write(_head(response, keep=keep))
            if request.method != "HEAD":
                await _drip(simulator, writer, response)
            await writer.drain()
            if not keep:
                return


def _names_loopback(host: str) -> bool:
    """Whether a Host header is exactly our own: a page behind a rebound name sends its name."""
    return _HOST.fullmatch(host) is not None


async def _drip(simulator: "Simulator", writer: asyncio.StreamWriter, response: Response) -> None:
    """Write the body, slowly if it shall drip."""
    if not response.drip_s:
        writer.write(response.body)
        return
    for piece in response.pieces():
        await simulator.pause(response.drip_s / DRIPS)
        writer.write(piece)
        await writer.drain()


async def _read(reader: asyncio.StreamReader) -> Request | None:
    """The next request of a connection; None when the client has left or speaks no HTTP.

    Raises:
        TimeoutError: it began and did not come to its end in time.
    """
    first = await reader.readline()
    async with asyncio.timeout(_HEAD_TIMEOUT_S):
        return await _read_on(first, reader)


async def _read_on(first: bytes, reader: asyncio.StreamReader) -> Request | None:
    line = first.decode("latin-1").strip()
    parts = line.split(" ")
    if len(parts) != 3:
        return None
    headers: dict[str, str] = {}
    while (text := (await reader.readline()).decode("latin-1").strip()) != "":
        name, _, value = text.partition(":")
        key = name.strip().lower()
        if len(headers) >= _MOST_HEADERS or (key == "host" and key in headers):
            return None
        headers[key] = value.strip()
    stated = headers.get("content-length", "")
    length = int(stated) if stated.isdigit() else 0
    if length > _LARGEST_BODY:
        return None
    body = await reader.readexactly(length)
    target = urlsplit(parts[1])
    query = dict(parse_qsl(target.query, keep_blank_values=True))
    return Request(parts[0], unquote(target.path), query, headers, body)


def _head(response: Response, *, keep: bool) -> bytes:
    lines = [f"HTTP/1.1 {response.status} {_phrase(response.status)}"]
    lines += [f"{name}: {value}" for name, value in response.headers.items()]
    lines += [
        f"content-length: {len(response.body)}",
        f"connection: {'keep-alive' if keep else 'close'}",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:  # the vendor really answers 483 (docs/vendor-api.md#errors)
        return "Vendor"
