"""Waiting in short calls: look, judge, sleep, and come back before any client's patience ends."""

from collections.abc import Callable
from dataclasses import replace

from vast_mcp.account.context import Account
from vast_mcp.api.connection import READ_TIMEOUT_S
from vast_mcp.clock import SECOND_US, Clock
from vast_mcp.errors import ApiError, RateLimited, VendorDown, VendorUnreadable
from vast_mcp.instances.connectivity import Goal, explain, reached
from vast_mcp.instances.fleet import farewell, hold, known_rental
from vast_mcp.instances.logs import excerpt
from vast_mcp.instances.readiness import Verdict, elapsed_s, judge, missing
from vast_mcp.instances.state import Held
from vast_mcp.leases.remembered import holds
from vast_mcp.models import InstanceState
from vast_mcp.remote.errors import Unavailable
from vast_mcp.remote.trouble import LOG_LINES, Trouble
from vast_mcp.telling import Stand, Tell, nobody, sleep_telling, telling

CALL_S = 45.0
POLL_S = 10.0
TOLD_EVERY_S = POLL_S / 4
LOG_AFTER_S = 15.0
"""A key that was just given may be refused for so long; only then the log is asked."""
RUNNING = Goal()
_LOG_LINES = 15
_LOG_BYTES = 2_000
_PASSING = (RateLimited, VendorDown, VendorUnreadable)


async def wait_until(
    account: Account, instance_id: int, goal: Goal = RUNNING, tell: Tell = nobody
) -> tuple[Held | None, Verdict]:
    """The last look and its verdict, at the latest 45 s from now; polls are 10 s apart.

    Whoever calls is told meanwhile how far it is, by `tell`.

    Raises:
        InputInvalid: the goal is half a wish.
        ApiError: not one look succeeded.
    """
    goal.check()
    clock, stand = account.clock, _looking
    began_s = clock.monotonic_s()
    last: tuple[Held | None, Verdict] | None = None
    waited_s = 0.0
    explained = False
    while True:
        looked_s = waited_s
        try:
            async with telling(clock, stand, tell):
                held, verdict = await look_once(account, instance_id, left_s=CALL_S - waited_s)
                if held is not None:
                    left_s = CALL_S - (clock.monotonic_s() - began_s)
                    verdict = await reached(account, held, goal, verdict, left_s)
                    if verdict.shut and waited_s >= LOG_AFTER_S and not explained:
                        explained = True
                        verdict = await _explained(account, held, verdict, began_s)
            last = held, verdict
        except _PASSING:
            if last is None:
                raise
        waited_s = clock.monotonic_s() - began_s
        took_s = waited_s - looked_s  # the next look may take as long
        if last[1].over or waited_s + POLL_S + took_s > CALL_S:
            return last
        stand = _stand(clock, *last)
        await sleep_telling(clock, POLL_S, stand, tell, every_s=TOLD_EVERY_S)
        waited_s = clock.monotonic_s() - began_s


def _looking() -> Stand:
    """Before the first look has told anything."""
    return Stand(0, None, "Checking its state.")


def _stand(clock: Clock, held: Held | None, verdict: Verdict) -> Callable[[], Stand]:
    """The share of the load, from the last look on: seconds since the rent, and how many usually.

    Past the usual time no end can be foreseen.
    """
    looked_us = clock.lease_us()
    then_s = 0 if held is None else elapsed_s(held)

    def now() -> Stand:
        so_far_s = then_s + (clock.lease_us() - looked_us) // SECOND_US
        expected_s = verdict.expected_s
        if so_far_s < expected_s:
            return Stand(
                so_far_s, expected_s, f"{verdict.said} {so_far_s} of about {expected_s} s."
            )
        return Stand(
            so_far_s, None, f"{verdict.said} {so_far_s} s so far, {expected_s} s expected."
        )

    return now


async def _explained(account: Account, held: Held, verdict: Verdict, began_s: float) -> Verdict:
    """The verdict with what the log of a machine says that runs and lets nobody in."""
    assert verdict.shut is not None
    left_s = max(1.0, CALL_S - (account.clock.monotonic_s() - began_s))
    instance_id = held.instance.instance_id
    found = await log_trouble(account, instance_id, verdict.shut, deadline_s=left_s)
    return verdict if found is None else explain(held, verdict, found)


async def look_once(
    account: Account, instance_id: int, *, left_s: float | None = None
) -> tuple[Held | None, Verdict]:
    """One look and its verdict; `left_s` bounds the asking.

    Raises:
        ApiError: it cannot be read.
    """
    deadline_s = None if left_s is None else min(READ_TIMEOUT_S, max(1.0, left_s))
    look = await account.reads.look(instance_id, fresh=False, deadline_s=deadline_s)
    if look.instance is not None:
        held = await hold(account, look.instance)
        return held, judge(held)
    rental = None if look.gone else await known_rental(account, instance_id)
    waited_s = None
    if look.trouble is not None and not holds(rental):
        raise look.trouble
    if rental is not None and rental.state.holds_money:
        waited_s = (account.clock.lease_us() - rental.created_us) // 1_000_000
    verdict = missing(instance_id, waited_s)
    if verdict.word == "dead" and await known_rental(account, instance_id) is not None:
        verdict = replace(verdict, said=await farewell(account, instance_id))
    return None, verdict


async def log_trouble(
    account: Account, instance_id: int, reason: Unavailable, *, deadline_s: float | None = None
) -> Trouble | None:
    """Why SSH lets nobody in, as far as the machine's log tells; None where it cannot be read."""
    try:
        log = await account.reads.logs(instance_id, tail=LOG_LINES, deadline_s=deadline_s)
    except ApiError:
        return None
    return Trouble.in_log(log, reason)


_HAS_LAST_WORDS = {InstanceState.FAILED, InstanceState.STOPPED}
"""It ended by itself: its log may say why."""


async def last_words(account: Account, held: Held | None, verdict: Verdict) -> str:
    """The end of the log of a machine that failed; empty where there is none to be had."""
    if held is None or verdict.word != "dead" or held.state not in _HAS_LAST_WORDS:
        return ""
    if held.stop_sent:
        return ""
    try:
        log = await account.reads.logs(held.instance.instance_id, tail=_LOG_LINES)
    except ApiError:
        return ""
    return excerpt(log, _LOG_BYTES).text
