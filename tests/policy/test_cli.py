"""`vast-mcp policy …` as a person reads it.

See docs/design.md#commands.
"""

import argparse
import re
import stat
from pathlib import Path

import pytest

from vast_mcp.cli.policy import add_arguments, run
from vast_mcp.clock import ManualClock
from vast_mcp.policy.source import PolicySource

NOON_US = 1_780_315_200_000_000  # 2026-06-01 12:00 UTC


def _run(words: str, source: PolicySource) -> int:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return run(parser.parse_args(words.split()), source, ManualClock(NOON_US))


def _source(user: Path | None = None, **env: str) -> PolicySource:
    return PolicySource(None, user, env)


def test_show_says_what_holds_and_where_it_came_from(capsys: pytest.CaptureFixture[str]) -> None:
    """`policy show`: one aligned table, a looser wish named beside what stayed."""
    source = _source(
        VAST_MCP_MAX_RUNNING="2", VAST_MCP_MAX_DISK_GB="900", VAST_MCP_LEVELS="run_command=ask"
    )
    assert _run("show", source) == 0
    lines = capsys.readouterr().out.splitlines()
    expected = [
        "limit                                     value    from",
        "limits.max_usd_per_hour                   $3.00/h  built-in",
        "limits.max_total_usd_per_hour             $6.00/h  built-in",
        "limits.max_running                        2        VAST_MCP_MAX_RUNNING",
        "limits.max_usd_per_rental                 $50.00   built-in",
        "limits.max_lease_hours                    168      built-in",
        "limits.max_usd_per_day                    $25.00   built-in",
        "limits.max_usd_per_month                  $200.00  built-in",
        (
            "limits.max_disk_gb                        500      "
            "built-in (VAST_MCP_MAX_DISK_GB asks 900: not tighter)"
        ),
    ]
    assert lines[:9] == expected
    assert "levels.run_command                        ask      VAST_MCP_LEVELS" in lines
    assert lines[-3:-1] == ["system file: none", "user file:   none"]


def test_show_of_a_broken_policy_says_so_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The fault is one line, and the built-in values follow (docs/design.md#layers)."""
    path = tmp_path / "p.toml"
    path.write_text("[limits]\nmax_runing = 2\n")
    path.chmod(0o600)
    assert _run("show", _source(path)) == 1
    fault = f"BROKEN: {path}: line 2: [limits] max_runing: unknown key;"
    fault += " the nearest is [limits] max_running"
    assert capsys.readouterr().out.splitlines()[0] == fault


def test_check_answers_by_its_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """0 fine, 1 a check failed, with the fault on one line."""
    assert _run("check", _source()) == 0
    assert _run("check", PolicySource(None, tmp_path / "x", {}, user_required=True)) == 1
    assert capsys.readouterr().out == (
        f"the policy is fine\n{tmp_path / 'x'}: there is no such file\n"
    )


def test_init_writes_a_private_file_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`policy init`: 0600, and never over a file or through a link that is there."""
    path = tmp_path / "new" / "policy.toml"
    assert _run("init", _source(path)) == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert _source(path).current().broken == ""
    path.write_text("[limits]\nmax_running = 1\n")
    assert _run("init", _source(path)) == 1
    assert path.read_text() == "[limits]\nmax_running = 1\n"
    link = tmp_path / "link.toml"
    link.symlink_to(tmp_path / "elsewhere")
    assert _run("init", _source(link)) == 1
    assert not (tmp_path / "elsewhere").exists()
    assert _run("init", _source(None)) == 2
    assert capsys.readouterr().out.splitlines()[0] == f"written: {path}"


EXPLAINED = [
    (
        "--hours 4 --usd-per-hour 0.34",
        0,
        "1x 4090 for 4 h with 50 GB disk at $0.34/h: at most $1.36.\nDone without a question.\n",
    ),
    (
        "--hours 72 --usd-per-hour 0.34",
        0,
        (
            "1x 4090 for 72 h with 50 GB disk at $0.34/h: at most $24.48.\n"
            "One question first:\n"
            "  no_question.usd_per_rental  This rental's maximum of $24.48 is above $5.00.\n"
            "  no_question.hours           A lease of 72 h is longer than 24 h.\n"
            "  no_question.usd_per_day     Today's rents without a question would reach $24.48, "
            "above $10.00.\n"
        ),
    ),
    (
        "--hours 4 --usd-per-hour 4 --disk-gb 600",
        3,
        (
            "1x 4090 for 4 h with 600 GB disk at $4.00/h: at most $16.00.\n"
            "Refused:\n"
            "  limits.max_usd_per_hour  $4.00/h is above $3.00/h, the maximum per machine.\n"
            "  limits.max_disk_gb       600 GB of disk was requested; up to 500 GB is allowed.\n"
        ),
    ),
    (
        "--hours 4",
        0,
        (
            "1x 4090 for 4 h with 50 GB disk, by its all-in price:\n"
            "  up to $1.00/h  done without a question\n"
            "  up to $3.00/h  one question\n"
            "  above          refused\n"
        ),
    ),
    (
        "--hours 100",
        0,
        (
            "1x 4090 for 100 h with 50 GB disk, by its all-in price:\n"
            "  up to $0.50/h  one question\n"
            "  above          refused\n"
        ),
    ),
    (
        "--hours 200",
        3,
        (
            "1x 4090 for 200 h with 50 GB disk, by its all-in price:\n"
            "  at any price\n"
            "Refused:\n"
            "  limits.max_lease_hours  A lease of 200 h was requested; up to 168 h is allowed.\n"
        ),
    ),
]


@pytest.mark.parametrize(("words", "code", "text"), EXPLAINED, ids=[e[0] for e in EXPLAINED])
def test_explain_tells_what_a_rent_would_meet(
    words: str, code: int, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """`policy explain create`: the decision and all reasons, and what was assumed."""
    assert _run(f"explain create --gpu 4090 {words}", _source()) == code
    assumed = "Assumed: nothing rented or spent yet, enough credit, a verified host, 1 GPU.\n"
    assert capsys.readouterr().out == assumed + text


def test_explain_says_what_it_could_not_look_at(capsys: pytest.CaptureFixture[str]) -> None:
    """A rent without an image or a country is not judged by those lists."""
    env = {"VAST_MCP_ALLOW_IMAGES": "vastai/*", "VAST_MCP_ALLOW_COUNTRIES": "SE"}
    assert (
        _run("explain create --gpu A --hours 1 --usd-per-hour 0.1", PolicySource(None, None, env))
        == 0
    )
    assert "Not checked: allow.images, allow.countries.\n" in capsys.readouterr().out


@pytest.mark.parametrize("hours", ["0", "-1", "nan", "inf", "x", "1e9"])
def test_explain_refuses_hours_that_are_none(
    hours: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong argument is exit code 2."""
    with pytest.raises(SystemExit) as ended:
        _run(f"explain create --gpu A --hours={hours}", _source())
    assert ended.value.code == 2
    assert "--hours" in capsys.readouterr().err


def test_check_lists_every_fault_with_its_file_and_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file with five mistakes takes one round to mend, not five."""
    path = tmp_path / "p.toml"
    path.write_text(
        """# mine
[limits]
max_runing = 4
max_usd_per_day = "ten"   # a text
max_lease_hours = 24

[levels]
stop_instance = "never"

[budget.lora]
max_cost_usd = -1

[alow]
gpu_names = []
""",
        encoding="utf-8",
    )
    source = PolicySource(None, path, {"VAST_MCP_MAX_DISK_GB": "big", "VAST_MCP_MAX_CAT": "1"})
    assert _run("check", source) == 1
    told = capsys.readouterr().out.splitlines()
    places = [re.match(r"(?:.*p\.toml: line (\d+): )?(\S+ ?\w*)", line) for line in told]
    assert [found and found.groups() for found in places] == [
        ("3", "[limits] max_runing"),
        ("4", "[limits] max_usd_per_day"),
        ("8", "[levels] stop_instance"),
        ("10", "[budget.lora] max_cost_usd"),
        ("13", "alow: unknown"),
        (None, "VAST_MCP_MAX_CAT: unknown"),
        (None, "VAST_MCP_MAX_DISK_GB: must"),
    ]
    assert "(and 4 more)" in source.current().broken


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[limits]\nmax_runing = 1\n", 2),
        ("limits.max_runing = 1\n", 1),
        ('\n[ limits ] # all\n"max_runing" = 1\n', 3),
        ("limits = { max_runing = 1 }\n", 1),
        ("[files]\nroots = []\n[limits]\n# max_runing = 2\nmax_runing = 1\n", 5),
        ("[limits]\nmax_running = = 1\n", 2),
    ],
)
def test_a_fault_has_its_line_however_the_file_is_written(
    tmp_path: Path, text: str, line: int
) -> None:
    """TOML can say one thing in several ways; a person looks for the line."""
    path = tmp_path / "p.toml"
    path.write_text(text, encoding="utf-8")
    (fault,) = PolicySource(None, path, {}).faults()
    assert f"line {line}" in fault
