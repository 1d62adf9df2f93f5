"""The one context through which an account is looked at: by acts, read models and the keeper."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from vast_mcp.account.cache import AccountCache
from vast_mcp.account.lease_label import Marker
from vast_mcp.account.secrets import MachineSecrets
from vast_mcp.account.ssh_key import public_key
from vast_mcp.api.keyring import KeyRing
from vast_mcp.api.reads import Reads
from vast_mcp.clock import Clock
from vast_mcp.policy import Limits
from vast_mcp.remote.station import Remote
from vast_mcp.store import Ledger
from vast_mcp.text import Redactor


@dataclass(frozen=True, slots=True)
class Account:
    """Everything that may be read of one account. It holds no writer: that is the guard's."""

    reads: Reads
    cache: AccountCache
    ledger: Ledger
    clock: Clock
    marker: Marker
    limits: Callable[[], Limits]
    """The limits in force; of a decision under way those that it is made by."""
    remote: Remote
    """SSH sessions with machines, forwards, and the local directories that copies may use."""
    secrets: MachineSecrets
    redactor: Redactor
    keys: KeyRing
    """Which key is in use, and what became of those before it."""
    begun_jobs: asyncio.Queue[str]
    """Ids of jobs that acts have begun and nobody in this server works on yet."""
    home: Path
    """The state directory: ledger, SSH key pair, logs of jobs."""

    @property
    def has_key(self) -> bool:
        """Whether a key is set at all; whether the vendor takes it is another matter."""
        return self.keys.current is not None

    def now_us(self) -> int:
        """The clock that leases and meters follow."""
        return self.clock.lease_us()

    def show_key(self) -> str:
        """Our public SSH key, made on first use.

        Raises:
            OSError: the state directory cannot be used.
            ConfigInvalid: the private half is damaged.
        """
        return public_key(self.home)

    def deciding(self, limits: Limits, ledger: Ledger) -> "Account":
        """The same account for one decision: under these limits, on these books."""
        return replace(self, limits=lambda: limits, ledger=ledger)
