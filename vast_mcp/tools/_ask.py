"""Turns an act into a tool that asks a person when the guard says so.

The only module that knows the SDK's resolvers. A tool that writes is a plain function from its
arguments to an act; `asking` gives it three hidden parameters that the SDK fills: the services,
the guard's proposal, and the person's answer. On 2026-07-28 connections the resolvers run again
with the answer in hand; on older ones they wait for it. Both walk the same way.

No `from __future__ import annotations` here: the SDK reads the hints of these closures.
"""

import inspect
from collections.abc import Callable
from typing import Annotated, Any

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.resolve import (
    AcceptedElicitation,
    DeclinedElicitation,
    Elicit,
    ElicitationResult,
    Resolve,
)
from pydantic import BaseModel, Field

from vast_mcp.guard.act import Act, Caller, Form, Outcome
from vast_mcp.guard.proposal import Pending, Proposal, Ready, Settled
from vast_mcp.guard.saying import needs_confirmation, needs_person
from vast_mcp.policy import Level
from vast_mcp.services import Services
from vast_mcp.services.rehearsal import rehearsed
from vast_mcp.store import Plan, PlanState
from vast_mcp.tools._result import WriteResult

MODERN = "2026-07-28"


class Confirm(BaseModel):
    """A yes or a no."""

    confirm: bool = Field(description="Yes, do exactly this")


class Digits(BaseModel):
    """Proof that the id was read."""

    digits: str = Field(description="The last 4 digits of the id")


class NotAsked(BaseModel):
    """Nobody was asked: why."""

    why: str


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
    return Caller(principal=principal, can_ask=can_ask(ctx), client=str(name)[:60])


async def current_services(ctx: Context) -> Services:
    """The services of whoever calls."""
    lifespan: Any = ctx.request_context.lifespan_context  # a `Lifespan`; the SDK says dict
    services: Services = lifespan.services_for(ctx)
    return services.for_caller(caller_of(ctx, services.caller.principal))


Svc = Annotated[Services, Resolve(current_services)]
"""A parameter of this type is filled by the server and invisible to the model."""


def asking(make_act: Callable[..., Act]) -> Callable[..., Any]:
    """A tool out of a function from arguments to an act.

    A function whose first parameter is called `services` is handed those of whoever calls.
    """
    arguments = list(inspect.signature(make_act).parameters.values())
    needy = bool(arguments) and arguments[0].name == "services"
    arguments = arguments[needy:]

    async def propose(ctx: Context, services: Svc, **given: Any) -> Proposal:  # noqa: ANN401
        retry_leg = ctx.input_responses is not None
        preview = given.pop("preview", False)
        act = make_act(services, **given) if needy else make_act(**given)
        if preview:
            seen, decision = await services.guard.preview(act, services.caller)
            return Settled(rehearsed(seen, decision))
        return await services.guard.propose(act, services.caller, retry_leg=retry_leg)

    _declare(propose, [("ctx", Context), ("services", Svc)], arguments, Proposal)
    return _tool(make_act, propose, arguments)


def redeeming(tool: Callable[..., Any]) -> Callable[..., Any]:
    """The tool that redeems a stored plan by its id; asks first where the client can be asked."""
    arguments = list(inspect.signature(tool).parameters.values())

    async def propose(services: Svc, plan_id: str) -> Proposal:
        _, plan = await services.guard.plan(plan_id, services.caller)
        return Pending(plan)

    return _tool(tool, propose, arguments, by_id=True)


def _tool(
    described: Callable[..., Any],
    propose: Callable[..., Any],
    arguments: list[inspect.Parameter],
    *,
    by_id: bool = False,
) -> Callable[..., Any]:
    async def ask(
        services: Svc, proposal: Annotated[Proposal, Resolve(propose)]
    ) -> Elicit[Confirm] | Elicit[Digits] | NotAsked:
        if not isinstance(proposal, Pending):
            return NotAsked(why="settled")
        return _question(proposal.plan, services, by_id=by_id)

    ask.__annotations__.pop("return")  # two forms, one question: the SDK allows one marker only

    async def tool(
        services: Services,
        proposal: Proposal,
        answer: ElicitationResult[Any],
        **_: Any,  # noqa: ANN401
    ) -> WriteResult:
        outcome = await _conclude(services, proposal, answer)
        return WriteResult.of(outcome)

    hidden = [
        ("services", Svc),
        ("proposal", Annotated[Proposal, Resolve(propose)]),
        ("answer", Annotated[ElicitationResult, Resolve(ask)]),
    ]
    _declare(tool, hidden, arguments, WriteResult)
    tool.__name__ = described.__name__
    tool.__doc__ = described.__doc__
    return tool


def _question(
    plan: Plan, services: Services, *, by_id: bool
) -> Elicit[Confirm] | Elicit[Digits] | NotAsked:
    if plan.level == Level.PERSON.value:
        return NotAsked(why="person")
    if by_id and (plan.approved or plan.state is not PlanState.OPEN):
        return NotAsked(why="settled")
    if not services.caller.can_ask:
        return NotAsked(why="redeem" if by_id else "cannot")
    question = services.redactor.scrub(plan.question)
    if plan.form == Form.DIGITS.value:
        return Elicit(question, Digits)
    return Elicit(question, Confirm)


async def _conclude(
    services: Services, proposal: Proposal, answer: ElicitationResult[Any]
) -> Outcome:
    match proposal:
        case Settled(outcome=outcome):
            return outcome
        case Ready() as ready:
            return await services.guard.perform(ready, services.caller)
        case Pending(plan=plan):
            return await _answered(services, plan, answer)


async def _answered(services: Services, plan: Plan, answer: ElicitationResult[Any]) -> Outcome:
    guard, caller = services.guard, services.caller
    match answer:
        case AcceptedElicitation(data=NotAsked(why="cannot")):
            return needs_confirmation(plan)
        case AcceptedElicitation(data=NotAsked(why="person")) if _waits(plan):
            return needs_person(plan)
        case AcceptedElicitation(data=NotAsked()):
            return await guard.redeem(plan.plan_id, caller)
        case AcceptedElicitation(data=Confirm(confirm=True)):
            return await guard.redeem(plan.plan_id, caller)
        case AcceptedElicitation(data=Digits(digits=digits)) if digits.strip() == plan.digits:
            return await guard.redeem(plan.plan_id, caller)
        case AcceptedElicitation(data=Digits()):
            return await guard.decline(plan.plan_id, caller, "the digits did not match")
        case AcceptedElicitation():
            return await guard.decline(plan.plan_id, caller, "the person did not confirm")
        case DeclinedElicitation():
            return await guard.decline(plan.plan_id, caller, "the person declined")
        case _:
            return await guard.decline(plan.plan_id, caller, "the person cancelled the question")


def _waits(plan: Plan) -> bool:
    """Whether an approval is still of use: one that was denied or ran out is told as that."""
    return plan.state is PlanState.OPEN and not plan.approved


def _declare(
    function: Callable[..., Any],
    hidden: list[tuple[str, Any]],
    arguments: list[inspect.Parameter],
    returns: Any,  # noqa: ANN401
) -> None:
    """Give a closure the signature the SDK shall see: hidden parameters, then the tool's own."""
    kind = inspect.Parameter.KEYWORD_ONLY
    parameters = [inspect.Parameter(name, kind, annotation=hint) for name, hint in hidden]
    parameters += [one.replace(kind=kind) for one in arguments]
    function.__signature__ = inspect.Signature(  # type: ignore[attr-defined]  # what inspect reads first
        parameters, return_annotation=returns
    )
    function.__annotations__ = {one.name: one.annotation for one in parameters}
    function.__annotations__["return"] = returns
