"""What a test may do to the world: the hand of the market, of hosts and of other people."""

from collections.abc import Sequence
from typing import Literal

from vast_mcp.simulator.contract import Contract, Order
from vast_mcp.simulator.door import STUCK_LINE
from vast_mcp.simulator.market import Listing
from vast_mcp.simulator.world import World


class Levers:
    """Interventions by id. Each lets the world catch up first; unknown ids raise KeyError."""

    def __init__(self, world: World) -> None:
        self.world = world

    def catch_up(self) -> None:
        """Let the world arrive at the present (the simulator knows the clock)."""
        raise NotImplementedError

    def _present(self, instance_id: int) -> Contract:
        self.catch_up()
        return self.world.instances[instance_id]

    def take_offer(self, offer_id: int) -> None:
        """Somebody else rents it: searches miss it and creates answer 404, however lately shown."""
        self.catch_up()
        self.world.market.withdraw(offer_id, self.world.now_us)

    def race_offer(self, offer_id: int) -> None:
        """It stays visible but cannot start: a create answers 410, or makes a stopped contract."""
        self.catch_up()
        self.world.market.raced.add(offer_id)

    def set_price(self, offer_id: int, usd_per_hour: float) -> None:
        """The host asks this for the GPUs from now on, storage apart."""
        self.catch_up()
        self.world.market.reprice(offer_id, self.world.now_us, gpu_usd=usd_per_hour)

    def set_min_bid(self, offer_id: int, usd_per_hour: float) -> None:
        """The lowest bid this offer takes from now on."""
        self.catch_up()
        self.world.market.reprice(offer_id, self.world.now_us, bid_usd=usd_per_hour)

    def outbid(self, instance_id: int, floor_usd_per_hour: float | None = None) -> None:
        """The market rises above the bid (by a tenth unless told): the interruptible stops."""
        contract = self._present(instance_id)
        bid = contract.order.bid_usd_per_hour or 0.0
        contract.floor_override_usd = floor_usd_per_hour or round(bid * 1.1 + 0.001, 4)
        self.world.fleet.follow_market(contract, self.world.now_us)

    def end_outbid(self, instance_id: int) -> None:
        """The market falls back below the bid: it resumes by itself if it still wants to run."""
        contract = self._present(instance_id)
        contract.floor_override_usd = min(contract.order.bid_usd_per_hour or 0.0, 0.001)
        self.world.fleet.follow_market(contract, self.world.now_us)

    def take_offline(self, instance_id: int, *, silent: bool = False) -> None:
        """The machine loses its connection: nothing bills. `silent` shows `unknown` instead."""
        stage = "unknown" if silent else "offline"
        self.world.fleet.silence(self._present(instance_id), stage, self.world.now_us)

    def bring_back(self, instance_id: int) -> None:
        """The machine is heard again and is as it was, or stopped if that was asked meanwhile."""
        self.world.fleet.hear_again(self._present(instance_id), self.world.now_us)

    def host_gone(self, instance_id: int) -> None:
        """The host is removed: the rental is destroyed with its data."""
        self.world.fleet.destroy(self._present(instance_id), self.world.now_us)

    def take_gpu(self, instance_id: int) -> None:
        """Somebody else has the GPU of a stopped machine: a start ends in `scheduling`."""
        self._present(instance_id).gpu_taken = True

    def free_gpu(self, instance_id: int) -> None:
        """The GPU is free again; one that waits for it starts."""
        self.world.fleet.free_gpu(self._present(instance_id), self.world.now_us)

    def set_stage(self, instance_id: int, stage: str) -> None:
        """Put it on any stage of `lifecycle.STAGES`; what follows then follows."""
        self.world.fleet.enter(self._present(instance_id), stage, self.world.now_us)

    def set_status(self, instance_id: int, **fields: object) -> None:
        """Override shown fields (`actual_status="loading"`) without moving its life."""
        self._present(instance_id).fields.update(fields)

    def fail_to_start(self, instance_id: int, how: str = "broken_image") -> None:
        """It never runs: any of `lifecycle.WRECKS`, such as `no_image` or `port_taken`."""
        self._present(instance_id).destined = how

    def fail_next_creates(self, how: str = "broken_image", count: int = 1) -> None:
        """The same for instances that are yet to be created."""
        self.world.fleet.doomed.extend([how] * count)

    def write_log(self, instance_id: int, text: str) -> None:
        """Append to the container's log; a missing line end is added."""
        self._present(instance_id).log += text if text.endswith("\n") else f"{text}\n"

    def put_file(self, instance_id: int, path: str, size_bytes: int) -> None:
        """A file on the container's disk, for `ls`, `du` and `rm`."""
        contract = self._present(instance_id)
        if contract.disk is not None:
            contract.disk.put(path, size_bytes)
        else:
            contract.files[path] = size_bytes

    def map_port(self, instance_id: int, container_port: int, loopback_port: int) -> None:
        """What the machine serves there is really on this loopback port: shown, and forwarded."""
        self._present(instance_id).mapped[f"{container_port}/tcp"] = loopback_port

    def change_host_key(self, instance_id: int) -> None:
        """The machine shows another SSH host key after its next start: somebody in the middle."""
        self._present(instance_id).host_key_changes += 1000

    def spoil_key_file(self, instance_id: int) -> None:
        """Its sshd refuses every key: `authorized_keys` comes with a wrong owner and modes."""
        self._present(instance_id).door.spoils_key_file = True

    def swallow_commands(self, instance_id: int) -> None:
        """Its image puts each login into tmux, which runs no command."""
        self._present(instance_id).door.auto_tmux = True

    def jam_tunnel(self, instance_id: int) -> None:
        """Its way out to the SSH proxy fails until the next restart; the log says so."""
        contract = self._present(instance_id)
        contract.door.tunnel_stuck = True
        self.write_log(instance_id, STUCK_LINE.format(port=10_000 + instance_id % 20_000))

    def forget_keys(self, instance_id: int) -> None:
        """With its next start only the keys of the account are left."""
        self._present(instance_id).door.forgets_keys = True

    def list_workers(self) -> list[int]:
        """Workers stand among the account's instances; their ids. Nobody recorded whether they do.

        The vendor's documents call them ordinary instances. What such a row bills comes on top.
        """
        self.catch_up()
        serverless = self.world.serverless
        for number, worker in list(serverless.workers.items()):
            order = Order(image="vastai/vllm:latest", disk_gb=16.0, runtype="ssh_direc ssh_proxy")
            contract = self.world.fleet.create(worker.listing, order, self.world.now_us)
            contract.foreign = True
            self.world.fleet.enter(contract, "running", self.world.now_us)
            worker.id = contract.id
            serverless.workers[contract.id] = serverless.workers.pop(number)
        return list(serverless.workers)

    def make_team(self) -> None:
        """The account is a team's: no key can be attached to a machine."""
        self.world.is_team = True

    def use_traffic(self, instance_id: int, *, up_gb: float = 0.0, down_gb: float = 0.0) -> None:
        """Bytes moved just now, billed at the host's price per gigabyte."""
        contract = self._present(instance_id)
        machine = contract.listing.machine
        account = self.world.book.account(f"instance-{instance_id}")
        account.charge(self.world.now_us, "bwu", up_gb * machine.inet_up_usd_per_gb)
        account.charge(self.world.now_us, "bwd", down_gb * machine.inet_down_usd_per_gb)

    def set_label(self, instance_id: int, label: str | None) -> None:
        """Somebody relabels it on the console."""
        self._present(instance_id).order.label = label

    def copy_label(self, instance_id: int, to: int, *, environment: bool = False) -> None:
        """Another machine gets the same label, and its variables if it was rented as a copy."""
        source, copy = self._present(instance_id), self._present(to)
        copy.order.label = source.label
        if environment:
            copy.order.env = list(source.order.env)

    def hide_environment(self, instance_id: int) -> None:
        """Its rows show `extra_env` null from now on, as recorded rows of some machines do."""
        self._present(instance_id).fields["extra_env"] = None

    def recycle(self, instance_id: int, env: Sequence[tuple[str, str]] | None = None) -> None:
        """Its owner recycles it on the console: a new container, the id stays; other variables."""
        contract = self._present(instance_id)
        if env is not None:
            contract.order.env = list(env)
        self.world.fleet.enter(contract, "recycling", self.world.now_us)

    def set_credit(self, usd: float) -> None:
        """The account has exactly this much left now."""
        self.catch_up()
        self.world.book.deposit(usd - self.world.book.balance_usd)

    def show_whole_charges(self) -> None:
        """Rows of charges reach beyond the window that was asked for."""
        self.world.whole_charges = True

    def set_billing_tail(self, seconds: float) -> None:
        """Whatever is destroyed from now on is charged for that much longer; 0 by default."""
        self.world.fleet.billing_tail_us = int(seconds * 1_000_000)

    def set_list_lag(self, seconds: float) -> None:
        """The list shows what was there that many simulated seconds ago; 0 by default."""
        self.world.list_lag_us = int(seconds * 1_000_000)

    def refuse_results(self, which: Literal["none", "unsigned", "all"]) -> None:
        """Logs of this account are private: their unsigned address answers 403 for ever.

        With `all` there is no signed address either: nobody can read a log by the API.
        """
        self.world.refused_results = which

    def set_clock_skew(self, seconds: float) -> None:
        """The vendor's clock is that far ahead: in `Date` and in every `start_date` shown."""
        self.world.skew_us = int(seconds * 1_000_000)

    def add_foreign_instance(
        self, *, label: str | None = None, gpu_name: str = "RTX 3090", running: bool = True,
        disk_gb: float = 20.0, image: str = "vastai/base-image:latest",
        env: Sequence[tuple[str, str]] = (),
    ) -> int:  # fmt: skip
        """A machine the account's owner rented elsewhere; its id. Running at once, or stopped."""
        self.catch_up()
        listing = self._some_listing(gpu_name)
        self.world.market.rent(listing)
        order = Order(image=image, disk_gb=disk_gb, label=label, runtype="ssh_direc ssh_proxy")
        order.env = list(env)
        contract = self.world.fleet.create(listing, order, self.world.now_us)
        contract.foreign = True
        contract.wants_to_run = running
        self.world.fleet.enter(contract, "running", self.world.now_us)
        if not running:
            self.world.fleet.enter(contract, "exited", self.world.now_us)
        return contract.id

    def add_foreign_fleet(
        self, count: int, *, label: str | None = None, gpu_name: str = "RTX 3090"
    ) -> list[int]:
        """So many running machines that the account's owner rented elsewhere; their ids.

        All of them stand on one host, which stays on the market: what counts is their number.
        """
        self.catch_up()
        listing = self._some_listing(gpu_name)
        made = []
        for _ in range(count):
            order = Order(
                image="vastai/base-image:latest",
                disk_gb=20.0,
                label=label,
                runtype="ssh_direc ssh_proxy",
            )
            contract = self.world.fleet.create(listing, order, self.world.now_us)
            contract.foreign = True
            self.world.fleet.enter(contract, "running", self.world.now_us)
            made.append(contract.id)
        return made

    def _some_listing(self, gpu_name: str) -> Listing:
        listings = self.world.market.listings(self.world.now_us)
        return next(x for x in listings if x.machine.card.name == gpu_name)
