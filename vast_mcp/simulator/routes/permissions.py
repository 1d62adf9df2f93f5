"""Scoped keys: which category a route belongs to, and who may call it (docs/vendor-api.md#keys)."""

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
    ("/api/v0/auth", "user_read", "user_write"),
    ("/api/v0/ssh", "user_read", "user_write"),
    ("/api/v0/secrets", "user_read", "user_write"),
    ("/api/v0/template", "user_read", "user_write"),
)
"""Path prefix, category to read, category to write; the first that fits decides."""

_OWN_INSTANCE = "/api/v0/instances/{id}"
_ROUTE_NAMES: tuple[tuple[str, str], ...] = (
    ("/api/v0/asks", "api.ask"),
    ("/api/v0/notification", "api.notification-types"),
)
"""Routes that a refusal names by themselves, not by their category."""
_BEHIND_TWO_FACTOR = (("DELETE", "/api/v0/instances"), ("POST", "/api/v0/auth"))
"""What a plain key may not do once the account has a second factor."""


@dataclass(frozen=True, slots=True)
class ScopedKey:
    """What a key may do: whole categories, or show, start, stop and destroy one machine."""

    categories: frozenset[str] = frozenset()
    instance_id: int | None = None

    def check(self, route: Route, call: Call) -> None:
        """Refuse what lies outside with the vendor's 401, which says what is lacking."""
        if self.instance_id is None:
            if category(route) not in self.categories:
                raise Refusal(401, "auth_error", _lacking(route))
        elif route.pattern != _OWN_INSTANCE:
            raise Refusal(401, "auth_error", _lacking(route))
        elif call.id != self.instance_id:
            text = "Your key lacks proper privileges for this action due to a constraint on id"
            raise Refusal(401, "auth_error", text)


def check_two_factor(route: Route) -> None:
    """Refuse a plain key what needs a session; whether the machine exists does not matter."""
    if any(route.method == m and route.pattern.startswith(p) for m, p in _BEHIND_TWO_FACTOR):
        text = (
            "Your key lacks proper privileges for this action: it requires a key with Two Factor"
            " Authentication"
        )
        raise Refusal(401, "auth_error", text)


def _lacking(route: Route) -> str:
    for prefix, name in _ROUTE_NAMES:
        if route.pattern.startswith(prefix):
            return f"Your key lacks the {name} route access"
    return f"Your key lacks the {category(route)} permission group"


def category(route: Route) -> str:
    """The permission category a route needs."""
    for prefix, reading, writing in CATEGORIES:
        if route.pattern.startswith(prefix):
            return reading if route.method == "GET" else writing
    return "misc"
