"""The bounds of what a policy may say, on both sides, in the file and in the environment."""

import os
from pathlib import Path

import pytest

from vast_mcp.policy import Level, Limits
from vast_mcp.policy.source import PolicySource
from vast_mcp.policy.toml import read_environment
from vast_mcp.units import Usd, UsdPerHour


def limits_of(tmp_path: Path, text: str, **environment: str) -> Limits:
    """What holds with this file, and these variables (without their prefix)."""
    path = tmp_path / "policy.toml"
    path.write_text(text, encoding="utf-8")
    variables = {f"VAST_MCP_{name}": value for name, value in environment.items()}
    return PolicySource(None, path, variables).current()


TASK = "t" * 200
LONGER = "t" * 201
WORDS = ", ".join(['"a"'] * 500)
IDS = ", ".join(["7"] * 500)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[limits]\nmax_usd_per_day = 0", ""),
        ("[limits]\nmax_usd_per_day = 1_000_000_000", ""),
        ("[limits]\nmax_usd_per_day = 1_000_000_000.1", "between 0 and 1000000000"),
        ("[limits]\nmax_usd_per_day = -0.1", "between 0 and"),
        ("[limits]\nmax_usd_per_day = inf", "finite"),
        ("[limits]\nmax_usd_per_day = true", "a number, not true or false"),
        ('[limits]\nmax_usd_per_day = "1"', 'a number, not the text "1"'),
        ("[limits]\nmax_running = 0", ""),
        ("[limits]\nmax_running = 1_000_000_001", "between 0"),
        ("[limits]\nmax_running = 1.0", "a whole number, not a number"),
        ("[limits]\nmax_running = true", "a whole number, not true or false"),
        ("[limits]\nmax_running = []", "a whole number, not a list"),
        ("[limits]\nmax_running = {}", "a whole number, not a table"),
        ("[limits]\nmax_running = 2026-01-01", "a whole number, not a date or time"),
        ("[limits]\nverified_only = 1", "true or false, not a number"),
        ("[notify]\nspend_percent = 1", ""),
        ("[notify]\nspend_percent = 100", ""),
        ("[notify]\nspend_percent = 0", "between 1 and 100"),
        ("[notify]\nspend_percent = 101", "between 1 and 100"),
        ("[notify]\nbefore_minutes = [1, 1440]", ""),
        ("[notify]\nbefore_minutes = [0]", "between 1 and 1440"),
        ("[notify]\nbefore_minutes = [1441]", "between 1 and 1440"),
        (f"[allow]\nimages = [{WORDS}]", ""),
        (f'[allow]\nimages = [{WORDS}, "b"]', "more than 500 entries"),
        (f"[protect]\nids = [{IDS}]", ""),
        (f"[protect]\nids = [{IDS}, 8]", "more than 500 entries"),
        ("[protect]\nids = [-1]", "between 0"),
        (f'[allow]\nimages = ["{TASK}"]', ""),
        (f'[allow]\nimages = ["{LONGER}"]', "at most 200"),
        ('[allow]\nimages = ["a\\nb"]', "one plain line"),
        ('[allow]\nimages = [" "]', "one plain line"),
        ("[allow]\nimages = [5]", "texts only"),
        ('[allow]\nimages = "a"', "must be a list"),
        (f"[budget.{TASK}]\nmax_cost_usd = 1", ""),
        (f"[budget.{LONGER}]\nmax_cost_usd = 1", "at most 200"),
        ("[budget.a]\nmax_cost_usd = 1_000_000_001", "between 0"),
        ("[budget.a]\nmax_cost_usd = 1\nmore = 2", "unknown key; the nearest is max_cost_usd"),
        ("[budget]\na = 1", "written [budget.<task>]"),
        ('[secrets]\nallow = ["HF_TOKEN", "_a1"]', ""),
        ('[secrets]\nallow = ["*"]', "whole name of one variable"),
        ('[secrets]\nallow = ["A B"]', "whole name of one variable"),
        ('[secrets]\nallow = ["1A"]', "whole name of one variable"),
        ('[files]\nroots = ["/data", "~/x", "C:\\\\data"]', ""),
        ('[files]\nroots = ["/"]', "opens the whole disk"),
        ('[files]\nroots = ["/./"]', "opens the whole disk"),
        ('[files]\nroots = ["~/"]', "opens the whole disk"),
        ('[files]\nroots = ["C:\\\\"]', "opens the whole disk"),
        ('[files]\nroots = ["data"]', "absolute path"),
        ('[files]\nroots = ["~"]', "absolute path"),
        ('[files]\nroots = ["/a/../b"]', "absolute path"),
        ('[files]\nroots = ["~/../b"]', "absolute path"),
        ('[dangerous]\nallow = ["tem"]', "unknown word"),
        ('[levels]\nstop_instance = "ask"', ""),
        ('[levels]\n"*" = "deny"', ""),
        ('[levels]\nstop = "deny"', "unknown action"),
    ],
)
def test_a_number_a_text_and_a_list_have_bounds(tmp_path: Path, text: str, said: str) -> None:
    """What lies within is taken, a step beyond it closes spending and is named."""
    assert said in limits_of(tmp_path, text).broken
    assert bool(limits_of(tmp_path, text).broken) is bool(said)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("MAX_RUNNING", "2", ""),
        ("MAX_RUNNING", "2.0", "a whole number"),
        ("MAX_RUNNING", "-1", "a whole number"),
        ("MAX_RUNNING", "٣", "a whole number"),
        ("MAX_RUNNING", "0" * 11 + "2", ""),
        ("MAX_RUNNING", "0" * 12 + "2", "a whole number"),
        ("MAX_USD_PER_DAY", "2.5", ""),
        ("MAX_USD_PER_DAY", "$2", "a number"),
        ("MAX_USD_PER_DAY", "nan", "finite"),
        ("VERIFIED_ONLY", "maybe", "true or false"),
        ("PROTECT_IDS", "5, 6", ""),
        ("PROTECT_IDS", "5 6", "a whole number"),
        ("LEVELS", "stop_instance=deny, *=ask", ""),
        ("LEVELS", "stop_instance", "must be action=level"),
        ("LEVELS", "stop_instance=never", '"ask", "person" or "deny"'),
        ("LEVELS", "stop=deny", "unknown action"),
        ("BUDGET_LORA", "2", ""),
        ("BUDGET_", "2", "unknown variable"),
        ("BUDGET_LORA", "two", "a number"),
        ("MAX_RUNING", "2", "the nearest is VAST_MCP_MAX_RUNNING"),
        ("LIMITS_MAX_RUNNING", "2", ""),
        ("TEST_SIZE", "any", ""),
        ("TOOLSETS", "all", ""),
        ("MAX_RUNNING", "  ", ""),
    ],
)
def test_a_variable_has_the_same_bounds(tmp_path: Path, name: str, value: str, said: str) -> None:
    """One that nobody understands may be a cap that somebody believes to hold."""
    found = limits_of(tmp_path, "", **{name: value}).broken
    assert said in found
    assert bool(found) is bool(said)


@pytest.mark.parametrize(
    ("value", "on"),
    [("1", True), ("true", True), ("YES", True), ("on", True),
     ("0", False), ("False", False), ("no", False), ("off", False)],
)  # fmt: skip
def test_a_switch_has_four_words_for_each_side(tmp_path: Path, value: str, on: bool) -> None:
    """It only tightens: off leaves the file's word."""
    text = "[limits]\nverified_only = false"
    assert limits_of(tmp_path, text, VERIFIED_ONLY=value).verified_only is on
    assert limits_of(tmp_path, "", VERIFIED_ONLY=value).verified_only


def test_of_two_spellings_of_one_variable_the_tighter_holds_and_is_named() -> None:
    """With the table's name and without it."""
    for least in ("MAX_RUNNING", "LIMITS_MAX_RUNNING"):
        most = {"MAX_RUNNING": "LIMITS_MAX_RUNNING"}.get(least, "MAX_RUNNING")
        layer = read_environment({f"VAST_MCP_{least}": "2", f"VAST_MCP_{most}": "3"})
        assert layer.values == {"limits.max_running": 2}
        assert layer.origins == {"limits.max_running": f"VAST_MCP_{least}"}


def test_what_variables_say_is_read_by_its_kind() -> None:
    """Money, prices, hours, lists, levels and budgets, each with where it came from."""
    layer = read_environment(
        {
            "VAST_MCP_MAX_USD_PER_DAY": "2.5",
            "VAST_MCP_MAX_USD_PER_HOUR": "1.5",
            "VAST_MCP_MAX_LEASE_HOURS": "7.5",
            "VAST_MCP_ALLOW_GPU_NAMES": " RTX 4090 ,, H100 ",
            "VAST_MCP_PROTECT_IDS": "5,6",
            "VAST_MCP_LEVELS": "stop_instance = deny",
            "VAST_MCP_BUDGET_LORA": "3",
            "HOME": "/root",
        }
    )
    assert layer.values == {
        "limits.max_usd_per_day": Usd(2_500_000),
        "limits.max_usd_per_hour": UsdPerHour(1_500_000),
        "limits.max_lease_hours": 7.5,
        "allow.gpu_names": ("RTX 4090", "H100"),
        "protect.ids": (5, 6),
    }
    assert layer.levels == {"stop_instance": Level.DENY}
    assert layer.budgets == {"lora": Usd(3_000_000)}
    assert layer.origins["levels.stop_instance"] == "VAST_MCP_LEVELS"
    assert layer.origins["budget.lora"] == "VAST_MCP_BUDGET_LORA"


@pytest.mark.parametrize(("size", "broken"), [(262_144, False), (262_145, True)])
def test_a_file_of_more_than_256_kib_is_no_policy(tmp_path: Path, size: int, broken: bool) -> None:
    """Nobody wrote that by hand."""
    text = "[limits]\nmax_running = 2\n"
    limits = limits_of(tmp_path, text + "#" * (size - len(text)))
    assert ("larger than 262144" in limits.broken) is broken
    assert (limits.max_running == 2) is not broken


def test_a_change_of_the_file_holds_from_the_next_decision_on(tmp_path: Path) -> None:
    """And what was broken holds no more once it is mended."""
    path = tmp_path / "policy.toml"
    source = PolicySource(None, path, {})
    seen = []
    for text in ("[limits]\nmax_running = 2", "[limits", "[limits]\nmax_running = 3"):
        path.write_text(text)
        os.utime(path, (1, 1))
        seen.append((source.current().max_running, bool(source.current().broken)))
    assert seen == [(2, False), (Limits().max_running, True), (3, False)]
