"""Policies that cannot be used: each is a fault that closes spending, none is ignored.

See docs/design.md#commands, docs/design.md#layers.
"""

from pathlib import Path

import pytest

from tests.policy.cases import act, judge, machine, rent
from vast_mcp.policy import Level, Limits, level_of
from vast_mcp.policy.facts import Owner
from vast_mcp.policy.source import PolicySource

BROKEN: list[tuple[str, str]] = [
    # what is written, and a word that the fault must say
    ("[limits", "TOML"),
    ("limits]", "TOML"),
    ("[limits]\nmax_running", "TOML"),
    ("[limits]\nmax_running = ", "TOML"),
    ("[limits]\nmax_running = 3\nmax_running = 4", "TOML"),
    ("[limits]\n[limits]", "TOML"),
    ("[limits]\nmax_running = 0x", "TOML"),
    ("[limits]\nmax_usd_per_hour = 3,00", "TOML"),
    ("[limits]\nmax_usd_per_hour = $3", "TOML"),
    ("[limits]\nmax_usd_per_hour = 1e", "TOML"),
    ("[limits]\nmax_usd_per_hour = 1e99999999999999999999", ""),
    ("[allow]\nimages = " + "[" * 3000, "TOML"),
    ("[limits]\nmax_running = " + "9" * 5000, ""),
    ("\x00", "TOML"),
    ("max_usd_per_hour = 3", "unknown table; the nearest is [limits] max_usd_per_hour"),
    ("[limit]\nmax_running = 3", "nearest is limits"),
    ("[Limits]\nmax_running = 3", "unknown table"),
    ("[noquestion]\nhours = 3", "nearest is no_question"),
    ("[mode]\nread_only = true", "unknown table"),
    ("version = 1", "unknown table"),
    ("limits = 3", "must be a table"),
    ("[[limits]]\nmax_running = 3", "must be a table"),
    ("budget = 3", "must be a table"),
    ("levels = 'deny'", "must be a table"),
    ("[limits]\nmax_runing = 3", "nearest is [limits] max_running"),
    ("[limits]\nMAX_RUNNING = 3", "unknown key"),
    ("[limits]\nmax_usd_per_houre = 3", "nearest is [limits] max_usd_per_hour"),
    ("[limits]\nmax_price_per_hour = 3", "unknown key"),
    ("[limits]\ngpu_names = ['A100']", "nearest is [allow] gpu_names"),
    ("[limits]\nread_only = true", "unknown key"),
    ("[limits.more]\nmax_running = 3", "unknown key"),
    ("[no_question]\nusd_per_week = 3", "nearest is [no_question] usd_per_"),
    ("[allow]\ngpus = ['A100']", "unknown key"),
    ("[protect]\nlabel = ['a']", "nearest is [protect] labels"),
    ("[dangerous]\nallowed = ['team']", "nearest is allow"),
    ("[secrets]\nnames = ['A']", "unknown key"),
    ("[files]\nroot = ['/a']", "nearest is [files] roots"),
    ("[limits]\nmax_usd_per_hour = '3'", "must be a number"),
    ("[limits]\nmax_usd_per_hour = true", "must be a number, not true or false"),
    ("[limits]\nmax_usd_per_hour = [3]", "must be a number, not a list"),
    ("[limits]\nmax_usd_per_hour = {usd = 3}", "must be a number, not a table"),
    ("[limits]\nmax_usd_per_hour = 2026-11-20", "must be a number, not a date"),
    ("[limits]\nmax_usd_per_hour = nan", "finite"),
    ("[limits]\nmax_usd_per_hour = inf", "finite"),
    ("[limits]\nmax_usd_per_hour = -inf", "finite"),
    ("[limits]\nmax_usd_per_hour = -0.01", "between 0"),
    ("[limits]\nmax_usd_per_hour = 1e12", "between 0"),
    ("[limits]\nmin_credit_usd = -1", "between 0"),
    ("[limits]\nmax_running = 3.0", "whole number"),
    ("[limits]\nmax_running = true", "whole number"),
    ("[limits]\nmax_running = -1", "between 0"),
    ("[limits]\nmax_running = 99999999999", "between 0"),
    ("[limits]\nmax_lease_hours = nan", "finite"),
    ("[limits]\nmax_lease_hours = false", "must be a number"),
    ("[limits]\nmax_disk_gb = '500 GB'", "must be a number"),
    ("[limits]\nverified_only = 1", "true or false"),
    ("[limits]\nverified_only = 'yes'", "true or false"),
    ("[limits]\nmax_account_usd_per_hour = []", "must be a number"),
    ("[no_question]\nhours = '24'", "must be a number"),
    ("[no_question]\nusd_per_day = inf", "finite"),
    ("[allow]\ngpu_names = 'A100'", "must be a list"),
    ("[allow]\ngpu_names = [4090]", "texts only"),
    ("[allow]\ngpu_names = ['']", "plain line"),
    ("[allow]\nimages = [['a']]", "texts only"),
    ('[allow]\nimages = ["a\\u202Eb"]', "plain line"),
    ("[allow]\ncountries = {SE = true}", "must be a list"),
    ("[allow]\ndatacenter_only = 'no'", "true or false"),
    ("[allow]\nmax_gpus = 1.5", "whole number"),
    ("[protect]\nids = ['27123456']", "whole number"),
    ("[protect]\nids = 27123456", "must be a list"),
    ("[protect]\nids = [true]", "whole number"),
    ('[protect]\nlabels = "prod-*"', "must be a list"),
    ("[dangerous]\nallow = ['teams']", "nearest is team"),
    ("[dangerous]\nallow = ['everything']", "unknown word"),
    ("[dangerous]\nallow = true", "must be a list"),
    ("[secrets]\nallow = 'HF_TOKEN'", "must be a list"),
    ("[files]\nroots = ['data']", "absolute"),
    ("[files]\nroots = ['/data/../etc']", "absolute"),
    ("[files]\nroots = ['~/../etc']", "absolute"),
    ("[budget]\nlora = 5", "written [budget.<task>]"),
    ("[budget.lora]", "missing"),
    ("[budget.lora]\nmax_cost = 5", "max_cost_usd"),
    ("[budget.lora]\nmax_cost_usd = '5'", "must be a number"),
    ("[budget.lora]\nmax_cost_usd = -5", "between 0"),
    ("[budget.lora]\nmax_cost_usd = nan", "finite"),
    ("[budget.' ']\nmax_cost_usd = 5", "plain line"),
    ("[levels]\nstop = 'deny'", "nearest is stop_"),
    ("[levels]\ndestroy_instnce = 'deny'", "nearest is destroy_instance"),
    ("[levels]\nstop_instance = 'allow'", "must be"),
    ("[levels]\nstop_instance = 'Deny'", "must be"),
    ("[levels]\nstop_instance = true", "must be"),
    ("[levels]\n'*' = 3", "must be"),
    ("[levels.stop_instance]\nlevel = 'deny'", "must be"),
]  # fmt: skip


def _written(directory: Path, content: str | bytes) -> Path:
    path = directory / "policy.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    path.chmod(0o600)
    return path


def _only_ends_remain(limits: Limits) -> None:
    """Everything but stop and destroy of own machines is refused; those ask."""
    assert level_of(judge(rent(), limits)) is Level.DENY
    assert level_of(judge(act("run_command"), limits)) is Level.DENY
    for action in ("stop_instance", "destroy_instance"):
        assert level_of(judge(act(action), limits)) is Level.ASK
        assert level_of(judge(act(action, target=machine(never_ran=True)), limits)) is Level.ASK
        foreign = act(action, target=machine(Owner.FOREIGN))
        assert level_of(judge(foreign, limits)) is Level.DENY


@pytest.mark.parametrize("place", ["system", "user", "user under system"])
@pytest.mark.parametrize(("content", "word"), BROKEN)
def test_a_policy_with_a_fault_closes_spending_and_names_it(
    tmp_path: Path, place: str, content: str, word: str
) -> None:
    """A broken file is never ignored and never an exception; stop and destroy ask."""
    broken, fine = _written(tmp_path, content), tmp_path / "fine.toml"
    fine.write_text("[limits]\nmax_running = 2\n")
    fine.chmod(0o600)
    source = {
        "system": PolicySource(broken, None, {}),
        "user": PolicySource(None, broken, {}),
        "user under system": PolicySource(fine, broken, {}),
    }[place]
    limits = source.current()
    assert limits.broken.startswith(str(broken)[:60])
    assert word in limits.broken.removeprefix(str(broken))
    assert "\n" not in limits.broken
    assert limits.max_running == Limits().max_running
    _only_ends_remain(limits)


@pytest.mark.parametrize(
    "content", [b"\xff\xfe[limits]", b"[limits]\n# \xe9\n", b"#" * 300_000], ids=range(3)
)
def test_bytes_that_are_no_policy_are_a_fault(tmp_path: Path, content: bytes) -> None:
    """Not UTF-8, or far too large, is a fault like any other."""
    limits = PolicySource(None, _written(tmp_path, content), {}).current()
    assert limits.broken
    _only_ends_remain(limits)


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666, 0o660, 0o777])
def test_a_file_that_others_may_write_is_a_fault(tmp_path: Path, mode: int) -> None:
    """Who may write the policy may spend the money (docs/hazards.md#agents)."""
    path = _written(tmp_path, "[limits]\nmax_running = 2\n")
    path.chmod(mode)
    limits = PolicySource(None, path, {}).current()
    assert "others" in limits.broken
    _only_ends_remain(limits)


def test_a_folder_or_a_dangling_link_in_its_place_is_a_fault(tmp_path: Path) -> None:
    """Something is there, so it is not the same as nothing."""
    link = tmp_path / "link.toml"
    link.symlink_to(tmp_path / "nowhere")
    for path in (tmp_path, link):
        limits = PolicySource(None, path, {}).current()
        assert limits.broken
        _only_ends_remain(limits)


def test_a_file_that_was_asked_for_must_be_there(tmp_path: Path) -> None:
    """`--policy`: a missing named file is a fault, a missing default file is not."""
    path = tmp_path / "none.toml"
    assert PolicySource(None, path, {}).current().broken == ""
    named = PolicySource(None, path, {}, user_required=True).current()
    assert named.broken == f"{path}: there is no such file"
    _only_ends_remain(named)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("VAST_MCP_MAX_USD_PER_HOURS", "1"),
        ("VAST_MCP_MAX_USD_PER_HOUR", "$1"),
        ("VAST_MCP_MAX_USD_PER_HOUR", "nan"),
        ("VAST_MCP_MAX_USD_PER_HOUR", "-1"),
        ("VAST_MCP_MAX_USD_PER_HOUR", "1,5"),
        ("VAST_MCP_MAX_USD_PER_HOUR", "${user_config.cap}"),
        ("VAST_MCP_MAX_RUNNING", "2.5"),
        ("VAST_MCP_MAX_RUNNING", "two"),
        ("VAST_MCP_MAX_RUNNING", "²"),
        ("VAST_MCP_VERIFIED_ONLY", "maybe"),
        ("VAST_MCP_NO_QUESTION_HOUR", "1"),
        ("VAST_MCP_PROTECT_IDS", "1,x"),
        ("VAST_MCP_LEVELS", "stop_instance"),
        ("VAST_MCP_LEVELS", "stop_instance=allow"),
        ("VAST_MCP_LEVELS", "halt=deny"),
        ("VAST_MCP_LEVEL", "*=deny"),
        ("VAST_MCP_BUDGET_", "5"),
        ("VAST_MCP_BUDGET_LORA", "five"),
        ("VAST_MCP_DANGEROUS_ALLOW", "everything"),
    ],
)
def test_a_variable_with_a_fault_closes_spending(name: str, text: str) -> None:
    """`VAST_MCP_<KEY>`: a misspelt cap is not a missing cap."""
    limits = PolicySource(None, None, {name: text}).current()
    assert name in limits.broken or "[levels]" in limits.broken
    _only_ends_remain(limits)


@pytest.mark.parametrize(
    "name", ["VAST_MCP_TOOLSETS", "VAST_MCP_LEDGER", "VAST_MCP_HTTP_TOKEN", "VAST_API_KEY",
             "VAST_MCP_MAX_RUNNING"]
)  # fmt: skip
def test_a_variable_that_is_no_policy_or_is_empty_is_left_alone(name: str) -> None:
    """Other settings share the prefix; an empty value means not set."""
    value = "" if name == "VAST_MCP_MAX_RUNNING" else "x"
    assert PolicySource(None, None, {name: value}).current().broken == ""


def test_a_broken_policy_stays_read_only(tmp_path: Path) -> None:
    """`--read-only`: a fault elsewhere does not lift the switch."""
    limits = PolicySource(None, _written(tmp_path, "x"), {}, read_only=True).current()
    assert limits.read_only
    assert level_of(judge(act("stop_instance"), limits)) is Level.DENY
