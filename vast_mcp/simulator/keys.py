"""Who is asking: the account's keys, its two-factor sessions, and how a key is refused.

The refusals are recorded: an unknown key is 404 `auth_error` "Invalid user key" (2026-10-01), a
deleted one 401 with the same text (the official client tells them apart so), an ended session 404
"Session expired. Please log in again.", and what a key may not do is always 401 (2026-09-24,
2026-09-28, 2026-10-01).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from vast_mcp.clock import HOUR_US
from vast_mcp.simulator.contract import Contract
from vast_mcp.simulator.routes.permissions import ScopedKey, check_two_factor
from vast_mcp.simulator.routes.table import Call, Route
from vast_mcp.simulator.wire import Refusal, Request, Response, json_response
from vast_mcp.simulator.world import World

SESSION_HOURS = 7 * 24
"""How long a two-factor session lasts, roughly: reported, 2026-09-28."""
INVALID = "Invalid user key"
ENDED = "Session expired. Please log in again."


@dataclass(slots=True)
class Keys:
    """Every key of the one account. `two_factor`: a plain key may not end a machine any more."""

    two_factor: bool = False
    scoped: dict[str, ScopedKey] = field(default_factory=dict)
    sessions: dict[str, int] = field(default_factory=dict)
    """Session key to the instant of its end, in microseconds."""
    deleted: set[str] = field(default_factory=set)

    def refuse(self, call: Call, route: Route) -> Response | None:
        """The vendor's refusal of this key for this call, or None.

        Raises:
            Refusal: the key is known, and lacks the right.
        """
        if route.auth == "open":
            return None
        if route.auth == "serverless":
            return _serverless_refusal(call, self._living(call.world))
        key = identity(call.request)
        if not key:
            status = 403 if route.auth == "billing" else 401
            text = "This action requires login." if route.auth == "billing" else INVALID
            return Refusal(status, "auth_error", text).response()
        if key in self.deleted:
            return Refusal(401, "auth_error", INVALID).response()
        if key in self.sessions:
            return self._of_session(key, call.world.now_us)
        scoped = self.scoped.get(key) or _inside(key, call.world)
        if scoped is not None:
            scoped.check(route, call)
            return None
        if key != call.world.account_key:
            return Refusal(404, "auth_error", INVALID).response()
        if self.two_factor:
            check_two_factor(route)
        return None

    def _of_session(self, key: str, now_us: int) -> Response | None:
        if now_us < self.sessions[key]:
            return None
        return json_response({"error": "auth_error", "msg": ENDED}, status=404)

    def _living(self, world: World) -> Iterator[str]:
        """The keys that stand for the whole account now."""
        if world.account_key not in self.deleted:
            yield world.account_key
        yield from (key for key, end_us in self.sessions.items() if world.now_us < end_us)

    def open_session(self, key: str, now_us: int, hours: float = SESSION_HOURS) -> None:
        """A person has logged in with a second factor: this key may do everything until then."""
        self.two_factor = True
        self.sessions[key] = now_us + int(hours * HOUR_US)


def _inside(key: str, world: World) -> ScopedKey | None:
    """The restricted key inside a machine: it may show, start, stop and destroy that one."""
    machines: Iterator[Contract] = iter(world.instances.values())
    return next((ScopedKey(instance_id=x.id) for x in machines if x.api_key == key), None)


def identity(request: Request) -> str:
    """The key a request carries: as a bearer, else as `api_key` in the query."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else request.query.get("api_key", "")


def _serverless_refusal(call: Call, living: Iterator[str]) -> Response | None:
    """The serverless host: any right key in bearer, query or body; else a text with 200."""
    keys = {*living, *(x.api_key for x in call.world.serverless.endpoints.values())}
    if {identity(call.request), str(call.body.get("api_key"))} & keys:
        return None
    return json_response("authenticate_endpoint_apikey: invalid api_key or endpoint not found")
