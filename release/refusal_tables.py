"""Two tables for the documents: what the vendor and what the policy refuse, and what to do then.

Both are asked of the code that refuses: the vendor's rows of its table of known refusals, the
policy's of decisions about rents that break one rule each.
"""

from collections.abc import Iterator
from dataclasses import replace

from vast_mcp.api.refusals import TABLE, Row
from vast_mcp.policy import Allowed, Deny, Limits, Reason
from vast_mcp.policy.engine import decide
from vast_mcp.policy.facts import Exposure, Request, Spend
from vast_mcp.policy.limits import Level
from vast_mcp.units import Usd, UsdPerHour

_DAY = "2026-11-20"
_WAIT = "Nothing was done: wait as long as the answer says, then call again."
_RENT = Spend(
    usd_per_hour=UsdPerHour.of(0.4),
    adds_usd_per_hour=UsdPerHour.of(0.4),
    adds_running=1,
    lease_hours=10,
    cost=Usd.of(4),
    rental_total=Usd.of(4),
    by_day={_DAY: Usd.of(4)},
    disk_gb=50,
    gpu_name="RTX 4090",
    num_gpus=2,
    image="vastai/pytorch",
    country="SE",
    max_contract_hours=500,
    task="lora",
)
"""Ten hours of a machine that breaks no rule."""
_PLAIN = Exposure(today=_DAY, credit=Usd.of(100), account_usd_per_hour=UsdPerHour.of(1))
_FROM = "2026-11-20 by the user"


def vendor_table() -> str:
    """One row per next step: which answers lead to it, and as what they are raised."""
    steps: dict[tuple[str, str], list[str]] = {}
    for row in TABLE:
        statuses = ", ".join(str(status) for status in sorted(row.statuses))
        marks = steps.setdefault((row.kind.__name__, row.hint or _WAIT), [])
        marks.append(f"{statuses} {_mark(row)}")
    rows = ["| answer | type | next step |", "|---|---|---|"]
    rows += [f"| {'; '.join(marks)} | {kind} | {step} |" for (kind, step), marks in steps.items()]
    return "\n".join(rows)


def _mark(row: Row) -> str:
    if row.whole:
        return "(any body)"
    if row.page:
        return "(a web page)"
    parts = [f"`{row.code}`"] if row.code else []
    parts += [f"“{row.text}”"] if row.text else []
    return " ".join(parts) or "(no reason)"


def policy_table() -> str:
    """One row per rule that can refuse: what is said, the model's step, what the person can do."""
    rows = ["| rule | message | next step | what the user can do |", "|---|---|---|---|"]
    found: dict[str, Reason] = {}
    for request, exposure, limits in _cases():
        decision = decide(request, exposure, limits)
        for reason in decision.reasons if isinstance(decision, Deny) else ():
            found.setdefault(reason.rule, reason)
    for rule, reason in sorted(found.items()):
        person = reason.person_can or f"change {reason.setting}, in {reason.place}"
        rows.append(f"| `{rule}` | {reason.says} | {reason.model_can} | {person} |")
    return "\n".join(rows)


def _cases() -> Iterator[tuple[Request, Exposure, Limits]]:
    """Rents that break one rule each, then what closes every rent."""
    limits = Limits()
    for spend, changed in _rents():
        yield Request("create_instance", spend=spend), _PLAIN, changed
    rent = Request("create_instance", spend=_RENT)
    yield replace(rent, spend=None), _PLAIN, limits
    yield replace(rent, action="mine_coins"), _PLAIN, limits
    yield rent, replace(_PLAIN, credit=Usd.of(4.5)), limits
    yield rent, replace(_PLAIN, running=4), limits
    yield rent, replace(_PLAIN, usd_per_hour=UsdPerHour.of(5.8)), limits
    yield rent, replace(_PLAIN, by_day={_DAY: Usd.of(23)}), limits
    yield rent, replace(_PLAIN, by_month={_DAY[:7]: Usd.of(199)}), limits
    yield rent, replace(_PLAIN, job_cap=Usd.of(5), job_spent=Usd.of(3)), limits
    yield rent, replace(_PLAIN, frozen=_FROM), limits
    yield rent, _PLAIN, replace(limits, read_only=True)
    yield rent, _PLAIN, replace(limits, broken="policy.toml, line 3: [limits] max_rent: unknown")
    yield rent, _PLAIN, replace(limits, levels={"create_instance": Level.DENY})
    yield rent, _PLAIN, replace(limits, levels={"*": Level.DENY})
    yield rent, _PLAIN, replace(limits, budgets={"lora": Usd.of(3)})
    yield Request("transfer_credit"), _PLAIN, limits


def _rents() -> Iterator[tuple[Spend, Limits]]:
    limits = Limits()
    yield replace(_RENT, verified=False), limits
    yield replace(_RENT, max_contract_hours=6), limits
    yield replace(_RENT, usd_per_hour=UsdPerHour.of(3.5)), limits
    yield _RENT, replace(limits, max_lease_hours=8)
    yield _RENT, replace(limits, max_usd_per_rental=Usd.of(3))
    yield replace(_RENT, disk_gb=900), limits
    yield replace(_RENT, usd_per_gb_traffic=Usd.of(0.2)), limits
    yield replace(_RENT, task="", max_cost_usd=Usd.of(3)), limits
    yield _RENT, replace(limits, max_account_usd_per_hour=UsdPerHour.of(1))
    yield _RENT, replace(limits, allow=Allowed(gpu_names=("H100",)))
    yield _RENT, replace(limits, allow=Allowed(images=("pytorch/*",)))
    yield _RENT, replace(limits, allow=Allowed(countries=("NO",)))
    yield replace(_RENT, datacenter=False), replace(limits, allow=Allowed(datacenter_only=True))
    yield _RENT, replace(limits, allow=Allowed(max_gpus=1))
