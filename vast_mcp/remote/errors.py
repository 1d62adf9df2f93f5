"""What can go wrong between here and a rented machine.

RemoteError (VastMcpError)
├── AddressInvalid     the vendor named a host or port that is none
├── SshUnavailable     no session: refused, timeout, unreachable, auth, lost, busy
├── HostKeyChanged     another machine answers than the one first seen
├── RemoteFailed       the machine answered and could not do it
├── PathRefused        a path that must not be read or written
├── CopyRefused        a copy above a cap, or with nothing in it
└── CopyDamaged        what arrived is not what was sent
"""

from typing import Literal

from vast_mcp.errors import VastMcpError

Unavailable = Literal["refused", "timeout", "unreachable", "auth", "lost", "busy"]


class RemoteError(VastMcpError):
    """Something between here and the machine."""


class AddressInvalid(RemoteError):
    """The vendor's host or port is not one; nothing was connected."""


class SshUnavailable(RemoteError):
    """No SSH session; `reason` says which of the ordinary causes it was."""

    def __init__(self, message: str, *, reason: Unavailable, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.reason = reason


class HostKeyChanged(RemoteError):
    """The machine presents another key than at first use; nothing was sent to it."""

    def __init__(self, message: str, *, expected: str, presented: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.expected = expected
        self.presented = presented


class RemoteFailed(RemoteError):
    """The machine answered and could not do what was asked."""


class PathRefused(RemoteError):
    """A path outside the roots, through a link, to a device, or that looks like a secret."""


class CopyRefused(RemoteError):
    """A copy above a cap, or with nothing in it; no byte was moved."""


class CopyDamaged(RemoteError):
    """A checksum differs; the damaged file was not put in place."""
