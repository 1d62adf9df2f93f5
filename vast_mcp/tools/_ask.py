"""Turns an act into a tool that asks a person when the guard says so.

The only module that knows the SDK's resolvers. A tool that writes is a plain function from its
arguments to an act; `asking` gives it three hidden parameters that the SDK fills: the session,
the guard's proposal, and the person's answer. On 2026-07-28 connections the resolvers run again
with the answer in hand; on older ones they wait for it. Both walk the same way.

No `from __future__ import annotations` here: the SDK reads the hints of these closures.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, Any

import anyio
import anyio.abc
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.resolve import (
    AcceptedElicitation,
    DeclinedElicitation,
    Elicit,
    ElicitationResult,
    Resolve,
)
from pydantic import BaseModel, Field

from vast_mcp.errors import InputInvalid
from vast_mcp.guard.act import Act, Caller, Form, Outcome, Pending, Proposal, Ready, Settled
from vast_mcp.guard.answers import FASTEST_S, SILENCE_S
from vast_mcp.guard.plans import question_of, waits_for_terminal
from vast_mcp.guard.replies import needs_confirmation, to_terminal, unspent
from vast_mcp.session import Session
from vast_mcp.store import Plan, PlanState, Silence
from vast_mcp.tools._progress import Teller
from vast_mcp.tools._result import WriteResult
from vast_mcp.views.preview import rehearsed

MODERN = "2026-07-28"


class Confirm(BaseModel):
    """A yes or a no."""

    confirm: bool = Field(description="Yes, do exactly this")


class Digits(BaseModel):
    """Proof that the id was read."""

    digits: str = Field(description="The digits that the question asks for")


class NotAsked(BaseModel):
    """Nobody was asked: why."""

    why: str


@dataclass(frozen=True, slots=True)
class Heard:
    """What came back of a question, and how soon."""

    plan: Plan
    answer: ElicitationResult[Any] | None
    """None: nothing, for as long as the call could wait."""
    after_s: float | None
    """A person's seconds; None: another process put the question."""

    @property
    def at_once(self) -> bool:
        """Faster than a person reads."""
        return self.after_s is not None and self.after_s < FASTEST_S

    @property
    def missed(self) -> bool:
        """Wrong digits."""
        answer = self.answer
        return (
            isinstance(answer, AcceptedElicitation)
            and isinstance(answer.data, Digits)
            and not _right(self.plan, answer.data.digits)
        )


def can_ask(ctx: Context) -> bool:
    """Whether this client can put a form before its person now. A bare `{}` means it can."""
    capabilities = ctx.client_capabilities
    elicitation = capabilities.elicitation if capabilities is not None else None
    if elicitation is None or not (elicitation.form is not None or elicitation.url is None):
        return False
    return (ctx.protocol_version or "") >= MODERN or ctx.session.can_send_request


def caller_of(ctx: Context, principal: str) -> Caller:
    """Who is at the other end."""
    info = getattr(ctx.session, "client_params", None)
    name = getattr(getattr(info, "client_info", None), "name", "") or ""
    return Caller(
        principal=principal, can_ask=can_ask(ctx), client=str(name)[:60], tell=Teller(ctx)
    )


async def current_session(ctx: Context) -> Session:
    """The session of whoever calls."""
    lifespan: Any = ctx.request_context.lifespan_context  # a `Lifespan`; the SDK says dict
    session: Session = lifespan.session_for(ctx)
    known = session.caller
    caller = replace(
        caller_of(ctx, known.principal), terminal_only=known.terminal_only, flags=known.flags
    )
    return session.for_caller(caller)


Svc = Annotated[Session, Resolve(current_session)]
"""A parameter of this type is filled by the server and invisible to the model."""


def asking(make_act: Callable[..., Act]) -> Callable[..., Any]:
    """A tool out of a function from arguments to an act.

    A function whose first parameter is called `session` is handed that of whoever calls.
    """
    arguments = list(inspect.signature(make_act).parameters.values())
    needy = bool(arguments) and arguments[0].name == "session"
    arguments = arguments[needy:]

    async def propose(ctx: Context, session: Svc, **given: Any) -> Proposal:  # noqa: ANN401
        retry_leg = ctx.input_responses is not None
        preview = given.pop("preview", False)
        with unspent(make_act.__name__):
            act = make_act(session, **given) if needy else make_act(**given)
        if preview:
            seen, decision = await session.guard.preview(act, session.caller)
            return Settled(rehearsed(seen, decision))
        proposal = await session.guard.propose(act, session.caller, retry_leg=retry_leg)
        return await _with_miss(ctx, session, proposal)

    _declare(propose, [("ctx", Context), ("session", Svc)], arguments, Proposal)
    return _tool(make_act, propose, arguments)


def redeeming(tool: Callable[..., Any]) -> Callable[..., Any]:
    """The tool that redeems a stored plan by its id; asks first where the client can be asked."""
    arguments = list(inspect.signature(tool).parameters.values())

    async def propose(ctx: Context, session: Svc, plan_id: str) -> Proposal:
        _, plan = await session.guard.answers.plan(plan_id, session.caller)
        return await _with_miss(ctx, session, Pending(plan))

    return _tool(tool, propose, arguments, by_id=True)


def _tool(
    described: Callable[..., Any],
    propose: Callable[..., Any],
    arguments: list[inspect.Parameter],
    *,
    by_id: bool = False,
) -> Callable[..., Any]:
    async def ask(
        ctx: Context, session: Svc, proposal: Annotated[Proposal, Resolve(propose)]
    ) -> Elicit[Confirm] | Elicit[Digits] | NotAsked | Heard:
        if not isinstance(proposal, Pending):
            return NotAsked(why="settled")
        plan = proposal.plan
        if why := _unasked(plan, session, by_id=by_id):
            return NotAsked(why=why)
        if (ctx.protocol_version or "") < MODERN:  # here the call waits for its answer
            return await _waited_for(ctx, session, plan)
        session.guard.answers.note_asked(plan, afresh=ctx.input_responses is None)
        question = _question(plan, session)
        return Elicit(question, Digits) if _form(plan) is Digits else Elicit(question, Confirm)

    ask.__annotations__.pop("return")  # two forms, one question: the SDK allows one marker only

    async def tool(
        session: Session,
        proposal: Proposal,
        answer: ElicitationResult[Any],
        **_: Any,  # noqa: ANN401
    ) -> WriteResult:
        outcome = await _conclude(session, proposal, answer)
        return WriteResult.of(outcome)

    hidden = [
        ("session", Svc),
        ("proposal", Annotated[Proposal, Resolve(propose)]),
        ("answer", Annotated[ElicitationResult, Resolve(ask)]),
    ]
    _declare(tool, hidden, arguments, WriteResult)
    tool.__name__ = described.__name__
    tool.__doc__ = described.__doc__
    return tool


def _unasked(plan: Plan, session: Session, *, by_id: bool) -> str:
    """Why nobody is asked about this plan now; empty if its question is to be put."""
    if plan.state is PlanState.OPEN and waits_for_terminal(plan, session.caller):
        return "terminal"
    if plan.approved or (by_id and plan.state is not PlanState.OPEN):
        return "settled"
    if not session.caller.can_ask:
        return "redeem" if by_id else "cannot"
    return ""


def _question(plan: Plan, session: Session) -> str:
    return session.account.redactor.scrub(question_of(plan))


def _form(plan: Plan) -> type[Confirm] | type[Digits]:
    return Digits if plan.form == Form.DIGITS.value else Confirm


def _right(plan: Plan, digits: str) -> bool:
    return " ".join(digits.split()) == plan.digits


async def _with_miss(ctx: Context, session: Session, proposal: Proposal) -> Proposal:
    """On the leg that brings wrong digits for the first time, the plan that says so.

    Its question differs from the one that was answered, so the SDK puts it once more.
    """
    if ctx.input_responses is None or not isinstance(proposal, Pending):
        return proposal
    plan = proposal.plan
    if plan.form != Form.DIGITS.value or plan.state is not PlanState.OPEN or plan.misses:
        return proposal
    for given in ctx.input_responses.values():
        typed = getattr(given, "content", None)
        if typed is not None and not _right(plan, str(typed.get("digits", ""))):
            return Pending(await session.guard.answers.count_miss(plan, session.caller))
    return proposal


async def _waited_for(ctx: Context, session: Session, plan: Plan) -> Heard:
    """Put the question and wait, but not for ever; wrong digits are asked for once more."""
    heard = await _put(ctx, session, plan)
    if heard.missed and not plan.misses:
        plan = await session.guard.answers.count_miss(plan, session.caller)
        if plan.state is PlanState.OPEN:
            return await _put(ctx, session, plan)
    return heard


async def _put(ctx: Context, session: Session, plan: Plan) -> Heard:
    """One question on a connection of the older era; withdrawn when nothing comes back."""
    clock = session.account.clock
    began_s = clock.real_s()
    heard: ElicitationResult[Any] | None = None
    failed: Exception | None = None

    async def withdraw(tasks: anyio.abc.TaskGroup) -> None:
        await clock.real_sleep(SILENCE_S)
        tasks.cancel_scope.cancel()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(withdraw, tasks)
        try:
            heard = await ctx.elicit(_question(plan, session), _form(plan))
        except Exception as error:  # noqa: BLE001  raised below, outside the group that wraps it
            failed = error
        tasks.cancel_scope.cancel()
    if isinstance(failed, ValueError):  # accepted without the form's content
        raise InputInvalid("answer", "the client accepted the question without filling in its form")
    if failed is not None:
        raise failed
    return Heard(plan, heard, clock.real_s() - began_s)


async def _conclude(
    session: Session, proposal: Proposal, answer: ElicitationResult[Any]
) -> Outcome:
    match proposal:
        case Settled(outcome=outcome):
            return outcome
        case Ready() as ready:
            return await session.guard.perform(ready, session.caller)
        case Pending(plan=plan):
            match answer:
                case AcceptedElicitation(data=NotAsked(why=why)):
                    return await _not_asked(session, plan, why)
                case AcceptedElicitation(data=Heard() as heard):
                    return await _answered(session, heard)
            return await _answered(
                session, Heard(plan, answer, session.guard.answers.waited_s(plan))
            )


async def _not_asked(session: Session, plan: Plan, why: str) -> Outcome:
    if why == "terminal":
        return to_terminal(plan, session.caller)
    if why == "cannot":
        return needs_confirmation(plan)
    return await session.guard.redeem(plan.plan_id, session.caller)


async def _answered(session: Session, heard: Heard) -> Outcome:
    answers, caller, plan = session.guard.answers, session.caller, heard.plan
    yes, how = _meant(heard)
    if yes:
        return await _agreed(session, heard)
    if heard.answer is None:
        return await answers.leave_to_terminal(plan, caller, Silence.NO_ANSWER)
    if heard.at_once:
        return await answers.leave_to_terminal(plan, caller, Silence.AT_ONCE)
    return await answers.decline(plan.plan_id, caller, how)


def _meant(heard: Heard) -> tuple[bool, str]:
    """Whether it is a yes; else the no in words."""
    match heard.answer:
        case AcceptedElicitation(data=Confirm(confirm=True)):
            return True, ""
        case AcceptedElicitation(data=Digits()):
            return not heard.missed, "the digits were wrong twice"
        case AcceptedElicitation():
            return False, "the user did not confirm"
        case DeclinedElicitation():
            return False, "the user declined"
        case _:
            return False, "the user cancelled the question"


async def _agreed(session: Session, heard: Heard) -> Outcome:
    plan, guard = heard.plan, session.guard
    if not heard.at_once:
        return await guard.redeem(plan.plan_id, session.caller)
    await guard.answers.note_hasty(plan, session.caller)
    outcome = await guard.redeem(plan.plan_id, session.caller)
    return replace(outcome, warnings=(*outcome.warnings, HASTY))


HASTY = "The yes came faster than anyone can read; tell the user what was done."


def _declare(
    function: Callable[..., Any],
    hidden: list[tuple[str, Any]],
    arguments: list[inspect.Parameter],
    returns: Any,  # noqa: ANN401
) -> None:
    """Give a closure the signature the SDK shall see: hidden parameters, then the tool's own."""
    kind = inspect.Parameter.KEYWORD_ONLY
    parameters = [inspect.Parameter(name, kind, annotation=hint) for name, hint in hidden]
    parameters += [argument.replace(kind=kind) for argument in arguments]
    function.__signature__ = inspect.Signature(  # type: ignore[attr-defined]  # what inspect reads first
        parameters, return_annotation=returns
    )
    function.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    function.__annotations__["return"] = returns
