"""`extend` and `watch --install-hint`: what a notice tells a person to do, done."""

import configparser
import plistlib
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.shell import HOUR_US, Shell, at_terminal, shell
from tests.cli.test_freeze import answering, rented_at
from vast_mcp.account.freezing import freeze
from vast_mcp.cli.extend import extended
from vast_mcp.cli.hints import install_hint, program
from vast_mcp.errors import NotFound, PolicyDenied

AWKWARD = ["/opt/my tools/100%/vast-mcp", "watch", "--policy", "/srv/<a> & $HOME/p.toml"]


async def ends(at: Shell, number: int) -> int:
    """When the books say that its lease ends."""
    async with at.runtime() as opened:
        rental = await opened.session.account.ledger.read(
            lambda tx: tx.rental_of("instance", number)
        )
    assert rental is not None
    return rental.lease_ends_us


@pytest.mark.parametrize(("word", "code", "added"), [("yes", 0, 2), ("no", 1, 0)])
async def test_extend_shows_the_money_and_adds_the_hours_on_a_yes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], word: str, code: int, added: int
) -> None:
    """A person at a terminal, through the guard, with the money shown."""
    async with shell(tmp_path, hours_ago=1) as at:
        number = await rented_at(at, "mine")
        at.world.run_until_ready()
        before = await ends(at, number)
        asked: list[str] = []
        assert await extended(at.settings, number, 2, answering(word, asked)) == code
        after = await ends(at, number)
    said = capsys.readouterr().out
    assert f"Extend {number}" in said
    assert "$" in said
    assert len(asked) == 1
    assert after - before == added * HOUR_US


async def test_extend_meets_the_same_limits_and_the_freeze(tmp_path: Path) -> None:
    """A person's word at a terminal passes no cap; the policy file is where those are changed."""
    ask: Callable[[str], str] = answering("yes", [])
    async with shell(tmp_path, hours_ago=1) as at:
        number = await rented_at(at, "mine")
        at.world.run_until_ready()
        with pytest.raises(PolicyDenied, match="max_lease_hours"):
            await extended(at.settings, number, 200, ask)
        async with at.runtime() as opened:
            await freeze(opened.session.account.ledger, opened.session.account.clock)
        with pytest.raises(PolicyDenied, match="frozen"):
            await extended(at.settings, number, 1, ask)


async def test_extend_on_a_real_terminal_and_not_on_a_pipe(tmp_path: Path) -> None:
    """The command a notice names works as it is printed."""
    async with shell(tmp_path, hours_ago=0.3) as at:
        number = await rented_at(at, "mine")
        at.world.run_until_ready()
        before = await ends(at, number)
        with pytest.raises(NotFound, match="vast-mcp leases"):
            await extended(at.settings, 5, 1, lambda _: "yes")
        piped = await at.run("extend", str(number), "1")
        code, shown = await at_terminal(at, "extend", str(number), "1", types="yes")
        after = await ends(at, number)
        wrong = await at.run("extend", str(number), "nan")
    assert (piped.code, wrong.code) == (1, 2)
    assert "only a person at a terminal" in piped.err
    assert (code, after - before) == (0, HOUR_US), shown


async def test_install_hint_names_this_installation_and_installs_nothing(tmp_path: Path) -> None:
    """Ready-made unit, plist and cron line with the path of this very program."""
    async with shell(tmp_path) as at:
        before = sorted(at.home.rglob("*"))
        done = await at.run("watch", "--install-hint", "--policy", str(tmp_path / "p.toml"))
        assert sorted(at.home.rglob("*")) == before
    assert (done.code, done.err) == (0, "")
    assert Path(program()[0]).is_absolute()
    assert f"ExecStart={shlex.join(program())} watch --policy {tmp_path}/p.toml" in done.out
    assert f"* * * * * {shlex.join(program())} watch --policy" in done.out
    assert "sim-key" not in done.out


def test_every_form_carries_awkward_paths() -> None:
    """Spaces, percent signs, dollars, markup: each system reads back the very words."""
    text = install_hint(AWKWARD, Path("/home/me"), "linux")
    unit = configparser.ConfigParser(interpolation=None, strict=False)
    unit.read_string(text[text.index("[Unit]") : text.index("# then: systemctl")])
    line = unit["Service"]["ExecStart"].replace("%%", "%").replace("$$", "$")
    assert shlex.split(line) == AWKWARD
    plist = text[text.index("<?xml") : text.index("</plist>") + len("</plist>")]
    assert plistlib.loads(plist.encode())["ProgramArguments"] == AWKWARD
    cron = next(row for row in text.splitlines() if row.startswith("* * * * * "))
    assert shlex.split(cron.removeprefix("* * * * * ").replace("\\%", "%")) == [*AWKWARD, "--once"]


@pytest.mark.parametrize(("platform", "first"), [("darwin", "launchd"), ("linux", "systemd")])
def test_the_system_at_hand_comes_first(platform: str, first: str) -> None:
    """A person copies the first one."""
    text = install_hint(["/x/vast-mcp", "watch"], Path("/home/me"), platform)
    at = {name: text.index(f", {name}:") for name in ("launchd", "systemd")}
    assert min(at, key=lambda name: at[name]) == first
