"""The rented machines: how each moves through its life, by request, by time and by mishap.

See docs/vendor-api.md#billing.
"""

from collections.abc import Iterator

from vast_mcp.clock import HOUR_US, SECOND_US
from vast_mcp.simulator.book import Book
from vast_mcp.simulator.chance import Chance
from vast_mcp.simulator.contract import Contract, Order
from vast_mcp.simulator.inbox import Inbox
from vast_mcp.simulator.lifecycle import LOADING_CEILING_S, STAGES, WRECKS, delay_us
from vast_mcp.simulator.market import Listing, Market

_BID_QUIET_US = 2 * HOUR_US
NEVER_US = 1 << 62
_PENDING = frozenset({"provisioning", "created", "loading", "starting", "resuming"})
_ENDS_PROCESSES = frozenset({"exited", "ended", "outbid", "failed", "rebooting", "recycling"})
_HALTED = frozenset({"exited", "ended", "failed", "never_placed"}) | {
    name for name in WRECKS if STAGES[name].cur_state == "stopped"
}
_COMMAND_S = (40.0, 160.0)
"""How long a command in `args` mode is taken to run."""


class Fleet:
    """Every rental of the account, living and destroyed."""

    def __init__(self, market: Market, book: Book, chance: Chance) -> None:
        self._market = market
        self._book = book
        self._chance = chance
        self._last_id = 26_999_000 + int(chance.between(0, 90_000, "first instance"))
        self.alive: dict[int, Contract] = {}
        self.destroyed: dict[int, Contract] = {}
        self.inbox = Inbox()
        self.billing_tail_us = 0
        """So long a destroyed rental goes on being charged; real ones were, up to 290 s."""
        self.charged_until_us: dict[int, int] = {}
        self.doomed: list[str] = []
        """Stages in which the next created instances will end (`fail_next_creates`)."""

    def next_id(self) -> int:
        """An id of eight digits; steps are uneven, so that last digits differ."""
        self._last_id += 1 + int(self._chance.between(0, 7_919, "instance step", self._last_id))
        return self._last_id

    def create(
        self, listing: Listing, order: Order, at_us: int, *, placed: bool = True
    ) -> Contract:
        """Make the contract; storage bills from now. Not `placed`: it is stopped at once."""
        contract_id = self.next_id()
        contract = Contract(
            id=contract_id,
            listing=listing,
            order=order,
            created_us=at_us,
            ends_us=listing.ends_us,
            secret=self._chance.hexadecimal(64, "secret", contract_id),
            api_key=self._chance.hexadecimal(64, "instance key", contract_id),
            wants_to_run=placed,
            destined=self.doomed.pop(0) if self.doomed and placed else None,
        )
        if order.bid_usd_per_hour is not None:
            # A shown floor holds for two hours; after that the contract follows the market.
            contract.market_check_us = at_us + _BID_QUIET_US
        self.alive[contract_id] = contract
        self.enter(contract, "provisioning" if placed else "never_placed", at_us)
        return contract

    def enter(self, contract: Contract, stage: str, at_us: int) -> None:
        """Put the contract on a stage and set when it leaves by itself."""
        self.inbox.follow(contract, stage, at_us)
        contract.stage = stage
        if STAGES[stage].halts:
            contract.wants_to_run = False
        contract.stage_since_us = at_us
        contract.boots += stage in _ENDS_PROCESSES
        if stage in _ENDS_PROCESSES:
            contract.door.tunnel_stuck = False
        contract.editions += stage == "recycling"
        wait = delay_us(stage, self._chance, contract.id, at_us)
        contract.due_us = None if wait is None else at_us + wait
        if stage == "loading":
            contract.due_us = at_us + self._pull_us(contract)
        if stage == "running":
            contract.running_since_us = at_us
            contract.ever_ran = True
            contract.log += _boot_log(contract)
            if contract.ends_by_itself:
                lasts = self._chance.between(*_COMMAND_S, "command", contract.id, at_us)
                contract.due_us = at_us + int(lasts * SECOND_US)
        if stage == "ended" and not contract.executes:
            contract.log += _ended_log(contract)

    def _image_gb(self, contract: Contract) -> float:
        return self._chance.between(2.0, 9.0, "image size", contract.order.image)

    def _pull_us(self, contract: Contract) -> int:
        """Compressed gigabytes over the host's download speed, unpacking included."""
        mbps = contract.listing.machine.inet_down_mbps
        seconds = 12 + self._image_gb(contract) * 8_000 / mbps
        return int(min(seconds, LOADING_CEILING_S) * SECOND_US)

    def step(self, contract: Contract, at_us: int) -> None:
        """Everything due for this contract at this instant."""
        if at_us >= contract.ends_us and not contract.expired:
            self._expire(contract, at_us)
        elif contract.due_us is not None and contract.due_us <= at_us:
            self._follow(contract, at_us)
        elif contract.market_check_us is not None and contract.market_check_us <= at_us:
            self.follow_market(contract, at_us)
            contract.market_check_us = self._market.next_bid_change_us(at_us)

    def _expire(self, contract: Contract, at_us: int) -> None:
        contract.wants_to_run = False
        contract.expired = True
        self.enter(contract, "exited", at_us)

    def _follow(self, contract: Contract, at_us: int) -> None:
        then = contract.state.then or contract.stage
        if contract.stage == "loading":
            machine = contract.listing.machine
            cost = self._image_gb(contract) * machine.inet_down_usd_per_gb
            self._book.account(f"instance-{contract.id}").charge(at_us, "bwd", cost)
        if contract.stage == "running" and contract.ends_by_itself:
            then = "ended"
        if contract.destined is not None and then == STAGES[contract.destined].instead_of:
            then, contract.destined = contract.destined, None
        self.enter(contract, then, at_us)

    def next_due_us(self) -> int:
        """When anything happens next to any rental."""
        moments = (moment for contract in self.alive.values() for moment in _moments(contract))
        return min((*moments, *self.charged_until_us.values()), default=NEVER_US)

    def settle(self, at_us: int) -> None:
        """Charge the destroyed no longer than their tail."""
        for number in [x for x, until_us in self.charged_until_us.items() if until_us <= at_us]:
            del self.charged_until_us[number]
            self._book.close(f"instance-{number}")

    def stop(self, contract: Contract, at_us: int) -> None:
        """The contract shall stop: asynchronous while it runs, at once while it does not."""
        contract.wants_to_run = False
        if contract.stage in ("offline", "unknown"):
            return  # the wish is kept; the host learns of it when it is heard again
        if STAGES[contract.stage].bills_gpu and contract.stage != "stopping":
            self.enter(contract, "stopping", at_us)
        elif contract.stage == "ended" or contract.stage not in _HALTED | {"stopping"}:
            self.enter(contract, "exited", at_us)

    def start(self, contract: Contract, at_us: int) -> None:
        """The contract shall run: it waits for its GPU (`scheduling`) if somebody else has it."""
        contract.wants_to_run = True
        bid = contract.order.bid_usd_per_hour
        if bid is not None and bid < self.floor_usd(contract, at_us):
            self.enter(contract, "outbid", at_us)
            return
        if contract.stage in WRECKS:
            contract.destined = contract.stage  # what kept it down is still there
        if contract.stage in _HALTED | {"stopping", "scheduling"}:
            self.enter(contract, "scheduling" if contract.gpu_taken else "resuming", at_us)

    def free_gpu(self, contract: Contract, at_us: int) -> None:
        """Nobody else has its GPU any more; one that waits for it starts."""
        contract.gpu_taken = False
        if contract.stage == "scheduling" and contract.destroyed_us is None:
            self.enter(contract, "resuming", at_us)

    def silence(self, contract: Contract, stage: str, at_us: int) -> None:
        """The host is not heard any more: `offline`, or `unknown`; nothing bills."""
        if contract.stage not in ("offline", "unknown"):
            contract.before_silence = contract.stage
        self.enter(contract, stage, at_us)

    def hear_again(self, contract: Contract, at_us: int) -> None:
        """It is as it was, or stopped if that was asked meanwhile."""
        before = contract.before_silence or "exited"
        self.enter(contract, before if contract.wants_to_run else "exited", at_us)

    def destroy(self, contract: Contract, at_us: int) -> None:
        """Gone with its data; the machine is offered anew under another id."""
        contract.destroyed_us = at_us
        self.destroyed[contract.id] = self.alive.pop(contract.id)
        if self.billing_tail_us:
            self.charged_until_us[contract.id] = at_us + self.billing_tail_us
        else:
            self._book.close(f"instance-{contract.id}")
        self._market.give_back(contract.listing.machine)

    def floor_usd(self, contract: Contract, at_us: int) -> float:
        """The bid that is needed to run on this machine now, $/h for the whole of it."""
        if contract.floor_override_usd is not None:
            return contract.floor_override_usd
        if at_us < contract.created_us + _BID_QUIET_US:
            return contract.listing.min_bid_usd_per_hour
        return self._market.bid_floor(contract.listing.machine, at_us)

    def follow_market(self, contract: Contract, at_us: int) -> None:
        """Stop an interruptible that is outbid; let one run again whose bid wins."""
        bid = contract.order.bid_usd_per_hour
        if bid is None or not contract.wants_to_run:
            return
        wins = bid >= self.floor_usd(contract, at_us)
        if wins and contract.stage == "outbid":
            self.enter(contract, "resuming", at_us)
        elif not wins and contract.stage in _PENDING | {"running", "rebooting", "recycling"}:
            self.enter(contract, "outbid", at_us)

    def stop_all(self, at_us: int) -> None:
        """The balance is used up: everything stops, disks go on costing."""
        for contract in self.alive.values():
            contract.wants_to_run = False
            if contract.stage not in _HALTED and contract.state.charges:
                self.enter(contract, "exited", at_us)


def _boot_log(contract: Contract) -> str:
    machine, order = contract.listing.machine, contract.order
    lines = [
        f"container {contract.id} started",
        f"{order.image} on {machine.num_gpus}x {machine.card.name}, driver {machine.driver}",
        *(["running onstart"] if order.onstart else []),
        f"running {_command(order)}" if contract.runs_command else "ready",
    ]
    return "".join(f"{line}\n" for line in lines)


def _ended_log(contract: Contract) -> str:
    """Nothing is executed here, and the log says so."""
    return f"simulated output of {_command(contract.order)}\nexit status 0 (simulated)\n"


def _command(order: Order) -> str:
    return " ".join(order.args) or "the image's entry point"


def _moments(contract: Contract) -> Iterator[int]:
    if not contract.expired:
        yield contract.ends_us
    if contract.due_us is not None:
        yield contract.due_us
    if contract.market_check_us is not None:
        yield contract.market_check_us
