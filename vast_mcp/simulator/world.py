"""The account's whole world: what exists, what it costs, and how time passes over it.

See docs/vendor-api.md#logs-and-commands.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Literal

from vast_mcp.clock import SECOND_US
from vast_mcp.simulator.book import NANO, Book
from vast_mcp.simulator.catalogue import TEMPLATES
from vast_mcp.simulator.chance import Chance
from vast_mcp.simulator.contract import Contract, instance_view
from vast_mcp.simulator.copies import Copies
from vast_mcp.simulator.fleet import NEVER_US, Fleet
from vast_mcp.simulator.inside.disk import Disk
from vast_mcp.simulator.market import MONTH_HOURS, Market
from vast_mcp.simulator.serverless import Serverless
from vast_mcp.simulator.wire import JsonObject

ACCOUNT_KEY = "sim-key"
USER_ID = 100_001
INTENT_VARIABLE = "VMCP_INTENT"
"""The environment variable by which our clients mark what they create."""
_RESULTS_KEPT = 1_000


@dataclass(slots=True)
class Volume:
    """Storage that outlives instances and bills until deleted."""

    id: int
    machine_index: int
    machine_id: int
    size_gb: float
    usd_per_gb_month: float
    name: str | None
    created_us: int
    files: dict[str, int] = field(default_factory=dict)
    """Stand-ins for what lies on it, while there is no real `disk`."""
    disk: Disk | None = None

    def rates(self) -> dict[str, float]:
        """Dollars per hour by kind."""
        return {"disk": self.usd_per_gb_month * self.size_gb / MONTH_HOURS}


@dataclass(slots=True)
class Result:
    """A text that a host uploads later; each poll before it is there answers 404."""

    text: str
    polls_left: int


@dataclass(slots=True)
class Choices:
    """How the world shall behave; fixed at construction."""

    credit_usd: float = 100.0
    polls_before_result: int = 2
    spend_rate_limit_usd_per_hour: float | None = None
    strict_columns: bool = False
    old_list: bool = False
    """Whether this account still has the unpaginated list of instances."""
    rows_lag_s: float = 0.0
    """Up to so long after a create its machine is in no answer (rows were seen by 15 s)."""
    gpu_taken_share: float = 0.0
    """How often somebody else has the GPU of a machine that was stopped, for some while."""
    unsigned_refused_share: float = 0.0
    """How many accounts' result files are refused for good without a signature."""
    billing_tail_s: float = 0.0
    """So long a destroyed machine goes on being charged (up to 290 s, over 34 rentals)."""


REAL = Choices(
    rows_lag_s=15.0, gpu_taken_share=0.4, unsigned_refused_share=0.3, billing_tail_s=290.0
)
"""The world's own habits in the profile `real`."""
_TAKEN_S = (300.0, 5400.0)


@dataclass(slots=True)
class _Late:
    due_us: int
    act: Callable[[], object]


@dataclass
class World:
    """All state. `now_us` is where time stands; nothing below reads a clock."""

    chance: Chance
    born_us: int
    choices: Choices = field(default_factory=Choices)
    now_us: int = 0
    account_key: str = ACCOUNT_KEY
    market: Market = field(init=False)
    book: Book = field(init=False)
    fleet: Fleet = field(init=False)
    serverless: Serverless = field(init=False)
    copies: Copies = field(init=False)
    volumes: dict[int, Volume] = field(default_factory=dict)
    ssh_keys: dict[int, JsonObject] = field(default_factory=dict)
    api_keys: dict[int, JsonObject] = field(default_factory=dict)
    """Keys made since the account began, their values included."""
    last_key_id: int = 40_000
    is_team: bool = False
    secrets: dict[str, str] = field(default_factory=dict)
    templates: list[JsonObject] = field(default_factory=list)
    results: dict[str, Result] = field(default_factory=dict)
    refused_results: Literal["none", "unsigned", "all"] = "none"
    """Which addresses of a log the storage answers with 403 for ever."""
    list_lag_us: int = 0
    whole_charges: bool = False
    """A row of charges is not cut to the window that was asked for. Nobody has told which it is."""
    skew_us: int = 0
    """How far the vendor's clock is ahead of the truth, in all it states."""
    foreign_touched: set[int] = field(default_factory=set)
    """Machines rented elsewhere that an accepted request was meant to change."""
    _uploads: int = 0
    _late: list[_Late] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.now_us = self.born_us
        self.market = Market(self.chance, self.born_us)
        self.book = Book(self.choices.credit_usd)
        self.fleet = Fleet(self.market, self.book, self.chance)
        if self.chance.fraction("unsigned") < self.choices.unsigned_refused_share:
            self.refused_results = "unsigned"
        self.fleet.billing_tail_us = int(self.choices.billing_tail_s * SECOND_US)
        self.templates = [template_view(index) for index in range(len(TEMPLATES))]
        self.serverless = Serverless(self.market, self.chance, templates=self.templates)
        self.copies = Copies(self.book)

    @property
    def instances(self) -> dict[int, Contract]:
        """Living rentals by id."""
        return self.fleet.alive

    def advance_to(self, now_us: int) -> None:
        """Let time pass: events happen in order, each at its own instant, billing between them.

        A clock that runs backwards stands still here.
        """
        while (event_us := self._next_event_us()) <= now_us:
            self._bill_until(event_us)
            self._happen()
        self._bill_until(max(now_us, self.now_us))

    def later(self, due_us: int, act: Callable[[], object]) -> None:
        """Do it when the clock gets there: a request whose execution was delayed."""
        self._late.append(_Late(due_us, act))

    def _next_event_us(self) -> int:
        late = min((item.due_us for item in self._late), default=NEVER_US)
        rooms = (self.fleet, self.serverless, self.copies)
        due = min(late, self._broke_us(), *(room.next_due_us() for room in rooms))
        return max(due, self.now_us)

    def _happen(self) -> None:
        if self._broke_us() <= self.now_us:
            self.fleet.stop_all(self.now_us)
            self.serverless.stop_all(self.now_us)
        self.fleet.settle(self.now_us)
        for contract in list(self.fleet.alive.values()):
            self.fleet.step(contract, self.now_us)
        self.serverless.step(self.now_us)
        self.copies.step(self.now_us)
        due = [item for item in self._late if item.due_us <= self.now_us]
        self._late = [item for item in self._late if item.due_us > self.now_us]
        for item in due:
            item.act()

    def _broke_us(self) -> int:
        """When the credit is used up at present rates, if anything can still be stopped."""
        if not self._stoppable():
            return NEVER_US
        burn_nano = sum(round(x * NANO) for _, rates in self.meters() for x in rates.values())
        if burn_nano == 0:
            return self.now_us if self.book.balance_nano <= 0 else NEVER_US
        return self.now_us + self.book.empty_in_us(burn_nano)

    def _stoppable(self) -> bool:
        running = any(x.state.bills_gpu or x.wants_to_run for x in self.fleet.alive.values())
        workers = self.serverless.workers.values()
        return running or any("gpu" in w.rates() and w.status != "STOPPING" for w in workers)

    def _bill_until(self, until_us: int) -> None:
        for source, rates in self.meters():
            account = self.book.account(source)
            for kind, usd_per_hour in rates.items():
                account.run(kind, round(usd_per_hour * NANO), self.now_us, until_us)
        self.now_us = until_us

    def meters(self) -> Iterator[tuple[str, dict[str, float]]]:
        """Every source that costs money now, and its dollars per hour by kind."""
        for contract in self.fleet.alive.values():
            yield f"instance-{contract.id}", contract.rates()
        for number in self.fleet.charged_until_us:
            yield f"instance-{number}", self.fleet.destroyed[number].rates()
        for volume in self.volumes.values():
            yield f"volume-{volume.id}", volume.rates()
        for worker in self.serverless.workers.values():
            yield f"worker-{worker.endpoint_id}-{worker.id}", worker.rates()

    def burn_usd_per_hour(self) -> float:
        """What everything together costs an hour at this moment."""
        return sum((sum(rates.values()) for _, rates in self.meters()), 0.0)

    def show(self, contract: Contract) -> JsonObject:
        """The instance as the API shows it now."""
        floor = self.fleet.floor_usd(contract, self.now_us)
        view = instance_view(contract, self.now_us, self.chance, floor_usd=floor)
        return {**view, "start_date": view["start_date"] + self.skew_us / SECOND_US}

    def find(self, number: int) -> Contract | None:
        """A living machine that is told of already; None for any other."""
        contract = self.instances.get(number)
        return None if contract is None or self._lags(contract) else contract

    def _lags(self, contract: Contract) -> bool:
        """Whether it was created so lately that no answer has it yet."""
        lag_s = self.choices.rows_lag_s
        if not lag_s:
            return False
        own_s = self.chance.between(0.0, lag_s, "row", contract.id)
        return self.now_us < contract.created_us + int(own_s * SECOND_US)

    def somebody_may_take(self, contract: Contract) -> None:
        """A machine was stopped: its GPU may be somebody else's for a while."""
        share = self.choices.gpu_taken_share
        if not share or self.chance.fraction("taken", contract.id, self.now_us) >= share:
            return
        contract.gpu_taken = True
        while_s = self.chance.between(*_TAKEN_S, "taken while", contract.id, self.now_us)
        due_us = self.now_us + int(while_s * SECOND_US)
        self.later(due_us, lambda: self.fleet.free_gpu(contract, self.now_us))

    def listed(self) -> list[Contract]:
        """What the list shows: with a lag, the newest are missing and the destroyed still there."""
        horizon = self.now_us - self.list_lag_us
        alive = [x for x in self.fleet.alive.values() if not self._lags(x)]
        seen = [x for x in alive if x.created_us <= horizon]
        if not self.list_lag_us:
            return seen
        lately = takewhile(
            lambda x: (x.destroyed_us or 0) > horizon, reversed(self.fleet.destroyed.values())
        )
        ghosts = [contract for contract in lately if contract.created_us <= horizon]
        return sorted([*seen, *ghosts], key=lambda x: x.id)

    def contract_ever(self, instance_id: int) -> Contract | None:
        """A rental, living or destroyed."""
        return self.fleet.alive.get(instance_id) or self.fleet.destroyed.get(instance_id)

    def created_by_intent(self) -> Counter[str]:
        """How many machines were ever created for each mark in their environment."""
        everyone = (*self.fleet.alive.values(), *self.fleet.destroyed.values())
        marks = (value for x in everyone for name, value in x.order.env if name == INTENT_VARIABLE)
        return Counter(marks)

    def billed_seconds_after(self, instance_id: int, at_us: int, *, kind: str = "gpu") -> float:
        """For how long past that instant this machine has been charged for its GPU, or `disk`."""
        account = self.book.accounts.get(f"instance-{instance_id}")
        parts = account.segments.get(kind, ()) if account else ()
        return sum(max(0, x.end_us - max(x.start_us, at_us)) for x in parts) / SECOND_US

    def upload(self, text: str, name: str) -> str:
        """Keep a text for a later download; the name of its result path."""
        self._uploads += 1
        token = self.chance.hexadecimal(32, "result", name, self._uploads)
        self.results[token] = Result(text, self.choices.polls_before_result)
        if len(self.results) > _RESULTS_KEPT:
            self.results.pop(next(iter(self.results)))
        return token


_UNUSED_OF_TEMPLATE: JsonObject = {
    "args_str": None,
    "autoscaler": False,
    "cached": True,
    "command": None,
    "created_from": None,
    "created_from_id": None,
    "default_tag": None,
    "deleted_at": None,
    "desc_count": 0,
    "docker_login_pass": "registry-password-of-the-maker",
    "docker_login_repo": "",
    "docker_login_user": "",
    "jupyter_tested": None,
    "jupyterlab_tested": None,
    "lang_utf8": None,
    "max_cuda": None,
    "min_cuda": None,
    "python_utf8": None,
    "readme_visible": False,
    "recent_create_date": None,
    "volume_info": None,
}
"""The rest of a recorded template; a login of its maker comes along, for clients to drop."""


def template_view(index: int) -> JsonObject:
    """A seeded public template as `GET template/` shows it (docs/vendor-api.md#templates)."""
    template = TEMPLATES[index]
    return {
        "id": template.id,
        "hash_id": template.hash_id,
        "name": template.name,
        "image": template.image,
        "tag": template.tag,
        "repo": template.image,
        **_UNUSED_OF_TEMPLATE,
        "runtype": template.runtype,
        "use_ssh": True,
        "ssh_direct": True,
        "jup_direct": template.runtype == "jupyter",
        "jupyter_dir": None,
        "use_jupyter_lab": False,
        "env": template.env,
        "onstart": template.onstart,
        "extra_filters": template.extra_filters,
        "recommended": True,
        "recommended_disk_space": float(template.disk_gb),
        "private": False,
        "creator_id": 62_897,
        "created_at": 1_700_000_000.25 + index * 86_400,
        "count_created": 40_000 - index * 7_000,
        "vm": "kvm" in template.image,
        "readme_hash": template.hash_id[::-1],
        "sort_order": 1_088 + index,
        "href": f"https://hub.docker.com/r/{template.image}/",
        "desc": template.name,
    }
