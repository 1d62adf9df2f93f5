"""`ssh-config`: our block comes, changes and goes; nothing else in the file moves."""

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cli.shell import shell
from tests.cli.test_freeze import answering, rented_at
from vast_mcp.cli.ssh_config import BEGIN, END, replaced, written
from vast_mcp.errors import ConfigInvalid

MINE = "ForwardAgent no\nHost work\r\n  User me\n# no newline at the end"
BLOCK = f"{BEGIN}\nHost vast-1\n  Port 22\n\nHost *\n{END}\n"


async def test_the_block_is_written_on_a_yes_kept_up_to_date_and_removed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Asked first, marked, removable; the rest stays byte for byte."""
    path = tmp_path / "ssh" / "config"
    path.parent.mkdir()
    path.write_bytes(MINE.encode())
    path.chmod(0o640)
    async with shell(tmp_path, hours_ago=1) as at:
        number = await rented_at(at, "mine")
        at.world.run_until_ready()
        assert await written(at.settings, path, False, answering("no", [])) == 1
        assert path.read_bytes() == MINE.encode()
        assert await written(at.settings, path, False, answering("yes", [])) == 0
        now = path.read_bytes().decode()
        assert now.endswith(f"{END}\n{MINE}")
        assert f"Host vast-{number}\n" in now
        assert "UserKnownHostsFile" in now
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        assert await written(at.settings, path, False, answering("never asked", [])) == 0
        assert await written(at.settings, path, True, answering("yes", [])) == 0
    assert path.read_bytes() == MINE.encode()
    assert [file.name for file in path.parent.iterdir()] == ["config"]
    assert f"Host vast-{number}" in capsys.readouterr().out


def test_damaged_marks_and_links_are_not_touched(tmp_path: Path) -> None:
    """A lone or doubled mark could make us delete what is not ours."""
    for text in (BEGIN + "\n", END + "\n", f"{END}\n{BEGIN}\n", BLOCK + BLOCK):
        with pytest.raises(ConfigInvalid, match="damaged"):
            replaced(text, BLOCK)
    assert tmp_path.exists()


@given(st.text(alphabet="Host vast#>\n\r\t*12", max_size=200))
def test_removing_gives_back_what_was_there(text: str) -> None:
    """Whatever stood there: in and out again is the same text."""
    once = replaced(text, BLOCK)
    assert replaced(once, BLOCK) == once
    assert replaced(once, "") == text
