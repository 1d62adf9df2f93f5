"""The guard's text, run by real shells against the vendor over HTTP (docs/hazards.md#leases).

See docs/design.md#leases, docs/vendor-api.md#inside-an-instance.
"""

import hashlib
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.leases.onstart_guard.container import (
    INTENT,
    MARKER,
    OTHER_INTENT,
    Container,
    container,
    until,
)
from vast_mcp.errors import ConfigInvalid
from vast_mcp.leases.onstart_guard import ONSTART_LIMIT, lease_guard

SHELLS = ("dash", "bash", "busybox")
STOP = {"state": "stopped"}
every_shell = pytest.mark.parametrize("shell", SHELLS)


# -- the lease ---------------------------------------------------------------------------------


@every_shell
async def test_the_lease_end_stops_the_machine_and_nothing_does_before(
    tmp_path: Path, shell: str
) -> None:
    """The guard inside stops its own machine at the lease end, no sooner."""
    async with container(tmp_path, shell) as box:
        box.label(5)
        await box.arm(5)
        told_until = box.minute(5)
        await box.pass_minutes(4.9)
        before = list(box.sent)
        await box.pass_minutes(2.1)

        assert box.output == f"vmcp-guard armed until {told_until}\n"
        assert before == []
        assert box.sent == [STOP]
        assert not box.running


@every_shell
async def test_an_extension_in_the_label_is_honoured(tmp_path: Path, shell: str) -> None:
    """The label is the lease: a longer one is read in time."""
    async with container(tmp_path, shell) as box:
        box.label(3)
        await box.arm(3)
        await box.pass_minutes(1)
        box.label(6)
        await box.pass_minutes(5.9)
        assert box.running
        assert box.sent == []
        await box.pass_minutes(2.1)
        assert not box.running


@every_shell
async def test_a_shortening_in_the_label_is_honoured(tmp_path: Path, shell: str) -> None:
    """And a shorter one."""
    async with container(tmp_path, shell) as box:
        box.label(120)
        await box.arm(120)
        await box.pass_minutes(1)
        box.label(2)
        await box.pass_minutes(4)
        assert not box.running


async def test_an_extension_in_the_last_moment_is_seen_before_the_stop(tmp_path: Path) -> None:
    """The first look past the end does not stop; the label may be a moment old."""
    async with container(tmp_path) as box:
        box.label(0)
        await box.arm(0)
        await until((box.home / "wake").exists, "the first look")
        box.label(3)
        await box.pass_minutes(2.9)
        assert box.sent == []
        await box.pass_minutes(2.1)
        assert not box.running


@pytest.mark.parametrize("fault", ["status_before", "reset", "html", "rate_limited"])
async def test_an_outage_keeps_the_last_deadline_and_ends_with_the_stop(
    tmp_path: Path, fault: str
) -> None:
    """Neither sooner nor never: the extension read before the outage holds through it."""
    async with container(tmp_path) as box:
        box.label(2)
        await box.arm(2)
        box.label(4)
        await box.pass_minutes(1)
        box.simulator.faults.add(fault, path="instances", times=10_000)  # type: ignore[arg-type]
        await box.pass_minutes(2.5)
        sent_early = [one for one in box.simulator.requests if one.method == "PUT"]
        await box.pass_minutes(6)
        running_through_outage = box.running
        tries = [one for one in box.simulator.requests if one.method == "PUT"]
        box.simulator.faults.planned.clear()
        await box.pass_minutes(1.2)

        assert sent_early == []
        assert running_through_outage
        assert 5 <= len(tries) <= 30, "it keeps trying, at most three ways a minute or so"
        assert not box.running


async def test_a_stop_that_is_answered_without_success_is_repeated(tmp_path: Path) -> None:
    """A 200 alone has stopped nothing."""
    async with container(tmp_path) as box:
        box.label(1)
        await box.arm(1)
        box.simulator.faults.add("success_false_200", method="PUT", times=2)
        box.simulator.faults.add("status_before", method="PUT", times=4)
        await box.pass_minutes(6)
        assert not box.running


async def test_a_lease_extended_while_the_stop_fails_keeps_the_machine(tmp_path: Path) -> None:
    """Before each further try the label is read again."""
    async with container(tmp_path) as box:
        box.label(1)
        await box.arm(1)
        fault = box.simulator.faults.add("status_before", method="PUT", times=10_000)
        await box.pass_minutes(4)
        assert fault.struck > 0
        box.label(5)
        await box.pass_minutes(1.1)
        box.simulator.faults.planned.clear()
        await box.pass_minutes(3.5)
        assert box.running
        await box.pass_minutes(3)
        assert not box.running


# -- labels that lie ---------------------------------------------------------------------------


def _other(box: Container, minutes: float) -> str:
    ends_us = box.clock.utc_us() + int(minutes * 60_000_000)
    return MARKER.label("x", OTHER_INTENT, ends_us)


HOSTILE: dict[str, Callable[[Container], str | None]] = {
    "wiped": lambda _: None,
    "plain text": lambda _: "my machine",
    "another intent, far future": lambda box: _other(box, 500_000),
    "another intent, long past": lambda box: _other(box, -500_000),
    "a stranger's owner": lambda _: f"x vm1.0000000.{INTENT}.until-209901010000Z.m00000000",
    "ours, then other text": (
        lambda _: f"vm1.{MARKER.owner}.{INTENT}.until-209901010000Z.m00000000 and more"
    ),
    "ours without its mac": lambda _: f"vm1.{MARKER.owner}.{INTENT}.until-209901010000Z",
    "glued to a word": lambda _: f"xvm1.{MARKER.owner}.{INTENT}.until-209901010000Z.m00000000",
    "no date": lambda _: f"vm1.{MARKER.owner}.{INTENT}.until-whenever.m00000000",
    "shell": lambda _: f"$(touch pwned) `touch pwned` vm1.{MARKER.owner}.{INTENT}.until-;touch a",
    "a label inside the label": (
        lambda _: f'", "label": "vm1.{MARKER.owner}.{INTENT}.until-209901010000Z.m00000000", "a": "'
    ),
    "line ends": lambda _: f"\nvm1.{MARKER.owner}.{INTENT}.until-209901010000Z.m00000000\n",
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_label_that_is_not_our_mark_changes_nothing(tmp_path: Path, name: str) -> None:
    """It matches its own intent, never another `until-`; a wiped label keeps the last end."""
    async with container(tmp_path) as box:
        box.label(4)
        await box.arm(4)
        await box.pass_minutes(1)
        box.simulator.set_label(box.number, HOSTILE[name](box))
        await box.pass_minutes(2.9)
        assert box.running
        assert box.sent == []
        await box.pass_minutes(2.2)
        assert not box.running
        assert not list(box.home.glob("**/pwned"))


@every_shell
async def test_a_users_text_may_say_anything_before_our_mark(tmp_path: Path, shell: str) -> None:
    """Quotes, backslashes, other marks and letters beyond ASCII do not hide the extension."""
    text = f'a "b" \\ c\\" {{}} é日 until-209901010000Z.m00000000 vm1.{MARKER.owner}.x'
    async with container(tmp_path, shell) as box:
        box.label(2)
        await box.arm(2)
        ends_us = box.clock.utc_us() + 5 * 60_000_000
        mark = MARKER.label("", INTENT, ends_us)
        box.simulator.set_label(box.number, f"{text} {mark}")
        await box.pass_minutes(4.9)
        assert box.running
        await box.pass_minutes(2.2)
        assert not box.running


async def test_no_label_passes_the_ceiling(tmp_path: Path) -> None:
    """Whoever can write the label cannot keep the machine for ever."""
    async with container(tmp_path) as box:
        box.label(500_000)
        await box.arm(2, longest_minutes=4)
        assert box.minute(4) in box.output
        await box.pass_minutes(3.9)
        assert box.running
        await box.pass_minutes(2.2)
        assert not box.running


# -- restarts ----------------------------------------------------------------------------------


async def test_a_restart_with_a_wiped_label_keeps_the_extended_end(tmp_path: Path) -> None:
    """The start script still names the first end; the disk remembers the later one."""
    async with container(tmp_path) as box:
        box.label(60)
        script = box.guard(1)
        await box.start(script)
        box.end()
        box.simulator.set_label(box.number, None)
        await box.start(script)
        assert box.minute(60) in box.output
        await box.pass_minutes(5)
        assert box.running


async def test_an_old_machine_started_anew_may_run_for_a_whole_new_lease(tmp_path: Path) -> None:
    """`start_instance` long after the creation: the ceiling counts from the container's start."""
    async with container(tmp_path) as box:
        script = box.guard(5, longest_minutes=60)
        box.clock.move(3 * 3600)
        box.tell_time()
        box.label(50)
        await box.start(script)
        assert box.minute(50) in box.output
        await box.pass_minutes(8)
        assert box.running


# -- where things are missing --------------------------------------------------------------------


@every_shell
async def test_outside_a_machine_it_says_so_and_does_nothing(tmp_path: Path, shell: str) -> None:
    """Without the names that the vendor sets there is no machine of its own to stop."""
    async with container(tmp_path, shell) as box:
        del box.environment["CONTAINER_ID"]
        await box.start(box.guard(0) + "echo user\n")
        assert box.output == "vmcp-guard off: no CONTAINER_ID\nuser\n"
        assert box.pids() == []
        assert not box.simulator.requests


@pytest.mark.parametrize(
    ("shell", "client"),
    [
        (shell, client)
        for shell in SHELLS
        for client in ("curl", "wget", "python3")
        # busybox may use its own wget, which cannot PUT; with nothing else there is no guard
        if (shell, client) != ("busybox", "wget")
    ],
)
async def test_any_one_of_the_three_clients_will_do(
    tmp_path: Path, shell: str, client: str
) -> None:
    """An image has curl, wget or Python; none of them is promised."""
    async with container(tmp_path, shell, clients=(client,)) as box:
        box.label(2)
        await box.arm(1)
        await box.pass_minutes(1.9)
        assert box.running, "the label was read"
        await box.pass_minutes(2.2)
        assert not box.running
        assert box.sent == [STOP]


async def test_the_machines_key_is_made_where_it_is_not_told(tmp_path: Path) -> None:
    """md5 of authorized_keys, then md5 of the container's label."""
    async with container(tmp_path) as box:
        keys = "ssh-ed25519 AAAA me\n"
        (box.home / ".ssh").mkdir()
        (box.home / ".ssh" / "authorized_keys").write_text(keys)
        words = (keys, box.environment["VAST_CONTAINERLABEL"])
        made = "".join(hashlib.md5(word.encode()).hexdigest() for word in words)
        box.simulator.world.instances[box.number].api_key = made
        del box.environment["CONTAINER_API_KEY"]
        box.label(2)
        await box.arm(1)
        await box.pass_minutes(1.9)
        assert box.running
        await box.pass_minutes(2.2)
        assert not box.running


async def test_a_key_that_may_not_read_leaves_the_end_of_its_creation(tmp_path: Path) -> None:
    """Then it is a fixed maximum, and the stop is tried all the same (docs/hazards.md#leases)."""
    async with container(tmp_path) as box:
        box.label(60)
        box.simulator.faults.add("status_before", method="GET", times=10_000, status=403)
        await box.arm(2)
        await box.pass_minutes(1.9)
        assert box.running
        await box.pass_minutes(2.2)
        assert not box.running


@every_shell
async def test_a_disk_that_takes_nothing_does_not_end_the_guard(tmp_path: Path, shell: str) -> None:
    """A full or read-only disk: no log, no memory, the lease holds."""
    async with container(tmp_path, shell) as box:
        (box.home / ".vmcp").write_text("a file where the directory should be")
        box.label(2)
        await box.arm(1)
        await box.pass_minutes(1.9)
        assert box.running
        await box.pass_minutes(2.2)
        assert not box.running


# -- notices -------------------------------------------------------------------------------------


@every_shell
async def test_open_terminals_are_told_30_and_10_minutes_before(tmp_path: Path, shell: str) -> None:
    """A halted terminal (nobody reads the pipe) holds nothing up."""
    async with container(tmp_path, shell) as box:
        (box.home / "pts" / "3").touch()
        os.mkfifo(box.home / "pts" / "2")
        (box.home / "pts" / "ptmx").touch()
        box.label(33)
        await box.arm(33)
        ends = box.minute(33)
        told = f"vmcp-guard: machine stops at {ends}, in 30 min\n"
        await box.pass_minutes(2)
        assert (box.home / "pts" / "3").read_text() == ""
        await box.pass_minutes(3)
        assert (box.home / "pts" / "3").read_text() == told
        assert box.log == told
        await box.pass_minutes(31)

        assert box.log.splitlines()[1:] == [
            f"vmcp-guard: machine stops at {ends}, in 10 min",
            "vmcp-guard: stopping",
        ]
        assert (box.home / "pts" / "ptmx").read_text() == ""
        assert not box.running


# -- the text itself -----------------------------------------------------------------------------


def _text(**changes: object) -> str:
    given: dict[str, object] = {
        "api_base": "https://console.vast.ai",
        "intent_id": INTENT,
        "owner": MARKER.owner,
        "created_us": 1_780_000_000_000_000,
        "until_us": 1_780_010_000_000_000,
        "ceiling_us": 1_780_604_800_000_000,
    }
    return lease_guard(**{**given, **changes})  # type: ignore[arg-type]


def test_it_leaves_four_fifths_of_the_vendors_limit_to_the_user() -> None:
    """16,384 characters are all there is (a create with more is refused, recorded 2026-07-25)."""
    assert len(_text(idle_minutes=30).encode()) < ONSTART_LIMIT / 5


def test_it_holds_no_secret_and_no_comment() -> None:
    """Anybody with the machine's start script can read it; every byte of it counts."""
    text = _text(idle_minutes=30)
    assert "sim-key" not in text
    assert not any(line.startswith("#") for line in text.splitlines())
    assert not re.search("@[A-Z]", text)


@pytest.mark.parametrize(
    "changes",
    [
        {"api_base": "https://x'; rm -rf /;'"},
        {"api_base": "https://x/$(id)"},
        {"api_base": "ftp://x"},
        {"intent_id": "abc"},
        {"intent_id": "abcdefghi.*"},
        {"owner": "OWNER 1"},
        {"idle_minutes": 0},
    ],
)
def test_what_could_be_read_as_shell_is_refused(changes: dict[str, object]) -> None:
    """Nothing that is filled in can become a command."""
    with pytest.raises((ConfigInvalid, ValueError), match=r"VAST_URL|intent|idle"):
        _text(**changes)
