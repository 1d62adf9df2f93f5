"""How many hours fit, and what each cap says word for word: the answer that a model acts on."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.policy.cases import TODAY, act, exposure, judge, rate, rent, spend, usd
from vast_mcp.policy import Allowed, Deny, Limits, Reason
from vast_mcp.policy._case import Bill
from vast_mcp.policy.budget import budget_of, place_of_budget
from vast_mcp.policy.engine import decide
from vast_mcp.policy.facts import Request
from vast_mcp.policy.fitting import HOURS_ARGUMENT, asked_hours, most_hours
from vast_mcp.units import Usd, UsdPerHour

NEXT_DAY = "2026-11-21"
SEARCH = "Search again with max_price_usd_per_hour=3."
CREDIT = (
    "Only the user can add credit, on https://cloud.vast.ai/billing/, or change"
    " limits.min_credit_usd, in the policy file."
)
CHEAPER = "Retry with lease_hours={}, or a cheaper offer."
SAID: list[tuple[Request, dict[str, Any], Reason]] = [
    (
        rent(usd_per_hour=rate(3.5)),
        {},
        Reason(
            "limits.max_usd_per_hour",
            "$3.50/h is above $3.00/h, the maximum per machine.",
            SEARCH,
        ),
    ),
    (
        rent(),
        {"usd_per_hour": rate(5.7)},
        Reason(
            "limits.max_total_usd_per_hour",
            "All rentals together would cost $6.10/h ($5.70/h now), above $6.00/h.",
            "Stop a rental that is no longer needed. Choose a cheaper offer.",
        ),
    ),
    (
        rent(adds_running=2),
        {"running": 3},
        Reason(
            "limits.max_running",
            "5 machines would run; 4 are allowed.",
            "Stop one that is no longer needed.",
        ),
    ),
    (
        rent(lease_hours=10, usd_per_hour=rate(1), cost=usd(10), rental_total=usd(53.5)),
        {},
        Reason(
            "limits.max_usd_per_rental",
            "This rental would cost up to $53.50 in total, above $50.00.",
            CHEAPER.format(6),
        ),
    ),
    (
        rent(lease_hours=200, usd_per_hour=rate(0.05), cost=usd(10)),
        {},
        Reason(
            "limits.max_lease_hours",
            "A lease of 200 h was requested; up to 168 h is allowed.",
            "Retry with lease_hours=168.",
        ),
    ),
    (
        rent(lease_hours=12.5, usd_per_hour=rate(0.4), cost=usd(5), max_contract_hours=9.26),
        {},
        Reason(
            "offer.max_hours",
            "The offer ends in 9.26 h; the requested lease is 12.5 h.",
            "Retry with lease_hours=9, or an offer that lasts longer.",
            "No setting changes this: the host sets it.",
        ),
    ),
    (
        act(
            "extend_lease",
            spend=spend(
                lease_hours=30, usd_per_hour=rate(0.4), cost=usd(4), max_contract_hours=24.5
            ),
        ),
        {},
        Reason(
            "offer.max_hours",
            "The offer lasts 4.5 h more; 10 h were requested.",
            "Retry with hours=4.",
            "No setting changes this: the host sets it.",
        ),
    ),
    (
        rent(lease_hours=10, usd_per_hour=rate(1), cost=usd(10), rental_total=usd(10)),
        {"by_day": {TODAY: usd(21.5)}},
        Reason(
            "limits.max_usd_per_day",
            "2026-11-20 would cost $31.50 ($21.50 spent or reserved), above $25.00.",
            f"{CHEAPER.format(3)} The day ends at 00:00 UTC.",
        ),
    ),
    (
        rent(lease_hours=10, usd_per_hour=rate(1), cost=usd(10), rental_total=usd(10)),
        {"by_month": {TODAY[:7]: usd(195.5)}},
        Reason(
            "limits.max_usd_per_month",
            "2026-11 would cost $205.50 ($195.50 spent or reserved), above $200.00.",
            CHEAPER.format(4),
        ),
    ),
    (
        rent(disk_gb=500.25),
        {},
        Reason(
            "limits.max_disk_gb",
            "500.25 GB of disk was requested; up to 500 GB is allowed.",
            "Retry with disk_gb=500 or less.",
        ),
    ),
    (
        act("start_instance", spend=spend(disk_gb=501)),
        {},
        Reason(
            "limits.max_disk_gb",
            "501 GB of disk was requested; up to 500 GB is allowed.",
            "This machine cannot be changed: search_offers, and rent one with a smaller disk"
            " instead.",
        ),
    ),
    (
        rent(usd_per_gb_traffic=usd(0.06)),
        {},
        Reason(
            "limits.max_usd_per_gb",
            "Traffic costs $0.06 per GB there; up to $0.05 is allowed.",
            "Choose an offer with cheaper traffic.",
        ),
    ),
    (
        rent(lease_hours=10, usd_per_hour=rate(1), cost=usd(10), rental_total=usd(10)),
        {"credit": usd(7.5)},
        Reason(
            "limits.min_credit_usd",
            "This needs $10.00 of $7.50 unreserved credit: -$2.50 would be left, below the minimum"
            " of $1.00.",
            CHEAPER.format(6),
            CREDIT,
        ),
    ),
    (
        rent(),
        {"credit": None},
        Reason(
            "limits.min_credit_usd",
            "The account's credit cannot be read, so nothing is spent.",
            "Try again in a minute.",
            "The user can look at the account's credit on the vendor's site.",
        ),
    ),
    (
        rent(verified=False),
        {},
        Reason(
            "limits.verified_only",
            "This host is not verified; only verified hosts are allowed.",
            "Choose a verified offer.",
        ),
    ),
]


def named(reason: Reason) -> Reason:
    """The setting is the rule itself, where no other words say what a person can do."""
    setting = "" if reason.person_can else reason.rule
    return Reason(reason.rule, reason.says, reason.model_can, reason.person_can, setting)


@pytest.mark.parametrize(("asked", "facts", "reason"), SAID)
def test_each_cap_says_the_amounts_and_the_next_step(
    asked: Request, facts: dict[str, Any], reason: Reason
) -> None:
    """A refusal is acted on: each number and each argument in it is right."""
    refused = judge(asked, **facts)
    assert isinstance(refused, Deny)
    (told,) = refused.reasons
    expected = named(reason)
    assert (told.rule, told.says, told.model_can, told.person_can, told.setting) == (
        expected.rule,
        expected.says,
        expected.model_can,
        expected.person_can,
        expected.setting,
    )


@pytest.mark.parametrize(
    ("now", "says", "can"),
    [
        (
            rate(0.7),
            (
                "The whole account would cost $1.10/h ($0.70/h now, others' machines included), "
                "above $1.00/h."
            ),
            "Choose a cheaper offer.",
        ),
        (
            None,
            "What the account is billed for cannot be read, so nothing is spent.",
            "Try again in a minute.",
        ),
        (rate(0.6), "", ""),
    ],
)
def test_the_cap_of_the_whole_account_counts_what_others_run(
    now: UsdPerHour | None, says: str, can: str
) -> None:
    """Up to the cap itself; what cannot be read is refused."""
    limits = Limits(max_account_usd_per_hour=rate(1))
    found = judge(rent(), limits, account_usd_per_hour=now)
    told = [(one.says, one.model_can) for one in found.reasons] if isinstance(found, Deny) else []
    assert told == ([(says, can)] if says else [])


@pytest.mark.parametrize(
    ("allowed", "changes", "says", "can"),
    [
        (
            Allowed(gpu_names=("A100", "H100")),
            {},
            'GPU "RTX 4090" is not one of: A100, H100.',
            "Choose one of these.",
        ),
        (Allowed(gpu_names=("rtx_4090",)), {}, "", ""),
        (Allowed(gpu_names=("A100",)), {"fixed": False}, "", ""),
        (
            Allowed(gpu_names=("A100",)),
            {"gpu_name": ""},
            "GPU (unknown) is not one of: A100.",
            "Choose one of these.",
        ),
        (
            Allowed(images=("ubuntu:*",)),
            {},
            'Image "vastai/pytorch:2.4" matches none of: ubuntu:*.',
            "Choose one of these.",
        ),
        (
            Allowed(images=("ubuntu:*",)),
            {"image": ""},
            "Image (unknown) matches none of: ubuntu:*.",
            "Choose one of these.",
        ),
        (Allowed(images=("ubuntu:*",)), {"image": "", "fixed": False}, "", ""),
        (
            Allowed(images=("ubuntu:*",)),
            {"fixed": False},
            'Image "vastai/pytorch:2.4" matches none of: ubuntu:*.',
            "Choose one of these.",
        ),
        (Allowed(images=("vastai/*",)), {}, "", ""),
        (
            Allowed(countries=("DE",)),
            {},
            'Country "Sweden, SE" is not one of: DE.',
            "Choose one of these.",
        ),
        (Allowed(countries=("DE",)), {"fixed": False}, "", ""),
        (Allowed(countries=("EU",)), {}, "", ""),
        (Allowed(countries=("Sweden",)), {}, "", ""),
        (Allowed(countries=("",)), {"country": ""}, "Country (unknown) is not one of: .", None),
        (
            Allowed(datacenter_only=True),
            {"datacenter": False},
            "This host is not in a datacenter; only datacenter hosts are allowed.",
            "Choose a datacenter offer.",
        ),
        (Allowed(datacenter_only=True), {"datacenter": True}, "", ""),
        (
            Allowed(max_gpus=2),
            {"num_gpus": 3},
            "3 GPUs were requested; up to 2 are allowed.",
            "Search again with num_gpus=2 or fewer.",
        ),
        (Allowed(max_gpus=2), {"num_gpus": 2}, "", ""),
    ],
)
def test_what_may_be_rented_is_told_by_what_was_asked_and_what_is_allowed(
    allowed: Allowed, changes: dict[str, Any], says: str, can: str | None
) -> None:
    """A worker that is not chosen yet is judged by what is known of it, its image."""
    found = judge(rent(**changes), Limits(allow=allowed))
    told = [(one.says, one.model_can) for one in found.reasons] if isinstance(found, Deny) else []
    assert told == ([(says, can or "Choose one of these.")] if says else [])


def bill(action: str, **changes: Any) -> Bill:  # noqa: ANN401  any field
    """Before the money rules, with nothing on the account."""
    return Bill(action, spend(**changes), exposure(), Limits(), can_ask=True)


@given(
    action=st.sampled_from(sorted(HOURS_ARGUMENT)),
    hours=st.sampled_from([0.5, 1, 1.5, 2, 3.25, 10, 24, 70]),
    micros=st.sampled_from([60, 400_000, 1_250_000]),
    once=st.sampled_from([0, 1, 150_000]),
    before=st.sampled_from([0, 5, 30]),
    most=st.integers(0, 90_000_000),
)
def test_the_hours_named_are_the_most_that_meet_a_limit(
    action: str, hours: float, micros: int, once: int, before: int, most: int
) -> None:
    """Found by halves, as by trying each whole hour below what was asked; and what it costs then.

    What it costs once stays, an extension keeps the hours before it.
    """
    rate_, once = UsdPerHour(micros), 0 if action == "extend_lease" else once
    cost = rate_.over(int(hours * 3600)) + Usd(once)
    lease = hours + (before if action == "extend_lease" else 0)
    asked = bill(
        action, usd_per_hour=rate_, adds_usd_per_hour=rate_, lease_hours=lease, cost=cost,
        rental_total=cost + Usd(7), by_day={TODAY: Usd(cost.micros // 3), NEXT_DAY: cost},
    )  # fmt: skip

    def refused(shorter: Bill) -> bool:
        spent = shorter.spend
        assert spent.rental_total - spent.cost == Usd(7)
        left = (spent.cost - Usd(once)).micros / micros - hours
        assert spent.lease_hours - lease == pytest.approx(left, abs=0.01)
        assert sum(spent.by_day.values(), Usd()) <= spent.cost + Usd(1)
        assert spent.by_day[TODAY] <= Usd(cost.micros // 3)
        return spent.cost.micros > most

    found = most_hours(asked, refused)
    fits = [
        each
        for each in range(1, math.ceil(hours))
        if (rate_.over(each * 3600) + Usd(once)).micros <= most
    ]
    assert found == max(fits, default=0)


def test_days_keep_what_a_shorter_lease_still_costs_and_one_micro_dollar_of_rounding() -> None:
    """Earlier days first: the last is cut, and none is below nothing."""
    seen: list[dict[str, Usd]] = []
    asked = bill(
        "create_instance", usd_per_hour=rate(1), lease_hours=4, cost=usd(4),
        by_day={NEXT_DAY: usd(2), TODAY: usd(2)},
    )  # fmt: skip

    def refused(shorter: Bill) -> bool:
        seen.append(dict(shorter.spend.by_day))
        return True

    assert most_hours(asked, refused) == 0
    assert seen == [
        {TODAY: usd(2), NEXT_DAY: Usd(1)},
        {TODAY: Usd(1_000_001), NEXT_DAY: Usd(0)},
    ]


@pytest.mark.parametrize(
    ("action", "hours", "found"),
    [
        ("create_instance", 1, 0),
        ("create_instance", 1.01, 1),
        ("create_instance", 2, 1),
        ("create_instance", 2.01, 2),
        ("create_instance", 100_000, 99_999),
        ("create_instance", 100_001, 0),
        ("change_bid", 2, 0),
    ],
)
def test_fewer_hours_are_named_for_a_lease_of_more_than_one(
    action: str, hours: float, found: int
) -> None:
    """Nothing is fewer than one hour, and what is absurd is not halved."""
    asked = bill(action, usd_per_hour=rate(1), lease_hours=hours, cost=usd(hours))
    assert most_hours(asked, lambda _: False) == found


@pytest.mark.parametrize(
    ("action", "model_can"),
    [
        ("create_instance", "No whole hour fits. Choose a cheaper offer."),
        ("run_job", "No whole hour fits. Choose a cheaper offer."),
        ("start_instance", "No whole hour fits."),
        ("extend_lease", "No whole hour fits."),
        (
            "create_endpoint",
            "No whole hour fits. Ask for fewer workers, or a lower price per worker.",
        ),
        ("update_endpoint", "Ask for fewer workers, or a lower price per worker."),
        ("change_bid", "Bid less."),
    ],
)
def test_where_no_hour_fits_another_way_is_named(action: str, model_can: str) -> None:
    """Each act has its own; none is sent to a tool's argument that it lacks."""
    asked = act(action, raises=True, spend=spend(rental_total=usd(60), cost=usd(0.1)))
    refused = decide(asked, exposure(), Limits())
    assert isinstance(refused, Deny)
    assert [one.model_can for one in refused.reasons] == [model_can]


@pytest.mark.parametrize(
    ("whole", "dollars", "asked"),
    [
        (0, 0.25, 0),
        (0.5, 1, 0.5),
        (2, 2, 2),
        (2 + 1 / 3600, 2, 2 + 1 / 3600),
        (2 + 1.5 / 3600, 2, 2),
        (30, 2, 2),
        (-1, 2, 2),
        (math.nan, 2, 2),
        (math.inf, 2, 2),
    ],
)
def test_the_hours_asked_are_the_lease_or_what_its_cost_buys(
    whole: float, dollars: float, asked: float
) -> None:
    """An extension costs what it adds; a second more is how prices are rounded."""
    one = bill("extend_lease", usd_per_hour=rate(1), lease_hours=whole, cost=usd(dollars))
    assert asked_hours(one) == asked


def test_a_single_hour_that_fits_is_named() -> None:
    """One is a whole hour."""
    asked = rent(lease_hours=2, usd_per_hour=rate(1), cost=usd(2), rental_total=usd(2))
    refused = judge(asked, by_day={TODAY: usd(23.5)})
    assert isinstance(refused, Deny)
    assert refused.reasons[0].model_can.startswith("Retry with lease_hours=1, or")


def test_what_costs_nothing_an_hour_is_not_shortened() -> None:
    """Fewer hours of it would cost the same."""
    asked = bill("create_instance", usd_per_hour=rate(0), lease_hours=9, cost=usd(0))
    assert most_hours(asked, lambda _: False) == 0


def test_a_contract_that_is_over_before_the_extension_begins_lasts_no_hour_more() -> None:
    """Never less than nothing is left of it."""
    asked = spend(lease_hours=30, usd_per_hour=rate(0.4), cost=usd(4), max_contract_hours=19)
    refused = judge(act("extend_lease", spend=asked))
    assert isinstance(refused, Deny)
    assert refused.reasons[0].says == "The offer lasts 0 h more; 10 h were requested."


def test_a_day_that_is_over_its_cap_refuses_only_what_it_would_pay_for() -> None:
    """What falls on tomorrow alone adds nothing to today."""
    asked = rent(by_day={NEXT_DAY: usd(0.8)})
    found = judge(asked, by_day={TODAY: usd(99)})
    assert not isinstance(found, Deny)
    late = judge(rent(by_day={NEXT_DAY: usd(0.7)}), by_day={TODAY: usd(24.95)})
    assert isinstance(late, Deny)
    assert late.reasons[0].says.startswith("2026-11-20 would cost $25.05 ($24.95 spent")


def test_each_name_that_is_allowed_is_told_in_forty_characters() -> None:
    """A person wrote it, and a model reads it."""
    refused = judge(rent(), Limits(allow=Allowed(gpu_names=("x" * 60,))))
    assert isinstance(refused, Deny)
    assert refused.reasons[0].says.endswith(f": {'x' * 33} …[cut].")


def test_of_two_budgets_of_one_task_the_lower_one_is_named() -> None:
    """They look the same to a person; the one that refuses is the one to be changed."""
    limits = Limits(budgets={"lora": usd(5), "Lora": usd(3), "LORA": usd(4)})
    assert budget_of(limits, "lora") == usd(3)
    assert place_of_budget(limits, "lora") == "budget.Lora, in the policy file"
