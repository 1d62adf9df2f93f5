"""What is never done, and what needs one question: every number from both sides.

See docs/design.md#limits, docs/design.md#money.
"""

from typing import Any

import pytest

from tests.policy.cases import TODAY, act, exposure, judge, rate, rent, rules, spend, usd
from vast_mcp.policy import Allow, Allowed, Ask, Deny, Level, Limits
from vast_mcp.policy._case import Bill
from vast_mcp.policy.engine import decide
from vast_mcp.policy.facts import Request
from vast_mcp.policy.fitting import asked_hours
from vast_mcp.policy.images import tagged
from vast_mcp.units import UsdPerHour

EDGES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("limits.max_usd_per_hour", {"usd_per_hour": rate(3)}, {"usd_per_hour": rate(3.000001)}),
    (
        "limits.max_total_usd_per_hour",
        {"adds_usd_per_hour": rate(6)},
        {"adds_usd_per_hour": rate(6.000001)},
    ),
    ("limits.max_running", {"adds_running": 4}, {"adds_running": 5}),
    ("limits.max_usd_per_rental", {"rental_total": usd(50)}, {"rental_total": usd(50.000001)}),
    (
        "limits.max_lease_hours",
        {"lease_hours": 168.0},
        {"lease_hours": 168.01},
    ),
    ("limits.max_usd_per_day", {"cost": usd(25)}, {"cost": usd(25.000001)}),
    ("limits.max_disk_gb", {"disk_gb": 500}, {"disk_gb": 500.1}),
    (
        "limits.max_usd_per_gb",
        {"usd_per_gb_traffic": usd(0.05)},
        {"usd_per_gb_traffic": usd(0.050001)},
    ),
    ("limits.verified_only", {"verified": True}, {"verified": False}),
    ("offer.max_hours", {"max_contract_hours": 2.0}, {"max_contract_hours": 1.99}),
]


@pytest.mark.parametrize(("rule", "inside", "outside"), EDGES, ids=[edge[0] for edge in EDGES])
def test_a_cap_holds_at_its_number_and_refuses_just_above(
    rule: str, inside: dict[str, Any], outside: dict[str, Any]
) -> None:
    """The number itself is allowed, a micro-dollar more is not."""
    assert rule not in rules(judge(rent(**inside)))
    refused = judge(rent(**outside))
    assert isinstance(refused, Deny)
    assert rules(refused) == {rule}


EXPOSED: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("limits.max_total_usd_per_hour", {"usd_per_hour": rate(5.6)}, {"usd_per_hour": rate(5.61)}),
    ("limits.max_running", {"running": 3}, {"running": 4}),
    ("limits.max_usd_per_day", {"by_day": {TODAY: usd(24.2)}}, {"by_day": {TODAY: usd(24.21)}}),
    (
        "limits.max_usd_per_month",
        {"by_month": {TODAY[:7]: usd(199.2)}},
        {"by_month": {TODAY[:7]: usd(199.21)}},
    ),
    ("limits.min_credit_usd", {"credit": usd(1.80)}, {"credit": usd(1.79)}),
    ("limits.min_credit_usd", {}, {"credit": None}),
]


@pytest.mark.parametrize(("rule", "inside", "outside"), EXPOSED)
def test_a_cap_counts_what_is_there_already(
    rule: str, inside: dict[str, Any], outside: dict[str, Any]
) -> None:
    """A cap is passed by the sum; what cannot be read is never zero.

    Each refusal says once what the person can do: a setting, or words of its own.
    """
    assert rule not in rules(judge(rent(), **inside))
    refused = judge(rent(), **outside)
    assert isinstance(refused, Deny)
    assert rules(refused) == {rule}
    assert all(bool(reason.person_can) != bool(reason.setting) for reason in refused.reasons)


@pytest.mark.parametrize(
    ("allow", "rule"),
    [
        (Allowed(gpu_names=("RTX 3090",)), "allow.gpu_names"),
        (Allowed(gpu_names=()), "allow.gpu_names"),
        (Allowed(images=("pytorch/*",)), "allow.images"),
        (Allowed(countries=("NO",)), "allow.countries"),
        (Allowed(datacenter_only=True), "allow.datacenter_only"),
        (Allowed(max_gpus=0), "allow.max_gpus"),
    ],
)
def test_what_the_allow_lists_leave_out_is_refused(allow: Allowed, rule: str) -> None:
    """`[allow]`: only what is listed may be rented."""
    refused = judge(rent(datacenter=False), Limits(allow=allow))
    assert isinstance(refused, Deny)
    assert rules(refused) == {rule}


@pytest.mark.parametrize(
    "allow",
    [
        Allowed(gpu_names=("rtx_4090",)),
        Allowed(images=("vastai/*",)),
        Allowed(countries=("se",)),
        Allowed(countries=("Sweden",)),
        Allowed(max_gpus=1),
    ],
)
def test_the_vendors_spellings_of_one_thing_are_one_thing(allow: Allowed) -> None:
    """Names come with blanks or underscores, countries as "Sweden, SE"."""
    assert isinstance(judge(rent(), Limits(allow=allow)), Allow)


@pytest.mark.parametrize(
    ("image", "whole"),
    [
        ("a/b", "a/b:latest"),
        ("a/b:1", "a/b:1"),
        ("host:5000/b", "host:5000/b:latest"),
        ("a/b@sha256:0", "a/b@sha256:0"),
        ("a/*", "a/*"),
        ("", ""),
    ],
)
def test_an_image_without_a_tag_is_the_latest(image: str, whole: str) -> None:
    """`[allow] images`: patterns look at `repository:tag`."""
    assert tagged(image) == whole


def test_an_image_that_is_not_known_fits_no_list() -> None:
    """What cannot be told is refused, not waved through."""
    refused = judge(rent(image="", gpu_name="", country=""),
                    Limits(allow=Allowed(("RTX 4090",), ("*",), ("SE",))))  # fmt: skip
    assert rules(refused) == {"allow.gpu_names", "allow.images", "allow.countries"}


@pytest.mark.parametrize("now", [None, rate(9.61)])
def test_the_whole_account_has_a_cap_only_when_a_person_sets_one(
    now: UsdPerHour | None,
) -> None:
    """`max_account_usd_per_hour` is unset, and counts what others rented too."""
    assert isinstance(judge(rent(), account_usd_per_hour=now), Allow)
    capped = Limits(max_account_usd_per_hour=rate(10))
    refused = judge(rent(), capped, account_usd_per_hour=now)
    assert rules(refused) == {"limits.max_account_usd_per_hour"}
    assert isinstance(judge(rent(), capped, account_usd_per_hour=rate(9.6)), Allow)


@pytest.mark.parametrize("day", ["2026-11-20", "2026-11-23"])
def test_every_day_of_a_lease_meets_the_daily_cap(day: str) -> None:
    """A reservation covers the lease by UTC day, not only today (docs/design.md#money)."""
    days = {f"2026-11-{number}": usd(5) for number in range(20, 24)}
    asked = rent(cost=usd(20), rental_total=usd(20), by_day=days)
    assert rules(judge(asked, by_day={day: usd(20.01)})) == {"limits.max_usd_per_day"}


@pytest.mark.parametrize("month", ["2026-11", "2026-12"])
def test_every_month_that_a_lease_touches_meets_the_monthly_cap(month: str) -> None:
    """A lease over the turn of the month counts in both."""
    days = {"2026-11-30": usd(5), "2026-12-01": usd(5)}
    asked = rent(cost=usd(10), rental_total=usd(10), by_day=days)
    assert rules(judge(asked, by_month={month: usd(195.01)})) == {"limits.max_usd_per_month"}


@pytest.mark.parametrize("before", [184.99, 185])
def test_the_monthly_cap_counts_every_day_of_a_lease(before: float) -> None:
    """A lease of three days is the sum of its days in the month, not its last or dearest one."""
    days = {f"2026-11-{number}": usd(5) for number in (20, 21, 22)}
    asked = rent(cost=usd(15), rental_total=usd(15), by_day=days)
    assert isinstance(judge(asked, by_month={"2026-11": usd(before)}), Ask)
    over = {"2026-11": usd(185.000001)}
    assert rules(judge(asked, by_month=over)) == {"limits.max_usd_per_month"}


def test_cost_that_was_not_split_by_day_counts_on_today() -> None:
    """No way of splitting a cost makes it smaller."""
    assert rules(judge(rent(cost=usd(26), by_day={}))) == {"limits.max_usd_per_day"}


THRESHOLDS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("no_question.usd_per_hour", {"usd_per_hour": rate(1)}, {"usd_per_hour": rate(1.000001)}),
    ("no_question.usd_per_rental", {"rental_total": usd(5)}, {"rental_total": usd(5.000001)}),
    ("no_question.hours", {"lease_hours": 24.0}, {"lease_hours": 24.01}),
    ("no_question.usd_per_day", {"cost": usd(10)}, {"cost": usd(10.000001)}),
]


@pytest.mark.parametrize(("rule", "inside", "outside"), THRESHOLDS)
def test_between_a_threshold_and_its_cap_stands_one_question(
    rule: str, inside: dict[str, Any], outside: dict[str, Any]
) -> None:
    """Up to the first numbers nobody is asked; between them and the caps, once."""
    assert isinstance(judge(rent(**inside)), Allow)
    asked = judge(rent(**outside))
    assert isinstance(asked, Ask)
    assert asked.level is Level.ASK
    assert rules(asked) == {rule}


def test_unasked_rents_of_a_day_add_up() -> None:
    """At most $10 a day of rents nobody was asked about."""
    assert isinstance(judge(rent(), unasked_today=usd(9.2)), Allow)
    assert rules(judge(rent(), unasked_today=usd(9.21))) == {"no_question.usd_per_day"}


@pytest.mark.parametrize(("total", "level"), [(15, Level.ASK), (15.01, Level.PERSON)])
def test_a_client_that_cannot_ask_carries_fifteen_dollars(total: float, level: Level) -> None:
    """Above $15 per rental such a client needs a person at a terminal."""
    request = Request("create_instance", spend=spend(rental_total=usd(total)), can_ask=False)
    asked = judge(request)
    assert isinstance(asked, Ask)
    assert asked.level is level


@pytest.mark.parametrize(
    "action",
    ["create_instance", "start_instance", "extend_lease", "create_endpoint", "create_volume"],
)
def test_spending_without_a_price_is_refused(action: str) -> None:
    """What cannot be read means "refuse", never "zero"."""
    assert rules(judge(act(action))) == {"price.unknown"}


@pytest.mark.parametrize(
    "action", ["create_instance", "start_instance", "extend_lease", "create_endpoint"]
)
def test_every_spending_act_meets_the_caps(action: str) -> None:
    """Create, start, extend and endpoints go through the same numbers."""
    dear = act(action, spend=spend(usd_per_hour=rate(3.01)))
    assert "limits.max_usd_per_hour" in rules(judge(dear))


@pytest.mark.parametrize("action", ["change_bid", "update_endpoint"])
def test_a_raise_asks_and_meets_the_caps_and_a_cut_does_neither(action: str) -> None:
    """A lower bid or maximum is free, a rise asks and obeys the money (docs/design.md#levels)."""
    inside = spend(adds_running=0)
    over = spend(usd_per_hour=rate(3.01))
    asked = judge(act(action, raises=True, spend=inside))
    assert isinstance(asked, Ask)
    assert asked.level is Level.ASK
    assert isinstance(judge(act(action, raises=True, spend=over)), Deny)
    assert isinstance(judge(act(action, raises=True)), Deny)
    assert isinstance(judge(act(action)), Allow)
    cut = spend(usd_per_hour=rate(3.01), adds_usd_per_hour=rate(-1), cost=usd(0))
    assert isinstance(judge(act(action, spend=cut)), Allow)


def test_a_rise_that_calls_itself_a_cut_is_a_rise() -> None:
    """The caps look at the money, not at the word."""
    sly = act("change_bid", raises=False, spend=spend(usd_per_hour=rate(3.01)))
    assert isinstance(judge(sly), Deny)


@pytest.mark.parametrize("hours", [float("nan"), float("inf"), -1.0, 0.0])
def test_a_lease_that_is_no_lease_is_refused(hours: float) -> None:
    """Nothing is rented without a lease (docs/design.md#leases)."""
    assert "limits.max_lease_hours" in rules(judge(rent(lease_hours=hours)))


def test_all_reasons_are_given_not_only_the_first() -> None:
    """A decision comes with all its reasons (docs/design.md#policy)."""
    refused = judge(rent(verified=False, disk_gb=900, usd_per_hour=rate(5)))
    assert rules(refused) == {
        "limits.verified_only", "limits.max_disk_gb", "limits.max_usd_per_hour"
    }  # fmt: skip


def test_a_plain_rent_needs_no_question() -> None:
    """Two hours of a cheap card are simply rented."""
    assert decide(rent(), exposure(), Limits()) == Allow()


@pytest.mark.parametrize(("spent", "reserved"), [(2.2, 0), (0, 2.2), (1.2, 1.0)])
def test_a_budget_holds_at_its_number_and_refuses_just_above(spent: float, reserved: float) -> None:
    """What is spent, what is reserved and what is asked all bind the task."""
    cap, kept = usd(3), usd(reserved)
    inside = judge(rent(task="lora"), task_cap=cap, task_reserved=kept, task_spent=usd(spent))
    assert isinstance(inside, Allow)
    more = usd(spent + 0.000001)
    over = judge(rent(task="lora"), task_cap=cap, task_reserved=kept, task_spent=more)
    assert rules(over) == {"budget.lora"}


def said(decision: object) -> str:
    """All sentences of a refusal."""
    assert isinstance(decision, Deny)
    return " ".join(reason.says for reason in decision.reasons)


def test_a_refusal_names_what_was_asked_and_what_is_allowed() -> None:
    """What cannot be told is called unknown, not an empty text."""
    only = Limits(allow=Allowed(gpu_names=("RTX 3090",)))
    assert '"RTX 4090" is not one of: RTX 3090' in said(judge(rent(), only))
    assert "(unknown) is not one of" in said(judge(rent(gpu_name=""), only))


@pytest.mark.parametrize(("running", "allowed"), [(3, True), (4, False)])
def test_one_more_machine_than_may_run_is_refused(running: int, allowed: bool) -> None:
    """Three run, a fourth may; four run, a fifth may not."""
    assert ("limits.max_running" not in rules(judge(rent(), running=running))) is allowed


def bill(**changes: Any) -> Bill:  # noqa: ANN401  as `spend`
    """A rent before the rules of money."""
    return Bill("create_instance", spend(**changes), exposure(), Limits(), can_ask=True)


def test_the_hours_asked_are_the_leases_where_its_cost_buys_them() -> None:
    """A cost rounded to micro-dollars is no other lease; what is no lease counts by its cost."""
    cheap = {"usd_per_hour": rate(0.333333), "cost": usd(0.49995)}
    assert asked_hours(bill(lease_hours=1.5, **cheap)) == 1.5
    assert asked_hours(bill(lease_hours=0, **cheap)) == 0
    assert asked_hours(bill(lease_hours=0.5, **cheap)) == 0.5
    bought = pytest.approx(1.49985, abs=1e-4)
    assert asked_hours(bill(lease_hours=40, **cheap)) == bought
    assert asked_hours(bill(lease_hours=float("nan"), **cheap)) == bought
    assert asked_hours(bill(lease_hours=2, usd_per_hour=rate(0), cost=usd(0))) == 0
