"""Where a guard is put inside, and what is said where none can be."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.world import World
from vast_mcp.errors import InputInvalid
from vast_mcp.leases.onstart_guard import coverage
from vast_mcp.leases.onstart_guard.snippet import lease_guard
from vast_mcp.models import Template

SAMPLE = "x" * 3_000
HOUR_US = 3_600_000_000
NOW_US = 1_780_315_200_000_000


@pytest.fixture
async def template(tmp_path: Path) -> Template:
    """A template of the simulator's with SSH and a start script of its own."""
    async with World(tmp_path).runtime() as runtime:
        found = (await runtime.session.account.reads.templates(limit=1))[0]
    return replace(
        found, ssh=True, jupyter=False, runtype="ssh", onstart="echo own", docker_options=()
    )


def covered(template: Template | None = None, **given: Any) -> tuple[str, tuple[str, ...], str]:  # noqa: ANN401  its arguments
    """The script behind the guard, the layers, and why there is no guard."""
    asked = {"image": "ubuntu", "connect": None, "onstart": None, "idle_minutes": None, **given}
    found = coverage(template=template, sample=SAMPLE, **asked)
    return found.script, found.layers, found.why_not


WITH, WITHOUT = ("server", "watch", "inside"), ("server", "watch")


@pytest.mark.parametrize(
    ("given", "script", "why"),
    [
        ({}, "", ""),
        ({"onstart": "echo mine"}, "echo mine", ""),
        ({"connect": "ssh"}, "", ""),
        ({"connect": "args"}, "", "entrypoint"),
        ({"image": "docker.io/vastai/kvm:x"}, "", "virtual machine"),
        ({"image": "a/distroless"}, "", "no shell"),
        ({"onstart": "pkill sh"}, "", "its start script has"),
    ],
)
def test_a_plain_image_carries_the_guard_unless_something_could_end_it(
    given: dict[str, Any], script: str, why: str
) -> None:
    """What could end or blind it is named; the rent goes on without that layer."""
    found = covered(**given)
    assert found[:2] == (script, WITHOUT if why else WITH)
    assert why in found[2]
    assert bool(found[2]) is bool(why)


@pytest.mark.parametrize(
    ("changes", "given", "script", "why"),
    [
        ({}, {}, "echo own", ""),
        ({}, {"onstart": "echo mine"}, "echo mine", ""),
        ({"onstart": None}, {}, "", "could not be read"),
        ({"onstart": None}, {"onstart": "echo mine"}, "echo mine", ""),
        ({"onstart": "\n".join(str(n * 7919) for n in range(9000))}, {}, "", "leaves no room"),
        ({"runtype": "args"}, {}, "", "entrypoint"),
        ({"runtype": "args"}, {"connect": "ssh"}, "echo own", ""),
        ({"ssh": False, "runtype": ""}, {}, "", "entrypoint"),
        ({"ssh": False, "runtype": "jupyter_direc"}, {}, "echo own", ""),
        ({"ssh": False, "jupyter": True, "runtype": ""}, {}, "echo own", ""),
        ({"ssh": False, "runtype": "ssh_proxy"}, {}, "echo own", ""),
        ({"docker_options": ("--pid",)}, {}, "", "--pid"),
        ({"onstart": "killall sh"}, {}, "", "the template's start script has"),
    ],
)
def test_a_templates_own_script_is_put_behind_the_guard_where_it_is_one(
    template: Template, changes: dict[str, Any], given: dict[str, Any], script: str, why: str
) -> None:
    """Not where it is the container's entrypoint, cannot be read, or leaves no room."""
    found = covered(replace(template, **changes), **given)
    assert found[:2] == (script, WITHOUT if why else WITH)
    assert why in found[2]
    assert bool(found[2]) is bool(why)


def test_an_idle_stop_needs_the_guard_and_at_least_a_minute() -> None:
    """Refused before anything is asked."""
    assert covered(idle_minutes=1)[1] == WITH
    with pytest.raises(InputInvalid, match="at least 1"):
        covered(idle_minutes=0)
    with pytest.raises(InputInvalid, match="needs the guard inside"):
        covered(idle_minutes=30, connect="args")
    with pytest.raises(InputInvalid, match="16384 bytes fit"):
        covered(connect="args", onstart="x" * 16_385)
    assert covered(connect="args", onstart="x" * 16_384)[2]


def test_a_machine_without_a_guard_says_what_ends_its_lease() -> None:
    """And one with it says nothing."""
    bare = coverage(
        image="a", template=None, connect="args", onstart=None, idle_minutes=None, sample=""
    )
    assert "Its lease ends only while this server or `vast-mcp watch` runs." in bare.warning
    plain = coverage(
        image="a", template=None, connect=None, onstart=None, idle_minutes=None, sample=""
    )
    assert plain.warning == ""


def snippet(**changes: Any) -> str:  # noqa: ANN401  its arguments
    """The guard of one rent."""
    given: dict[str, Any] = {
        "api_base": "https://console.vast.ai",
        "intent_id": "abcdefghijk",
        "owner": "abcdefg",
        "created_us": NOW_US,
        "until_us": NOW_US + 4 * HOUR_US,
        "ceiling_us": NOW_US + 24 * HOUR_US,
        **changes,
    }
    return lease_guard(**given)


def test_the_text_inside_is_the_whole_script_filled_in() -> None:
    """Every place is filled; its own lines stand without comments and indentation."""
    text = snippet(ssh_key="ssh-ed25519 AAAA me@home")
    assert re.findall(r"@[A-Z_]+@", text) == []
    assert len(text.splitlines()) > 20
    for part in ("abcdefghijk", "abcdefg", "202606011600", "202606021200", "ssh-ed25519 AAAA"):
        assert part in text
    assert "me@home" not in text
    assert not [line for line in text.splitlines() if line != line.strip() or not line]


@pytest.mark.parametrize(("ceiling_us", "minutes"), [(24 * HOUR_US, 1440), (0, 1), (-HOUR_US, 1)])
def test_its_longest_life_is_told_in_minutes_and_is_never_nothing(
    ceiling_us: int, minutes: int
) -> None:
    """A ceiling that has passed leaves a minute, in which the machine can be told to stop."""
    plain = snippet(ceiling_us=NOW_US + 24 * HOUR_US)
    text = snippet(ceiling_us=NOW_US + ceiling_us)
    assert str(minutes) in text
    assert (text == plain) is (minutes == 1440)


@pytest.mark.parametrize(("minutes", "fine"), [(None, True), (1, True), (0, False), (-5, False)])
def test_an_idle_count_is_at_least_a_minute(minutes: int | None, *, fine: bool) -> None:
    """Without one the text does not count at all."""
    if not fine:
        with pytest.raises(ValueError, match="at least 1"):
            snippet(idle_minutes=minutes)
        return
    assert ("||[ $z -ge" in snippet(idle_minutes=minutes)) is (minutes is not None)
