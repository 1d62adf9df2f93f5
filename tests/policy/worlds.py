"""Strategies: any request, any exposure, any policy layer, and exposures that only grow."""

from dataclasses import replace

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from vast_mcp.policy import Exposure, Limits, Owner, Request, Spend, Target
from vast_mcp.policy.actions import ACTS, DANGEROUS_WORDS
from vast_mcp.policy.keys import KEYS, Key, Kind, Value
from vast_mcp.policy.layers import Layer, built_in, set_by
from vast_mcp.policy.limits import Level
from vast_mcp.units import Usd, UsdPerHour

patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A busy machine is no reason to fail."""
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

micros = st.one_of(st.integers(0, 60_000_000), st.integers(0, 10**15))
usd = micros.map(Usd)
rates = micros.map(UsdPerHour)
numbers = st.one_of(st.sampled_from([0.0, 1.0, 24.0, 168.0, 500.0]), st.floats(0, 1000))
odd_numbers = st.one_of(numbers, st.floats())
by_day = st.dictionaries(st.sampled_from(DAYS), usd)
texts = st.one_of(st.sampled_from(NAMES), st.text(max_size=30))

spends = st.builds(
    Spend,
    usd_per_hour=rates,
    adds_usd_per_hour=rates,
    adds_running=st.integers(0, 5),
    lease_hours=odd_numbers,
    cost=usd,
    rental_total=usd,
    by_day=by_day,
    disk_gb=odd_numbers,
    usd_per_gb_traffic=usd,
    gpu_name=texts,
    num_gpus=st.integers(0, 9),
    image=texts,
    country=texts,
    datacenter=st.booleans(),
    verified=st.booleans(),
    max_contract_hours=st.none() | odd_numbers,
    task=st.sampled_from(TASKS),
    max_cost_usd=st.none() | usd,
)
targets = st.builds(
    Target,
    kind=st.sampled_from(["instance", "endpoint"]),
    target_id=st.integers(1, 3),
    label=texts,
    owner=st.sampled_from(Owner),
    never_ran=st.booleans(),
)
actions = st.one_of(st.sampled_from(sorted(ACTS)), st.text(max_size=12))
requests = st.builds(
    Request,
    action=actions,
    target=st.none() | targets,
    spend=st.none() | spends,
    raises=st.booleans(),
    corrective=st.booleans(),
    covered=st.booleans(),
    dangerous_set=st.sampled_from(["", *DANGEROUS_WORDS]),
    can_ask=st.booleans(),
)
exposures = st.builds(
    Exposure,
    running=st.integers(0, 6),
    usd_per_hour=rates,
    by_day=by_day,
    by_month=st.dictionaries(st.sampled_from(["2026-11", "2026-12"]), usd),
    today=st.sampled_from(DAYS),
    unasked_today=usd,
    task_spent=usd,
    task_reserved=usd,
    task_cap=st.none() | usd,
    credit=st.none() | usd | st.just(Usd(10**17)),
    credit_promised=usd,
    account_usd_per_hour=st.none() | rates,
)


def values_for(key: Key) -> st.SearchStrategy[Value]:
    """Any value that a policy file could state for this key."""
    if key.dotted == "dangerous.allow":
        return st.lists(st.sampled_from(DANGEROUS_WORDS), unique=True).map(tuple)
    kinds: dict[Kind, st.SearchStrategy[Value]] = {
        Kind.MONEY: usd,
        Kind.RATE: rates,
        Kind.NUMBER: numbers,
        Kind.COUNT: st.integers(0, 9),
        Kind.SWITCH: st.booleans(),
        Kind.WORDS: st.lists(st.sampled_from(NAMES), unique=True).map(tuple),
        Kind.IDS: st.lists(st.integers(1, 3), unique=True).map(tuple),
    }
    return kinds[key.kind]


@st.composite
def layers(draw: st.DrawFn, origin: str = "a file") -> Layer:
    """What a file could state."""
    stated = draw(st.sets(st.sampled_from(KEYS)))
    return Layer(
        origin,
        {key.dotted: draw(values_for(key)) for key in sorted(stated, key=lambda key: key.dotted)},
        draw(st.dictionaries(st.sampled_from(TASKS[1:]), usd)),
        draw(
            st.dictionaries(
                st.sampled_from(["*", *sorted(ACTS)]),
                st.sampled_from([Level.ASK, Level.PERSON, Level.DENY]),
                max_size=3,
            )
        ),
    )


@st.composite
def policies(draw: st.DrawFn) -> Limits:
    """Limits as a first file sets them over the built-in ones."""
    limits = set_by(built_in(), draw(layers()))
    return replace(limits, read_only=draw(st.integers(0, 9)) == 0)


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
        credit_promised=before.credit_promised + more.credit_promised,
        account_usd_per_hour=account,
    )


def _summed(one: dict[str, Usd], other: dict[str, Usd]) -> dict[str, Usd]:
    return {name: one.get(name, Usd()) + other.get(name, Usd()) for name in sorted({*one, *other})}
