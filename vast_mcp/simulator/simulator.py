"""The door: one object owns the world, takes requests, keeps the record and offers the levers.

See docs/vendor-api.md#keys.
"""

from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from vast_mcp.clock import Clock
from vast_mcp.simulator.book import Book
from vast_mcp.simulator.chance import Chance
from vast_mcp.simulator.faults import Faults
from vast_mcp.simulator.keys import SESSION_HOURS, Keys, identity
from vast_mcp.simulator.levers import Levers
from vast_mcp.simulator.limits import BUCKET, RateLimits
from vast_mcp.simulator.mishaps import befall
from vast_mcp.simulator.profiles import Profile, Stream
from vast_mcp.simulator.routes import build_router
from vast_mcp.simulator.routes.permissions import ScopedKey
from vast_mcp.simulator.routes.table import Call, Route
from vast_mcp.simulator.routes.work import SIGNATURE
from vast_mcp.simulator.strikes import Scene, date_header, strike
from vast_mcp.simulator.wire import (
    JsonObject,
    Refusal,
    Request,
    Response,
    json_response,
    text_response,
)
from vast_mcp.simulator.world import ACCOUNT_KEY, REAL, Choices, World

if TYPE_CHECKING:
    from vast_mcp.simulator.inside.python import PythonLimits
    from vast_mcp.simulator.inside.sshd import SshServers

RESULT_PATH = "/simulator/results/"
BOOKS_PATH = "/simulator/books"
Found: TypeAlias = tuple[Route, dict[str, str]] | None
"""The route of a request and its path parameters."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """One request as it arrived. `status` 0: no answer left; `mutating`: meant to change state."""

    at_us: int
    method: str
    path: str
    query: dict[str, str]
    json: object
    headers: dict[str, str]
    mutating: bool
    status: int

    @property
    def changed(self) -> bool:
        """A mutating request that was accepted, or of which nobody can say."""
        return self.mutating and (self.status == 0 or self.status < 400)


class Simulator(Levers):
    """A Vast.ai of one's own: one account, one market, one clock.

    Time is `clock.utc_us()`; the world catches up with it on each request. `credit_usd` is the
    balance at birth. `rate_limits=False` switches the documented intervals off, a `RateLimits`
    sets them in detail. `fault_profile` is a mix of `profiles.PROFILES`. The same seed gives the
    same market at any hour, and the same faults to the same sequence of requests.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        seed: int = 0,
        credit_usd: float = 100.0,
        rate_limits: bool | RateLimits = True,
        fault_profile: Profile = "none",
        choices: Choices | None = None,
        account_key: str = ACCOUNT_KEY,
    ) -> None:
        self._clock = clock
        self.seed = seed
        chance = Chance(seed)
        usual = REAL if fault_profile == "real" else Choices()
        settled = choices or replace(usual, credit_usd=credit_usd)
        super().__init__(World(chance, clock.utc_us(), settled, account_key=account_key))
        own = rate_limits if isinstance(rate_limits, RateLimits) else None
        bucket = BUCKET if fault_profile == "real" and rate_limits else None
        self.limits = own or RateLimits(intervals=bool(rate_limits), bucket=bucket)
        self.faults = Faults()
        self._stream = Stream(fault_profile, chance)
        self.set_clock_skew(self._stream.standing_skew_s())
        self.attendants: list[Callable[[], Awaitable[None]]] = []
        """Called before and after each request: what follows the world outside of it."""
        self.requests: deque[Recorded] = deque()
        self._counts = {"requests": 0, "mutations": 0}
        self._router = build_router()
        self.keys = Keys()

    @property
    def books(self) -> Book:
        """The vendor's money, up to this moment."""
        self.catch_up()
        return self.world.book

    def catch_up(self) -> None:
        """Let the world arrive at the clock's present; every request and lever does it first."""
        self.world.advance_to(self._clock.utc_us())

    async def pause(self, seconds: float) -> None:
        """Let that much simulated time pass."""
        await self._clock.sleep(seconds)

    async def _attend(self) -> None:
        for attend in self.attendants:
            await attend()

    def ssh_servers(
        self, *, run_python: bool = False, limits: "PythonLimits | None" = None
    ) -> "AbstractAsyncContextManager[SshServers]":
        """`async with`: machines can be entered by SSH on loopback, with disks of their own.

        `run_python` runs Python files that lie on those disks, as processes of this host within
        `limits`. Without it no program runs; all other commands are acted out.
        """
        # Imported here: whoever needs no SSH does not pay for it.
        from vast_mcp.simulator.inside.python import PythonLimits  # noqa: PLC0415
        from vast_mcp.simulator.inside.sshd import open_ssh_servers  # noqa: PLC0415

        bounds = limits or PythonLimits()
        return open_ssh_servers(self, self._clock, bounds if run_python else None)

    def remember_only(self, count: int) -> None:
        """Keep the latest requests alone from now on; a server that runs for days does it."""
        self.requests = deque(self.requests, maxlen=count)

    def add_key(self, key: str, *categories: str) -> None:
        """A second key of the account that has only these permission categories."""
        self.keys.scoped[key] = ScopedKey(frozenset(categories))

    def delete_key(self, key: str) -> None:
        """Somebody deletes this key on the console: it is refused from now on."""
        self.keys.deleted.add(key)

    def require_two_factor(self) -> None:
        """The account gets a second factor: a plain key may not end a machine any more."""
        self.keys.two_factor = True

    def open_session(self, key: str, hours: float = SESSION_HOURS) -> None:
        """`vastai tfa login`: this key may do everything for that long, and is then refused."""
        self.catch_up()
        self.keys.open_session(key, self.world.now_us, hours)

    def mutations(self) -> list[Recorded]:
        """The requests that were meant to change state, refused ones included, oldest first."""
        return [request for request in self.requests if request.mutating]

    @property
    def leaked_authorization(self) -> list[Recorded]:
        """Downloads of results that carried an Authorization header: there must be none."""
        return [
            r
            for r in self.requests
            if r.path.startswith(RESULT_PATH) and "authorization" in r.headers
        ]

    async def handle(self, request: Request) -> Response:
        """Answer one request; raises `Severed` when a fault leaves the client without an answer."""
        self.catch_up()
        await self._attend()
        route = self._router.find(request.method, request.path)
        status = 0
        try:
            response = self._answer(request, route)
            status = response.status
        finally:
            if request.path.rstrip("/") != BOOKS_PATH:
                self._record(request, route, status)
            await self._attend()
        return replace(response, headers={"date": date_header(self.world), **response.headers})

    def _answer(self, request: Request, route: Found) -> Response:
        if request.path.startswith("/simulator/"):
            return self._own(request)
        wire, market = self._stream.next_for(request, mutating=_changes(request, route))
        wire = self.faults.next_for(request, market=False) or wire
        market = self.faults.next_for(request, market=True) or market

        def act(asked: Request) -> Response:
            if market is None:
                return self._dispatch(asked, route)
            response, happened = befall(
                market, self.world, asked, lambda again: self._dispatch(again, route)
            )
            if happened:
                self.faults.note(market, asked)
            return response

        if wire is None:
            return act(request)
        self.faults.note(wire, request)
        return strike(wire, Scene(self.world, request, act))

    def _dispatch(self, request: Request, route: Found) -> Response:
        if route is None:
            text = f"{request.method} {request.path} is not simulated"
            return json_response(
                {"success": False, "error": "not_simulated", "msg": text}, status=501
            )
        found, params = route
        try:
            body = request.json()
            call = Call(self.world, request, params, body if isinstance(body, dict) else {})
            refused = self.keys.refuse(call, found)
            if refused is None:
                refused = self.limits.refuse(
                    identity(request),
                    (found.method, found.pattern),
                    found.interval_s,
                    self.world.now_us,
                    shared=found.auth != "serverless",
                )
            if refused is not None:
                return refused
            answer = found.handle(call)
            if found.changes(call.body):
                self._witness(found, call)
        except Refusal as refusal:
            return refusal.response()
        return answer if isinstance(answer, Response) else json_response(answer)

    def _witness(self, route: Route, call: Call) -> None:
        """Remember a change to a machine that was rented elsewhere."""
        for number in touched(route, call):
            contract = self.world.contract_ever(number)
            if contract is not None and contract.foreign:
                self.world.foreign_touched.add(number)

    def _record(self, request: Request, route: Found, status: int) -> None:
        mutating = _changes(request, route)
        self._counts["requests"] += 1
        self._counts["mutations"] += mutating
        self.requests.append(
            Recorded(
                at_us=self.world.now_us,
                method=request.method,
                path=request.path,
                query=request.query,
                json=_body(request),
                headers=request.headers,
                mutating=mutating,
                status=status,
            )
        )

    def _own(self, request: Request) -> Response:
        """Paths that are the simulator's, not the vendor's: results to download, the books."""
        if request.path.startswith(RESULT_PATH):
            return self._result(request)
        if request.path.rstrip("/") == BOOKS_PATH:
            return json_response(self.books_view())
        return text_response("not found", status=404)

    def _result(self, request: Request) -> Response:
        refused, signed = self.world.refused_results, SIGNATURE in request.query
        if refused == "all" or (refused == "unsigned" and not signed):
            text = "<Error><Code>AccessDenied</Code></Error>"
            return text_response(text, status=403, kind="text/xml")
        token = request.path.removeprefix(RESULT_PATH)
        result = self.world.results.get(token)
        if result is None or result.polls_left > 0:
            if result is not None:
                result.polls_left -= 1
            return text_response(
                "<Error><Code>NoSuchKey</Code></Error>", status=404, kind="text/xml"
            )
        return text_response(result.text)

    def books_view(self) -> JsonObject:
        """What `/simulator/books` shows: money, what is alive, how much was asked."""
        world = self.world
        return {
            "now": world.now_us / 1_000_000,
            "balance_usd": world.book.balance_usd,
            "spent_usd": world.book.spent_usd,
            "burn_usd_per_hour": world.burn_usd_per_hour(),
            "instances": [
                {
                    "id": contract.id,
                    "label": contract.label,
                    "stage": contract.stage,
                    "spent_usd": world.book.spent_by(contract.id)["total"],
                }
                for contract in world.instances.values()
            ],
            "destroyed": sorted(world.fleet.destroyed),
            "workers": len(world.serverless.workers),
            "volumes": len(world.volumes),
            **self._counts,
            "faults": dict(self.faults.struck),
        }


def _body(request: Request) -> object:
    try:
        return request.json()
    except Refusal:
        return None


def _changes(request: Request, route: Found) -> bool:
    """Whether this request is meant to change the vendor's state."""
    if request.path.startswith("/simulator/"):
        return False
    body = _body(request)
    fields: JsonObject = body if isinstance(body, dict) else {}
    return route[0].changes(fields) if route else request.method != "GET"


def touched(route: Route, call: Call) -> set[int]:
    """The machines a change was about: in the path, in `ids`, or the destination of a copy."""
    named: list[object] = (
        [call.params["id"]] if "/instances/" in route.pattern and call.params else []
    )
    for name in ("ids", "instance_ids"):
        given = call.body.get(name)
        named += given if isinstance(given, list) else []
    named.append(str(call.body.get("dst_id")).removeprefix("C."))
    return {int(str(x)) for x in named if str(x).isdigit()}
