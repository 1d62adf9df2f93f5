"""What is said to a call of a tool that is not served: why, and what does it instead."""

import difflib

from vast_mcp.text import clean_line
from vast_mcp.tools.toolsets import Choosable, ServedTools
from vast_mcp.tools.vendor_commands import VendorCommand, command_meant, plain

_ALIKE = 0.6
_SAME_NOUN = 0.8
_OTHER_VERBS = {
    "rent": "create",
    "launch": "create",
    "delete": "destroy",
    "terminate": "destroy",
    "remove": "destroy",
    "list": "show",
    "get": "show",
    "describe": "show",
    "find": "search",
    "restart": "reboot",
    "resume": "start",
    "pause": "stop",
    "halt": "stop",
    "cancel": "stop",
    "rename": "label",
    "exec": "run",
    "execute": "run",
    "upload": "copy",
    "download": "copy",
}
"""What other servers call our acts."""
_OTHER_NOUNS = {
    **dict.fromkeys(
        ("machine", "server", "gpu", "vm", "pod", "box", "container", "node"), "instance"
    ),
    **dict.fromkeys(("balance", "credit"), "account"),
}
"""What other servers call what is rented, and who pays for it."""


def absence(offer: ServedTools[Choosable], name: str) -> str:
    """What to say to a call of a tool that is not served."""
    for spec in offer.known:
        if spec.name == name:
            return _not_offered(offer, spec)
    said = f"There is no tool {clean_line(name, 60)!r}; nothing was done."
    command = command_meant(name)
    if command is not None and not command.tool:
        return f"{said} {_elsewhere(command)}"
    near = command.tool if command is not None else _nearest(offer, name)
    for spec in offer.known:
        if spec.name == near and spec not in offer.served:
            return f"There is no tool {clean_line(name, 60)!r}. {_not_offered(offer, spec)}"
    return f"{said} Did you mean {near}?" if near else said


def _nearest(offer: ServedTools[Choosable], name: str) -> str:
    """The tool that was meant; one that changes anything only where act and thing were named.

    Likeness of letters alone leads to what only reads.
    """
    verb, _, noun = plain(name).partition("_")
    own_verb, own_noun = _OTHER_VERBS.get(verb, verb), _OTHER_NOUNS.get(noun, noun)
    if own_verb == "search" and own_noun == "instance":
        own_noun = "offer"
    for spec in offer.known:
        act, _, thing = plain(spec.name).partition("_")
        if act in {verb, own_verb} and _alike(thing, own_noun) >= _SAME_NOUN:
            return spec.name
    likeness, nearest = max(
        (_alike(asked, spec.name), spec.name)
        for asked in (f"{own_verb}_{own_noun}", f"{own_verb}_{noun}", name)
        for spec in offer.served
        if spec.reads and (verb == "wait" or not spec.name.startswith("wait"))
    )
    return nearest if likeness >= _ALIKE else ""


def _not_offered(offer: ServedTools[Choosable], spec: Choosable) -> str:
    if offer.read_only and not spec.reads:
        return (
            f"{spec.name} is not offered: this server was started read-only (--read-only or"
            " VAST_MCP_READ_ONLY). Nothing was done. Only the user can restart it without that."
        )
    return (
        f"{spec.name} is not offered by this server's --toolsets ({offer.selection}). Nothing was"
        f" done. Only the user can restart it with --toolsets {offer.selection},{spec.toolset}"
        " (or all)."
    )


def _alike(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one, other).ratio()


def _elsewhere(command: VendorCommand) -> str:
    """Where a person finds what this server does not do."""
    rented = " show_instances lists what is rented here." if command.hosts else ""
    return (
        f"This server has no tool for Vast.ai's `{command.name}`: the user can do it on"
        f" https://cloud.vast.ai or with `vastai {command.name}`, outside these limits.{rented}"
    )
