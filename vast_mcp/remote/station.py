"""Everything a server holds to work on machines: sessions, forwards, and where files may lie."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio

from vast_mcp.clock import Clock
from vast_mcp.remote.forward import Forwards
from vast_mcp.remote.known_hosts import KnownHosts
from vast_mcp.remote.paths import LocalRoots
from vast_mcp.remote.pool import SessionPool
from vast_mcp.remote.transfers import Transfers


@dataclass(frozen=True, slots=True)
class Remote:
    """One per server. Opening it costs nothing: SSH itself is imported at the first session."""

    pool: SessionPool
    forwards: Forwards
    roots: Callable[[], LocalRoots]
    """The local roots under the policy now in force.

    Raises PathRefused where the policy names one that is missing.
    """
    key: Path
    """Our private key; made with the first rent."""
    transfers: Transfers
    """Copies under way, and those whose end nobody has asked for yet."""

    async def forget(self, instance_id: int) -> None:
        """The machine is gone: end what leads to it, and drop its host key."""
        await self.transfers.drop(instance_id)
        await self.forwards.drop(instance_id)
        await self.pool.drop(instance_id)
        self.pool.known_hosts.forget(instance_id)


@asynccontextmanager
async def open_remote(
    *, state_dir: Path, key: Path, clock: Clock, roots: Callable[[], LocalRoots]
) -> AsyncIterator[Remote]:
    """For the server's lifespan: forwards and sessions are closed on the way out."""
    pool = SessionPool(key=key, known_hosts=KnownHosts(state_dir), clock=clock)
    forwards = Forwards(pool)
    transfers = Transfers(clock)
    try:
        yield Remote(pool, forwards, roots, key, transfers)
    finally:
        with anyio.CancelScope(shield=True):  # also on the way out that a signal takes
            await transfers.close()
            await forwards.close()
            await pool.close()
