"""Prompts about machines: what to end, what goes on tonight, what is wrong with one."""

from collections.abc import Mapping

from vast_mcp.errors import ApiError
from vast_mcp.instances.logs import excerpt
from vast_mcp.operations import Json
from vast_mcp.prompts._prompt import PromptField, PromptSpec, Told
from vast_mcp.prompts._words import call
from vast_mcp.session import Session
from vast_mcp.views.account import account_summary
from vast_mcp.views.billable_items import machines
from vast_mcp.views.machine import machine_detail

_STOP = call("stop_instance", "instance_id")
_DESTROY = call("destroy_instance", "instance_id")
_DELETE = call("delete_endpoint", "endpoint_name")
_LOG_LINES = 60
_LOG_SHOWN = 6_000


async def _clean_up(session: Session, given: Mapping[str, str]) -> Told:  # noqa: ARG001
    facts: dict[str, Json] = {"account": await account_summary(session)}
    held = await machines(session.account, await session.account.cache.seen())
    facts["instances"] = [machine.row() for machine in held]
    return Told(
        "vast://account",
        facts,
        "Help me clean up my Vast.ai account from the facts above. List everything that is"
        " billed, most expensive first, with its cost per day, and suggest for each: keep, stop"
        " (its disk is still billed) or destroy (its data is gone for good). Leave machines made"
        " by others alone unless I name them. Ask me which to end; then end exactly those, one by"
        f" one: {_STOP}, {_DESTROY}, {_DELETE}.",
    )


async def _end_of_day(session: Session, given: Mapping[str, str]) -> Told:  # noqa: ARG001
    facts = {"account": await account_summary(session)}
    return Told(
        "vast://account",
        facts,
        "I am leaving for today. From the facts above tell me in a few lines: what keeps running"
        " and what it costs until tomorrow morning, what ends by itself and when, and what"
        " nothing will end. Then ask for each running machine whether to stop it, destroy it, or"
        f" let it run to its lease's end; do only what I answer: {_STOP} or {_DESTROY}.",
    )


async def _diagnose(session: Session, given: Mapping[str, str]) -> Told:
    instance_id = int(given["instance_id"])
    facts: dict[str, Json] = {"instance": await machine_detail(session.account, instance_id)}
    for name, daemon in (("untrusted_log", False), ("untrusted_host_log", True)):
        try:
            log = await session.account.reads.logs(instance_id, tail=_LOG_LINES, daemon=daemon)
            facts[name] = excerpt(str(log), _LOG_SHOWN).text
        except ApiError as error:
            facts[f"{name.removeprefix('untrusted_')}_missing"] = str(error)
    return Told(
        f"vast://instances/{instance_id}",
        facts,
        f"Find out what is wrong with instance {instance_id} from the facts above: its state, its"
        " message, its logs. Give the most likely cause and the evidence for it, then the"
        " cheapest fix. Loading normally takes up to ten minutes; a host that stays offline, or"
        " an image that fails to start, is not worth waiting for. Say what waiting costs. Change"
        " nothing until I agree.",
    )


PROMPTS = (
    PromptSpec("clean_up", "Clean up", "Find what costs money for nothing and end it.", _clean_up),
    PromptSpec(
        "end_of_day", "End of the day", "What keeps running tonight, and what to end.", _end_of_day
    ),
    PromptSpec(
        "diagnose_instance",
        "Diagnose an instance",
        "Why a machine does not work.",
        _diagnose,
        (
            PromptField(
                "instance_id", "the instance's id", above=0, most=999_999_999_999, whole=True
            ),
        ),
    ),
)
