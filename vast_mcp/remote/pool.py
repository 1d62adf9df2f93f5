"""Sessions kept open between calls: one per machine, closed when nobody has used it for a while."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from vast_mcp.clock import Clock
from vast_mcp.remote.address import Address
from vast_mcp.remote.errors import SshUnavailable
from vast_mcp.remote.known_hosts import KnownHosts
from vast_mcp.remote.session import KEY_PATIENCE_S, SshSession, connect
from vast_mcp.remote.shell import free, swallows


@dataclass(slots=True)
class _Place:
    """What is known about one machine; `users` counts who holds its session now."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    session: SshSession | None = None
    swallows: bool = False
    """Its login runs tmux instead of a command."""
    users: int = 0
    closing: asyncio.Task[None] | None = None


class SessionPool:
    """Hands out sessions. Belongs to one event loop; close it at the end."""

    def __init__(
        self,
        *,
        key: Path,
        known_hosts: KnownHosts,
        clock: Clock,
        idle_s: float = 120.0,
        limit: int = 16,
    ) -> None:
        self.known_hosts = known_hosts
        self.clock = clock
        self._key = key
        self._idle_s = idle_s
        self._limit = limit
        self._places: dict[int, _Place] = {}
        self._introduced: set[str] = set()
        self._closed = False

    @asynccontextmanager
    async def session(
        self,
        instance_id: int,
        addresses: Sequence[Address],
        *,
        key_patience_s: float = KEY_PATIENCE_S,
        mend: bool = True,
    ) -> AsyncIterator[SshSession]:
        """The machine's session, opened if need be and shared by all who ask meanwhile.

        Args:
            instance_id: the machine.
            addresses: where SSH answers, the best first.
            key_patience_s: how long a refused key is tried again.
            mend: turn an automatic tmux off that swallows commands; False only looks.

        Raises:
            SshUnavailable: it cannot be opened, or too many are in use.
            HostKeyChanged: another machine answers.
            RemoteFailed: it runs no command, and that could not be mended.
        """
        place = await self._place(instance_id)
        place.users += 1
        if place.closing:
            place.closing.cancel()
            place.closing = None
        try:
            async with place.lock:
                if place.session is None or place.session.closed:
                    place.session = None
                    place.session = await connect(
                        instance_id,
                        addresses,
                        key=self._key,
                        known_hosts=self.known_hosts,
                        clock=self.clock,
                        key_patience_s=key_patience_s,
                    )
                    place.swallows = await swallows(place.session)
                session = place.session
                if place.swallows and mend:
                    await free(session)
                    place.swallows = False
            yield session
        finally:
            place.users -= 1
            if place.users == 0 and not self._closed:
                place.closing = asyncio.create_task(self._close_later(instance_id, place))

    def introduction(self, session: SshSession) -> str:
        """The fingerprint of a host key that nobody was shown yet; empty from the second time."""
        key = session.host_key
        if not key.first_use or key.fingerprint in self._introduced:
            return ""
        self._introduced.add(key.fingerprint)
        return key.fingerprint

    async def drop(self, instance_id: int) -> None:
        """Close the machine's session at once: it was stopped, destroyed or recycled."""
        if place := self._places.pop(instance_id, None):
            await _close(place)

    async def close(self) -> None:
        """Close all sessions; none is handed out afterwards."""
        self._closed = True
        places, self._places = list(self._places.values()), {}
        for place in places:
            await _close(place)

    async def _place(self, instance_id: int) -> _Place:
        if self._closed:
            raise SshUnavailable("The server is shutting down.", reason="busy")
        if instance_id not in self._places and len(self._places) >= self._limit:
            idle = next((key for key, place in self._places.items() if not place.users), None)
            if idle is None:
                raise SshUnavailable(
                    f"{self._limit} machines are in use, the maximum.",
                    reason="busy",
                    hint="Try again when a command or copy has ended.",
                )
            await self.drop(idle)
        return self._places.setdefault(instance_id, _Place())

    async def _close_later(self, instance_id: int, place: _Place) -> None:
        await self.clock.sleep(self._idle_s)
        if place.users == 0 and self._places.get(instance_id) is place:
            del self._places[instance_id]
            place.closing = None
            await _close(place)


async def _close(place: _Place) -> None:
    if place.closing:
        place.closing.cancel()
        place.closing = None
    session, place.session = place.session, None
    if session:
        await session.close()
