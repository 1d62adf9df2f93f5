"""A variable that somebody believes to be a cap holds, or closes spending: never silence."""

import re
from pathlib import Path

import pytest

from tests.world import ToolFailed, World
from vast_mcp.policy import Limits
from vast_mcp.policy.keys import KEYS
from vast_mcp.policy.source import PolicySource
from vast_mcp.policy.variables import by_variable, policy_variables, variables_table
from vast_mcp.units import Usd

PACKAGE = Path(__file__).parents[2] / "vast_mcp"


def limits_under(**variables: str) -> Limits:
    """What holds with these variables and no file."""
    return PolicySource(None, None, variables).current()


@pytest.mark.parametrize("name", ["VAST_MCP_MAX_USD_PER_DAY", "VAST_MCP_LIMITS_MAX_USD_PER_DAY"])
def test_a_limit_is_tightened_by_its_name_with_and_without_its_table(name: str) -> None:
    """People write the table's name as it stands in the file; the cap must hold."""
    found = limits_under(**{name: "3"})
    assert (found.max_usd_per_day, found.broken) == (Usd.of(3), "")


def test_of_two_variables_for_one_limit_the_tighter_holds() -> None:
    """Whichever was written last, or is read first."""
    both = {"VAST_MCP_MAX_USD_PER_DAY": "9", "VAST_MCP_LIMITS_MAX_USD_PER_DAY": "3"}
    assert limits_under(**both).max_usd_per_day == Usd.of(3)
    swapped = {"VAST_MCP_MAX_USD_PER_DAY": "3", "VAST_MCP_LIMITS_MAX_USD_PER_DAY": "9"}
    assert limits_under(**swapped).max_usd_per_day == Usd.of(3)


@pytest.mark.parametrize(
    "name",
    ["VAST_MCP_DAILY_CAP", "VAST_MCP_LIMIT_MAX_USD_PER_DAY", "VAST_MCP_max_usd_per_day",
     "VAST_MCP_BUDGET", "VAST_MCP_TOOLSET", "VAST_MCP_READONLY"],
)  # fmt: skip
async def test_an_unknown_variable_closes_spending_and_is_named(tmp_path: Path, name: str) -> None:
    """A misspelt cap or switch is told, and nothing is rented until it is corrected."""
    world = World(tmp_path, environment={name: "5"})
    offer = await world.cheap_offer()
    async with world.connect() as client:
        with pytest.raises(ToolFailed, match=name):
            await world.call(client, "create_instance", offer_id=offer.offer_id)
    assert world.simulator.mutations() == []


def test_a_known_variable_of_start_up_is_no_limit() -> None:
    """What chooses the ledger or the tools closes nothing."""
    assert policy_variables({"VAST_MCP_LEDGER": "x", "VAST_MCP_TEST_RENTS": "5", "PATH": "/"}) == {}


def test_every_variable_that_the_code_reads_stands_in_the_table() -> None:
    """The table in the README is generated from this list, so nothing is read that it lacks."""
    known = {name for name, _ in variables_table()} | set(by_variable())
    named = {
        found
        for path in PACKAGE.rglob("*.py")
        for found in re.findall(r'"(VAST_MCP_[A-Z_]+[A-Z])"', path.read_text(encoding="utf-8"))
    }
    assert named <= known
    assert {key.variable for key in KEYS} <= known


@pytest.mark.parametrize(
    "line",
    ['[files]\nroots = ["/"]', '[files]\nroots = ["//"]', '[files]\nroots = ["/./"]',
     '[files]\nroots = ["~/"]', '[files]\nroots = ["C:/"]', '[secrets]\nallow = ["*"]',
     '[secrets]\nallow = ["HF_*"]', '[secrets]\nallow = ["A B"]'],
)  # fmt: skip
def test_a_file_that_opens_everything_is_refused(tmp_path: Path, line: str) -> None:
    """The whole disk for copies, or every variable for machines, is nobody's considered wish."""
    path = tmp_path / "policy.toml"
    path.write_text(line, encoding="utf-8")
    path.chmod(0o600)
    assert PolicySource(None, path, {}).current().broken


@pytest.mark.parametrize(
    "twin", ["LoRA", " lora ", "lo\u200bra", "\uff4c\uff4f\uff52\uff41", "lo\u00adra", "LORA\u2060"]
)
async def test_names_that_look_alike_share_one_budget(tmp_path: Path, twin: str) -> None:
    """Full-width letters, invisible characters and case open no second purse."""
    world = World(tmp_path, policy="[budget.lora]\nmax_cost_usd = 0.05\n")
    offer = await world.cheap_offer()
    async with world.connect() as client:
        with pytest.raises(ToolFailed, match="Budget of task"):
            await world.call(client, "create_instance", offer_id=offer.offer_id, task=twin)
    assert world.simulator.mutations() == []


async def test_a_task_without_a_visible_character_is_refused(tmp_path: Path) -> None:
    """It would be no task, and so no budget."""
    world = World(tmp_path)
    async with world.connect() as client:
        with pytest.raises(ToolFailed, match="task"):
            await world.call(client, "create_instance", offer_id=1, task="\u200b\u2060")


@pytest.mark.parametrize(
    ("text", "value"),
    [("true", True), ("Yes", True), ("1", True), ("on", True),
     ("false", False), ("NO", False), ("0", False), ("off", False)],
)  # fmt: skip
def test_a_switch_is_said_in_the_words_people_use(text: str, value: bool) -> None:
    """A layer only tightens: a switch that is on by default stays on, one that is off goes on."""
    found = limits_under(VAST_MCP_ALLOW_DATACENTER_ONLY=text)
    assert (found.allow.datacenter_only, found.broken) == (value, "")
