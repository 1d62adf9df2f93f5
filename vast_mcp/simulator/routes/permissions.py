"""Scoped keys: which category a route belongs to, and who may call it (vast-api §2)."""

from dataclasses import dataclass

from vast_mcp.simulator.routes.table import Call, Route
from vast_mcp.simulator.wire import Refusal

CATEGORIES: tuple[tuple[str, str, str], ...] = (
    ("/api/v0/bundles", "misc", "misc"),
    ("/api/v0/search", "misc", "misc"),
    ("/api/v0/volumes/search", "misc", "misc"),
    ("/api/v0/endptjobs", "misc", "misc"),
    ("/api/v0/workergroups", "misc", "misc"),
    ("/api/v0/autojobs", "misc", "misc"),
    ("/api/v0/instances/request_logs", "instance_read", "instance_read"),
    ("/api/v0/instances", "instance_read", "instance_write"),
    ("/api/v1/instances", "instance_read", "instance_write"),
    ("/api/v0/asks", "instance_write", "instance_write"),
    ("/api/v0/commands/copy_direct", "instance_write", "instance_write"),
    ("/api/v0/volumes", "instance_read", "instance_write"),
    ("/api/v0/charges", "billing_read", "billing_read"),
    ("/api/v0/users", "user_read", "user_write"),
    ("/api/v0/ssh", "user_read", "user_write"),
    ("/api/v0/secrets", "user_read", "user_write"),
    ("/api/v0/template", "user_read", "user_write"),
)
"""Path prefix, category to read, category to write; the first that fits decides."""

_OWN_INSTANCE = "/api/v0/instances/{id}"


@dataclass(frozen=True, slots=True)
class ScopedKey:
    """What a key may do: whole categories, or show, start, stop and destroy one machine."""

    categories: frozenset[str] = frozenset()
    instance_id: int | None = None

    def check(self, route: Route, call: Call) -> None:
        """Refuse with the vendor's 403 what lies outside."""
        if self.instance_id is not None:
            allowed = route.pattern == _OWN_INSTANCE and call.id == self.instance_id
        else:
            allowed = category(route) in self.categories
        if not allowed:
            raise Refusal(
                403, "not_authorized", "This API key lacks the permission for this action"
            )


def category(route: Route) -> str:
    """The permission category a route needs."""
    for prefix, reading, writing in CATEGORIES:
        if route.pattern.startswith(prefix):
            return reading if route.method == "GET" else writing
    return "misc"
