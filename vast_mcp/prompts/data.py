"""Prompts about data: from one place to another, and onto a larger disk."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from vast_mcp.errors import InputInvalid
from vast_mcp.instances.fleet import show_one
from vast_mcp.market.search import Search
from vast_mcp.models import Instance
from vast_mcp.operations import Json
from vast_mcp.prompts import _facts
from vast_mcp.prompts._prompt import PromptField, PromptSpec, Told
from vast_mcp.prompts._words import call, number, steps
from vast_mcp.remote.errors import PathRefused
from vast_mcp.remote.paths import remote_path
from vast_mcp.session import Session
from vast_mcp.text import clean_line
from vast_mcp.views.machine import detail_of, machine_detail

_PLACE = re.compile(r"(?:(local)|V\.([1-9]\d{0,14})|(?:C\.)?([1-9]\d{0,14})):(.+)")
_PLACES = "local:PATH, C.<instance_id>:PATH or V.<volume_id>:PATH"
_FOLDER = re.compile(r"(/[\w.@+-]+)+/?")
_LIST = "find . -type f -printf '%s %P\\n' | sort | sha256sum; find . -type f | wc -l"
"""Names and sizes of all files as one line to compare, and their number."""


async def _move_data(session: Session, given: Mapping[str, str]) -> Told:
    source = _place(given["source"], "source")
    target = _place(given["destination"], "destination")
    facts: dict[str, Json] = {
        "source": await _end(session, source, reads=True),
        "destination": await _end(session, target, reads=False),
    }
    copy = call("copy_files", source=given["source"], destination=given["destination"])
    start = call("start_instance", "instance_id")
    wait = call("wait_for_instance", "instance_id", until="ssh")
    home = "local" in {source.kind, target.kind}
    task = steps(
        f"Copy {given['source']} to {given['destination']}.",
        "If the facts say that the source or destination cannot be used, tell me and wait.",
        "To copy to or from this computer the machine must be running: if it is stopped, ask me"
        f" before {start}, with the price per hour; while it starts, {wait}."
        if home
        else "",
        f"{copy}. {_asks(source, target)}",
        "While its status is 'copying', the same call again, up to three times; then tell me how"
        " far it is and end the turn. The same call later resumes.",
        "At the end tell me how many files and bytes were copied, that all checksums match, and"
        " what was skipped and why."
        if home
        else "At the end say whether all checksums were compared; if not, compare what is"
        f" reachable with {call('run_command', 'instance_id', 'directory', command=_LIST)}.",
        "Nothing is deleted at the source. Say what still bills there, and change nothing else.",
    )
    numbers = [place.number for place in (source, target) if place.kind == "C"]
    return Told(f"vast://instances/{numbers[0]}" if numbers else "vast://jobs", facts, task)


@dataclass(frozen=True, slots=True)
class _Place:
    """One end of a copy, as far as a prompt needs to know; `copy_files` checks the rest."""

    kind: Literal["local", "C", "V"]
    number: int
    path: str


def _place(text: str, name: str) -> _Place:
    found = _PLACE.fullmatch(text)
    if found is None:
        raise InputInvalid(name, f"{clean_line(text, 60)!r} is not {_PLACES}")
    local, volume, machine, path = found.groups()
    if local:
        return _Place("local", 0, path)
    return _Place("V" if volume else "C", int(volume or machine), path)


async def _end(session: Session, one: _Place, *, reads: bool) -> Json:
    match one.kind:
        case "C":
            return await machine_detail(session.account, one.number)
        case "V":
            return {"volume_id": one.number}
        case _ if reads:
            return (await _facts.to_upload(session, [one.path]))[0]
        case _:
            return {"open_for_copies": await _facts.local_files(session)}


def _asks(source: _Place, target: _Place) -> str:
    if source.kind == "local":
        return (
            "It asks me once, with count and size: the host can read what is sent. Later uploads"
            " from that directory to that machine are not asked about again."
        )
    if target.kind == "local":
        return "A download is not asked about."
    return "It asks me once; existing files are overwritten, and the hosts may charge for traffic."


async def _resize_disk(session: Session, given: Mapping[str, str]) -> Told:
    old, disk = int(given["instance_id"]), number(given["disk_gb"])
    held = await show_one(session.account, old)
    has = held.instance.disk_gb
    if disk <= has:
        raise InputInvalid("disk_gb", f"instance {old} already has {has:g} GB")
    _check_folder(given["directory"])
    seen = await _facts.offers(
        session, _same_gpu(held.instance, float(disk), float(given["hours"]))
    )
    money = await _facts.money(session)
    facts: dict[str, Json] = {"money": money, "instance": detail_of(held), "offers": seen.fact}
    task = _moving(given, seen, _facts.hurdle(money, seen), f"from {has:g} GB to {disk} GB")
    return Told(f"vast://instances/{old}", facts, task)


def _check_folder(text: str) -> None:
    if not _FOLDER.fullmatch(text):
        raise InputInvalid("directory", "an absolute path, such as /workspace")
    try:
        remote_path(text, target=True)
    except PathRefused as error:
        raise InputInvalid("directory", error.message, hint=error.hint) from error


def _moving(given: Mapping[str, str], seen: _facts.MarketFact, hurdle: str, sizes: str) -> str:
    old, folder = int(given["instance_id"]), given["directory"].rstrip("/")
    create = call(
        "create_instance",
        *seen.unknown,
        "image",
        offer_id=seen.offer_id,
        disk_gb=number(given["disk_gb"]),
        lease_hours=number(given["hours"]),
        on_end="stop",
    )
    copy = call("copy_files", source=f"C.{old}:{folder}", destination=f"C.NEW_ID:{folder}")
    look = call("run_command", "instance_id", directory=folder, command=_LIST)
    return steps(
        f"Move instance {old} {sizes}. A disk cannot grow: this takes a second machine, a copy of"
        f" {folder}, and destroying the old one.",
        hurdle,
        "First tell me in four lines the price of the new machine, what both cost per hour"
        f" together, and that only {folder} moves (no settings or packages elsewhere); ask once"
        " whether to start.",
        f"{create}, with the old machine's image (`untrusted_image` in the facts).",
        f"{call('wait_for_instance', 'instance_id', until='ssh')} up to three times.",
        f"{copy}, with the new machine's id. It asks me once. While its status is 'copying', the"
        " same call again shows progress.",
        f"Its answer must say that all checksums match. If not: {look} on both; if that differs"
        " too, or cannot be read, keep both machines and tell me.",
        f"Only then {call('destroy_instance', instance_id=old)}, which I confirm with the last"
        " four digits. If I do not, say what the old disk costs per day.",
    )


def _same_gpu(machine: Instance, disk_gb: float, hours: float) -> Search:
    return Search(
        gpu_names=(machine.gpu_name,),
        num_gpus=machine.num_gpus,
        disk_gb=disk_gb,
        hours=hours,
        download_gb=machine.disk_used_gb or 10.0,
        limit=_facts.OFFERS,
    )


PROMPTS = (
    PromptSpec(
        "move_data",
        "Move data",
        "Copy files between this computer, machines and volumes.",
        _move_data,
        (
            PromptField("source", _PLACES, longest=4200),
            PromptField("destination", f"{_PLACES}; a trailing slash means into it", longest=4200),
        ),
    ),
    PromptSpec(
        "resize_disk",
        "Get a larger disk",
        "Move a machine's data to a new one with a larger disk.",
        _resize_disk,
        (
            PromptField(
                "instance_id", "the old machine", above=0, most=999_999_999_999, whole=True
            ),
            PromptField("disk_gb", "the new size", above=8, most=100_000),
            PromptField("directory", "what to take along", default="/workspace"),
            PromptField("hours", "lease of the new machine", default="4", above=0, most=8760),
        ),
    ),
)
