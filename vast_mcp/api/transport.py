"""The second wall: what leaves this process is a declared read, or was permitted to the letter.

Everything is judged by the request on the wire, never by what the caller says about it.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl

import httpx2

from vast_mcp.api.permit import Permit
from vast_mcp.errors import PermitMissing
from vast_mcp.operations import OPERATIONS, Host, JsonObject, Operation, digest_of

PERMIT = "permit"
"""The key of a request's extensions under which its permit travels."""
_CROOKED = re.compile(r"//|/\.{1,2}(?:/|$)|%2e|%2f|%5c|\\|%00|%25", re.IGNORECASE)


class WallTransport(httpx2.AsyncBaseTransport):
    """Lets a request through if it is a declared read, or carries its unused permit.

    `bases` are the roots of the vendor's two hosts; they may be one and the same (the simulator
    serves both on one port). A plain GET of a result file passes for an address that
    `allow_download` named, and only without credentials.
    """

    def __init__(self, inner: httpx2.AsyncBaseTransport, bases: Mapping[Host, str]) -> None:
        self._inner = inner
        self._bases = {host: httpx2.URL(base.rstrip("/")) for host, base in bases.items()}
        self._downloads: set[str] = set()

    def allow_download(self, url: str) -> None:
        """Let this one address be fetched without credentials until `end_download`."""
        self._downloads.add(str(httpx2.URL(url)))

    def end_download(self, url: str) -> None:
        """Close the address again."""
        self._downloads.discard(str(httpx2.URL(url)))

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Judge, then send.

        Raises:
            PermitMissing: neither a declared read nor permitted; nothing was sent.
        """
        body = await request.aread()
        if not self._is_download(request, body):
            self._judge(request, body)
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        """Close the transport behind the wall."""
        await self._inner.aclose()

    def _is_download(self, request: httpx2.Request, body: bytes) -> bool:
        bare = not body and not {"authorization", "cookie"} & set(request.headers)
        return bare and request.method == "GET" and str(request.url) in self._downloads

    def _judge(self, request: httpx2.Request, body: bytes) -> None:
        method = request.method.upper()
        fields = _fields(body)
        routes = [
            (operation, path)
            for host, path in self._places(request.url)
            for operation in OPERATIONS
            if operation.host is host
            and operation.matches(method, path)
            and _admits(operation, fields)
        ]
        if not routes:
            raise PermitMissing(f"{method} {request.url.path} is not a declared operation.")
        if all(operation.reads for operation, _ in routes):
            return
        permit = request.extensions.get(PERMIT)
        if not isinstance(permit, Permit):
            raise PermitMissing(f"{routes[0][0].name} was sent without a permit.")
        query = tuple(parse_qsl(request.url.query.decode("ascii"), keep_blank_values=True))
        operation, path = next(route for route in routes if not route[0].reads)
        permit.redeem(digest_of(method, operation.host, path, query, body))

    def _places(self, url: httpx2.URL) -> Iterator[tuple[Host, str]]:
        """Which of the vendor's hosts the address belongs to, and its path there."""
        path = url.raw_path.split(b"?", 1)[0].decode("ascii")
        if url.userinfo or url.fragment or _CROOKED.search(path):
            return
        for host, base in self._bases.items():
            prefix = base.raw_path.decode("ascii").rstrip("/")
            if origin(url) == origin(base) and path.startswith(prefix + "/"):
                yield host, path[len(prefix) :]


def origin(url: httpx2.URL) -> tuple[str, str, int | None]:
    """Scheme, host and port of an address, with the scheme's own port filled in."""
    standard = {"https": 443, "http": 80}.get(url.scheme)
    return url.scheme, url.host, url.port or standard


def _admits(operation: Operation, fields: JsonObject | None) -> bool:
    if operation.admits is None:
        return operation.method != "GET" or not fields
    return fields is not None and operation.admits(fields)


def _fields(body: bytes) -> JsonObject | None:
    """The body as an object; None when there is none.

    Raises:
        PermitMissing: not JSON, not an object, or a name twice (readers differ on which counts).
    """
    if not body:
        return None
    try:
        fields = json.loads(body.decode("utf-8"), object_pairs_hook=_once, parse_constant=_never)
    except (ValueError, RecursionError) as broken:
        raise PermitMissing("The body of this request is not plain JSON.") from broken
    if not isinstance(fields, dict):
        raise PermitMissing("The body of this request is not a JSON object.")
    return fields


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a name stands twice")
    return fields


def _never(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
