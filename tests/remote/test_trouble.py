"""What a person can do about a machine that lets nobody in: each cause has its own cure."""

import pytest

from vast_mcp.remote.trouble import Ill, Trouble


def test_a_stuck_tunnel_is_cured_by_a_reboot() -> None:
    """Files on the machine have nothing to do with it."""
    said = Trouble(Ill.TUNNEL).next(27123456, mends_itself=False)
    assert "reboot_instance(27123456)" in said
    assert "delete" not in said


@pytest.mark.parametrize("mends_itself", [True, False])
def test_a_key_file_is_mended_by_a_start_or_by_deleting_it(mends_itself: bool) -> None:
    """Where our start script runs it sets the modes right; elsewhere the file is named."""
    where = "/root/.ssh/authorized_keys"
    said = Trouble(Ill.KEY_FILE, where).next(27123456, mends_itself=mends_itself)
    assert (where in said) is not mends_itself
    assert "reboot" not in said
