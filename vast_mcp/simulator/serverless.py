"""Endpoints, workergroups and the workers they keep: rented machines that bill by themselves.

See docs/vendor-api.md#serverless.
"""

import json
import re
import shlex
from dataclasses import dataclass, field

from vast_mcp.clock import SECOND_US
from vast_mcp.simulator.chance import Chance
from vast_mcp.simulator.fleet import NEVER_US
from vast_mcp.simulator.market import Listing, Market
from vast_mcp.simulator.search import matches
from vast_mcp.simulator.wire import JsonObject

WORKER_DISK_GB = 16.0
_LISTS = re.compile(r"(\w+)\s+(in|notin)\s+\[([^\]]*)\]")
"""`gpu_name in [A, B]` as one word, `gpu_namein=[A, B]`; see `_TEXT_OPERATORS`."""
_TEXT_OPERATORS = (
    ("notin=", "notin"),
    ("in=", "in"),
    ("!=", "neq"),
    (">=", "gte"),
    ("<=", "lte"),
    ("=", "eq"),
    (">", "gt"),
    ("<", "lt"),
)
_WORKER_STAGES: dict[str, tuple[str | None, float, bool]] = {
    "CREATING": ("LOADING", 8.0, False),
    "LOADING": ("MODEL_LOADING", 40.0, True),
    "MODEL_LOADING": ("IDLE", 60.0, True),
    "IDLE": (None, 0.0, True),
    "STOPPING": ("STOPPED", 6.0, True),
    "STOPPED": (None, 0.0, False),
}
"""Status word: what follows, after how many seconds, whether the GPU bills."""


@dataclass(slots=True)
class Worker:
    """One rented machine behind an endpoint."""

    id: int
    endpoint_id: int
    group_id: int
    listing: Listing
    started_us: int
    status: str = "CREATING"
    due_us: int | None = None
    loaded_us: int | None = None

    def rates(self) -> dict[str, float]:
        """Dollars per hour by kind, right now."""
        disk = {"disk": self.listing.storage_usd_per_hour(WORKER_DISK_GB)}
        billed = _WORKER_STAGES[self.status][2]
        return {**disk, "gpu": self.listing.gpu_usd_per_hour} if billed else disk


@dataclass(slots=True)
class Endpoint:
    """A scaling policy; `fields` holds what the request sent, under the vendor's names."""

    id: int
    api_key: str
    created_us: int
    fields: JsonObject

    def wanted_workers(self) -> int:
        """How many workers it keeps without traffic, within its hard cap."""
        if self.fields.get("endpoint_state") == "stopped":
            return 0
        floor = 1 if (self.fields.get("min_load") or 0) > 0 else 0
        kept = max(floor, int(self.fields.get("cold_workers") or 0))
        return min(kept, int(self.fields.get("max_workers") or 0))


@dataclass(slots=True)
class Workergroup:
    """What kind of machine an endpoint rents."""

    id: int
    endpoint_id: int
    api_key: str
    created_us: int
    fields: JsonObject


@dataclass(slots=True)
class Serverless:
    """All endpoints of the account, and the engine that keeps as many workers as they want."""

    market: Market
    chance: Chance
    endpoints: dict[int, Endpoint] = field(default_factory=dict)
    groups: dict[int, Workergroup] = field(default_factory=dict)
    workers: dict[int, Worker] = field(default_factory=dict)
    last_id: int = 10_400_000
    templates: list[JsonObject] = field(default_factory=list)
    """Those of the world."""

    def next_id(self) -> int:
        """Ids of endpoints, workergroups and workers come from one row."""
        self.last_id += 1
        return self.last_id

    def next_due_us(self) -> int:
        """When a worker changes next."""
        return min(
            (w.due_us for w in self.workers.values() if w.due_us is not None), default=NEVER_US
        )

    def step(self, at_us: int) -> None:
        """Move every worker whose time has come; a stopped one is released."""
        for worker in list(self.workers.values()):
            if worker.due_us is not None and worker.due_us <= at_us:
                following = _WORKER_STAGES[worker.status][0]
                if following == "STOPPED":
                    self._release(worker)
                elif following is not None:
                    self._enter(worker, following, at_us)

    def settle(self, at_us: int) -> None:
        """Bring each endpoint to its number of workers: create missing, stop surplus ones."""
        for worker in self.workers.values():
            if worker.endpoint_id not in self.endpoints or worker.group_id not in self.groups:
                self._stop(worker, at_us)
        for endpoint in self.endpoints.values():
            if endpoint.fields.get("endpoint_state") != "suspended":
                self._scale(endpoint, at_us)

    def stop_all(self, at_us: int) -> None:
        """The balance is used up."""
        for endpoint in self.endpoints.values():
            endpoint.fields["endpoint_state"] = "stopped"
        self.settle(at_us)

    def of(self, endpoint_id: int) -> list[Worker]:
        """The workers of one endpoint, oldest first."""
        return [w for w in self.workers.values() if w.endpoint_id == endpoint_id]

    def _scale(self, endpoint: Endpoint, at_us: int) -> None:
        groups = [group for group in self.groups.values() if group.endpoint_id == endpoint.id]
        working = [w for w in self.of(endpoint.id) if w.status != "STOPPING"]
        wanted = endpoint.wanted_workers() if groups else 0
        for worker in working[wanted:]:
            self._stop(worker, at_us)
        for number in range(len(working), wanted):
            listing = self._cheapest(groups[number % len(groups)], at_us)
            if listing is None:
                break
            self.market.rent(listing)
            group = groups[number % len(groups)]
            worker = Worker(self.next_id(), endpoint.id, group.id, listing, at_us)
            self.workers[worker.id] = worker
            self._enter(worker, "CREATING", at_us)

    def _cheapest(self, group: Workergroup, at_us: int) -> Listing | None:
        filters = {
            **search_params(group.fields.get("search_params")),
            **self._of_template(group.fields.get("template_hash")),
        }
        fitting: list[tuple[float, Listing]] = []
        for listing in self.market.listings(at_us):
            row = listing.view(at_us, kind="on-demand", disk_gb=WORKER_DISK_GB)
            if matches(row, filters, known=frozenset(row)):
                fitting.append((row["dph_total"], listing))
        return min(fitting, key=lambda pair: pair[0])[1] if fitting else None

    def _of_template(self, hash_id: object) -> JsonObject:
        """What the template adds: it is merged, and the unkind reading is that its word holds."""
        found = next(
            (template for template in self.templates if template.get("hash_id") == hash_id), {}
        )
        extra: JsonObject = json.loads(str(found.get("extra_filters") or "{}"))
        return extra

    def _stop(self, worker: Worker, at_us: int) -> None:
        if worker.status != "STOPPING":
            self._enter(worker, "STOPPING", at_us)

    def _release(self, worker: Worker) -> None:
        self.workers.pop(worker.id)
        self.market.give_back(worker.listing.machine)

    def _enter(self, worker: Worker, status: str, at_us: int) -> None:
        following, seconds, _ = _WORKER_STAGES[status]
        worker.status = status
        worker.due_us = None if following is None else at_us + int(seconds * SECOND_US)
        if status == "IDLE":
            worker.loaded_us = at_us


def search_params(params: object) -> JsonObject:
    """A workergroup's search in the wire form: or from the CLI's text.

    Which of two words on one column holds was never recorded. The unkind reading is the one to be
    ready for: the first word holds, and `any` lifts every restriction of its column.
    """
    if isinstance(params, dict):
        return params
    filters: JsonObject = {}
    words = shlex.split(_LISTS.sub(r"\1\2=[\3]", params)) if isinstance(params, str) else ()
    lifted = set()
    for word in words:
        for text, op in _TEXT_OPERATORS:
            name, found, value = word.partition(text)
            if found and name:
                column = "dph_total" if name in ("dph", "dphtotal") else name
                if value in ("any", "*", "?"):
                    lifted.add(column)
                else:
                    filters.setdefault(column, {}).setdefault(op, _in_mb(column, value))
                break
    return {name: value for name, value in filters.items() if name not in lifted}


def _in_mb(name: str, value: str) -> object:
    """`gpu_ram` and its kin are GB in the text form and MB on the wire, times 1000."""
    if value.startswith("["):
        return [_in_mb(name, part.strip()) for part in value.strip("[]").split(",")]
    if name in ("gpu_ram", "gpu_total_ram", "cpu_ram"):
        return float(value) * 1000
    if value.lower() in ("true", "false"):
        return value.lower() == "true"
    return value.replace("_", " ")
