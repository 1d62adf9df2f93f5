"""Tells subscribed clients that resources changed: after own writes, and when a tick differs.

Only 2026-07-28 connections can subscribe; for older ones nobody listens and nothing is sent.
"""

from typing import TYPE_CHECKING

from mcp.server.subscriptions import InMemorySubscriptionBus, ResourceUpdated, SubscriptionBus

if TYPE_CHECKING:
    from vast_mcp.keeper.tick import Tick

_WITH_MONEY = (
    "vast://account",
    "vast://instances",
    "vast://endpoints",
    "vast://workergroups",
    "vast://spend",
    "vast://policy",
    "vast://leases",
    "vast://audit",
)
_SeenRow = tuple[int, str | None, str, str]


class Notices:
    """Publishes on the server's subscription bus."""

    def __init__(self, bus: SubscriptionBus | None = None) -> None:
        self.bus: SubscriptionBus = InMemorySubscriptionBus() if bus is None else bus
        self._last: frozenset[_SeenRow] | None = None

    async def changed(self, instance_id: int | None = None) -> None:
        """Something was written: everything that shows money or machines may differ."""
        uris: tuple[str, ...] = _WITH_MONEY
        if instance_id is not None:
            uris = (*uris, f"vast://instances/{instance_id}")
        for uri in uris:
            await self.bus.publish(ResourceUpdated(uri=uri))

    async def ticked(self, tick: "Tick") -> None:
        """A look at the account: speaks only if it differs from the one before."""
        rows = frozenset(
            (
                instance.instance_id,
                instance.actual_status,
                instance.intended_status,
                instance.raw_label,
            )
            for instance in tick.instances
        )
        before, self._last = self._last, rows
        if before is None and not tick.did:
            return
        differing = {row[0] for row in rows ^ (before or frozenset())}
        if not differing and not tick.did:
            return
        await self.changed()
        for instance_id in sorted(differing):
            await self.bus.publish(ResourceUpdated(uri=f"vast://instances/{instance_id}"))
