"""docs/design.md says what the code does: its numbers, names and lists are the code's own."""

import re
from pathlib import Path

import pytest

from vast_mcp.cli.main import COMMANDS
from vast_mcp.guard.answers import FASTEST_S, SILENCE_S
from vast_mcp.guard.plans import COOLDOWN_US, QUESTION_LIMIT, TTL_US
from vast_mcp.keeper.tick import START_GIVEN_UP_US
from vast_mcp.leases.reconcile import ANSWERED_HORIZON_US, GOOD_READS, HORIZON_US
from vast_mcp.models import InstanceState
from vast_mcp.policy.table import limits_table
from vast_mcp.resources.catalogue import FIXED, OF_INSTANCE

PAGE = (Path(__file__).parents[2] / "docs" / "design.md").read_text(encoding="utf-8")
MINUTE_US = 60_000_000
NUMBERS = {2: "two", 3: "three", 5: "five", 10: "ten", 15: "fifteen"}


def part(heading: str) -> str:
    """The text under one heading, up to the next."""
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#+ )", PAGE, re.MULTILINE | re.DOTALL)
    assert found, heading
    return " ".join(found[1].split())


@pytest.mark.parametrize(
    ("key", "default"),
    [
        (key, default)
        for key, default, _ in limits_table()
        if key.startswith(("limits.", "no_question.")) and re.search(r"\d", default)
    ],
)
def test_each_built_in_number_stands_in_the_part_on_limits(key: str, default: str) -> None:
    """A number that is changed is changed on the page as well."""
    number = re.sub(r"/h$", "", default).removesuffix(".00").lstrip("$")
    assert re.search(rf"(?<![\d.]){re.escape(number)}(?![\d.]*\d)", part("Limits")), key


def test_each_command_stands_in_the_table_of_commands() -> None:
    """None is left out, none is made up."""
    named = re.findall(r"`(?:vast-mcp )?([a-z-]+)", part("Commands"))
    assert sorted(set(COMMANDS) - set(named)) == []


def test_each_state_of_a_machine_is_named() -> None:
    """Tools answer with these words."""
    assert [state for state in InstanceState if f"`{state.value}`" not in part("Tools")] == []


def test_the_times_of_questions_are_the_codes() -> None:
    """Expiry, cooldown, the fastest person, the longest silence, the length."""
    text = part("Questions")
    assert f"expiry of {NUMBERS[TTL_US // MINUTE_US]} minutes" in text
    assert (COOLDOWN_US, "for a minute" in text) == (MINUTE_US, True)
    assert (FASTEST_S, "within a second" in text) == (1.0, True)
    assert f"after {SILENCE_S:.0f} s" in text
    assert f"{QUESTION_LIMIT} characters" in text


def test_the_rules_of_absence_are_the_codes() -> None:
    """How many reads, and after which horizon, prove that a rent came to nothing."""
    text = part("Sending once")
    assert f"{NUMBERS[GOOD_READS]} good reads" in text
    assert f"horizon of {NUMBERS[ANSWERED_HORIZON_US // MINUTE_US]} minutes" in text
    assert f"{NUMBERS[HORIZON_US // MINUTE_US]} where the answer was lost" in text


def test_a_start_is_given_up_when_the_page_says_so() -> None:
    """It would otherwise start at night, when the GPU becomes free."""
    wanted = f"after {NUMBERS[START_GIVEN_UP_US // MINUTE_US]} minutes is given up"
    assert wanted in part("Tools")


def test_each_resource_is_named() -> None:
    """What a client can read."""
    text = part("Resources and prompts")
    uris = [*(one.uri for one in FIXED), *(one.uri_template for one in OF_INSTANCE)]
    names = [uri.removeprefix("vast://") for uri in uris]
    assert [name for name in names if not re.search(rf"[`/]{re.escape(name)}`", text)] == []
