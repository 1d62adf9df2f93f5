"""Requests that change something: sent once, never repeated, only with the guard's permit."""

from vast_mcp.api.classify import read_answer
from vast_mcp.api.connection import WRITE_TIMEOUT_S, Connection
from vast_mcp.api.permit import Permit
from vast_mcp.errors import OutcomeUnknown, TwoFactorNeeded, Unauthorized
from vast_mcp.operations import Call, JsonObject


class Writes:
    """The writing half of the API. Only the guard imports it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def send(
        self, call: Call, permit: Permit, timeout_s: float = WRITE_TIMEOUT_S
    ) -> JsonObject:
        """Send it exactly once; no retry, no redirect. `timeout_s` is for all of it, in seconds.

        The permit is used up even where nothing left: sending again takes a new one.

        Raises:
            NeverSent: no byte left.
            RateLimited, VendorRefused, OfferGone, NotFound, Unauthorized, Forbidden: refused;
                a `VendorRefused` with `new_contract` left an instance behind.
            OutcomeUnknown: it may have been executed.
        """
        connection = self._connection
        reply = await connection.send(call, timeout_s=timeout_s, permit=permit)
        try:
            answer = read_answer(call.operation, reply, connection.scrub)
        except (TwoFactorNeeded, Unauthorized) as error:
            error.key_replaced = reply.key_replaced
            raise
        if not isinstance(answer, dict):
            raise OutcomeUnknown(f"{call.operation.name}: the answer is not an object.")
        return answer
