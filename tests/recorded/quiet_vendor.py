"""A vendor that answers what it is told to, and where it is told nothing, as a quiet account."""

import json
import re
from dataclasses import dataclass, field
from typing import Any

import httpx2

from tests.recorded.replies import ROUTES, Reply

USER: dict[str, Any] = {"id": 148201, "username": "someone", "credit": 104.5, "balance": 0}
_ROWS: dict[str, Any] = {"success": True, "results": []}
QUIET: dict[str, Any] = {
    "user": USER,
    "list": {
        "success": True,
        "instances_found": 0,
        "total_instances": 0,
        "next_token": None,
        "label_counts": {},
        "instances": [],
    },
    "instance": {"instances": None},
    "offers": {"offers": [], "truncated": False},
    "templates": {"success": True, "templates_found": 0, "templates": []},
    "charges": _ROWS | {"count": 0, "total": 0, "next_token": None},
    "volumes": {"volumes": []},
    "ssh_keys": [],
    "instance_keys": {"success": True, "ssh_keys": []},
    "endpoints": _ROWS,
    "workergroups": _ROWS,
    "workers": {"workers": []},
    "gpu_names": {"success": True, "gpu_names": ["RTX 5090", "RTX 4090"]},
    "inbox": {"last_seen_at": None, "notifications": []},
}


@dataclass
class QuietVendor(httpx2.AsyncBaseTransport):
    """A transport; `said` maps a route's name to the reply it gives, `file` is any result file."""

    said: dict[str, Reply] = field(default_factory=dict)
    file: str = "a line of a log\n"
    seen: list[tuple[str, str]] = field(default_factory=list)
    """Route and method of what arrived."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The reply of the route; 404 for what no route knows."""
        name = route_of(request.method, request.url.path)
        self.seen.append((name, request.method))
        if reply := self.said.get(name):
            kind = {"content-type": "application/json"} | dict(reply.headers)
            return httpx2.Response(reply.status, headers=kind, content=reply.content)
        if name == "file":
            return httpx2.Response(200, text=self.file)
        if name in QUIET:
            return httpx2.Response(200, content=json.dumps(QUIET[name]))
        return httpx2.Response(404, json={"success": False, "error": "not_found", "msg": "?"})


def route_of(method: str, path: str) -> str:
    """The name under which replies to such a request are sorted; `file` for a download."""
    for name, (wanted, pattern) in ROUTES.items():
        if method == wanted and re.fullmatch(pattern, path):
            return name
    return "file" if method == "GET" and not path.startswith("/api/") else "?"
