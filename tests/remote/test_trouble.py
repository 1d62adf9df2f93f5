"""What a person can do about a machine that lets nobody in: each cause has its own cure."""

import pytest

from vast_mcp.remote.errors import Unavailable
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


KEYS = "Authentication refused: bad ownership or modes for file /root/.ssh/authorized_keys"
HOME = "Authentication refused: bad ownership or modes for directory /root"
TUNNEL = "Warning: remote port forwarding failed for listen port 10133"


@pytest.mark.parametrize(
    ("log", "reason", "found"),
    [
        (KEYS, "auth", Trouble(Ill.KEY_FILE, "/root/.ssh/authorized_keys")),
        (f"{KEYS}\n{HOME}", "auth", Trouble(Ill.KEY_FILE, "/root")),
        (f"{HOME}\n{KEYS}", "auth", Trouble(Ill.KEY_FILE, "/root/.ssh/authorized_keys")),
        (KEYS, "timeout", None),
        (TUNNEL, "timeout", Trouble(Ill.TUNNEL)),
        (TUNNEL, "auth", None),
        (f"{KEYS}\n{TUNNEL}", "refused", Trouble(Ill.TUNNEL)),
        ("", "auth", None),
    ],
)
def test_the_last_line_of_the_log_that_fits_the_failure_is_its_cause(
    log: str, reason: Unavailable, found: Trouble | None
) -> None:
    """A refused key has its file; a machine that does not answer has its tunnel."""
    assert Trouble.in_log(log, reason) == found


def test_each_cause_is_told_with_its_cure_word_for_word() -> None:
    """A model does what stands there."""
    keys = Trouble(Ill.KEY_FILE, "/root/.ssh/authorized_keys")
    assert keys.next(7, mends_itself=True) == (
        "Its start script fixes that within two minutes of a start; else rent another."
    )
    assert keys.next(7, mends_itself=False) == (
        "stop_instance(7), delete /root/.ssh/authorized_keys with delete_disk_files (toolset all),"
        " then start_instance: Vast.ai writes it again. Or rent another."
    )
    assert Trouble(Ill.TUNNEL).next(7, mends_itself=True) == (
        "A reboot fixes it: reboot_instance(7) (toolset all), or stop_instance and start_instance."
    )
