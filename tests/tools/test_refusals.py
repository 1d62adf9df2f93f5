"""What a model is told when it calls wrongly, or too late: true, one line, and what to do next.

See docs/design.md#answers, docs/design.md#questions.
"""

from pathlib import Path

import pytest

from tests.world import Json, ToolFailed, World
from vast_mcp.guard.act import Caller
from vast_mcp.guard.saying import SPENDING
from vast_mcp.server import TOOLS
from vast_mcp.tools.toolsets import choose

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
    told = choose(TOOLS, "all").absence(asked)
    if meant:
        assert told.endswith(f"Did you mean {meant}?")
    destroying = {spec.name for spec in TOOLS if spec.destroys} - {meant}
    assert not any(f"mean {name}?" in told for name in destroying)


@pytest.mark.parametrize("verb", ["show", "list", "get", "describe", "check", "unstop", "preview"])
def test_a_harmless_word_never_leads_to_a_tool_that_changes_anything(verb: str) -> None:
    """Not to one that spends, and not to the opposite: whatever noun the word stands before."""
    changing = {spec.name for spec in TOOLS if not spec.reads}
    for noun in {name.partition("_")[2] for name in changing}:
        told = choose(TOOLS, "all").absence(f"{verb}_{noun}")
        meant = told.partition("Did you mean ")[2].rstrip("?")
        assert meant not in changing, told


async def test_a_plan_that_a_person_denied_is_not_called_waiting(tmp_path: Path) -> None:
    """A declined plan is refused; nobody is sent to approve what is over."""
    world = World(tmp_path, policy=EVERY_RENT_NEEDS_A_PERSON)
    offer = await world.cheap_offer()
    async with world.connect(answer=None) as client:
        asked = await world.call(
            client, "create_instance", offer_id=offer.offer_id, max_price_usd_per_hour=1
        )
        async with world.runtime() as runtime:
            await runtime.services.guard.answers.decline(
                asked["plan_id"], Caller(), "denied at a terminal"
            )
        told = await world.call(client, "confirm_plan", plan_id=asked["plan_id"])
    assert "vast-mcp approve" in asked["next"]
    assert (told["status"], told["said"]) == (
        "refused",
        "This plan is declined; nothing was done.",
    )
    assert world.simulator.mutations() == []
