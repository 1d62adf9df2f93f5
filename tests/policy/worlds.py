"""Strategies: any request, any exposure, any policy layer, and exposures that only grow."""

from dataclasses import replace
from typing import TypeVar

from hypothesis import strategies as st

from vast_mcp.policy import Limits
from vast_mcp.policy.actions import ACTS
from vast_mcp.policy.facts import Exposure, Owner, Request, Spend, Target
from vast_mcp.policy.keys import DANGEROUS_WORDS, KEYS, Key, Value, ValueKind
from vast_mcp.policy.layers import Layer, built_in, set_by
from vast_mcp.policy.limits import Level
from vast_mcp.units import Usd, UsdPerHour

T = TypeVar("T")
DAYS = ("2026-11-20", "2026-11-30", "2026-12-01")
TASKS = ("", "lora", "Lora", "eval")
NAMES = (
    "RTX 4090",
    "rtx_3090",
    "vastai/pytorch:2",
    "vastai/*",
    "*",
    "Sweden, SE",
    "SE",
    "/a",
    "/a/b",
)


def mostly(usual: st.SearchStrategy[T], seldom: st.SearchStrategy[T]) -> st.SearchStrategy[T]:
    """The usual 24 times in 25: else nearly every decision would be the same refusal."""
    return st.integers(0, 24).flatmap(lambda draw: seldom if draw == 24 else usual)


micros = mostly(st.integers(0, 1_500_000), st.integers(0, 60_000_000) | st.integers(0, 10**15))
large = mostly(st.integers(2_000_000, 400_000_000), st.integers(0, 10**15))
usd = micros.map(Usd)
rates = micros.map(UsdPerHour)
numbers = mostly(st.sampled_from([0.5, 1.0, 24.0, 30.0]), st.floats(0, 1000))
odd_numbers = mostly(numbers, st.floats())
by_day = st.dictionaries(st.sampled_from(DAYS), usd)
texts = mostly(st.sampled_from(NAMES), st.text(max_size=30))
rarely = mostly(st.just(False), st.just(True))
nearly_always = mostly(st.just(True), st.just(False))

spends = st.builds(
    Spend,
    usd_per_hour=rates,
    adds_usd_per_hour=rates,
    adds_running=st.integers(0, 2),
    lease_hours=odd_numbers,
    cost=usd,
    rental_total=usd,
    by_day=by_day,
    disk_gb=odd_numbers,
    usd_per_gb_traffic=mostly(st.integers(0, 50_000).map(Usd), usd),
    gpu_name=texts,
    num_gpus=st.integers(0, 3),
    image=texts,
    country=texts,
    datacenter=nearly_always,
    verified=nearly_always,
    max_contract_hours=mostly(st.none() | st.just(500.0), odd_numbers),
    task=st.sampled_from(TASKS),
    max_cost_usd=mostly(st.none(), usd),
)
targets = st.builds(
    Target,
    kind=st.sampled_from(["instance", "endpoint"]),
    target_id=st.integers(1, 30),
    label=texts,
    owner=mostly(st.just(Owner.OURS), st.just(Owner.FOREIGN)),
    never_ran=st.booleans(),
)
SPENDING = ("create_instance", "start_instance", "extend_lease", "change_bid", "create_endpoint")
actions = mostly(
    st.sampled_from(SPENDING) | st.sampled_from([a for a in sorted(ACTS) if not ACTS[a].word]),
    st.sampled_from(sorted(ACTS)) | st.text(max_size=12),
)
requests = st.builds(
    Request,
    action=actions,
    target=mostly(targets, st.none()),
    spend=mostly(spends, st.none()),
    raises=st.booleans(),
    corrective=rarely,
    covered=st.booleans(),
    dangerous_set=mostly(st.just(""), st.sampled_from(DANGEROUS_WORDS)),
    can_ask=st.booleans(),
)
exposures = st.builds(
    Exposure,
    running=st.integers(0, 2),
    usd_per_hour=rates,
    by_day=by_day,
    by_month=st.dictionaries(st.sampled_from(["2026-11", "2026-12"]), usd),
    today=st.sampled_from(DAYS),
    unasked_today=usd,
    task_spent=usd,
    task_reserved=usd,
    task_cap=mostly(st.none(), large.map(Usd)),
    credit=mostly(st.integers(5_000_000, 10**9).map(Usd), st.none() | usd),
    account_usd_per_hour=mostly(rates, st.none()),
)


def values_for(key: Key) -> st.SearchStrategy[Value]:
    """Any value that a policy file could state for this key."""
    if key.dotted == "dangerous.allow":
        return st.lists(st.sampled_from(DANGEROUS_WORDS), unique=True).map(tuple)
    kinds: dict[ValueKind, st.SearchStrategy[Value]] = {
        ValueKind.MONEY: large.map(Usd),
        ValueKind.RATE: large.map(UsdPerHour),
        ValueKind.NUMBER: mostly(st.sampled_from([24.0, 48.0, 200.0]), st.floats(0, 1000)),
        ValueKind.COUNT: st.integers(0, 9),
        ValueKind.SWITCH: rarely,
        ValueKind.WORDS: st.lists(st.sampled_from(NAMES), unique=True).map(tuple),
        ValueKind.IDS: st.lists(st.integers(1, 3), unique=True).map(tuple),
        ValueKind.MINUTES: st.lists(st.integers(1, 60), unique=True).map(tuple),
        ValueKind.PERCENT: st.integers(1, 100),
        ValueKind.ADDRESS: st.sampled_from(["https://a.example/x", "http://127.0.0.1:9/y"]),
    }
    return kinds[key.kind]


@st.composite
def layers(draw: st.DrawFn, origin: str = "a file") -> Layer:
    """What a file could state."""
    stated = draw(st.sets(st.sampled_from(KEYS), max_size=4))
    return Layer(
        origin,
        {key.dotted: draw(values_for(key)) for key in sorted(stated, key=lambda key: key.dotted)},
        draw(st.dictionaries(st.sampled_from(TASKS[1:]), usd)),
        draw(
            st.dictionaries(
                st.sampled_from(["*", *sorted(ACTS)]),
                st.sampled_from([Level.ASK, Level.PERSON, Level.DENY]),
                max_size=1,
            )
        ),
    )


@st.composite
def policies(draw: st.DrawFn) -> Limits:
    """Limits as a first file sets them over the built-in ones."""
    limits = set_by(built_in(), draw(layers()))
    return replace(limits, read_only=draw(rarely) and draw(rarely))


@st.composite
def grown(draw: st.DrawFn, before: Exposure) -> Exposure:
    """The same exposure with more running, more spent and less left."""
    more = draw(exposures)
    credit = None
    if before.credit is not None and draw(st.booleans()):
        credit = before.credit - draw(usd)
    caps = [cap for cap in (before.task_cap, more.task_cap) if cap is not None]
    account = None
    if before.account_usd_per_hour is not None and more.account_usd_per_hour is not None:
        account = before.account_usd_per_hour + more.account_usd_per_hour
    return Exposure(
        running=before.running + more.running,
        usd_per_hour=before.usd_per_hour + more.usd_per_hour,
        by_day=_summed(dict(before.by_day), dict(more.by_day)),
        by_month=_summed(dict(before.by_month), dict(more.by_month)),
        today=before.today,
        unasked_today=before.unasked_today + more.unasked_today,
        task_spent=before.task_spent + more.task_spent,
        task_reserved=before.task_reserved + more.task_reserved,
        task_cap=min(caps, default=None),
        credit=credit,
        account_usd_per_hour=account,
    )


def _summed(one: dict[str, Usd], other: dict[str, Usd]) -> dict[str, Usd]:
    return {name: one.get(name, Usd()) + other.get(name, Usd()) for name in sorted({*one, *other})}
