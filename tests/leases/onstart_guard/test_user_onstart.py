"""The user's start script behind the guard: neither may notice the other.

See docs/design.md#leases.
"""

import os
import re
from pathlib import Path

import pytest

from tests.leases.onstart_guard.container import Container, container, noise
from vast_mcp.errors import InputInvalid
from vast_mcp.leases.onstart_guard import ONSTART_LIMIT, wrap_onstart

SHELLS = ("dash", "bash", "busybox")
every_shell = pytest.mark.parametrize("shell", SHELLS)
ARMED = "vmcp-guard armed until "


def _users(box: Container) -> str:
    """What the user's script said; the guard's one line may stand anywhere between."""
    return re.sub(rf"{ARMED}\d{{12}}Z\n", "", box.output)


def _alive(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return True


def _words(number: int) -> list[bytes]:
    return Path(f"/proc/{number}/cmdline").read_bytes().split(b"\0")


BEHAVIOUR = {
    "ends well": ("echo one\n", "one\n", 0),
    "exits": ("echo one\nexit 3\necho two\n", "one\n", 3),
    "fails": ("echo one\nfalse\n", "one\n", 1),
    "gives up at the first failure": ("set -e\nfalse\necho two\n", "", 1),
    "waits for its own jobs only": ("(echo a) &\nwait\necho $?\n", "a\n0\n", 0),
    "begins with nothing behind it": ('echo "$? ${!:-none}"\n', "0 none\n", 0),
    "keeps its options": ("set -u\necho $-\n", None, 0),
    "kills its whole group": ("trap 'exit 5' TERM\nkill 0\nsleep 9\n", None, 5),
    "ends with kill 0": ("trap 'trap - TERM;kill 0' EXIT\necho one\n", "one\n", -15),
    "uses our names": ("G=1 h=2 d=3 U=4\nq(){ echo q;}\nq\n", "q\n", 0),
    "has no line end": ("echo one", "one\n", 0),
    "reads its input": ("read -r x || echo empty\necho two\n", "empty\ntwo\n", 0),
    "quotes": ("""echo 'a "b" $c' "`echo d`" \\\\e\n""", None, 0),
    "a here-document": ("cat <<'E'\n$x 'y'\nE\n", "$x 'y'\n", 0),
    "only a comment": ("# nothing\n", "", 0),
}
KILLED = {"kills its whole group", "ends with kill 0"}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", BEHAVIOUR)
@every_shell
async def test_a_script_behaves_as_it_would_alone(
    tmp_path: Path, shell: str, name: str, packed: bool
) -> None:
    """Its words, its exit status; with and without packing; and the guard lives on."""
    script, words, status = BEHAVIOUR[name]
    if name in KILLED and shell != "dash":
        pytest.skip("shells differ in how a trap and its own signal end; one of them is enough")
    async with container(tmp_path, shell) as box:
        box.label(2)
        guard = box.guard(2)
        # Empty lines pack to nothing, and change nothing.
        padded = f"{'#' * 5 + chr(10)}" * 3000 + script if packed else script
        text = wrap_onstart(guard, padded)
        assert ("gunzip" in text) is packed
        await box.start(text)
        assert words is None or _users(box) == words
        assert box.status == status
        await box.pass_minutes(4)
        assert not box.running, "the guard outlived the script"


@every_shell
async def test_nothing_of_ours_is_left_in_the_users_shell(tmp_path: Path, shell: str) -> None:
    """No variable, function, option or trap: it shows what it shows alone, and no more.

    Signals that were ignored when the shell began are listed as traps, guard or no guard.
    """
    show = "set | cut -d= -f1 | grep -E '^(G|K|U|C|E|h|i|d|w|n|z|l|o|t|q|s)$'\ntrap\njobs\n"
    async with container(tmp_path, shell) as box:
        await box.start(wrap_onstart(box.guard(9), f'a=$-\n{show}\necho "$a"\n'))
        guarded = _users(box)
        await box.start(f'a=$-\n{show}\necho "$a"\n')
        assert guarded == box.output


async def test_a_script_that_runs_on_does_not_hold_the_guard_up(tmp_path: Path) -> None:
    """A server started in the foreground never returns; the lease ends all the same."""
    async with container(tmp_path) as box:
        box.label(1)
        await box.arm(1, user="(while :;do /bin/sleep 1;done) >/dev/null 2>&1 &\necho $!\n")
        job = int(_users(box))
        await box.pass_minutes(3)
        try:
            assert not box.running
            assert _alive(job)
        finally:
            os.kill(job, 9)


async def test_a_pipe_around_the_script_ends_with_it(tmp_path: Path) -> None:
    """Vast's own start may well be `onstart.sh | tee log`: `start` waits for the pipe's end."""
    async with container(tmp_path) as box:
        box.label(50)
        await box.arm(50, user="echo one\n")
        assert ARMED in box.output
        assert all(_alive(number) for number in box.pids())


async def test_the_process_list_names_no_tool_a_user_may_kill(tmp_path: Path) -> None:
    """`pkill -f python` or `pkill -f curl` must not hit the guard."""
    async with container(tmp_path) as box:
        box.label(50)
        await box.arm(50)
        (number,) = box.pids()
        words = _words(number)
        assert words[-4:-1] == [b"-c", b'eval "$G"', b"vmcp-guard"]


# -- shebangs ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "first",
    ["#!/bin/sh", "#!/bin/bash -e", "#! /usr/bin/env bash", "#!/usr/bin/bash -eu", "#!/bin/dash"],
)
@pytest.mark.parametrize("long", [False, True])
def test_a_shells_shebang_stays_the_first_line(first: str, *, long: bool) -> None:
    """Only as the first line does the vendor take it for one."""
    script = f"{first}\necho one\n" + ("#####\n" * 3000 if long else "")
    text = wrap_onstart("GUARD\n", script)
    assert text.startswith(f"{first}\nGUARD\n")
    assert text.count("#!") == 1


def test_a_word_that_begins_like_a_shell_is_none() -> None:
    """Another interpreter is not handed shell text."""
    assert wrap_onstart("GUARD\n", "#!/bin/shoes\n").startswith("GUARD\n")


def test_line_ends_of_windows_do_not_reach_the_shebang() -> None:
    """The name of an interpreter with a carriage return behind it is found nowhere."""
    assert wrap_onstart("GUARD\n", "#!/bin/bash\r\necho\n").startswith("#!/bin/bash\nGUARD\necho")


@pytest.mark.parametrize("long", [False, True])
@every_shell
async def test_another_interpreter_gets_the_script_and_its_status_counts(
    tmp_path: Path, shell: str, *, long: bool
) -> None:
    """The script runs as its author meant it, guard or not."""
    script = "#!/usr/bin/env python3\nimport sys\nprint('it''s', sys.argv[1:])\nsys.exit(4)\n"
    async with container(tmp_path, shell) as box:
        box.label(2)
        await box.arm(2, user=script + "#####\n" * (3000 if long else 0))
        assert _users(box) == "its []\n"
        assert box.status == 4
        await box.pass_minutes(4)
        assert not box.running


# -- length --------------------------------------------------------------------------------------


def test_no_script_leaves_the_guard_alone() -> None:
    """Nothing is put behind it that nobody wrote."""
    assert wrap_onstart("GUARD\n", " \n") == "GUARD\n"


@pytest.mark.parametrize("length", [100, 8000, 16_000, 16_370, 16_384, 16_400, 24_000, 80_000])
def test_what_is_sent_is_always_below_the_limit(length: int) -> None:
    """A longer text would be refused by the vendor as a whole."""
    text = wrap_onstart("GUARD\n", "echo one\n" * (length // 9))
    assert len(text) <= ONSTART_LIMIT


def test_letters_beyond_ascii_are_counted_in_bytes() -> None:
    """The limit is one of bytes."""
    text = wrap_onstart("GUARD\n", "# " + "日" * 7000 + "\n")
    assert len(text.encode()) <= ONSTART_LIMIT
    assert "gunzip" in text


def test_what_cannot_be_packed_is_refused_with_the_way_out() -> None:
    """The refusal says how else a long script gets there."""
    with pytest.raises(InputInvalid) as refused:
        wrap_onstart("GUARD\n", noise(24_000))
    assert "onstart" in str(refused.value)
    assert "16384" in str(refused.value)
    assert "download" in refused.value.hint


def test_the_same_script_packs_to_the_same_text() -> None:
    """A repeated call is the same call only if its text is."""
    script = "echo one\n" * 2500
    assert wrap_onstart("GUARD\n", script) == wrap_onstart("GUARD\n", script)


async def test_an_unpacking_that_fails_is_no_success(tmp_path: Path) -> None:
    """Without base64 in the image nothing of the script ran: the status must say so."""
    async with container(tmp_path) as box:
        (box.home / "bin" / "base64").unlink()
        await box.start(wrap_onstart(box.guard(9), "echo one\n" * 2500))
        assert "one" not in box.output
        assert box.status == 1
