"""An act that a person does at a terminal: the guard decides as always, the person says the yes."""

import sys
from collections.abc import Callable

import anyio

from vast_mcp.errors import NotFound
from vast_mcp.guard.act import Act, Caller, Outcome, Pending, Proposal, Ready, Settled
from vast_mcp.guard.door import Guard

Ask = Callable[[str], str]
AT_TERMINAL = Caller(principal="local", can_ask=True, client="terminal")


def at_a_terminal(command: str) -> bool:
    """Whether a person can answer here; where not, it says so on stderr."""
    if sys.stdin.isatty() and sys.stdout.isatty():
        return True
    print(f"vast-mcp {command}: only a person at a terminal can do this", file=sys.stderr)
    return False


def no_instance(instance_id: int) -> NotFound:
    """What a person is told who names a machine that is not there."""
    return NotFound(
        f"There is no instance {instance_id} on this account; nothing was done.",
        hint="`vast-mcp leases` lists what exists.",
    )


async def says_yes(ask: Ask, prompt: str) -> bool:
    """Put the prompt; only the word `yes` is one."""
    answer = await anyio.to_thread.run_sync(ask, f"{prompt} Type yes to continue: ")
    return answer.strip().casefold() == "yes"


def question_of(proposal: Proposal) -> str:
    """What is about to be done and what it costs; empty when there is nothing to ask."""
    match proposal:
        case Ready(sight=sight):
            return sight.question
        case Pending(plan=plan):
            return plan.question
        case Settled():
            return ""


async def done(guard: Guard, proposal: Proposal) -> Outcome:
    """Carry out what the person just agreed to; the limits are applied once more inside.

    Raises:
        PolicyDenied: a rule refuses by now; nothing was sent.
    """
    match proposal:
        case Ready() as ready:
            return await guard.perform(ready, AT_TERMINAL)
        case Pending(plan=plan):
            await guard.answers.approve(plan.plan_id, AT_TERMINAL)
            return await guard.redeem(plan.plan_id, AT_TERMINAL)
        case Settled(outcome=outcome):
            return outcome


async def declined(guard: Guard, proposal: Proposal) -> None:
    """A no: a plan that was made for it ends."""
    if isinstance(proposal, Pending):
        await guard.answers.decline(proposal.plan.plan_id, AT_TERMINAL, "the user declined")


async def agreed(guard: Guard, act: Act) -> Outcome:
    """Propose and do at once what the person has already agreed to.

    Raises:
        PolicyDenied: a rule refuses; nothing was sent.
    """
    return await done(guard, await guard.propose(act, AT_TERMINAL))
