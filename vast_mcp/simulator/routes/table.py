"""What a route is: its pattern, who may call it, how often, and whether it changes anything.

See docs/vendor-api.md#rate-limits.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from vast_mcp.simulator.contract import Contract
from vast_mcp.simulator.wire import JsonObject, Refusal, Request, Response
from vast_mcp.simulator.world import World

Auth: TypeAlias = Literal["key", "billing", "serverless", "open"]
"""How a missing key is refused: 401; 403; with a text; never. See `keys` for a wrong one."""


@dataclass(slots=True)
class Call:
    """One authenticated request on its way to a handler."""

    world: World
    request: Request
    params: dict[str, str] = field(default_factory=dict)
    body: JsonObject = field(default_factory=dict)

    @property
    def id(self) -> int:
        """The `{id}` of the path."""
        return int(self.params["id"])

    def contract(self, *, error: str = "no_such_instance") -> Contract:
        """The instance the path names, or the vendor's 404."""
        found = self.world.instances.get(self.id)
        if found is None:
            raise Refusal(404, error, f"Instance {self.id} not found")
        return found


Handler: TypeAlias = Callable[[Call], object]
"""Returns a JSON value, or a `Response` where the vendor does not answer JSON."""


@dataclass(frozen=True, slots=True)
class Route:
    """One operation. `pattern` has no slash at its end; `{id}` matches digits only.

    `interval_s` is the documented least time between two calls; `mutates` may look at
    the body, as `command` changes something with `rm` and nothing with `ls`.
    """

    method: str
    pattern: str
    handle: Handler
    mutates: bool | Callable[[JsonObject], bool] = False
    interval_s: float = 0.0
    auth: Auth = "key"

    def changes(self, body: JsonObject) -> bool:
        """Whether such a request is meant to change state."""
        return self.mutates if isinstance(self.mutates, bool) else self.mutates(body)

    def match(self, segments: list[str]) -> dict[str, str] | None:
        """The path's parameters, or None when it is another path."""
        own = self.pattern.strip("/").split("/")
        if len(own) != len(segments):
            return None
        params: dict[str, str] = {}
        for mine, theirs in zip(own, segments, strict=True):
            if mine.startswith("{"):
                if mine == "{id}" and not theirs.isdigit():
                    return None
                params[mine[1:-1]] = theirs
            elif mine != theirs:
                return None
        return params


class Router:
    """All routes; both slash forms are accepted, and literal paths win over patterns."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes = sorted(routes, key=lambda route: route.pattern.count("{"))

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        """The route and its path parameters, or None for what is not simulated."""
        segments = path.strip("/").split("/")
        for route in self._routes:
            if route.method == method:
                params = route.match(segments)
                if params is not None:
                    return route, params
        return None


def is_response(value: object) -> Response | None:
    """The value if a handler made the whole response itself."""
    return value if isinstance(value, Response) else None
