"""Serverless: endpoints, the workergroups that feed them, and the workers that bill.

See docs/vendor-api.md#serverless.
"""

from dataclasses import dataclass

from vast_mcp.text import Untrusted


@dataclass(frozen=True, slots=True)
class Scaling:
    """Everything that an update of an endpoint sends, under the vendor's names.

    An update is reported to replace the whole record ("silently jumping max_workers from 1 to 20"),
    so it is always sent whole. None: the record does not have it, and the vendor decides.
    """

    endpoint_name: str
    max_workers: int
    cold_workers: int
    min_load: float
    endpoint_state: str
    """`active`, `suspended` (workers keep billing) or `stopped`."""
    min_cold_load: float | None = None
    target_util: float | None = None
    cold_mult: float | None = None
    max_queue_time: float | None = None
    """Seconds, as the other two."""
    target_queue_time: float | None = None
    inactivity_timeout: float | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A name that requests go to, with its scaling policy. Its own key is dropped."""

    endpoint_id: int
    name: Untrusted
    scaling: Scaling

    @property
    def raw_name(self) -> str:
        """The name as it is, for comparing and for sending."""
        return self.scaling.endpoint_name

    @property
    def state(self) -> str:
        """`active`, `suspended` (workers keep billing) or `stopped`."""
        return self.scaling.endpoint_state

    @property
    def min_load(self) -> float:
        """The load that it always keeps workers for."""
        return self.scaling.min_load

    @property
    def cold_workers(self) -> int:
        """Workers that are kept loaded without traffic."""
        return self.scaling.cold_workers

    @property
    def max_workers(self) -> int:
        """The most it may rent."""
        return self.scaling.max_workers


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
        """False only for the states that are documented to bill nothing."""
        return self.status.upper() not in {"ERROR", "DESTROYING", "PENDING"}
