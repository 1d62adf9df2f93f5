"""Prompts that end in a machine to work on: a development box, a model that is served."""

import math
import shlex
from collections.abc import Mapping

from vast_mcp.market.search import Search
from vast_mcp.operations import Json
from vast_mcp.prompts import _facts
from vast_mcp.prompts._prompt import PromptField, PromptSpec, Told
from vast_mcp.prompts._words import call, number, steps
from vast_mcp.session import Session

_PORT = 8000
_IMAGE = "vllm/vllm-openai:latest"
_IMAGE_GB = 20.0
_LOG = "/root/serve.log"
_ROOM = 1.25
"""GPU memory that serving takes, for each GB of weights: their cache and some context."""


async def _dev_box(session: Session, given: Mapping[str, str]) -> Told:
    hours, disk = number(given["hours"]), number(given["disk_gb"])
    search = Search(
        gpu_names=(given["gpu_name"],),
        num_gpus=1,
        disk_gb=float(disk),
        hours=float(hours),
        limit=_facts.OFFERS,
    )
    seen = await _facts.offers(session, search)
    held = await _facts.instances(session)
    money = await _facts.money(session)
    facts: dict[str, Json] = {"money": money, "offers": seen.fact, "instances": held}
    create = call(
        "create_instance",
        *seen.unknown,
        offer_id=seen.offer_id,
        disk_gb=disk,
        label="dev-box",
        lease_hours=hours,
        on_end="stop",
        idle_stop_minutes=number(given["idle_minutes"]),
    )
    start = call("start_instance", "instance_id", lease_hours=hours)
    task = steps(
        f"Get me a development machine with one {given['gpu_name']} for {hours} h.",
        f"We have a stopped machine: ask me first whether to start it instead ({start})."
        if any(_could_start(machine) for machine in held)
        else "",
        _facts.hurdle(money, seen),
        f"Rent the best offer: {create}. It stops by itself when the lease ends, or once its GPU"
        " has been idle that long; its disk stays.",
        f"{call('wait_for_instance', 'instance_id', until='ssh')} up to three times.",
        f"{call('show_instances', 'instance_id')}: give me its `ssh` command, and its `ssh_config`"
        " lines for my editor.",
        "Say in two lines what it costs per hour, what its disk costs per day once stopped, and"
        " when the lease ends. Do nothing on it until I ask.",
    )
    return Told("vast://instances", facts, task)


def _could_start(row: Json) -> bool:
    return isinstance(row, dict) and row.get("state") == "stopped" and row.get("made_by") == "us"


async def _serve_model(session: Session, given: Mapping[str, str]) -> Told:
    weights, hours = float(given["weights_gb"]), number(given["hours"])
    template = given["template_hash"]
    disk = max(50, math.ceil(_IMAGE_GB + 1.5 * weights))
    search = Search(
        gpu_names=(given["gpu_name"],) if given["gpu_name"] else (),
        num_gpus=1,
        min_gpu_ram_gb=weights * _ROOM,
        disk_gb=float(disk),
        template_hash=template or None,
        image=None if template else _IMAGE,
        hours=float(hours),
        download_gb=_IMAGE_GB + weights,
        query="" if given["gpu_name"] else _facts.MODERN,
        limit=_facts.OFFERS,
    )
    seen = await _facts.offers(session, search)
    money = await _facts.money(session)
    facts: dict[str, Json] = {"money": money, "offers": seen.fact}
    create = call(
        "create_instance",
        *seen.unknown,
        offer_id=seen.offer_id,
        image="" if template else _IMAGE,
        template_hash=template,
        disk_gb=disk,
        label="serve-model",
        lease_hours=hours,
        on_end="destroy",
        secrets=["VLLM_API_KEY=generate"],
        onstart="" if template else _start(given["model"]),
    )
    return Told("vast://instances", facts, _serving(given, _facts.hurdle(money, seen), create))


def _serving(given: Mapping[str, str], hurdle: str, create: str) -> str:
    template = given["template_hash"]
    log = call("run_command", "instance_id", command=f"tail -n 30 {_LOG}")
    return steps(
        f"Serve {given['model']} on a rented GPU for {given['hours']} h, for me alone.",
        hurdle,
        "The template starts its own server: if it takes the model's name from a variable, pass"
        " that in `env`; ask me if you do not know which."
        if template
        else "",
        f"Rent: {create}. A key is generated for the server; `warnings` names the command that"
        " shows it to me: tell me that command, never read or print the key. A gated model needs"
        " HF_TOKEN in `secrets` too, which I set once with `vast-mcp secrets set HF_TOKEN`.",
        f"{call('wait_for_instance', 'instance_id', until='http', port=_PORT)} up to three times;"
        f" loading the weights takes minutes.{'' if template else f' When it is slow: {log}.'}",
        f"{call('forward_port', 'instance_id', port=_PORT)}: give me that address with /v1"
        " appended, the model's name, and where the key is.",
        "Say what it costs per hour and when the lease ends. When I am done:"
        f" {call('destroy_instance', 'instance_id')}; the weights can be downloaded again.",
    )


def _start(model: str) -> str:
    """On loopback only: `forward_port` is the one way in."""
    serve = f"vllm serve {shlex.quote(model)} --host 127.0.0.1 --port {_PORT}"
    return f"nohup {serve} > {_LOG} 2>&1 &"


_GPU = PromptField("gpu_name", "which GPU", default="RTX 4090")
_HOURS = PromptField("hours", "length of the lease", default="4", above=0, most=8760)
PROMPTS = (
    PromptSpec(
        "dev_box",
        "A development machine",
        "A GPU to log in to, which stops when idle.",
        _dev_box,
        (
            _GPU,
            _HOURS,
            PromptField("disk_gb", "its disk; it cannot grow", default="50", above=7, most=100_000),
            PromptField(
                "idle_minutes",
                "stop after this long idle",
                default="30",
                above=4,
                most=10_080,
                whole=True,
            ),
        ),
    ),
    PromptSpec(
        "serve_model",
        "Serve a model",
        "A model at an address on your own computer, with a key.",
        _serve_model,
        (
            PromptField("model", "such as Qwen/Qwen3-8B"),
            PromptField("weights_gb", "size of its weights", default="16", above=0, most=2000),
            PromptField("gpu_name", "such as RTX 4090; empty: any large enough", default=""),
            _HOURS,
            PromptField("template_hash", "instead of plain vLLM", default=""),
        ),
    ),
)
