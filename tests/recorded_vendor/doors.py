"""The two ways to the recorded vendor: in memory on a clock that leaps, and on a loopback port."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2

from tests.recorded_vendor.vendor import Answer, RecordedVendor


class InMemory(httpx2.AsyncBaseTransport):
    """A transport whose other end is the vendor's own object."""

    def __init__(self, vendor: RecordedVendor) -> None:
        self._vendor = vendor

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Ask the vendor."""
        found = ask(
            self._vendor,
            request.method,
            str(request.url),
            request.headers.get("authorization", ""),
            request.content,
        )
        return httpx2.Response(found.status, headers=_headers(found), content=found.content)


def ask(vendor: RecordedVendor, method: str, url: str, bearer: str, body: bytes) -> Answer:
    """One request as it came over the wire."""
    parts = urlsplit(url)
    key = bearer.removeprefix("Bearer ") or None
    sent = json.loads(body) if body.strip() else {}
    return vendor.answer(method, parts.path, dict(parse_qsl(parts.query)), key, sent)


def _headers(found: Answer) -> dict[str, str]:
    kind = "text/plain" if isinstance(found.body, str) else "application/json"
    return {"content-type": kind, **found.headers}


@contextmanager
def on_loopback(vendor: RecordedVendor) -> Iterator[str]:
    """The vendor on a port of this machine while the block lasts; its address."""
    one_at_a_time = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            bearer = self.headers.get("authorization", "")
            with one_at_a_time:
                found = ask(vendor, self.command, self.path, bearer, body)
            content = found.content
            self.send_response(found.status)
            for name, value in (_headers(found) | {"content-length": str(len(content))}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_PUT = do_POST = do_DELETE = _serve  # noqa: N815  the library's names

        def log_message(self, *_: Any) -> None:  # noqa: ANN401  what the library passes
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    vendor.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield vendor.address
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
