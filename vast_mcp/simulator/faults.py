"""What can go wrong between a client and the vendor, scripted request by request.

A fault says *where* it strikes: before the handler (nothing happened), after it (it happened and
nobody knows), or on the bytes. Tests add faults to `Faults`; `chaos` draws them from the seed.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from vast_mcp.simulator.chance import Chance
from vast_mcp.simulator.limits import RefusalForm, too_many
from vast_mcp.simulator.wire import Request, Response, json_response, text_response

Kind: TypeAlias = Literal[
    "request_lost",
    "reset",
    "refused_connection",
    "status_before",
    "status_after",
    "rate_limited",
    "answer_lost_after_commit",
    "reset_after_commit",
    "html",
    "truncated_json",
    "success_false_200",
    "late_execution",
]
Profile: TypeAlias = Literal["none", "chaos"]
PROFILES: tuple[Profile, ...] = ("none", "chaos")


class Severed(Exception):
    """No answer reaches the client. `how`: timeout, reset or refused; the transport acts it out."""

    def __init__(self, how: Literal["timeout", "reset", "refused"]) -> None:
        super().__init__(how)
        self.how = how


@dataclass(slots=True)
class Fault:
    """One planned mishap: for `method` and a path that contains `path` (a regular expression).

    It strikes `times` matching requests after letting `skip` of them pass. `status` is for the
    status faults, `form` for `rate_limited`, `seconds` for `late_execution` (simulated).
    """

    kind: Kind
    method: str = "*"
    path: str = ""
    times: int = 1
    skip: int = 0
    status: int = 502
    seconds: float = 60.0
    form: RefusalForm = "json"
    struck: int = 0

    def takes(self, request: Request) -> bool:
        """Whether it strikes this request; counts it either way."""
        if self.method not in ("*", request.method) or not re.search(self.path, request.path):
            return False
        if self.struck >= self.times:
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.struck += 1
        return True


@dataclass(slots=True)
class Faults:
    """The plan of mishaps; empty by default. `chaos` adds seeded ones, about one in eight."""

    planned: list[Fault] = field(default_factory=list)
    chaos: Chance | None = None
    seen: int = 0

    def add(self, kind: Kind, method: str = "*", path: str = "", **options: object) -> Fault:
        """Plan one fault and give it back, so that a test can look at `struck`."""
        fault = Fault(kind, method, path, **options)  # type: ignore[arg-type]
        self.planned.append(fault)
        return fault

    def next_for(self, request: Request) -> Fault | None:
        """The fault that strikes this request, planned ones first."""
        self.seen += 1
        planned = next((fault for fault in self.planned if fault.takes(request)), None)
        return planned or self._drawn()

    def _drawn(self) -> Fault | None:
        if self.chaos is None:
            return None
        roll = self.chaos.fraction("chaos", self.seen)
        share = 0.0
        for kind, weight in _CHAOS:
            share += weight
            if roll < share:
                return Fault(kind, status=503 if self.seen % 2 else 502)
        return None


_CHAOS: tuple[tuple[Kind, float], ...] = (
    ("status_before", 0.03),
    ("status_after", 0.01),
    ("rate_limited", 0.03),
    ("answer_lost_after_commit", 0.01),
    ("request_lost", 0.01),
    ("reset", 0.01),
    ("html", 0.01),
)


def strike(
    fault: Fault,
    act: Callable[[], Response],
    postpone: Callable[[float], None],
    now_us: int,
) -> Response:
    """Carry the fault out around the handler `act`; raises `Severed` when no answer arrives."""
    before = _before(fault, postpone, now_us)
    return before if before is not None else _after(fault, act())


def _before(fault: Fault, postpone: Callable[[float], None], now_us: int) -> Response | None:
    match fault.kind:
        case "request_lost":
            raise Severed("timeout")
        case "reset":
            raise Severed("reset")
        case "refused_connection":
            raise Severed("refused")
        case "late_execution":
            postpone(fault.seconds)
            raise Severed("timeout")
        case "status_before":
            return text_response(
                "<html><h1>Bad Gateway</h1></html>", status=fault.status, kind="text/html"
            )
        case "rate_limited":
            return too_many(fault.form, 10.0, 5.0, now_us)
        case "html":
            return text_response("<html><body>Just a moment...</body></html>", kind="text/html")
        case _:
            return None


def _after(fault: Fault, response: Response) -> Response:
    match fault.kind:
        case "answer_lost_after_commit":
            raise Severed("timeout")
        case "reset_after_commit":
            raise Severed("reset")
        case "status_after":
            return text_response(
                "<html><h1>Bad Gateway</h1></html>", status=fault.status, kind="text/html"
            )
        case "truncated_json":
            return Response(
                response.status, response.headers, response.body[: len(response.body) // 2]
            )
        case "success_false_200":
            return json_response({"success": False, "msg": "Internal error, please try again"})
        case _:
            return response
