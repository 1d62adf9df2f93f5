"""Requests and exposures that meet no limit, to be changed one field at a time."""

from dataclasses import replace
from typing import Any, TypeAlias

from vast_mcp.policy import Allow, Ask, Decision, Deny, Limits
from vast_mcp.policy.engine import decide
from vast_mcp.policy.facts import Exposure, Owner, Request, Spend, Target
from vast_mcp.units import Usd, UsdPerHour

TODAY = "2026-11-20"
Field: TypeAlias = Any
"""Whatever the changed field holds."""


def usd(dollars: float) -> Usd:
    """An amount in dollars."""
    return Usd.of(dollars)


def rate(dollars: float) -> UsdPerHour:
    """A price in dollars per hour."""
    return UsdPerHour.of(dollars)


def spend(**changes: Field) -> Spend:
    """Two hours of one RTX 4090 at $0.40/h on a verified host in Sweden."""
    plain = Spend(
        usd_per_hour=rate(0.40),
        adds_usd_per_hour=rate(0.40),
        adds_running=1,
        lease_hours=2,
        cost=usd(0.80),
        rental_total=usd(0.80),
        by_day={TODAY: changes.get("cost", usd(0.80))},
        disk_gb=50,
        gpu_name="RTX 4090",
        num_gpus=1,
        image="vastai/pytorch:2.4",
        country="Sweden, SE",
        max_contract_hours=500,
    )
    return replace(plain, **changes)


def rent(**changes: Field) -> Request:
    """Renting that."""
    return Request("create_instance", spend=spend(**changes))


def exposure(**changes: Field) -> Exposure:
    """Nothing runs, $100 on the account."""
    return replace(Exposure(today=TODAY, credit=usd(100)), **changes)


def machine(owner: Owner = Owner.OURS, **changes: Field) -> Target:
    """A machine that has run, ours unless said otherwise."""
    return replace(Target("instance", 27123456, "train-a vm1.abc", owner), **changes)


def act(action: str, **changes: Field) -> Request:
    """An act on a machine of ours that has run."""
    return replace(Request(action, target=machine()), **changes)


def judge(request: Request, limits: Limits | None = None, **changes: Field) -> Decision:
    """The decision, with the exposure changed by field."""
    return decide(request, exposure(**changes), limits or Limits())


def rules(decision: Decision) -> set[str]:
    """The rules that spoke."""
    match decision:
        case Allow():
            return set()
        case Ask(reasons=reasons) | Deny(reasons=reasons):
            return {reason.rule for reason in reasons}
