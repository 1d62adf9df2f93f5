"""`policy init` on a disk that has no room: nothing half-written, and no traceback."""

from pathlib import Path

import pytest

from tests.cli.test_doctor import full_disk
from vast_mcp.cli.main import main
from vast_mcp.config import load_or_make_secret
from vast_mcp.errors import ConfigInvalid


def test_a_policy_file_is_written_whole_or_not_at_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What stood there half-written would be "there already" at the next try, and be read."""
    words = ["policy", "--policy", str(tmp_path / "policy.toml"), "init"]
    with full_disk(100):
        assert main(words) == 1
    assert "cannot be written" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []
    assert main(words) == 0
    assert "written" in capsys.readouterr().out
    assert main(words) == 1
    assert "already exists and was not changed" in capsys.readouterr().out


def test_a_key_that_finds_no_room_leaves_nothing_behind(tmp_path: Path) -> None:
    """A server that is started again and again on a full disk must not fill it further."""
    with full_disk(10), pytest.raises(ConfigInvalid):
        load_or_make_secret(tmp_path / "mark.key")
    assert list(tmp_path.iterdir()) == []
    assert len(load_or_make_secret(tmp_path / "mark.key")) == 32
