"""Named mixes of faults as data, and the seeded stream that decides about each request.

The n-th request of a simulator draws from a stream named by seed, profile and n alone: the same
seed and the same sequence of requests meet the same faults, to the second and to the status.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from vast_mcp.simulator.chance import Chance, Dice
from vast_mcp.simulator.faults import MARKET_KINDS, Fault, Kind
from vast_mcp.simulator.limits import FORMS
from vast_mcp.simulator.wire import Request

Profile: TypeAlias = Literal["none", "real", "chaos", "lossy", "flaky_reads", "hostile_market"]
PROFILES: tuple[Profile, ...] = (
    "none", "real", "chaos", "lossy", "flaky_reads", "hostile_market"
)  # fmt: skip

Sort: TypeAlias = Literal["create", "write", "list", "instance", "search", "read"]
"""What a request is to the profiles: a rent, another write, the list of machines, one machine, a
search, any other read."""
_WRITES: frozenset[Sort] = frozenset({"create", "write"})
_READS: frozenset[Sort] = frozenset({"list", "instance", "search", "read"})
_ALL = _WRITES | _READS
_CREATE: frozenset[Sort] = frozenset({"create"})
_LIST: frozenset[Sort] = frozenset({"list"})
_INSTANCE: frozenset[Sort] = frozenset({"instance"})
_STATE: frozenset[Sort] = frozenset({"list", "instance"})
_SEARCH: frozenset[Sort] = frozenset({"search"})


@dataclass(frozen=True, slots=True)
class Rate:
    """How often one kind strikes the requests of some sorts."""

    kind: Kind
    share: float
    sorts: frozenset[Sort] = _ALL
    how: tuple[str, ...] = ()
    """Which ways of it; empty: those that the kind has in every profile."""


_REAL_WRECKS = (
    "stuck", "broken_image", "old_driver", "no_cdi", "port_taken", "registry_limit", "disk_full",
    "dead_host",
)  # fmt: skip
"""Where starts ended that people reported; none of these is the image's own fault."""

_MIXES: dict[Profile, tuple[Rate, ...]] = {
    "none": (),
    # What recordings and reports of 2026 show, about as often; the market and the hosts at least as
    # unkind. Late rows, taken GPUs, refused files, the billing tail and the shared limit of five
    # requests in ten seconds are habits of the world in this profile (`world.REAL`).
    "real": (
        Rate("status_before", 0.005, _READS),
        Rate("html", 0.005, _READS),  # a proxy's page; an HTML 403 was reported under bursts
        Rate("null_instance", 0.01, _INSTANCE),  # seen once in a rental that billed, 2026-05-28
        Rate("unknown_status", 0.01, _STATE),  # no heartbeat for a while
        Rate("status_after", 0.02, _WRITES),  # a DELETE needs one or two repeats on 5xx
        Rate("answer_lost_after_commit", 0.01, _WRITES),
        Rate("success_false_200", 0.01, _CREATE),  # "no available gpus" without a code
        Rate("price_drift", 0.15, _SEARCH),  # equal searches seconds apart differ
        Rate("offer_taken", 0.12, _CREATE),  # offers die within one or two minutes
        Rate("offer_raced", 0.05, _CREATE),
        Rate("stuck_loading", 0.15, _CREATE, _REAL_WRECKS),
        Rate("host_death", 0.05, _CREATE, ("offline", "unknown")),
        Rate("outbid_and_resume", 0.30, _CREATE),
    ),
    "lossy": (
        Rate("answer_lost_after_commit", 0.10, _WRITES),
        Rate("late_execution", 0.06, _WRITES),
        Rate("reset_after_commit", 0.04, _WRITES),
        Rate("status_after", 0.04, _WRITES),
        Rate("request_lost", 0.04, _WRITES),
        Rate("status_before", 0.03, _WRITES),
        Rate("truncated_json", 0.02, _WRITES),
        Rate("html_after_commit", 0.02, _WRITES),
        Rate("success_false_200", 0.02, _WRITES),
        Rate("success_false_live", 0.03, _CREATE),
    ),
    "flaky_reads": (
        Rate("status_before", 0.04, _READS),
        Rate("rate_limited", 0.04, _READS),
        Rate("request_lost", 0.03, _READS),
        Rate("reset", 0.02, _READS),
        Rate("refused_connection", 0.01, _READS),
        Rate("html", 0.02, _READS),
        Rate("truncated_json", 0.03, _READS),
        Rate("wrong_typed_json", 0.02, _READS),
        Rate("slow_drip", 0.01, _READS),
        Rate("auth_error_404", 0.02, _READS),
        Rate("clock_skew", 0.02, _READS),
        Rate("unknown_status", 0.03, _STATE),
        Rate("list_lag", 0.10, _LIST),
        Rate("page_truncated", 0.04, _LIST),
        Rate("page_repeated", 0.03, _LIST),
        Rate("page_looping", 0.02, _LIST),
        Rate("null_instance", 0.03, _INSTANCE),
    ),
    "hostile_market": (
        Rate("price_drift", 0.30, _SEARCH),
        Rate("offer_taken", 0.10, _CREATE),
        Rate("offer_raced", 0.05, _CREATE),
        Rate("dearer_instance", 0.10, _CREATE),
        Rate("stuck_loading", 0.12, _CREATE),
        Rate("host_death", 0.10, _CREATE),
        Rate("outbid_and_resume", 0.25, _CREATE),
        Rate("mark_altered", 0.03, _CREATE),
    ),
    "chaos": (
        Rate("status_before", 0.03),
        Rate("rate_limited", 0.03),
        Rate("request_lost", 0.01),
        Rate("reset", 0.01),
        Rate("refused_connection", 0.005),
        Rate("html", 0.01),
        Rate("auth_error_404", 0.01),
        Rate("slow_drip", 0.005),
        Rate("clock_skew", 0.01),
        Rate("truncated_json", 0.01),
        Rate("wrong_typed_json", 0.01, _READS),
        Rate("answer_lost_after_commit", 0.03, _WRITES),
        Rate("late_execution", 0.02, _WRITES),
        Rate("reset_after_commit", 0.01, _WRITES),
        Rate("status_after", 0.02, _WRITES),
        Rate("html_after_commit", 0.01, _WRITES),
        Rate("success_false_200", 0.01, _WRITES),
        Rate("success_false_live", 0.02, _CREATE),
        Rate("unknown_status", 0.02, _STATE),
        Rate("list_lag", 0.05, _LIST),
        Rate("page_truncated", 0.02, _LIST),
        Rate("page_repeated", 0.02, _LIST),
        Rate("page_looping", 0.01, _LIST),
        Rate("price_drift", 0.10, _SEARCH),
        Rate("offer_taken", 0.04, _CREATE),
        Rate("offer_raced", 0.02, _CREATE),
        Rate("dearer_instance", 0.04, _CREATE),
        Rate("stuck_loading", 0.05, _CREATE),
        Rate("host_death", 0.04, _CREATE),
        Rate("null_instance", 0.02, _INSTANCE),
        Rate("outbid_and_resume", 0.15, _CREATE),
        Rate("mark_altered", 0.02, _CREATE),
    ),
}
_STATUSES = (500, 502, 503, 504)
_SKEW_S = 3600.0
_SECONDS: dict[str, tuple[float, float]] = {
    "late_execution": (0.0, 600.0),
    "list_lag": (0.0, 30.0),
    "slow_drip": (5.0, 90.0),
    "clock_skew": (-_SKEW_S, _SKEW_S),
    "host_death": (20.0, 7200.0),
    "outbid_and_resume": (300.0, 7200.0),
}
_HOW: dict[str, tuple[str, ...]] = {
    "stuck_loading": ("stuck", "broken_image", "failed"),
    "host_death": ("offline", "unknown", "gone"),
    "mark_altered": ("label",),
}


@dataclass(slots=True)
class Stream:
    """The faults of one profile under one seed; `drawn` counts the requests so far."""

    profile: Profile
    chance: Chance
    drawn: int = 0

    def next_for(self, request: Request, *, mutating: bool) -> tuple[Fault | None, Fault | None]:
        """What strikes the next request: on the wire, in the market; None where nothing does."""
        self.drawn += 1
        rates = _MIXES[self.profile]
        if not rates:
            return None, None
        sort = sort_of(request, mutating=mutating)
        dice = self.chance.dice("fault", self.profile, self.drawn)
        fitting = [rate for rate in rates if sort in rate.sorts]
        wire = _draw(dice, [rate for rate in fitting if rate.kind not in MARKET_KINDS])
        if wire is not None and wire.form == "quota" and sort != "search":
            wire.form = "json"  # only searches have a daily quota
        market = _draw(dice, [rate for rate in fitting if rate.kind in MARKET_KINDS])
        return wire, market

    def standing_skew_s(self) -> float:
        """By how much the vendor's clock is off for good: one chaos seed in three has it."""
        if self.profile != "chaos" or self.chance.fraction("is skewed") > 1 / 3:
            return 0.0
        return self.chance.between(-_SKEW_S, _SKEW_S, "skew")


def _draw(dice: Dice, rates: list[Rate]) -> Fault | None:
    roll, share = dice.fraction(), 0.0
    for rate in rates:
        share += rate.share
        if roll < share:
            return _fault(dice, rate.kind, rate.how or _HOW.get(rate.kind, ("",)))
    return None


def _fault(dice: Dice, kind: Kind, how: tuple[str, ...]) -> Fault:
    low, high = _SECONDS.get(kind, (60.0, 60.0))
    return Fault(
        kind,
        status=dice.pick(_STATUSES) if kind.startswith("status_") else None,
        seconds=round(dice.between(low, high), 3),
        form=dice.pick(FORMS),
        factor=round(
            dice.between(0.85, 1.6) if kind == "price_drift" else dice.between(1.02, 2), 3
        ),
        how=dice.pick(how),
    )


def sort_of(request: Request, *, mutating: bool) -> Sort:
    """What this request is to the profiles."""
    path = request.path.rstrip("/")
    if mutating:
        return "create" if path.startswith("/api/v0/asks/") else "write"
    if path == "/api/v1/instances":
        return "list"
    if path.startswith("/api/v0/instances/") and path.rpartition("/")[2].isdigit():
        return "instance"
    return "search" if path in ("/api/v0/bundles", "/api/v0/search/asks") else "read"
