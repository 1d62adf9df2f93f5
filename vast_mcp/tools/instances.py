"""Rent an instance, see what is held, wait for it and read its log."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from vast_mcp.actions import CreateInstance
from vast_mcp.errors import NotFound
from vast_mcp.guard.act import Act
from vast_mcp.instances.connectivity import Goal, Until
from vast_mcp.instances.fleet import gone, show_fleet, show_one
from vast_mcp.instances.logs import excerpt
from vast_mcp.instances.waiting import last_words, wait_until
from vast_mcp.market.terms import (
    check_args,
    check_env,
    check_image,
    check_ports,
    check_secrets,
    check_task,
)
from vast_mcp.tools._ask import Svc, asking
from vast_mcp.tools._instance_rows import (
    InstanceId,
    InstanceList,
    StateWord,
    WaitResult,
)
from vast_mcp.tools._spec import ToolSpec


@asking
def create_instance(
    offer_id: Annotated[int, Field(ge=1, description="from search_offers")],
    image: Annotated[
        str | None, Field(description="default: vastai/pytorch, or the template's")
    ] = None,
    template_hash: Annotated[str | None, Field(description="from search_templates")] = None,
    disk_gb: Annotated[
        float | None,
        Field(ge=8, le=100_000, description="cannot grow; default: the template's, else 50"),
    ] = None,
    label: Annotated[str, Field(max_length=200)] = "",
    lease_hours: Annotated[float, Field(gt=0, le=8760, description="on_end follows")] = 4,
    max_price_usd_per_hour: Annotated[
        float | None, Field(gt=0, le=1000, description="default: the price last shown")
    ] = None,
    max_cost_usd: Annotated[
        float | None, Field(gt=0, le=1_000_000, description="budget for the whole task")
    ] = None,
    task: Annotated[
        str, Field(max_length=60, description="calls with this name share a budget")
    ] = "",
    on_end: Annotated[
        Literal["stop", "destroy"],
        Field(description="stop keeps the disk, still billed; destroy needs a yes"),
    ] = "stop",
    idle_stop_minutes: Annotated[
        int | None, Field(ge=5, le=10_080, description="stop once the GPU has idled this long")
    ] = None,
    bid_usd_per_hour: Annotated[
        float | None,
        Field(
            ge=0.001,
            le=128,
            description="whole machine, without disk; makes it interruptible",
        ),
    ] = None,
    env: Annotated[dict[str, str] | None, Field(description="no secrets")] = None,
    secrets: Annotated[
        list[str] | None, Field(description="names the user has set, or NAME=generate")
    ] = None,
    ports: Annotated[
        list[str] | None, Field(description='"8080", "53/udp", "8000-8003"; at most 64')
    ] = None,
    onstart: Annotated[str | None, Field(description="shell script run at start")] = None,
    connect: Annotated[
        Literal["ssh", "jupyter", "args"] | None,
        Field(description="default: ssh, or the template's"),
    ] = None,
    args: Annotated[list[str] | None, Field(description='command, with connect="args"')] = None,
    request_key: Annotated[
        str, Field(max_length=100, description="a new key rents a second machine")
    ] = "",
    preview: Annotated[bool, Field(description="price and policy check only")] = False,
) -> Act:
    """Rent an offer under a lease.

    Use it after search_offers, then wait_for_instance.

    Costs the offer's price while it runs, the disk from now on, and traffic; the lease's worst
    case is reserved first. Larger rents ask the user; rents beyond the policy are refused: do not
    split or repeat the call. An identical call returns the first machine (`replayed`).
    `unknown`: the answer was lost; do not rent again, check show_instances.

    Above max_price_usd_per_hour nothing is sent. Pass a budget the user named as max_cost_usd.
    Secrets go by name in `secrets`, never in env, onstart or args.
    """
    del preview  # `asking` acts on it
    variables = env or {}
    check_image(image)
    check_env(variables, container=True)
    check_args(connect, args or (), onstart)
    return CreateInstance(
        offer_id=offer_id,
        lease_hours=lease_hours,
        image=image,
        template_hash=template_hash,
        disk_gb=disk_gb,
        label=label,
        max_price_usd_per_hour=max_price_usd_per_hour,
        max_cost_usd=max_cost_usd,
        task=check_task(task),
        on_end=on_end,
        bid_usd_per_hour=bid_usd_per_hour,
        env=tuple(variables.items()),
        ports=check_ports(ports or ()),
        onstart=onstart,
        connect=connect,
        args=tuple(args or ()),
        request_key=request_key,
        idle_stop_minutes=idle_stop_minutes,
        secrets=check_secrets(secrets or (), variables),
    )


async def show_instances(
    session: Svc,
    instance_id: Annotated[int | None, Field(ge=1, description="one, in detail")] = None,
    state: StateWord | None = None,
    label: Annotated[str | None, Field(description="label contains")] = None,
) -> InstanceList:
    """Show what is rented: state, what is billed, cost so far, when each lease ends.

    With instance_id also ssh, ports and the host's message. Use it before acting on a machine, and
    for rents whose outcome is unknown (`pending`). Free.
    """
    if instance_id is not None:
        return InstanceList.detail(
            await show_one(session.account, instance_id), str(session.account.home)
        )
    return InstanceList.of(await show_fleet(session.account), state, label)


async def wait_for_instance(
    session: Svc,
    instance_id: InstanceId,
    until: Annotated[
        Until, Field(description="ssh: our key logs in; http: port answers")
    ] = "running",
    port: Annotated[
        int | None, Field(ge=1, le=65_535, description="on the instance, with http")
    ] = None,
) -> WaitResult:
    """Wait up to 45 s for an instance to run, or to be usable.

    Use it after renting or starting; images take 1 to 10 minutes. `dead`: more waiting will not
    help. After three calls give the user the estimate and end the turn: the lease ends it anyway.
    The disk is billed meanwhile.
    """
    held, verdict = await wait_until(
        session.account, instance_id, Goal(until, port), session.caller.tell
    )
    log = await last_words(session.account, held, verdict)
    return WaitResult.of(instance_id, held, verdict, str(session.account.home), log)


class LogText(BaseModel):
    """The end of a log."""

    instance_id: int
    untrusted_log: str
    lines: int
    next: str | None = None


async def show_logs(
    session: Svc,
    instance_id: InstanceId,
    tail: Annotated[int, Field(ge=1, le=10_000, description="last lines")] = 100,
    filter: Annotated[str, Field(max_length=200, description="only lines containing this")] = "",  # noqa: A002  the vendor's word
    daemon: Annotated[bool, Field(description="the host's log instead of the container's")] = False,
) -> LogText:
    """Show the end of an instance's log.

    Use it when a machine does not start or a program failed. Takes up to 12 s; shows at most
    2,000 tokens. Free.
    """
    try:
        text = await session.account.reads.logs(instance_id, tail=tail, match=filter, daemon=daemon)
    except NotFound as error:
        raise await gone(session.account, instance_id) from error
    shown = excerpt(text)
    hint = None
    if shown.cut:
        hint = f"Cut to the last {shown.lines} lines; use filter to find earlier ones."
    elif not shown.lines:
        empty = (
            f"Empty: nothing printed yet, or not started{'' if daemon else '; try daemon=true'}."
        )
        hint = "No line matches." if filter else empty
    elif shown.lines >= tail:
        hint = f"There may be more: tail={min(10_000, tail * 4)}, or filter."
    return LogText(instance_id=instance_id, untrusted_log=shown.text, lines=shown.lines, next=hint)


TOOLS = (
    ToolSpec(create_instance, "Rent an instance", "instances"),
    ToolSpec(show_instances, "Show instances", "instances", reads=True),
    ToolSpec(wait_for_instance, "Wait for an instance", "instances", reads=True),
    ToolSpec(show_logs, "Show logs", "instances", reads=True),
)
