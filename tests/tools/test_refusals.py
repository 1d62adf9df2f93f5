"""What a model is told when it calls wrongly, or too late: true, one line, and what to do next.

See docs/design.md#answers, docs/design.md#questions.
"""

import json
import re
from pathlib import Path

import pytest

from tests.world import Json, ToolFailed, World
from vast_mcp.guard.act import Caller
from vast_mcp.guard.replies import SPENDING
from vast_mcp.served import TOOLS
from vast_mcp.tools.absence import absence
from vast_mcp.tools.toolsets import choose
from vast_mcp.tools.vendor_commands import VendorCommand, every_command

EVERY_RENT_NEEDS_A_PERSON = """
[limits]
max_usd_per_rental_unasked_client = 0.01
[no_question]
usd_per_rental = 0.01
"""
WRONG: dict[str, tuple[str, Json, str]] = {
    "a boolean": ("destroy_instance", {"instance_id": True}, "instance_id: must be a number"),
    "a boolean price": ("change_bid", {"instance_id": 1, "bid_usd_per_hour": True}, "be a number"),
    "a prefixed id": ("stop_instance", {"instance_id": "C.27"}, "must be a whole number."),
    "half an id": ("stop_instance", {"instance_id": 1.5}, "must be a whole number."),
    "nothing": ("extend_lease", {"hours": 1}, "instance_id: is required."),
    "a text for a list": ("search_offers", {"gpu_names": "4090"}, "gpu_names: must be a list"),
    "a text for names": ("create_instance", {"offer_id": 1, "env": "A=1"}, "must be an object"),
    "a price with its sign": (
        "search_offers",
        {"max_price_usd_per_hour": "$0.5"},
        "max_price_usd_per_hour: must be a number.",
    ),
    "a negative limit": ("search_offers", {"limit": -1}, "limit: must be at least 1."),
    "no time": ("search_offers", {"hours": 0}, "hours: must be above 0."),
    "too many hours": ("extend_lease", {"instance_id": 1, "hours": 1e4}, "must be at most 8760"),
    "a budget too far": (
        "create_instance",
        {"offer_id": 1, "max_cost_usd": 1e9},
        "must be at most 1000000",
    ),
    "an empty command": ("run_command", {"instance_id": 1, "command": ""}, "must not be empty."),
    "a long label": ("create_instance", {"offer_id": 1, "label": "x" * 201}, "200 characters."),
    "no such choice": ("search_offers", {"rental": "spot"}, "must be 'on_demand', 'interrupt"),
}


@pytest.mark.parametrize("case", WRONG)
async def test_a_wrong_argument_is_told_in_our_own_words(tmp_path: Path, case: str) -> None:
    """One line that names the field and what it must be, and nothing is sent."""
    tool, arguments, wanted = WRONG[case]
    world = World(tmp_path)
    async with world.connect() as client:
        with pytest.raises(ToolFailed) as failed:
            await world.call(client, tool, **arguments)
    told = str(failed.value)
    assert wanted in told
    if tool in SPENDING:
        assert told.startswith(f"{SPENDING[tool]}, nothing charged: {tool}: ")
    else:
        assert told.startswith(f"{tool}: ")
        assert told.endswith("Nothing was done.")
    assert "Input should" not in told
    assert world.simulator.mutations() == []


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("rent_instance", "create_instance"),
        ("describe_instance", "show_instances"),
        ("list_instances", "show_instances"),
        ("get_logs", "show_logs"),
        ("delete_instance", "destroy_instance"),
        ("destroy_instances", "destroy_instance"),
        ("delete_endpoints", "delete_endpoint"),
        ("find_offers", "search_offers"),
        ("execute_command", "run_command"),
        ("download_files", "copy_files"),
        ("repair_instance", ""),
        ("restart_instance", "reboot_instance"),
        ("show_instance_filters", "show_instances"),
    ],
)
def test_a_tool_that_is_not_there_leads_to_the_one_that_was_meant(asked: str, meant: str) -> None:
    """Likeness of letters alone never leads to what ends or deletes."""
    told = absence(choose(TOOLS, "all"), asked)
    if meant:
        assert told.endswith(f"Did you mean {meant}?")
    destroying = {spec.name for spec in TOOLS if spec.destroys} - {meant}
    assert not any(f"mean {name}?" in told for name in destroying)


CHANGING = {spec.name for spec in TOOLS if not spec.reads}
HARMLESS = (
    "show", "list", "get", "describe", "check", "search", "find", "preview", "price", "estimate",
    "explain", "view", "read", "count", "compare", "watch", "wait_for", "is", "has", "unstop",
)  # fmt: skip
OPPOSITE = {
    "start": {"stop", "destroy", "delete"},
    "resume": {"stop", "destroy", "delete"},
    "create": {"stop", "destroy", "delete"},
    "keep": {"stop", "destroy", "delete"},
    "restore": {"stop", "destroy", "delete"},
    "protect": {"stop", "destroy", "delete"},
    "detach": {"attach"},
    "stop": {"start", "create", "extend", "destroy", "delete"},
    "pause": {"start", "create", "extend", "destroy", "delete"},
    "shorten": {"extend"},
    "lower": {"extend", "create", "start"},
    "destroy": {"start", "create", "extend"},
    "delete": {"start", "create", "extend"},
}


def meant_by(name: str, toolsets: str = "all") -> str:
    """The tool that the answer to a call of this name points to; empty: none."""
    if name in {spec.name for spec in TOOLS}:
        return ""
    told = absence(choose(TOOLS, toolsets), name)
    assert told.startswith("There is no tool "), told
    assert "othing was done" in told
    return told.partition("Did you mean ")[2].rstrip("?")


@pytest.mark.parametrize("toolsets", ["default", "all", "guard", "instances"])
def test_a_harmless_word_never_leads_to_a_tool_that_changes_anything(toolsets: str) -> None:
    """Not to one that spends, and not to the opposite: whatever noun the word stands before."""
    nouns = {name.partition("_")[2] for name in CHANGING} | {"", "machine", "gpu", "all", "volume"}
    for noun in nouns:
        for verb in HARMLESS:
            assert meant_by(f"{verb}_{noun}", toolsets) not in CHANGING, (verb, noun)
        for verb, others in OPPOSITE.items():
            if f"{verb}_{noun}" not in CHANGING:
                meant = meant_by(f"{verb}_{noun}", toolsets)
                assert meant.partition("_")[0] not in others, (verb, noun, meant)


@pytest.mark.parametrize("spelling", ["{}", "vastai_{}", "mcp__vast__{}", "{}s"])
def test_a_vendor_command_without_a_tool_is_said_to_have_none(spelling: str) -> None:
    """With what the person can use instead; never a tool that does something else."""
    without = [one for one in every_command() if not one.tool]
    assert len(without) > 100
    for command in without:
        if not (spelling.endswith("s") and command.name.endswith("s")):
            _has_none(command, spelling)


def _has_none(command: VendorCommand, spelling: str) -> None:
    called = spelling.format(re.sub(r"[ -]", "_", command.name))
    verb, _, noun = command.name.partition(" ")
    told = absence(choose(TOOLS, "default"), called)
    if verb == "list" and noun in {"volume", "volumes"}:  # what a model means by it: show
        assert told.endswith("Did you mean show_account?")
        return
    assert told.startswith(
        f"There is no tool {called!r}; nothing was done. This server has no tool"
    ), told
    assert "https://cloud.vast.ai or with `vastai " in told
    assert "Did you mean" not in told


def test_a_vendor_command_with_a_tool_leads_to_it() -> None:
    """By the vendor's name for it, whatever our own is."""
    ours = {spec.name for spec in TOOLS}
    for command in every_command():
        called = re.sub(r"[ -]", "_", command.name)
        if command.tool and called not in ours:
            assert meant_by(called) == command.tool
            alone = absence(choose(TOOLS, "guard"), called)
            assert f"{command.tool} is not offered by this server's --toolsets (guard)" in alone


UNLISTED = {"<sdk>"}
"""Calls of the library. Clusters and overlays lie in the client, and it does not know the words."""


def test_the_vendors_commands_are_those_of_its_client() -> None:
    """Of every command that its client was recorded with, we know what to answer."""
    recorded = Path(__file__).parents[1] / "recorded" / "requests" / "cases.jsonl"
    known = {one.name for one in every_command()}
    seen = set()
    for line in recorded.read_text(encoding="utf-8").splitlines():
        argv = json.loads(line)["argv"]
        words = [word for word in argv[:2] if isinstance(word, str)]
        name = " ".join(words) if " ".join(words) in known else words[0]
        if words[0] not in UNLISTED and not re.search(r"^-|cluster|overlay", " ".join(words)):
            assert name in known, argv
            seen.add(name)
    assert len(known) >= 147
    assert len(seen) > 60
    assert {one.tool for one in every_command()} <= {spec.name for spec in TOOLS} | {""}


async def test_a_plan_that_a_person_denied_is_not_called_waiting(tmp_path: Path) -> None:
    """A declined plan is refused; nobody is sent to approve what is over."""
    world = World(tmp_path, policy=EVERY_RENT_NEEDS_A_PERSON)
    offer = await world.cheap_offer()
    async with world.connect(answer=None) as client:
        asked = await world.call(
            client, "create_instance", offer_id=offer.offer_id, max_price_usd_per_hour=1
        )
        async with world.runtime() as runtime:
            await runtime.session.guard.answers.decline(
                asked["plan_id"], Caller(), "denied at a terminal"
            )
        told = await world.call(client, "confirm_plan", plan_id=asked["plan_id"])
    assert "vast-mcp approve" in asked["next"]
    assert (told["status"], told["said"]) == (
        "refused",
        "This plan is declined; nothing was done.",
    )
    assert world.simulator.mutations() == []
