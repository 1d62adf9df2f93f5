"""A yes to uploads from one folder is no yes to another."""

from pathlib import Path

from vast_mcp.actions.copy import _root_mark
from vast_mcp.remote.paths import LocalPlace


def test_every_root_has_a_mark_of_its_own_without_its_path() -> None:
    """What was agreed is kept per root; the books name no path of this computer."""
    home, work = LocalPlace(Path("/home/ada"), ("a",)), LocalPlace(Path("/srv/work"), ("a",))
    assert _root_mark(home) != _root_mark(work)
    assert _root_mark(home) == _root_mark(LocalPlace(Path("/home/ada"), ("other", "b")))
    assert "ada" not in _root_mark(home)
    assert len(_root_mark(home)) == 16
