"""Serverless: endpoints, the workergroups that feed them, and the workers that bill."""

from dataclasses import dataclass

from vast_mcp.text import Untrusted


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A name that requests go to, with its scaling policy. Its own key is dropped."""

    endpoint_id: int
    name: Untrusted
    raw_name: str
    state: str
    """`active`, `suspended` (workers keep billing) or `stopped`."""
    min_load: float
    cold_workers: int
    max_workers: int
    target_util: float
    cold_mult: float
    max_queue_s: float | None = None
    inactivity_timeout_s: float | None = None


@dataclass(frozen=True, slots=True)
class Workergroup:
    """What kind of machine an endpoint rents."""

    workergroup_id: int
    endpoint_id: int | None
    endpoint_name: Untrusted
    template_hash: str | None
    search: Untrusted


@dataclass(frozen=True, slots=True)
class Worker:
    """A machine an endpoint rented; an ordinary instance to the meter."""

    worker_id: int
    status: str
    current_load: float

    @property
    def bills(self) -> bool:
        """False only for the states that are documented to bill nothing (vast-api §18)."""
        return self.status.upper() not in {"ERROR", "DESTROYING", "PENDING"}
