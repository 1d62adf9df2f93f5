"""The life of a container as data: stages, what each looks like, what it bills, what follows.

Each stage is what the host reports (`actual_status`) while the contract wants something
(`intended_status`); the words and the order are those of vast-api §7.
"""

from dataclasses import dataclass

from vast_mcp.simulator.chance import Chance


@dataclass(frozen=True, slots=True)
class Stage:
    """One state. `delay_s` is the range until `then`; without `then` it lasts until acted upon.

    `cur_state` is the contract's word; `holds_gpu` charges the GPU; `charges` False: host offline.
    """

    actual_status: str | None
    cur_state: str
    message: str
    then: str | None = None
    delay_s: tuple[float, float] = (0.0, 0.0)
    bills_gpu: bool = False
    charges: bool = True


STAGES: dict[str, Stage] = {
    "provisioning": Stage(None, "running", "", "created", (2, 5)),
    "created": Stage("created", "running", "Creating container", "loading", (1, 4)),
    "loading": Stage("loading", "running", "{tag}: Pulling from {repo}", "starting", (20, 240)),
    "starting": Stage(
        "loading", "running", "Status: Downloaded newer image for {image}", "running", (3, 9)
    ),
    "running": Stage("running", "running", "success, running {image}/{runtype}", bills_gpu=True),
    "stopping": Stage("running", "running", "Stopping container", "exited", (2, 8), bills_gpu=True),
    "exited": Stage("exited", "stopped", "Container stopped"),
    "scheduling": Stage("exited", "stopped", "Waiting for the GPU to become available"),
    "resuming": Stage("loading", "running", "Starting container", "running", (8, 40)),
    "rebooting": Stage("rebooting", "running", "Rebooting", "running", (6, 20), bills_gpu=True),
    "recycling": Stage(
        "recycling", "running", "Recycling container", "loading", (3, 9), bills_gpu=True
    ),
    "outbid": Stage("exited", "stopped", "Outbid: waiting for the price to fall"),
    "never_placed": Stage(None, "stopped", "GPU not available"),
    "broken_image": Stage(
        "created",
        "running",
        "Error response from daemon: OCI runtime create failed: unable to start",
    ),
    "failed": Stage("exited", "stopped", "Error: container exited with code 1"),
    "stuck": Stage(None, "running", ""),
    "frozen": Stage("frozen", "running", "Container paused", bills_gpu=True),
    "offline": Stage("offline", "running", "Machine is offline", charges=False),
    "unknown": Stage("unknown", "running", "No heartbeat", charges=False),
}
"""All stages by name. `loading`'s delay is the market's: image size over the host's bandwidth."""

LOADING_CEILING_S = 480.0
"""Without faults a container runs within ten simulated minutes (design §3)."""

WANTS_TO_RUN = frozenset(
    name for name, stage in STAGES.items() if stage.cur_state == "running" and name != "stopping"
)


def delay_us(stage: str, chance: Chance, *names: object) -> int | None:
    """How long the stage lasts this time, in microseconds; None when nothing follows by itself."""
    low, high = STAGES[stage].delay_s
    if STAGES[stage].then is None:
        return None
    return int(chance.between(low, high, "delay", stage, *names) * 1_000_000)
