"""What can go wrong between a client and the vendor: the kinds, the plan, the count of strikes.

A wire fault says *where* it strikes: before the handler (nothing happened), after it (it happened
and nobody knows), or on the bytes. A market fault is a mishap of the world: an offer is taken, a
host dies. Tests add faults to `Faults`; a profile draws them from the seed, one number for all.
"""

import re
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

from vast_mcp.simulator.limits import RefusalForm
from vast_mcp.simulator.wire import Request

WireKind: TypeAlias = Literal[
    "request_lost",
    "reset",
    "refused_connection",
    "status_before",
    "rate_limited",
    "auth_error_404",
    "html",
    "late_execution",
    "answer_lost_after_commit",
    "reset_after_commit",
    "status_after",
    "html_after_commit",
    "truncated_json",
    "wrong_typed_json",
    "success_false_200",
    "success_false_live",
    "canned",
    "canned_after",
    "slow_drip",
    "list_lag",
    "page_truncated",
    "page_repeated",
    "page_looping",
    "unknown_status",
    "null_instance",
    "clock_skew",
]
MarketKind: TypeAlias = Literal[
    "offer_taken",
    "offer_raced",
    "price_drift",
    "dearer_instance",
    "stuck_loading",
    "host_death",
    "outbid_and_resume",
    "mark_altered",
    "made_twice",
]
Kind: TypeAlias = WireKind | MarketKind
MARKET_KINDS: frozenset[str] = frozenset(get_args(MarketKind))
KINDS: tuple[str, ...] = (*get_args(WireKind), *get_args(MarketKind))
SCRIPTED: frozenset[str] = frozenset({"canned", "canned_after", "made_twice"})
"""A test plans these and no profile draws them: two need a body, and two machines of one request
were never seen."""

_REMEMBERED = 1_000


class Severed(Exception):
    """No answer reaches the client. `how`: timeout, reset or refused; the transport acts it out."""

    def __init__(self, how: Literal["timeout", "reset", "refused"]) -> None:
        super().__init__(how)
        self.how = how


@dataclass(slots=True)
class Fault:
    """One planned mishap: for `method` and a path that contains `path` (a regular expression).

    It strikes `times` matching requests after letting `skip` of them pass.

    Attributes:
        status: for the status faults and the `success_false` ones; None is the kind's own.
        seconds: simulated; how late, how slow, how far the list lags or the clock is off, when a
            host dies or a bid is outbid, how long after the first a second machine is made.
        form: how a `rate_limited` answer looks.
        factor: what a price is multiplied by.
        how: `stuck_loading`: stuck, broken_image, failed; `host_death`: offline, unknown, gone;
            `mark_altered`: label, or all for the environment as well.
        body: the whole answer of `canned` (nothing is carried out) and `canned_after`; `$ID` in
            it becomes the id of the machine that was created.
    """

    kind: Kind
    method: str = "*"
    path: str = ""
    times: int = 1
    skip: int = 0
    status: int | None = None
    seconds: float = 60.0
    form: RefusalForm = "json"
    factor: float = 1.5
    how: str = ""
    body: str = ""
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
    """The plan of mishaps, and what struck; empty by default."""

    planned: list[Fault] = field(default_factory=list)
    struck: Counter[str] = field(default_factory=Counter)
    """How often each kind has struck; a market fault counts when it changed something."""
    history: deque[str] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    """The latest strikes in words, for a failing test's report."""

    def add(self, kind: Kind, method: str = "*", path: str = "", **options: object) -> Fault:
        """Plan one fault and give it back, so that a test can look at `struck`."""
        fault = Fault(kind, method, path, **options)  # type: ignore[arg-type]
        self.planned.append(fault)
        return fault

    def next_for(self, request: Request, *, market: bool) -> Fault | None:
        """The planned fault of that sort that strikes this request, the oldest first."""
        fitting = (x for x in self.planned if (x.kind in MARKET_KINDS) == market)
        return next((fault for fault in fitting if fault.takes(request)), None)

    def note(self, fault: Fault, request: Request) -> None:
        """Count a strike."""
        self.struck[fault.kind] += 1
        self.history.append(f"{fault.kind} on {request.method} {request.path}")
