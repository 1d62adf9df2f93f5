"""The life of a container as data: stages, what each looks like, what it bills, what follows.

Each stage is what the host reports (`actual_status`) while the contract wants something
(`intended_status`); the words and the order are those of docs/vendor-api.md#state-machine.
"""

from dataclasses import dataclass

from vast_mcp.simulator.chance import Chance


@dataclass(frozen=True, slots=True)
class Stage:
    """One state. `delay_s` is the range until `then`; without `then` it lasts until acted upon.

    `cur_state` is the contract's word; `bills_gpu` charges the GPU; `charges` False: host offline.
    `instead_of` names the stage whose place a start that fails takes; `halts`: the contract's own
    wish turns to stopped with it.
    """

    actual_status: str | None
    cur_state: str
    message: str
    then: str | None = None
    delay_s: tuple[float, float] = (0.0, 0.0)
    bills_gpu: bool = False
    charges: bool = True
    instead_of: str | None = None
    halts: bool = False


_UP = "success, running {image}/{runtype}"
"""What the host said last: it stays after a stop, while outbid and while a start is queued."""

_LAYERS = "".join(f"layer {number}: Pull complete\n" for number in range(1, 30))

STAGES: dict[str, Stage] = {
    "provisioning": Stage(None, "running", "", "created", (2, 5)),
    "created": Stage("created", "running", "Creating container", "loading", (1, 4)),
    "loading": Stage("loading", "running", "{tag}: Pulling from {repo}", "starting", (20, 240)),
    "starting": Stage(
        "loading", "running", "Status: Downloaded newer image for {image}", "running", (3, 9)
    ),
    "running": Stage("running", "running", _UP, bills_gpu=True),
    "stopping": Stage("running", "running", _UP, "exited", (2, 8), bills_gpu=True),
    "exited": Stage("exited", "stopped", _UP),
    "ended": Stage("exited", "running", _UP),
    "scheduling": Stage("exited", "stopped", _UP),
    "resuming": Stage("loading", "running", "Starting container", "running", (8, 40)),
    "rebooting": Stage("rebooting", "running", "Rebooting", "running", (6, 20), bills_gpu=True),
    "recycling": Stage(
        "recycling", "running", "Recycling container", "loading", (3, 9), bills_gpu=True
    ),
    "outbid": Stage("exited", "stopped", _UP),
    "never_placed": Stage(None, "stopped", ""),
    "broken_image": Stage(
        "created",
        "running",
        "Error response from daemon: OCI runtime create failed: unable to start",
        instead_of="loading",
    ),
    "failed": Stage(
        "exited", "stopped", "Error: container exited with code 1", instead_of="running"
    ),
    "stuck": Stage(None, "running", "", instead_of="created"),
    "no_image": Stage(
        "loading",
        "stopped",
        "Error response from daemon: manifest unknown",
        instead_of="starting",
        halts=True,
    ),
    "login_needed": Stage(
        "loading",
        "stopped",
        " unauthorized:\n authentication required",
        instead_of="starting",
        halts=True,
    ),
    "registry_limit": Stage(
        "loading",
        "running",
        "Error response from daemon: toomanyrequests: You have reached your unauthenticated pull"
        " rate limit.",
        instead_of="starting",
    ),
    "disk_full": Stage(
        "loading",
        "running",
        "{tag}: Pulling from {repo}\n" + _LAYERS + "failed to register layer: write /usr/lib/x:"
        " no space left on device",
        instead_of="starting",
    ),
    "old_driver": Stage(
        "created",
        "running",
        "Error response from daemon: failed to create task for container: failed to create shim"
        " task: OCI runtime create failed: runc create failed: unable to start container process:"
        " error during container init: error running prestart hook #0: exit status 1, stdout: ,"
        " stderr: Auto-detected mode as 'legacy' nvidia-container-cli: requirement error:"
        " unsatisfied condition: cuda>=12.8, please update your driver to a newer version\n",
        instead_of="running",
    ),
    "no_cdi": Stage(
        "created",
        "stopped",
        "Error response from daemon: failed to create task for container: failed to create shim"
        " task: OCI runtime create failed: could not apply required modification to OCI"
        " specification: failed to inject CDI devices: unresolvable CDI devices D.1/gpu=0",
        instead_of="running",
        halts=True,
    ),
    "port_taken": Stage(
        "created",
        "running",
        "Error response from daemon: driver failed programming external connectivity on endpoint"
        " C.1: Bind for :::25723 failed: port is already allocated",
        instead_of="running",
    ),
    "dead_host": Stage("loading", "stopped", "", instead_of="loading", halts=True),
    "frozen": Stage("frozen", "running", "Container paused", bills_gpu=True),
    "offline": Stage("offline", "running", "Machine is offline", charges=False),
    "unknown": Stage("unknown", "running", "No heartbeat", charges=False),
}
"""All stages by name. `loading`'s delay is the market's: image size over the host's bandwidth."""

WRECKS = frozenset(name for name, stage in STAGES.items() if stage.instead_of is not None)
"""Where a start ends that fails; none of them recovers on its host."""

LOADING_CEILING_S = 480.0
"""Without faults a container runs within ten simulated minutes (docs/design.md#simulator)."""


def delay_us(stage: str, chance: Chance, *names: object) -> int | None:
    """How long the stage lasts this time, in microseconds; None when nothing follows by itself."""
    low, high = STAGES[stage].delay_s
    if STAGES[stage].then is None:
        return None
    return int(chance.between(low, high, "delay", stage, *names) * 1_000_000)
