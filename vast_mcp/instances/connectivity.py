"""Whether a running machine can be worked on: a login with our key, or an answer on a port."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from typing import Literal

from vast_mcp.account.context import Account
from vast_mcp.errors import InputInvalid
from vast_mcp.instances.readiness import Verdict, elapsed_s, not_yet, of_no_use, usable
from vast_mcp.instances.state import Held
from vast_mcp.models import Instance, InstanceState
from vast_mcp.remote.address import Address, address, addresses, port_urls
from vast_mcp.remote.errors import AddressInvalid, HostKeyChanged, RemoteError, SshUnavailable
from vast_mcp.remote.probe import http_at, http_inside
from vast_mcp.remote.session import SshSession
from vast_mcp.remote.trouble import Ill, Trouble

Until = Literal["running", "ssh", "http"]
MENDED_AFTER_S = 180
"""Our start script sets the key file right for two minutes after each start."""
MAPPED_WITHIN_S = 180
"""A host maps its ports within seconds of the start; so long it is waited for."""
TRY_S = 12.0
"""How long one attempt may take; a call makes several."""


@dataclass(frozen=True, slots=True)
class Goal:
    """What is waited for."""

    until: Until = "running"
    port: int | None = None

    def check(self) -> None:
        """Refuse half a wish.

        Raises:
            InputInvalid: http without a port, or a port without http.
        """
        if self.until == "http" and self.port is None:
            raise InputInvalid("port", 'is required with until="http": the instance\'s port')
        if self.until != "http" and self.port is not None:
            raise InputInvalid("port", 'works only with until="http"')


async def reached(
    account: Account, held: Held, goal: Goal, verdict: Verdict, left_s: float = TRY_S
) -> Verdict:
    """The verdict made finer, for a machine that runs; one attempt, for `left_s` at most."""
    if goal.until == "running" or not verdict.reached:
        return verdict
    if held.state is InstanceState.ENDED:
        return of_no_use(held, verdict.said, verdict.next)
    try_s = min(TRY_S, max(1.0, left_s))
    if goal.until == "ssh":
        return await _ssh(account, held, try_s)
    return await _http(account, held, goal.port or 0, try_s)


async def _ssh(account: Account, held: Held, try_s: float) -> Verdict:
    one = held.instance
    if "args" in one.runtype.split():
        step = 'wait with until="http" and its port, or read show_logs({id}).'
        return of_no_use(held, "It runs its own command and has no SSH.", step)

    async def log_in() -> Verdict:
        where = addresses(one)
        async with _looked_into(account, held, where) as one_in:
            key = account.remote.pool.introduction(one_in)
            seen = f" Host key {key}, seen for the first time." if key else ""
            return usable(held, f"It is running, and our SSH key logs in.{seen}")

    return await _attempt(held, log_in, try_s)


def _looked_into(
    account: Account, held: Held, where: Sequence[Address]
) -> AbstractAsyncContextManager[SshSession]:
    """A session for a look: on a machine that is not ours nothing is mended by it."""
    return account.remote.pool.session(
        held.instance.instance_id, where, key_patience_s=0, mend=held.ours
    )


async def _http(account: Account, held: Held, port: int, try_s: float) -> Verdict:
    one = held.instance

    async def ask() -> Verdict:
        urls = [found.url for found in port_urls(one) if found.inside == port]
        url = next((url for url in urls if url.startswith("http")), None)
        if url is not None and await http_at(_outside(one, port), try_s / 2):
            return usable(held, f"Port {port} answers at {url}.", url)
        if url is None and "args" in one.runtype.split():
            return _unmapped(held, port)
        if url is not None:
            return not_yet(held, f"It is running; nothing answers at {url} yet.", "")
        where = addresses(one)
        async with _looked_into(account, held, where) as inside:
            if await http_inside(inside, port, try_s / 2):
                step = (
                    f"forward_port({one.instance_id}, {port}) makes it reachable from this"
                    " computer."
                )
                return usable(held, f"Port {port} answers inside; it has no open port.", step=step)
        return not_yet(held, f"It is running; nothing answers on port {port} inside yet.", "")

    return await _attempt(held, ask, try_s)


def _unmapped(held: Held, port: int) -> Verdict:
    """Nothing leads to the port from outside, and there is no SSH to look inside."""
    asked = held.rental.facts.ports if held.rental is not None else ()
    if str(port) not in asked:
        said = f"Port {port} was not opened when the machine was rented."
        return of_no_use(held, said, "show_instances({id}) lists its ports.")
    if elapsed_s(held) < MAPPED_WITHIN_S:
        return not_yet(held, f"It is running; its host has not mapped port {port} yet.", "")
    said = f"Port {port} was requested, but its host maps it to no outside port."
    step = "destroy_instance({id}), and rent from search_offers(ports=…)."
    return of_no_use(held, said, step)


def explain(held: Held, verdict: Verdict, trouble: Trouble) -> Verdict:
    """The verdict with what the log proves; without our start script nothing heals it."""
    mends = held.rental is not None and held.rental.facts.guarded_inside
    step = trouble.next(held.instance.instance_id, mends_itself=mends)
    if trouble.ill is Ill.KEY_FILE and mends and elapsed_s(held) < MENDED_AFTER_S:
        return replace(verdict, said=f"{verdict.said} {trouble.said}", next=step)
    return of_no_use(held, trouble.said, step)


def _outside(one: Instance, port: int) -> Address:
    mapped = next(p.outside for p in one.ports if p.inside == port and p.protocol == "tcp")
    return address(one.public_ip, mapped)


async def _attempt(held: Held, act: Callable[[], Awaitable[Verdict]], try_s: float) -> Verdict:
    try:
        async with asyncio.timeout(try_s):
            return await act()
    except HostKeyChanged as error:
        return of_no_use(held, error.message, error.hint)
    except AddressInvalid as error:
        return of_no_use(held, error.message, error.hint)
    except SshUnavailable as error:
        step = ""
        if error.reason == "auth" and not held.ours:
            step = f"attach_ssh_key({held.instance.instance_id}) (toolset all) adds our key."
        said = f"It is running; SSH login does not work yet ({error.reason})."
        return replace(not_yet(held, said, step), shut=error.reason)
    except (RemoteError, TimeoutError) as error:
        why = error.message if isinstance(error, RemoteError) else "no answer in time"
        return not_yet(held, f"It is running; {why}", "")
