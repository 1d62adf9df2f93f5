"""How a market fault befalls the world around a request: prices, hosts, other people's bids.

Everything happens at the world's present, never at the clock's: a mishap may belong to a request
that is carried out late.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from vast_mcp.clock import SECOND_US
from vast_mcp.simulator.contract import Contract
from vast_mcp.simulator.faults import Fault
from vast_mcp.simulator.wire import Request, Response
from vast_mcp.simulator.world import World

_DARK_US = 900 * SECOND_US
_OUTBID_US = 1800 * SECOND_US
"""How long a host stays silent, and how long a higher bid stands."""


def befall(
    fault: Fault, world: World, request: Request, act: Callable[[Request], Response]
) -> tuple[Response, bool]:
    """The handler's answer with the mishap around it, and whether the mishap changed anything."""
    ask = request.path.rstrip("/").rpartition("/")[2]
    if fault.kind in ("offer_taken", "offer_raced"):
        happened = ask.isdigit() and _someone_was_faster(fault, world, int(ask))
        return act(request), happened
    response = act(request)
    body = _decoded(response)
    if fault.kind == "price_drift":
        shown = {row["id"] for row in body.get("offers", ())}
        world.market.drift(shown, fault.factor, world.now_us)
        return response, bool(shown)
    contract = world.instances.get(body.get("new_contract", 0))
    if contract is None or contract.ever_ran:
        return response, False
    return response, _strike(fault, world, contract)


def _decoded(response: Response) -> dict[str, Any]:
    try:
        body = json.loads(response.body)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _someone_was_faster(fault: Fault, world: World, ask: int) -> bool:
    if world.market.find(ask, world.now_us) is None:
        return False
    if fault.kind == "offer_taken":
        world.market.withdraw(ask, world.now_us)
    else:
        world.market.raced.add(ask)
    return True


def _strike(fault: Fault, world: World, contract: Contract) -> bool:
    match fault.kind:
        case "dearer_instance" if not contract.is_bid:
            dearer = contract.listing.gpu_usd_per_hour * fault.factor
            contract.listing = replace(contract.listing, gpu_usd_per_hour=round(dearer, 4))
        case "stuck_loading" if contract.wants_to_run:
            contract.destined = fault.how or "stuck"
        case "mark_altered":
            contract.order.label = "renamed by the vendor"
            if fault.how == "all":
                contract.order.env = []
        case "made_twice":
            _later(world, contract, fault.seconds, lambda: _again(world, contract))
        case "host_death":
            _later(world, contract, fault.seconds, lambda: _die(fault.how, world, contract))
        case "outbid_and_resume" if contract.is_bid:
            _later(world, contract, fault.seconds, lambda: _outbid(world, contract))
        case _:
            return False
    return True


def _later(world: World, contract: Contract, seconds: float, act: Callable[[], None]) -> None:
    """In that many seconds, if the rental still lives then."""

    def happen() -> None:
        if contract.destroyed_us is None:
            act()

    world.later(world.now_us + int(seconds * SECOND_US), happen)


def _again(world: World, contract: Contract) -> None:
    """The same request carried out once more, elsewhere."""
    asked = contract.listing
    free = (x for x in world.market.listings(world.now_us) if x.machine.id != asked.machine.id)
    like = min(free, key=lambda x: abs(x.gpu_usd_per_hour - asked.gpu_usd_per_hour))
    world.market.rent(like)
    again = replace(contract.order, env=list(contract.order.env))
    world.fleet.create(like, again, world.now_us)


def _die(how: str, world: World, contract: Contract) -> None:
    if how == "gone":
        world.fleet.destroy(contract, world.now_us)
        return
    world.fleet.silence(contract, how or "offline", world.now_us)
    _later(world, contract, _DARK_US / SECOND_US, lambda: _return(world, contract))


def _return(world: World, contract: Contract) -> None:
    if contract.stage in ("offline", "unknown"):
        world.fleet.hear_again(contract, world.now_us)


def _outbid(world: World, contract: Contract) -> None:
    bid = contract.order.bid_usd_per_hour or 0.0
    contract.floor_override_usd = round(bid * 1.1 + 0.001, 4)
    world.fleet.follow_market(contract, world.now_us)
    _later(world, contract, _OUTBID_US / SECOND_US, lambda: _resume(world, contract))


def _resume(world: World, contract: Contract) -> None:
    contract.floor_override_usd = None
    bid = contract.order.bid_usd_per_hour or 0.0
    if world.fleet.floor_usd(contract, world.now_us) > bid:
        contract.floor_override_usd = min(bid, 0.001)
    world.fleet.follow_market(contract, world.now_us)
