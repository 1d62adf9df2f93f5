"""A permit: the guard's leave to send one request, once."""

from vast_mcp.errors import PermitMissing
from vast_mcp.operations import Call


class Permit:
    """Leave to send exactly one request: its method, host, path, query and body, to the letter.

    Made by the guard alone (an import contract says so) and used up by the transport wall, which
    computes the digest from the bytes it is about to send.
    """

    __slots__ = ("_digest", "_used")

    def __init__(self, digest: str) -> None:
        self._digest = digest
        self._used = False

    @classmethod
    def for_call(cls, call: Call) -> "Permit":
        """Leave for this request and no other."""
        return cls(call.digest)

    def redeem(self, digest: str) -> None:
        """Use it up for the request with that digest.

        Raises:
            PermitMissing: it was used before, or was given for another request.
        """
        if self._used:
            raise PermitMissing("This permit was used before; a write is sent once.")
        if digest != self._digest:
            raise PermitMissing("This permit was given for another request.")
        self._used = True

    def __repr__(self) -> str:
        return f"<Permit {'used' if self._used else 'open'}>"
