"""Why a session could not be opened, of each error that the network or asyncssh raises."""

import errno

import asyncssh
import pytest

from vast_mcp.remote.address import address
from vast_mcp.remote.errors import SshUnavailable, Unavailable
from vast_mcp.remote.session import _HINTS, _summary, _unavailable

DISCONNECTED = 2


@pytest.mark.parametrize(
    ("error", "reason", "said"),
    [
        (asyncssh.PermissionDenied("no"), "auth", "our key is not accepted"),
        (ConnectionRefusedError(), "refused", "the port is closed"),
        (TimeoutError(), "timeout", "no answer"),
        (asyncssh.Error(DISCONNECTED, "Login timeout expired"), "timeout", "no answer"),
        (asyncssh.Error(DISCONNECTED, "Timeout"), "timeout", "no answer"),
        (asyncssh.ConnectionLost("gone"), "lost", "it dropped the connection"),
        (OSError(errno.ECONNREFUSED, "x"), "refused", "the port is closed"),
        (
            OSError("Multiple exceptions: [Errno 111] Connect call failed, Connect call failed"),
            "refused",
            "the port is closed",
        ),
        (OSError("Connect call failed"), "unreachable", "the host cannot be reached"),
        (OSError(errno.EHOSTUNREACH, "x"), "unreachable", "the host cannot be reached"),
        (ConnectionResetError(), "lost", "it dropped the connection"),
        (ValueError(), "unreachable", "the host cannot be reached"),
    ],
)
def test_each_error_of_a_connection_has_its_reason(
    error: Exception, reason: Unavailable, said: str
) -> None:
    """The reason decides what is done next: give the key, wait, or ask for the log."""
    found = _unavailable(error)
    assert (found.reason, found.message) == (reason, said)


@pytest.mark.parametrize(
    ("reasons", "waited_s", "leading", "tail"),
    [
        (("refused", "timeout"), 9.0, "refused", ""),
        (("timeout", "refused"), 9.0, "refused", ""),
        (("timeout", "auth"), 0.9, "auth", ""),
        (("timeout", "auth"), 1.0, "auth", " Waited 1 s for it."),
        (("refused", "lost"), 0.0, "lost", ""),
        (("unreachable",), 5.0, "unreachable", ""),
    ],
)
def test_of_two_addresses_the_reason_that_says_most_leads(
    reasons: tuple[Unavailable, ...], waited_s: float, leading: Unavailable, tail: str
) -> None:
    """Both are told, with what to do about the leading one."""
    where = address("192.0.2.7", 22)
    failures = [(where, SshUnavailable(f"it is {one}", reason=one)) for one in reasons]
    found = _summary(7, failures, waited_s)
    told = "; ".join(f"{where} ({where.route}): it is {one}" for one in reasons)
    assert found.message == f"No SSH session with instance 7: {told}.{tail}"
    assert (found.reason, found.hint) == (leading, _HINTS[leading])
