"""One frozen handful per principal: everything a tool may hold. No writer, no socket."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from vast_mcp.api.keyring import KeyRing
from vast_mcp.api.reads import Reads
from vast_mcp.clock import Clock
from vast_mcp.guard.act import Caller
from vast_mcp.guard.door import Guard
from vast_mcp.guard.mark import Marker
from vast_mcp.guard.rights import RightsWatch
from vast_mcp.guard.view import View
from vast_mcp.jobs import Jobs
from vast_mcp.policy import Limits
from vast_mcp.remote.station import Remote
from vast_mcp.store import Ledger
from vast_mcp.text import Redactor


@dataclass(frozen=True, slots=True)
class Services:
    """The account behind one principal, as far as a tool may reach."""

    reads: Reads
    view: View
    guard: Guard
    ledger: Ledger
    """For the read models in this room; no tool reads it itself."""
    clock: Clock
    marker: Marker
    limits: Callable[[], Limits]
    redactor: Redactor
    caller: Caller
    keys: KeyRing
    """Which key is in use, and what became of those before it."""
    state_place: str
    """Where ledger and keys lie, for `doctor` and for people."""
    remote: Remote
    """SSH sessions with machines, forwards, and the local directories that copies may use."""
    rights: RightsWatch
    """Whether the key may end machines, as far as that was tried."""
    jobs: Jobs
    """What runs on machines under one yes each."""

    @property
    def has_key(self) -> bool:
        """Whether a key is set at all; whether the vendor takes it is another matter."""
        return self.keys.current is not None

    def for_caller(self, caller: Caller) -> "Services":
        """The same account, asked by this caller."""
        return replace(self, caller=caller)
