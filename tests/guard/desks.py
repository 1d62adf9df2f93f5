"""A desk on a simulated account, for acts and looks below the door."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.world import World
from vast_mcp.guard.act import Desk
from vast_mcp.guard.secret_store import SecretStore
from vast_mcp.guard.vault import Vault
from vast_mcp.runtime import Runtime
from vast_mcp.store.sealing import NoCipher


def desk_of(runtime: Runtime, world: World) -> Desk:
    """What an act may look at, on the books of this runtime."""
    services = runtime.services
    return Desk(
        reads=services.reads,
        view=services.view,
        ledger=services.ledger,
        clock=services.clock,
        marker=services.marker,
        limits=services.limits(),
        show_key=lambda: "ssh-ed25519 AAAA",
        remote=services.remote,
        vault=Vault({}, SecretStore(world.settings.home, NoCipher()), services.redactor),
    )


@asynccontextmanager
async def desk_in(world: World) -> AsyncIterator[Desk]:
    """The same in a runtime of its own."""
    async with world.runtime() as runtime:
        yield desk_of(runtime, world)
