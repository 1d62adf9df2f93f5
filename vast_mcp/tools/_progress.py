"""How far a call is, told to a client that asked to hear it."""

import math

from mcp.server.mcpserver import Context

from vast_mcp.telling import Stand

_STEP = 0.001
"""The protocol wants each figure above the last, also where nothing has moved."""


class Teller:
    """Progress of one request. Nothing is sent where the client gave no token for it."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._last = -math.inf

    async def __call__(self, stand: Stand) -> None:
        """Send it; a client that has gone away is no reason to stop the work."""
        self._last = done = max(stand.done, self._last + _STEP)
        total = None if stand.total is None else max(stand.total, done)
        try:
            await self._ctx.report_progress(done, total, stand.said)
        except Exception:  # noqa: BLE001  whatever the transport says of it
            return
