"""What the guard says when it does not simply do: in one place, so that it is said one way."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime

from vast_mcp.clock import Clock
from vast_mcp.errors import OutcomeUnknown, PolicyDenied, VastMcpError
from vast_mcp.guard.act import Act, Caller, Outcome
from vast_mcp.guard.plans import COOLDOWN_US
from vast_mcp.policy import Deny
from vast_mcp.policy.refusal import refusal_text
from vast_mcp.store import Ledger, Plan, PlanState, Rental, RentalState, Silence
from vast_mcp.units import minute

CLAIMED_WAIT_S = 20.0
_LOOK_EVERY_S = 0.25


def replayed(rental: Rental) -> Outcome:
    """The stored outcome of an identical earlier call, and how to get a second machine."""
    if not rental.outcome and rental.target_id is None:
        return unresolved(rental.intent_id) if rental.state.holds_money else _nothing(rental)
    if not rental.outcome and rental.state in _ENDS:
        return _ended(rental)
    if not rental.outcome:
        return _arrived(rental)
    return Outcome.from_json(rental.outcome).again(
        "This repeats an earlier identical call; nothing more was rented. For a second machine"
        " pass a new request_key."
    )


def _arrived(rental: Rental) -> Outcome:
    machine = rental.kind == "instance"
    return Outcome(
        status="rented" if machine else "created",
        said="It exists: Vast.ai's answer was lost, and it was found by its lease mark.",
        next=f"wait_for_instance(instance_id={rental.target_id})." if machine else "",
        values={
            f"{rental.kind}_id": rental.target_id,
            "replayed": True,
            "lease_ends": minute(rental.lease_ends_us),
        },
    )


def _nothing(rental: Rental) -> Outcome:
    """The call was refused, never reached the vendor, or nothing came of it."""
    done = "rented" if rental.kind == "instance" else "created"
    lost = rental.state is RentalState.ABSENT and rental.sent_us is not None
    why = "it never existed, and its money is released" if lost else "the call failed"
    return Outcome(
        status="refused",
        said=f"Not {done}, nothing charged: {why}.",
        next="Call again if it is still wanted; offer ids change.",
    )


_ENDS = {RentalState.DESTROYING, RentalState.GONE}


def _ended(rental: Rental) -> Outcome:
    """It was ended before anybody could say what it became."""
    gone = rental.state is RentalState.GONE
    return Outcome(
        status="destroyed" if gone else "destroying",
        said="An identical call created it, and it "
        + ("is gone since: nothing of it is billed any more." if gone else "is being destroyed."),
        next="show_instances lists what is left; for another pass a new request_key.",
        values={f"{rental.kind}_id": rental.target_id, "replayed": True},
    )


def unresolved(intent_id: str) -> Outcome:
    """Sent, and nobody knows yet whether it was executed."""
    return Outcome(
        status="unknown",
        said="Sent, but the answer was lost: it may or may not have been carried out.",
        next="Do not repeat it. It is being looked for, and its money stays reserved;"
        " show_instances says what became of it.",
        values={"intent": intent_id},
    )


def denied(act: Act, refusal: Deny) -> PolicyDenied:
    """The refusal as an error the model can act on."""
    return PolicyDenied(
        refusal_text(refusal, done_word=_NOT_DONE.get(act.tool, "Not done")),
        rules=tuple(reason.rule for reason in refusal.reasons),
    )


SPENDING: Mapping[str, str] = {
    "create_instance": "Not rented",
    "run_job": "Not started",
    "start_instance": "Not started",
    "extend_lease": "Not extended",
    "change_bid": "Bid not changed",
    "create_endpoint": "Not created",
    "update_endpoint": "Not changed",
    "create_workergroup": "Not created",
}
"""Acts that spend, and how their errors begin: with what happened to money."""
_NOT_DONE = {
    **SPENDING,
    "stop_instance": "Not stopped",
    "destroy_instance": "Not destroyed",
}
_PLAIN = "Not done, nothing charged"


@contextmanager
def unspent(tool: str) -> Iterator[None]:
    """Whatever fails in here began nothing: an error of an act that spends says so first.

    An outcome that nobody knows is left as it is.
    """
    try:
        yield
    except OutcomeUnknown:
        raise
    except VastMcpError as error:
        error.message = nothing_spent(tool, error.message)
        raise


def nothing_spent(tool: str, said: str) -> str:
    """`said` with what happened to money before it, if this act spends and it is not said yet."""
    word = SPENDING.get(tool)
    if word is None or said.startswith(word):
        return said
    if said.startswith(_PLAIN):
        return f"{word}, nothing charged{said.removeprefix(_PLAIN)}"
    return f"{word}, nothing charged: {said}"


def until_closed(plan: Plan, caller: Caller) -> Outcome:
    """What nobody knows the outcome of is not sent again before a person has looked."""
    command = f"vast-mcp deny {plan.plan_id}{caller.flags}"
    return Outcome.from_json(plan.outcome).again(
        "The same call is not sent again while nobody knows what became of it. Once the user has"
        f" looked, `{command}` in a terminal closes it."
    )


def to_terminal(plan: Plan, caller: Caller) -> Outcome:
    """A plan that only `vast-mcp approve` can open: why, and how."""
    if plan.silence is not Silence.NONE:
        return left_to_terminal(plan, caller)
    return needs_person(plan, caller)


def needs_person(plan: Plan, caller: Caller) -> Outcome:
    """A yes that the chat cannot give."""
    return _in_a_terminal(plan, caller, "This needs approval by a person in a terminal.")


def left_to_terminal(plan: Plan, caller: Caller) -> Outcome:
    """Nobody seems to have seen the question. Nothing was done, and the plan waits."""
    return _in_a_terminal(plan, caller, f"Nothing was done. {_UNSEEN[plan.silence]}")


def approved_meanwhile(plan: Plan) -> Outcome:
    """Nobody answered the client's question, but a person said yes in a terminal."""
    return Outcome(
        status="needs_confirmation",
        said="Approved in a terminal meanwhile; nothing was done yet.",
        next=f'Call confirm_plan(plan_id="{plan.plan_id}") to carry it out.',
        values={"plan_id": plan.plan_id},
    )


_UNSEEN = {
    Silence.NONE: "",
    Silence.AT_ONCE: "The client answered no within a second, faster than anyone can read: most"
    " likely it showed the question to nobody.",
    Silence.NO_ANSWER: "The question got no answer within 45 s and was withdrawn; a yes there is"
    " now too late.",
}


def _in_a_terminal(plan: Plan, caller: Caller, said: str) -> Outcome:
    command = f"vast-mcp approve {plan.plan_id}{caller.flags}"
    return Outcome(
        status="needs_confirmation",
        said=said,
        next=f"Ask the user to run `{command}` in a terminal before"
        f' {_clock_words(plan.expires_us)}, then call confirm_plan(plan_id="{plan.plan_id}").',
        values={"plan_id": plan.plan_id},
    )


def _clock_words(at_us: int) -> str:
    """Plans live by this computer's clock; leases by the vendor's, which a simulator hastens."""
    moment = datetime.fromtimestamp(at_us / 1_000_000, UTC)
    return f"{moment:%H:%M:%S} UTC on this computer's clock"


_HOW_TO_TYPE = re.compile(r" Type [^.?!]*digits of the (?:last )?id[^.?!]*\.")
"""Of no use where the client has no form to type into."""


def needs_confirmation(plan: Plan) -> Outcome:
    """A yes that this client can only give through its own dialog on `confirm_plan`."""
    return Outcome(
        status="needs_confirmation",
        said=_HOW_TO_TYPE.sub("", plan.question),
        next="Tell the user what it does and costs; after their yes call"
        f' confirm_plan(plan_id="{plan.plan_id}").',
        values={"plan_id": plan.plan_id},
    )


def kept(plan: Plan, said: str) -> Outcome:
    """A no that was heard."""
    status = "kept" if plan.tool.startswith("destroy_instance") else "declined"
    again = _clock_words(plan.changed_us + COOLDOWN_US)
    return Outcome(
        status=status,
        said=said,
        next=f"Do not ask again unless the user wants it; until {again} the same call gets this"
        " answer.",
    )


def changed(plan: Plan | None, why: str) -> Outcome:
    """The world moved between the question and the act."""
    tool = plan.tool if plan is not None else "the tool"
    return Outcome(
        status="changed",
        said=f"Nothing was done: {why}",
        next=f"Call {tool} again: it reads the current state and makes a new plan.",
    )


async def repeated(ledger: Ledger, rental: Rental, clock: Clock) -> Outcome:
    """What an identical call made; one that is under way right now is waited for."""
    waited_until_s = clock.monotonic_s() + CLAIMED_WAIT_S
    intent_id = rental.intent_id
    while _under_way(rental) and clock.monotonic_s() < waited_until_s:
        await clock.sleep(_LOOK_EVERY_S)
        found = await ledger.read(lambda tx: tx.rental(intent_id))
        rental = rental if found is None else found
    return replayed(rental)


def _under_way(rental: Rental) -> bool:
    """Whether its call has yet to say what came of it: not sent, not answered, not looked at."""
    if rental.state is RentalState.ACTIVE:
        return not rental.outcome and not rental.facts.checked
    return rental.state in {RentalState.RESERVED, RentalState.SENDING}


async def closed(ledger: Ledger, plan: Plan, clock: Clock) -> Outcome:
    """What to say of a plan that is not open: wait for a claimed one, replay a done one."""
    plan_id = plan.plan_id
    waited_until_s = clock.monotonic_s() + CLAIMED_WAIT_S
    while plan.state is PlanState.CLAIMED and clock.monotonic_s() < waited_until_s:
        await clock.sleep(_LOOK_EVERY_S)
        found = await ledger.read(lambda tx: tx.plan(plan_id))
        plan = plan if found is None else found
    if plan.state is PlanState.DONE:
        return await _as_known_now(ledger, Outcome.from_json(plan.outcome))
    if plan.state is PlanState.CLAIMED:
        return Outcome(
            status="under_way",
            said="This plan is being carried out by another call.",
            next="Check show_instances in a moment; do not repeat it.",
        )
    return Outcome(
        status="refused",
        said=f"This plan is {plan.state.value}; nothing was done.",
        next="The user said no: do not ask again unless they want it."
        if plan.state is PlanState.DECLINED
        else f"Call {plan.tool} again if it is still wanted: it reads the current state and makes"
        " a new plan.",
    )


async def _as_known_now(ledger: Ledger, outcome: Outcome) -> Outcome:
    """A stored outcome again; of one that nobody knew then, what has become of it."""
    intent_id = str(outcome.values.get("intent", ""))
    rental = None
    if outcome.status == "unknown" and intent_id:
        rental = await ledger.read(lambda tx: tx.rental(intent_id))
    if rental is None or rental.state.unresolved:
        return outcome.again()
    return replayed(rental)
