"""One rental: what was agreed, what the container does, and what the vendor shows of it."""

from dataclasses import dataclass, field

from vast_mcp.clock import SECOND_US
from vast_mcp.simulator.chance import Chance
from vast_mcp.simulator.door import CLOSED_PORT, Door, given_ports, inside
from vast_mcp.simulator.inside.disk import Disk
from vast_mcp.simulator.lifecycle import STAGES, Stage
from vast_mcp.simulator.market import MONTH_HOURS, Listing, cost_split
from vast_mcp.simulator.wire import JsonObject

_PORTS_AFTER_US = 4 * SECOND_US
_HEARTBEAT_AFTER_US = 10 * SECOND_US
_DIRECT_PORT_BASE = 20_000
_AFTER_RUNNING = frozenset({"stopping", "exited", "scheduling", "outbid"})
"""Stages that show what the host said last; before it ever ran that was nothing."""


_KEPT = (
    "machine_id",
    "host_id",
    "hosting_type",
    "verification",
    "num_gpus",
    "gpu_name",
    "gpu_ram",
    "gpu_frac",
    "gpu_lanes",
    "gpu_arch",
    "gpu_mem_bw",
    "compute_cap",
    "cuda_max_good",
    "driver_version",
    "cpu_name",
    "cpu_arch",
    "cpu_cores",
    "cpu_cores_effective",
    "cpu_ram",
    "disk_name",
    "disk_bw",
    "mobo_name",
    "os_version",
    "pci_gen",
    "pcie_bw",
    "total_flops",
    "dlperf",
    "reliability2",
    "static_ip",
    "inet_up",
    "inet_down",
    "geolocation",
    "bw_nvlink",
)
"""What an instance shows of its offer, unchanged."""


@dataclass(slots=True)
class Order:
    """What a create request asked for; `bid_usd_per_hour` None means on demand."""

    image: str
    disk_gb: float
    label: str | None = None
    runtype: str = "ssh"
    env: list[tuple[str, str]] = field(default_factory=list)
    onstart: str | None = None
    args: list[str] = field(default_factory=list)
    bid_usd_per_hour: float | None = None
    template_id: int | None = None
    template_hash: str | None = None
    template_name: str | None = None
    volume_info: JsonObject | None = None


@dataclass(slots=True)
class Contract:
    """A rental and its present stage. Times are microseconds of the simulator's wall clock."""

    id: int
    listing: Listing
    order: Order
    created_us: int
    ends_us: int
    secret: str
    api_key: str
    stage: str = "provisioning"
    stage_since_us: int = 0
    due_us: int | None = None
    wants_to_run: bool = True
    running_since_us: int | None = None
    ever_ran: bool = False
    gpu_taken: bool = False
    destined: str | None = None
    queued: bool = False
    """Its start waits for the GPU; once it runs the account is told so."""
    before_silence: str | None = None
    floor_override_usd: float | None = None
    market_check_us: int | None = None
    keys: list[JsonObject] = field(default_factory=list)
    log: str = ""
    status_note: str | None = None
    """What the host says instead of its stage's words: how far a copy is."""
    files: dict[str, int] = field(default_factory=dict)
    """Stand-ins for what lies on the disk, while there is no real `disk`."""
    disk: Disk | None = None
    mapped: dict[str, int] = field(default_factory=dict)
    """Ports of the container that really are on this host's loopback: `22/tcp` to the number."""
    keys_usable_us: dict[int, int] = field(default_factory=dict)
    """When an attached key has arrived in the container, by its id; absent: it was there before."""
    executes: bool = False
    """Its entry point is acted out here and says itself when it is over."""
    boots: int = 0
    """How often everything that ran inside has ended."""
    editions: int = 0
    """How often the container was made anew."""
    host_key_changes: int = 0
    gpu_busy: bool | None = None
    """Whether a program really computes; None: nobody knows, and the load shown is a game."""
    fields: JsonObject = field(default_factory=dict)
    destroyed_us: int | None = None
    door: Door = field(default_factory=Door)
    foreign: bool = False
    expired: bool = False

    @property
    def label(self) -> str | None:
        """The label as the vendor stores it; None when unlabelled."""
        return self.order.label

    @property
    def is_bid(self) -> bool:
        """Interruptible, because the create request named a price."""
        return self.order.bid_usd_per_hour is not None

    @property
    def runs_command(self) -> bool:
        """In `args` mode the image's entry point runs instead of an SSH server."""
        return "args" in self.order.runtype.split()

    @property
    def ends_by_itself(self) -> bool:
        """A named command is over some time; one that opens ports, or none, is taken for a server.

        An image's bare entry point may be either: it stays.
        """
        serves = any(name.startswith("-p ") for name, _ in self.order.env)
        return self.runs_command and bool(self.order.args) and not serves

    @property
    def state(self) -> Stage:
        """The row of the life-cycle table this contract stands on."""
        return STAGES[self.stage]

    @property
    def gpu_usd_per_hour(self) -> float:
        """What the GPUs cost while held: the bid, or the price at creation."""
        bid = self.order.bid_usd_per_hour
        return self.listing.gpu_usd_per_hour if bid is None else bid

    @property
    def disk_usd_per_hour(self) -> float:
        """What the disk costs in any stage."""
        return self.listing.storage_usd_per_hour(self.order.disk_gb)

    def rates(self) -> dict[str, float]:
        """Dollars per hour by kind, right now; nothing at all while the host is offline."""
        if not self.state.charges:
            return {}
        disk = {"disk": self.disk_usd_per_hour}
        return {**disk, "gpu": self.gpu_usd_per_hour} if self.state.bills_gpu else disk

    def intended_status(self) -> str:
        """The contract side's wish; an outbid one shows `stopped` although it resumes by itself."""
        return "running" if self.wants_to_run and self.stage != "outbid" else "stopped"


def instance_view(
    contract: Contract, now_us: int, chance: Chance, *, floor_usd: float
) -> JsonObject:
    """The object under `instances`, under the vendor's names and units, its quirks included."""
    view = {
        **_machine_fields(contract),
        **_image_fields(contract),
        **_state_fields(contract, now_us),
        **_network_fields(contract, now_us),
        **_load_fields(contract, now_us, chance),
        **_time_fields(contract, now_us),
        **_money_fields(contract, floor_usd),
    }
    return {**view, **contract.fields}


def _machine_fields(contract: Contract) -> JsonObject:
    facts = contract.listing.machine.facts
    return {
        **{name: facts[name] for name in _KEPT},
        "id": contract.id,
        "bundle_id": contract.listing.offer_id + 1,
        "gpu_totalram": facts["gpu_total_ram"],
        "label": contract.label,
        "is_bid": contract.is_bid,
        "external": False,
        "rentable": False,
    }


def _image_fields(contract: Contract) -> JsonObject:
    order = contract.order
    return {
        "image_uuid": order.image,
        "image_args": order.args,
        "image_runtype": order.runtype,
        "extra_env": [[name, value] for name, value in order.env],
        "onstart": order.onstart,
        "jupyter_token": contract.secret,
        "template_id": order.template_id,
        "template_hash_id": order.template_hash,
        "template_name": order.template_name,
        "volume_info": [order.volume_info] if order.volume_info else [],
    }


def _state_fields(contract: Contract, now_us: int) -> JsonObject:
    stage, intended = contract.state, contract.intended_status()
    return {
        "actual_status": stage.actual_status,
        "cur_state": stage.cur_state,
        "next_state": "stopped" if contract.stage in ("outbid", "never_placed") else intended,
        "intended_status": intended,
        "status_msg": status_message(contract, now_us),
    }


def status_message(contract: Contract, now_us: int) -> str | None:
    """The host's text: it changes while an image is pulled; None before the host was heard."""
    if contract.status_note is not None:
        return contract.status_note
    if contract.stage in _AFTER_RUNNING and not contract.ever_ran:
        return None
    image = contract.order.image
    repository, _, tag = image.partition(":")
    text = contract.state.message.format(
        image=image,
        repo=repository,
        tag=tag or "latest",
        runtype=contract.order.runtype.split(" ")[0],
    )
    if contract.stage == "loading" and contract.due_us is not None:
        whole = max(1, contract.due_us - contract.stage_since_us)
        layers = 9 * (now_us - contract.stage_since_us) // whole
        text += "".join(f"\nlayer {layer}: Pull complete" for layer in range(1, layers + 1))
    return text or None


def _network_fields(contract: Contract, now_us: int) -> JsonObject:
    machine, order = contract.listing.machine, contract.order
    slot = contract.id % 20_000
    asked = sum(name.startswith("-p ") for name, _ in order.env)
    here = contract.stage == "running" and asked > 0 and machine.ports > 0
    first = _DIRECT_PORT_BASE + slot if here else 65_535  # as recorded where none were asked for
    return {
        "ssh_host": f"ssh{1 + contract.id % 9}.vast.ai",
        "ssh_idx": str(1 + contract.id % 9),
        "ssh_port": 10_000 + slot,
        "public_ipaddr": _written(contract, machine.ip),
        **_loopback(contract),
        "local_ipaddrs": f"192.0.2.{1 + slot % 250} 172.17.0.1 \n",
        "direct_port_count": machine.ports,
        "direct_port_start": first,
        "direct_port_end": first + min(asked, machine.ports) if here else -1,
        "machine_dir_ssh_port": 9_000 + slot % 900,
        "ports": _port_map(contract, now_us),
        "webpage": None,
    }


def _written(contract: Contract, address: str) -> str:
    """Two of 31 recorded addresses end with a newline; the others do not."""
    return f"{address}\n" if contract.id % 16 == 0 else address


def _loopback(contract: Contract) -> JsonObject:
    """Where a machine that can really be entered is: the proxy's address is the same server.

    While its door is shut it has no address at all: never one outside of this host.
    """
    if not contract.mapped and contract.disk is None:
        return {}
    here: JsonObject = {"public_ipaddr": _written(contract, "127.0.0.1")}
    port = contract.mapped.get("22/tcp")
    if port is not None:
        # Clients add 1 to the proxy's port when Jupyter is there (docs/vendor-api.md#ssh)
        shift = 1 if "jupyter" in contract.order.runtype else 0
        way = CLOSED_PORT if contract.door.tunnel_stuck else port - shift
        here |= {"ssh_host": "127.0.0.1", "ssh_port": way}
    elif contract.disk is not None:
        here |= {"ssh_host": None, "ssh_port": None}
    return here


def _port_map(contract: Contract, now_us: int) -> JsonObject | None:
    since = contract.running_since_us
    if contract.stage != "running" or since is None or now_us < since + _PORTS_AFTER_US:
        return None
    return {
        name: [
            {"HostIp": "0.0.0.0", "HostPort": str(number)},  # noqa: S104  a shown text
            {"HostIp": "::", "HostPort": str(number)},
        ]
        for name, number in port_numbers(contract).items()
    }


def port_numbers(contract: Contract) -> dict[str, int]:
    """The number outside of each open port, as `22/tcp` to 20001; the same one for identity."""
    return {inside(name, number): number for name, number in asked_ports(contract).items()}


def asked_ports(contract: Contract) -> dict[str, int]:
    """The same by the name that was asked for: a container's variables have that one."""
    first = _DIRECT_PORT_BASE + contract.id % 20_000
    order = contract.order
    names = given_ports(order.runtype, order.env, most=contract.listing.machine.ports)
    if contract.disk is not None and "22/tcp" not in contract.mapped:
        names = [name for name in names if name != "22/tcp"]
    return {name: contract.mapped.get(name, first + at) for at, name in enumerate(names)}


def _load_fields(contract: Contract, now_us: int, chance: Chance) -> JsonObject:
    since = contract.running_since_us
    beating = (
        contract.stage == "running" and since is not None and now_us >= since + _HEARTBEAT_AFTER_US
    )
    minute = now_us // (60 * SECOND_US)
    noise = chance.fraction("load", contract.id, minute) if beating else 0.0
    if contract.gpu_busy is not None:
        noise = 0.9 + noise / 20 if contract.gpu_busy else 0.0
    files = contract.disk.used_bytes() if contract.disk else sum(contract.files.values())
    used = 0.4 + files / 1e9 if contract.ever_ran else 0.0
    silent = 0.0 if contract.ever_ran else None  # recorded of a stopped machine: zeros, not nulls
    return {
        "gpu_util": round(100 * noise, 1) if beating else silent,
        "gpu_temp": round(35 + 40 * noise, 1) if beating else silent,
        "cpu_util": round(noise, 3) if beating else 0.0,
        "mem_limit": round(contract.listing.machine.facts["cpu_ram"] / 1000, 2)
        if beating
        else None,
        "mem_usage": round(2 + 4 * noise, 2) if beating else None,
        "vmem_usage": round(noise * 8, 2) if beating else None,
        "disk_space": contract.order.disk_gb,
        "disk_usage": round(used, 3) if contract.ever_ran else -1.0,
        "disk_util": round(used / contract.order.disk_gb, 4) if contract.ever_ran else -1.0,
    }


def _time_fields(contract: Contract, now_us: int) -> JsonObject:
    since = contract.running_since_us
    up = (
        (now_us - since) / SECOND_US / 60
        if contract.stage == "running" and since is not None
        else None
    )
    left = max(0, contract.ends_us - now_us) / SECOND_US
    return {
        "start_date": contract.created_us / SECOND_US,
        "end_date": contract.ends_us / SECOND_US,
        "uptime_mins": up,
        "duration": left,
        "time_remaining": f"{int(left // 86400)} days",
        "time_remaining_isbid": "",
        "client_run_time": 1.1,
        "host_run_time": 2_592_000.0,
    }


def _money_fields(contract: Contract, floor_usd: float) -> JsonObject:
    machine = contract.listing.machine
    gpu, disk = contract.gpu_usd_per_hour, contract.disk_usd_per_hour
    return {
        "dph_base": gpu,
        "dph_total": gpu + disk,
        "min_bid": floor_usd,
        "storage_cost": machine.storage_usd_per_gb_month,
        "storage_total_cost": contract.order.disk_gb
        * machine.storage_usd_per_gb_month
        / MONTH_HOURS,
        "search": cost_split(gpu, disk),
        "instance": cost_split(gpu if contract.state.bills_gpu else 0.0, disk),
        "vram_costperhour": gpu / machine.facts["gpu_total_ram"],
        "dlperf_per_dphtotal": machine.facts["dlperf"] / max(gpu + disk, 1e-6),
        "flops_per_dphtotal": machine.facts["total_flops"] / max(gpu + disk, 1e-6),
        "credit_balance": None,
        "credit_discount": None,
        "credit_discount_max": machine.discount,
        "inet_up_cost": machine.inet_up_usd_per_gb,
        "inet_down_cost": machine.inet_down_usd_per_gb,
    }
