"""A way to the vendor that keeps what it answered, and can be shut to everything but reads."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import httpx2

from vast_mcp.errors import PermitMissing
from vast_mcp.operations import OPERATIONS, JsonObject, Operation
from vast_mcp.vendor_shapes import ReplyKind

KINDS: Mapping[str, ReplyKind] = MappingProxyType(
    {
        "show_account": ReplyKind.USER,
        "search_offers": ReplyKind.OFFERS,
        "search_templates": ReplyKind.TEMPLATES,
        "list_instances": ReplyKind.INSTANCES,
        "show_instance": ReplyKind.INSTANCE,
        "list_ssh_keys": ReplyKind.SSH_KEYS,
        "list_charges": ReplyKind.CHARGES,
        "list_endpoints": ReplyKind.ENDPOINTS,
        "list_workergroups": ReplyKind.WORKERGROUPS,
        "list_workers": ReplyKind.WORKERS,
        "list_volumes": ReplyKind.VOLUMES,
        "show_inbox": ReplyKind.NOTIFICATION_INBOX,
        "request_logs": ReplyKind.REQUEST_LOGS,
        "create_instance": ReplyKind.CREATED,
        "start_instance": ReplyKind.CHANGED,
        "stop_instance": ReplyKind.CHANGED,
        "label_instance": ReplyKind.CHANGED,
        "destroy_instance": ReplyKind.CHANGED,
    }
)
"""Operation to the kind of its answer; the others are read and not compared."""


@dataclass(frozen=True, slots=True)
class TappedReply:
    """One answer: of which operation, its status, and its body (a text where it is no JSON)."""

    operation: Operation
    status: int
    body: object

    @property
    def kind(self) -> ReplyKind | None:
        """What it has to look like; None for a kind that has no shape."""
        return ReplyKind.REFUSAL if self.status >= 400 else KINDS.get(self.operation.name)


class Tap(httpx2.AsyncBaseTransport):
    """Passes requests on and keeps every answer of a declared operation.

    With `reads_only` whatever is not a declared read is stopped here, before it leaves.
    """

    def __init__(
        self, inner: httpx2.AsyncBaseTransport, bases: tuple[str, ...], *, reads_only: bool
    ) -> None:
        self._inner = inner
        self._prefixes = [httpx2.URL(base).path.rstrip("/") for base in bases]
        self._reads_only = reads_only
        self.seen: list[TappedReply] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Judge, send, keep.

        Raises:
            PermitMissing: something that is no read, while only reads may pass.
        """
        operation = self._operation(request, await request.aread())
        is_file = operation is None and request.method == "GET" and not _has_key(request)
        if self._reads_only and not is_file and (operation is None or not operation.reads):
            raise PermitMissing(f"{request.method} {request.url.path} is not a read; not sent.")
        response = await self._inner.handle_async_request(request)
        if operation is None:
            return response
        content = await response.aread()
        await response.aclose()
        self.seen.append(TappedReply(operation, response.status_code, _decoded(content)))
        kept = {
            name: value
            for name, value in response.headers.items()
            if name.lower() not in {"content-encoding", "content-length", "transfer-encoding"}
        }
        return httpx2.Response(response.status_code, headers=kept, content=content)

    async def aclose(self) -> None:
        """Close what is underneath."""
        await self._inner.aclose()

    def _operation(self, request: httpx2.Request, body: bytes) -> Operation | None:
        """The declared operation of a request; of several a write, to be on the safe side."""
        fields = _decoded(body) if body else {}
        sent: JsonObject = fields if isinstance(fields, dict) else {}
        found = [
            operation
            for prefix in self._prefixes
            if request.url.path.startswith(f"{prefix}/")
            for operation in OPERATIONS
            if operation.matches(request.method, request.url.path.removeprefix(prefix))
            and (operation.admits is None or operation.admits(sent))
        ]
        return min(found, key=lambda operation: operation.reads, default=None)


def _has_key(request: httpx2.Request) -> bool:
    return "authorization" in request.headers


def _decoded(content: bytes) -> object:
    try:
        body: object = json.loads(content)
    except ValueError:
        return content.decode(errors="replace")
    return body
