"""What holds for every request, every exposure and every policy.

See docs/design.md#layers, docs/design.md#policy.
"""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.policy import worlds
from tests.policy.cases import exposure, rules, spend
from vast_mcp.policy import Allow, Ask, Deny, Level, Limits, Protected, Reason, level_of
from vast_mcp.policy.budget import budget_of
from vast_mcp.policy.engine import decide
from vast_mcp.policy.facts import Exposure, Owner, Request, Spend, Target
from vast_mcp.policy.keys import KEYS, Key, Tighter, value_of
from vast_mcp.policy.layers import Layer, tightened_by, tighter
from vast_mcp.policy.refusal import refusal_text
from vast_mcp.units import Usd, UsdPerHour


def _rank(request: Request, facts: Exposure, limits: Limits) -> int:
    return level_of(decide(request, facts, limits)).rank


@given(worlds.requests, worlds.exposures, worlds.policies())
def test_a_decision_is_always_given_and_says_why(
    request: Request, facts: Exposure, limits: Limits
) -> None:
    """Total; whatever is not simply allowed names a rule and a sentence."""
    decision = decide(request, facts, limits)
    match decision:
        case Allow():
            pass
        case Ask(level=level, reasons=reasons):
            assert level in {Level.ASK, Level.PERSON}
            assert reasons
        case Deny(reasons=reasons):
            assert reasons
            assert all(reason.rule and reason.says for reason in reasons)
            assert all(bool(reason.person_can) != bool(reason.setting) for reason in reasons)
            assert len(refusal_text(decision)) <= 600


@given(worlds.requests, worlds.exposures, worlds.policies(), worlds.layers("later"))
def test_a_stricter_policy_never_allows_more(
    request: Request, facts: Exposure, limits: Limits, later: Layer
) -> None:
    """Every later layer only tightens what is decided, not only the numbers."""
    stricter = tightened_by(limits, later)
    assert _rank(request, facts, stricter) >= _rank(request, facts, limits)


@given(worlds.requests, worlds.exposures, worlds.policies(), st.data())
def test_more_exposure_never_allows_more(
    request: Request, facts: Exposure, limits: Limits, data: st.DataObject
) -> None:
    """Renting more, spending more or owning less never opens a door."""
    more = data.draw(worlds.grown(facts))
    assert _rank(request, more, limits) >= _rank(request, facts, limits)


@given(worlds.requests, worlds.exposures, worlds.policies(), st.data())
def test_another_reason_against_an_act_never_opens_it(
    request: Request, facts: Exposure, limits: Limits, data: st.DataObject
) -> None:
    """Deny beats ask beats allow, whatever else speaks."""
    before = _rank(request, facts, limits)
    for against in (
        replace(limits, read_only=True),
        replace(limits, levels={**limits.levels, request.action: Level.DENY}),
        replace(limits, protect=Protected(("*",), (1, 2, 3))),
        replace(limits, broken="x"),
    ):
        assert _rank(request, facts, against) >= before
    if request.spend is not None:
        worse = data.draw(
            st.sampled_from(
                [
                    replace(request.spend, verified=False),
                    replace(request.spend, num_gpus=99),
                    replace(request.spend, cost=request.spend.cost + Usd(10**15)),
                    replace(request.spend, max_cost_usd=Usd(0)),
                    replace(request.spend, max_contract_hours=0.0),
                ]
            )
        )
        assert _rank(replace(request, spend=worse), facts, limits) >= before


@given(worlds.requests, worlds.exposures, worlds.policies())
def test_a_client_that_cannot_ask_is_never_allowed_more(
    request: Request, facts: Exposure, limits: Limits
) -> None:
    """Not being able to ask is no advantage."""
    able, unable = replace(request, can_ask=True), replace(request, can_ask=False)
    assert _rank(unable, facts, limits) >= _rank(able, facts, limits)


@given(worlds.requests, worlds.exposures, worlds.policies())
def test_stop_and_destroy_of_our_own_are_refused_by_a_word_only(
    request: Request, facts: Exposure, limits: Limits
) -> None:
    """`[levels]`: only an explicit deny, or read-only, refuses them (docs/design.md#levels)."""
    target = request.target or Target("instance", 1, "", Owner.OURS)
    for action in ("stop_instance", "destroy_instance"):
        ending = replace(request, action=action, target=target, dangerous_set="")
        decision = decide(ending, facts, limits)
        if isinstance(decision, Deny):
            assert rules(decision) <= {"read_only", f"levels.{action}", "levels.*"}


@given(worlds.spends, worlds.exposures, worlds.policies())
def test_nothing_that_spends_passes_a_cap(spending: Spend, facts: Exposure, limits: Limits) -> None:
    """Design, first promise: no limit is ever passed, checked against the numbers themselves."""
    decision = decide(Request("create_instance", spend=spending), facts, limits)
    if isinstance(decision, Deny):
        return
    assert spending.usd_per_hour <= limits.max_usd_per_hour
    assert facts.usd_per_hour + spending.adds_usd_per_hour <= limits.max_total_usd_per_hour
    assert facts.running + spending.adds_running <= limits.max_running
    assert spending.rental_total <= limits.max_usd_per_rental
    assert spending.lease_hours <= limits.max_lease_hours
    assert spending.disk_gb <= limits.max_disk_gb
    assert spending.verified or not limits.verified_only
    assert facts.credit is not None
    assert facts.credit - spending.cost >= limits.min_credit_usd
    for day, amount in spending.by_day.items():
        assert facts.by_day.get(day, Usd()) + amount <= limits.max_usd_per_day
    budget = budget_of(limits, spending.task)
    for cap in (budget, facts.task_cap, spending.max_cost_usd):
        if cap is not None:
            assert facts.task_spent + facts.task_reserved + spending.cost <= cap


CALLS_ITS_HOURS = {
    "create_instance": "lease_hours",
    "start_instance": "lease_hours",
    "extend_lease": "hours",
    "create_endpoint": "lease_hours",
    "run_job": "max_hours",
}
TIMED = {
    "budget.lora", "limits.max_usd_per_rental", "limits.max_lease_hours", "offer.max_hours",
    "limits.max_usd_per_day", "limits.max_usd_per_month", "limits.min_credit_usd",
}  # fmt: skip
NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
"""A day and a half before the month ends."""


def _timed(action: str, price: int, hours: int, once: int, earlier: int) -> Request:
    """An act at this price for so many hours from noon, on a machine that ran `earlier` hours."""
    rate, days, left, now = UsdPerHour(price), {}, hours * 3600, NOON
    while left > 0:
        midnight = (now + timedelta(days=1)).replace(hour=0)
        here = min(left, int((midnight - now).total_seconds()))
        days[f"{now:%Y-%m-%d}"] = rate.over(here)
        left, now = left - here, midnight
    days[f"{NOON:%Y-%m-%d}"] += Usd(once)
    cost = sum(days.values(), Usd())
    asked = spend(
        usd_per_hour=rate, adds_usd_per_hour=rate, lease_hours=earlier + hours, cost=cost,
        rental_total=rate.over(earlier * 3600) + cost, by_day=days, task="lora",
        max_contract_hours=200.0,
    )  # fmt: skip
    return Request(action, Target("instance", 1, "", Owner.OURS), asked)


@given(
    st.sampled_from(sorted(CALLS_ITS_HOURS)),
    st.integers(500, 1_500_000).map(lambda half: 2 * half),
    st.integers(2, 400),
    st.integers(0, 250_000).map(lambda half: 2 * half),
    st.integers(1, 48),
    st.tuples(*[st.integers(500_000, 90_000_000).map(lambda cap: cap | 1)] * 5),
)
def test_the_hours_that_a_refusal_names_satisfy_every_rule_and_an_hour_more_does_not(
    action: str, price: int, hours: int, once: int, ran: int, caps: tuple[int, ...]
) -> None:
    """A refusal ends in a step that works: the hours it names fit all rules, not only its own.

    Prices are even and caps odd: a split over days may round up by a micro-dollar, and is given it.
    """
    earlier = ran if action == "extend_lease" else 0
    once = once if action in {"create_instance", "run_job"} else 0
    rental, day, month, task, credit = (Usd(cap) for cap in caps)
    limits = Limits(max_usd_per_rental=rental, max_usd_per_day=day, max_usd_per_month=month)
    facts = exposure(task_cap=task, credit=credit, today=f"{NOON:%Y-%m-%d}")

    def judged(lease: int) -> tuple[Reason, ...]:
        decision = decide(_timed(action, price, lease, once, earlier), facts, limits)
        return decision.reasons if isinstance(decision, Deny) else ()

    refused = [reason for reason in judged(hours) if reason.rule in TIMED]
    assume(refused)
    steps = {n for r in refused for n in re.findall(r"Retry with (\w+)=(\d+)", r.model_can)}
    if not steps:
        assert all("No whole hour fits" in reason.model_can for reason in refused)
        assert judged(1)
        return
    ((argument, named),) = steps
    assert argument == CALLS_ITS_HOURS[action]
    assert 1 <= int(named) < hours
    assert not judged(int(named))
    assert int(named) == hours - 1 or judged(int(named) + 1)


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.dotted)
@given(st.data())
def test_the_tighter_of_two_values_is_never_looser_than_either(
    key: Key, data: st.DataObject
) -> None:
    """Least of caps, most of floors, lists shared, protection joined (docs/design.md#layers)."""
    before, asked = data.draw(worlds.values_for(key)), data.draw(worlds.values_for(key))
    kept = tighter(key, before, asked)
    if key.tighter is Tighter.NEITHER:  # no limit: the later word holds
        assert kept == asked
        return
    assert not _looser(key, kept, before)
    assert not _looser(key, kept, asked)
    assert tighter(key, None, asked) == asked


def _looser(key: Key, kept: object, than: object) -> bool:
    if isinstance(kept, tuple) and isinstance(than, tuple):
        if key.tighter is Tighter.JOINED:
            return not set(than) <= set(kept)
        if key.name in {"images", "roots"}:
            return any(_outside(entry, than) for entry in kept)
        same = {str(entry).replace("_", " ").casefold() for entry in than}
        return any(str(entry).replace("_", " ").casefold() not in same for entry in kept)
    if isinstance(kept, bool) and isinstance(than, bool):
        return than and not kept
    assert isinstance(kept, int | float | Usd | UsdPerHour)
    assert type(kept) is type(than)
    larger = kept > than  # type: ignore[operator]
    return (kept != than) and (not larger if key.tighter is Tighter.MOST else larger)


def _outside(entry: object, than: tuple[object, ...]) -> bool:
    wide = [str(other) for other in than]
    inside = str(entry) in wide or "*" in wide
    inside = inside or (str(entry).startswith("vastai/") and "vastai/*" in wide)
    return not (inside or (str(entry).startswith("/a/") and "/a" in wide))


@given(worlds.policies(), worlds.layers("later"))
def test_layering_twice_changes_nothing_more(limits: Limits, later: Layer) -> None:
    """Reading the same layer again is harmless, and each key has an origin."""
    once = tightened_by(limits, later)
    twice = tightened_by(once, later)
    for key in KEYS:
        assert set(_parts(twice, key)) == set(_parts(once, key))
        assert once.origins[key.dotted]
    assert twice.levels == once.levels
    assert twice.budgets == once.budgets


def _parts(limits: Limits, key: Key) -> tuple[object, ...]:
    value = value_of(limits, key)
    return tuple(value) if isinstance(value, tuple) else (value,)
