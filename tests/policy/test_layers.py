"""Which file may set what, and what every later layer may only tighten.

See docs/design.md#commands, docs/design.md#layers.
"""

import stat
from pathlib import Path

import pytest

from tests.policy.cases import judge, rate, rent, usd
from vast_mcp.policy import Deny, Limits
from vast_mcp.policy.keys import KEYS, Key, Value, ValueKind, value_of, with_value
from vast_mcp.policy.limits import Level
from vast_mcp.policy.source import PolicySource
from vast_mcp.policy.table import limits_table, starter_file


def _file(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    path.chmod(stat.S_IRUSR | stat.S_IWUSR)
    return path


@pytest.mark.parametrize("place", ["system", "user"])
def test_the_first_file_sets_numbers_higher_or_lower(tmp_path: Path, place: str) -> None:
    """The system file, or where there is none the user file, sets each number."""
    path = _file(
        tmp_path / "p.toml",
        "[limits]\nmax_usd_per_hour = 7.5\nmax_running = 1\nverified_only = false\n"
        "[no_question]\nhours = 48\n[budget.lora]\nmax_cost_usd = 5\n"
        "[levels]\nrun_command = 'ask'\n'*' = 'ask'\n[dangerous]\nallow = ['team']\n",
    )
    source = PolicySource(path, None, {}) if place == "system" else PolicySource(None, path, {})
    limits = source.current()
    assert limits.broken == ""
    assert limits.max_usd_per_hour == rate(7.5)
    assert limits.max_running == 1
    assert not limits.verified_only
    assert limits.no_question.hours == 48
    assert limits.budgets == {"lora": usd(5)}
    assert limits.levels == {"run_command": Level.ASK, "*": Level.ASK}
    assert limits.dangerous == frozenset({"team"})
    assert limits.origins["limits.max_running"] == str(path)
    assert limits.origins["budget.lora"] == str(path)
    assert limits.origins["limits.max_disk_gb"] == "built-in"


def test_a_user_file_under_a_system_file_only_tightens(tmp_path: Path) -> None:
    """A looser value is no error, the tighter one stays and its origin says so."""
    system = _file(
        tmp_path / "system.toml",
        "[limits]\nmax_usd_per_hour = 5\nmin_credit_usd = 3\n[allow]\ngpu_names = ['A', 'B']\n"
        "images = ['vastai/*', 'x/y']\n[protect]\nids = [1]\n[dangerous]\nallow = ['team']\n"
        "[budget.a]\nmax_cost_usd = 5\n[levels]\nrun_command = 'person'\n"
        "[files]\nroots = ['/data']\n",
    )
    user = _file(
        tmp_path / "user.toml",
        "[limits]\nmax_usd_per_hour = 9\nmin_credit_usd = 1\nmax_running = 2\n"
        "[allow]\ngpu_names = ['B', 'C']\nimages = ['vastai/pytorch:*', 'z']\ncountries = ['SE']\n"
        "[protect]\nids = [2]\n[dangerous]\nallow = ['team', 'keys']\n"
        "[budget.a]\nmax_cost_usd = 9\n[budget.b]\nmax_cost_usd = 2\n"
        "[levels]\nrun_command = 'ask'\n'*' = 'ask'\n[files]\nroots = ['/data/in', '/etc']\n",
    )
    limits = PolicySource(system, user, {}).current()
    assert limits.max_usd_per_hour == rate(5)
    assert limits.min_credit_usd == usd(3)
    assert limits.max_running == 2
    assert limits.allow.gpu_names == ("B",)
    assert limits.allow.images == ("vastai/pytorch:*",)
    assert limits.allow.countries == ("SE",)
    assert limits.protect.ids == (1, 2)
    assert limits.dangerous == frozenset({"team"})
    assert limits.budgets == {"a": usd(5), "b": usd(2)}
    assert limits.levels == {"run_command": Level.PERSON, "*": Level.ASK}
    assert limits.files.roots == ("/data/in",)
    kept = limits.origins["limits.max_usd_per_hour"]
    assert kept == f"{system} ({user} asks $9.00/h: not tighter)"
    assert limits.origins["budget.a"] == f"{system} ({user} asks less strictly: not tighter)"
    assert limits.origins["limits.max_running"] == str(user)
    assert limits.origins["protect.ids"] == f"{system} and {user}"


def test_the_environment_only_tightens() -> None:
    """`VAST_MCP_<KEY>`: with no file at all it stands over the built-in values."""
    env = {
        "VAST_MCP_MAX_USD_PER_HOUR": "9",
        "VAST_MCP_MAX_RUNNING": " 2 ",
        "VAST_MCP_NO_QUESTION_USD_PER_HOUR": "0.5",
        "VAST_MCP_ALLOW_GPU_NAMES": "RTX 4090, RTX 3090",
        "VAST_MCP_PROTECT_IDS": "1,2",
        "VAST_MCP_VERIFIED_ONLY": "false",
        "VAST_MCP_DANGEROUS_ALLOW": "team",
        "VAST_MCP_LEVELS": "run_command=ask, *=ask",
        "VAST_MCP_BUDGET_LORA": "4.50",
    }
    limits = PolicySource(None, None, env).current()
    assert limits.broken == ""
    assert limits.max_usd_per_hour == rate(3)
    assert limits.max_running == 2
    assert limits.no_question.usd_per_hour == rate(0.5)
    assert limits.allow.gpu_names == ("RTX 4090", "RTX 3090")
    assert limits.protect.ids == (1, 2)
    assert limits.verified_only
    assert limits.dangerous == frozenset()
    assert limits.levels == {"run_command": Level.ASK, "*": Level.ASK}
    assert limits.budgets == {"lora": usd(4.5)}
    assert limits.origins["limits.max_running"] == "VAST_MCP_MAX_RUNNING"
    assert "VAST_MCP_MAX_USD_PER_HOUR asks $9.00/h" in limits.origins["limits.max_usd_per_hour"]
    assert isinstance(judge(rent(task="Lora", cost=usd(4.6)), limits), Deny)


@pytest.mark.parametrize(
    ("before", "asked", "kept"),
    [
        (["vastai/*"], ["vastai/pytorch:*"], ["vastai/pytorch:*"]),
        (["vastai/pytorch:*"], ["vastai/*"], ["vastai/pytorch:*"]),
        (["a*"], ["*b"], []),
        (["?"], ["*"], ["?"]),
        (["*a*"], ["[ab]x"], []),
        (["[ab]"], ["*"], []),
        (["a"], [], []),
    ],
)
def test_shared_image_patterns_admit_no_image_that_one_list_refuses(
    tmp_path: Path, before: list[str], asked: list[str], kept: list[str]
) -> None:
    """Where two patterns cannot be shown to overlap safely, neither is kept."""
    system = _file(tmp_path / "s.toml", f"[allow]\nimages = {before}\n")
    user = _file(tmp_path / "u.toml", f"[allow]\nimages = {asked}\n")
    assert PolicySource(system, user, {}).current().allow.images == tuple(kept)


def test_an_edit_counts_at_the_next_decision(tmp_path: Path) -> None:
    """Re-read at each decision, also when size and time stay the same."""
    path = _file(tmp_path / "p.toml", "[limits]\nmax_running = 1\n")
    source = PolicySource(None, path, {})
    first = source.current()
    assert source.current() is first
    _file(path, "[limits]\nmax_running = 2\n")
    second = source.current()
    assert (first.max_running, second.max_running) == (1, 2)
    assert first.digest != second.digest
    _file(path, "[limits")
    assert source.current().broken
    path.unlink()
    assert source.current().max_running == 4


def test_the_digest_follows_what_holds_and_not_where_it_was_written(tmp_path: Path) -> None:
    """A plan stays good while the policy in force is the same (docs/design.md#questions)."""
    plain = PolicySource(None, None, {}).current()
    path = _file(tmp_path / "p.toml", "# only words\n[limits]\nmax_running = 4\n")
    assert PolicySource(path, None, {}).current().digest == plain.digest
    digests = {plain.digest, PolicySource(None, None, {}, read_only=True).current().digest}
    for env in ("MAX_RUNNING=3", "LEVELS=*=ask", "BUDGET_A=1", "PROTECT_IDS=1", "MAX_DISK_GB=9",
                "MAX_RUNNING=x"):  # fmt: skip
        name, _, value = env.partition("=")
        digests.add(PolicySource(None, None, {f"VAST_MCP_{name}": value}).current().digest)
    assert len(digests) == 8


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.dotted)
def test_every_key_can_be_set_and_read_back(key: Key) -> None:
    """The table of keys and the fields of the limits name the same things."""
    samples: dict[ValueKind, Value] = {
        ValueKind.MONEY: usd(7), ValueKind.RATE: rate(7), ValueKind.NUMBER: 7.0, ValueKind.COUNT: 7,
        ValueKind.SWITCH: key.dotted != "notify.desktop", ValueKind.WORDS: ("team",),
        ValueKind.IDS: (7,), ValueKind.MINUTES: (7,), ValueKind.PERCENT: 7, ValueKind.ADDRESS: "https://a.example/x",
    }  # fmt: skip
    changed = with_value(Limits(), key, samples[key.kind])
    assert value_of(changed, key) == samples[key.kind]
    assert [k for k in KEYS if value_of(changed, k) != value_of(Limits(), k)] in ([key], [])


def test_every_limit_has_a_key_and_a_meaning() -> None:
    """The keys are stable names; the README's table is made from this one."""
    table = limits_table()
    assert len({dotted for dotted, _, _ in table}) == len(table) == len(KEYS)
    assert all(default and meaning for _, default, meaning in table)
    named = {dotted.partition(".")[2] for dotted, _, _ in table if dotted.startswith("limits.")}
    others = {"no_question", "allow", "protect", "budgets", "secrets", "files", "notify", "levels",
              "dangerous", "read_only", "broken", "origins", "digest", "file"}  # fmt: skip
    assert named == set(Limits.__dataclass_fields__) - others


def test_the_built_in_numbers_are_the_designs() -> None:
    """Every number that docs/design.md#limits promises."""
    said = {dotted: default for dotted, default, _ in limits_table()}
    assert said == {
        "limits.max_usd_per_hour": "$3.00/h",
        "limits.max_total_usd_per_hour": "$6.00/h",
        "limits.max_running": "4",
        "limits.max_usd_per_rental": "$50.00",
        "limits.max_lease_hours": "168",
        "limits.max_usd_per_day": "$25.00",
        "limits.max_usd_per_month": "$200.00",
        "limits.max_disk_gb": "500",
        "limits.max_usd_per_gb": "$0.05",
        "limits.min_credit_usd": "$1.00",
        "limits.verified_only": "yes",
        "limits.max_usd_per_rental_unasked_client": "$15.00",
        "limits.max_account_usd_per_hour": "not set",
        "no_question.usd_per_hour": "$1.00/h",
        "no_question.usd_per_rental": "$5.00",
        "no_question.hours": "24",
        "no_question.usd_per_day": "$10.00",
        "allow.gpu_names": "not set",
        "allow.images": "not set",
        "allow.countries": "not set",
        "allow.datacenter_only": "no",
        "allow.max_gpus": "not set",
        "protect.labels": "none",
        "protect.ids": "none",
        "dangerous.allow": "none",
        "secrets.allow": "none",
        "files.roots": "none",
        "notify.desktop": "yes",
        "notify.webhook_url": "not set",
        "notify.before_minutes": "30, 10",
        "notify.spend_percent": "80",
    }


def test_the_starter_file_states_the_built_in_values(tmp_path: Path) -> None:
    """`policy init`: a file that changes nothing until a person edits it."""
    plain = PolicySource(None, None, {}).current()
    path = _file(tmp_path / "p.toml", starter_file())
    limits = PolicySource(None, path, {}).current()
    assert limits.broken == ""
    assert limits.digest == plain.digest
    awake = starter_file().replace("# [", "[")
    awake = "\n".join(
        line.removeprefix("# ") if " = " in line else line for line in awake.splitlines()
    )
    awake = awake.replace("[levels] makes", "# [levels] makes")
    assert PolicySource(None, _file(path, awake), {}).current().broken == ""
