"""Why a machine does not come up: one table, from what the host says to what helps.

The texts are Docker's, the registries' and the vendor's own, as operators quoted them from live
machines in 2025 and 2026. The first row that fits counts, so the more exact rows come first.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from vast_mcp.models.instance_words import StatusWords


class Remedy(StrEnum):
    """Whom a cause belongs to, and with that what a job does about it."""

    IMAGE = "image"
    """No host can do better: the image, its login or its command must be mended."""
    DISK = "disk"
    """No host can do better with a disk of this size."""
    HOST = "host"
    """Another host may well do."""


@dataclass(frozen=True, slots=True)
class StartFailure:
    """A cause that waiting does not cure. `step` holds `{id}` for the instance."""

    cause: str
    """A short stable word: `login`, `no_image`, `disk_full`, `driver` …"""
    said: str
    """One of our sentences; nothing foreign stands in it."""
    step: str
    remedy: Remedy = Remedy.HOST
    query: str = ""
    """What to add to a search so that the next host can run it."""

    def next_for(self, instance_id: int) -> str:
        """What to do next about this machine."""
        return self.step.format(id=instance_id)


@dataclass(frozen=True, slots=True)
class _Row:
    cause: str
    pattern: str
    said: str
    step: str
    remedy: Remedy = Remedy.HOST


_ANOTHER = "destroy_instance({id}) and rent another offer."
_MENDED = "destroy_instance({id}), then rent with"
_DRIVER = "driver"
_ROWS = (
    _Row(
        "registry_limit",
        r"toomanyrequests|pull rate limit|too many requests|rate limit exceeded",
        "The registry limits how often this host may pull images; waiting does not help.",
        "destroy_instance({id}) and rent another host, or use a copy of the image in another"
        " registry.",
    ),
    _Row(
        "no_image",
        r"manifest unknown|manifest for \S+ not found|name unknown|invalid reference format"
        r"|repository \S* ?not found|not found: manifest",
        "The registry has no such image or tag.",
        f"{_MENDED} the right image and tag.",
        Remedy.IMAGE,
    ),
    _Row(
        "login",
        r"unauthorized|authentication required|pull access denied|denied: requested access"
        r"|no basic auth credentials|incorrect username or password|requested access .* denied",
        "The registry refuses the pull: the image is private, or its name is wrong.",
        f"{_MENDED} a template that holds the registry login (made in the Vast.ai console), or a"
        " public image.",
        Remedy.IMAGE,
    ),
    _Row(
        "wrong_architecture",
        r"no matching manifest for|exec format error",
        "The image is not built for this processor architecture.",
        f"{_MENDED} an image for linux/amd64.",
        Remedy.IMAGE,
    ),
    _Row(
        "disk_full",
        r"no space left on device|disk quota exceeded|not enough (free )?(disk )?space",
        "The image does not fit on its disk.",
        f"{_MENDED} a larger disk_gb.",
        Remedy.DISK,
    ),
    _Row(
        _DRIVER,
        r"unsatisfied condition: (cuda|driver)|driver version is insufficient"
        r"|update your driver to a newer version",
        "The host's NVIDIA driver is older than the image needs.",
        "destroy_instance({id}) and rent a host with a newer driver: "
        'search_offers(query="cuda_vers>={cuda}").',
    ),
    _Row(
        "cdi",
        r"failed to inject cdi devices|unresolvable cdi devices",
        "The host cannot hand its GPU to a container (CDI); it will not recover.",
        _ANOTHER,
    ),
    _Row(
        "port_taken",
        r"port is already allocated|address already in use",
        "A port it needs is taken on this host; it will never start there.",
        _ANOTHER,
    ),
    _Row(
        "command",
        r"executable file not found|exec: \S+: (no such file or directory|permission denied)"
        r"|exec: .*: stat .*: no such file or directory",
        "The image has no such command to start with.",
        f"{_MENDED} another image or another command in args.",
        Remedy.IMAGE,
    ),
    _Row(
        "gpu",
        r"could not select device driver|nvidia-container-cli|failed to initialize nvml"
        r"|no cuda-capable device",
        "The host cannot give the container its GPU.",
        _ANOTHER,
    ),
    _Row(
        "runtime",
        r"oci runtime create failed|failed to create shim task|failed to create task for container",
        "The host could not create the container; it will not recover.",
        _ANOTHER,
    ),
    _Row(
        "error",
        r"^\W*error\b",
        "The host reports an error and does not recover.",
        _ANOTHER,
    ),
)
NEVER_PLACED = StartFailure(
    "never_placed", "It was never placed on its host: no GPU was available.", _ANOTHER
)
DEAD_HOST = StartFailure(
    "dead_host", "Its host never brought it up and says nothing about it.", _ANOTHER
)
_PATTERNS = tuple((row, re.compile(row.pattern)) for row in _ROWS)
_CUDA = re.compile(r"cuda\s*>=\s*(\d{1,2}\.\d{1,2})")
_NEWER_CUDA = "12.8"
"""Asked for where the text names no version: what images for the newest cards need."""
_CAN_FAIL = {None, "created", "loading", "exited", "stopped"}
"""Where a start ends that fails; whatever else is shown speaks for itself."""


def start_failure(words: StatusWords) -> StartFailure | None:
    """What keeps a machine from coming up; None where nothing says so.

    Says nothing of whether it ever ran: the same text stays after a failed restart.
    """
    if words.actual not in _CAN_FAIL:
        return None
    text = words.message.lower()
    if words.image:  # a name may hold any word
        text = text.replace(words.image.lower(), "")
    text = " ".join(text.split())
    if not text.startswith("success"):
        for row, pattern in _PATTERNS:
            if pattern.search(text):
                return _failure(row, text)
    if words.is_bid or not words.all_stopped:
        return None
    if words.actual is None and not text:
        return NEVER_PLACED
    return DEAD_HOST if words.actual == "loading" and not text else None


def _failure(row: _Row, text: str) -> StartFailure:
    if row.cause != _DRIVER:
        return StartFailure(row.cause, row.said, row.step, row.remedy)
    found = _CUDA.search(text)
    cuda = found.group(1) if found else _NEWER_CUDA
    step = row.step.replace("{cuda}", cuda)
    return StartFailure(row.cause, row.said, step, row.remedy, query=f"cuda_vers>={cuda}")
