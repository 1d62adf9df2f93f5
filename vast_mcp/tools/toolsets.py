"""Which tools are offered: a choice made once at start-up, since the list never changes later."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from vast_mcp.errors import ConfigInvalid
from vast_mcp.text import clean_line
from vast_mcp.tools._spec import ToolSpec
from vast_mcp.tools.vendor_commands import VendorCommand, command_meant, plain

DEFAULT = "default"
ALL = "all"
ALWAYS = "guard"
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


@dataclass(frozen=True, slots=True)
class ServedTools:
    """The tools that are served, and why the others are not."""

    served: tuple[ToolSpec, ...]
    known: tuple[ToolSpec, ...]
    selection: str
    read_only: bool

    def absence(self, name: str) -> str:
        """What to say to a call of a tool that is not served."""
        for spec in self.known:
            if spec.name == name:
                return self._not_offered(spec)
        said = f"There is no tool {clean_line(name, 60)!r}; nothing was done."
        command = command_meant(name)
        if command is not None and not command.tool:
            return f"{said} {_elsewhere(command)}"
        near = command.tool if command is not None else self._nearest(name)
        for spec in self.known:
            if spec.name == near and spec not in self.served:
                return f"There is no tool {clean_line(name, 60)!r}. {self._not_offered(spec)}"
        return f"{said} Did you mean {near}?" if near else said

    def unloaded(self) -> tuple[str, ...]:
        """Tools that another selection would serve; those that read-only takes away are none."""
        served = set(self.served)
        return tuple(
            spec.name
            for spec in self.known
            if spec not in served and (spec.reads or not self.read_only)
        )

    def _nearest(self, name: str) -> str:
        """The tool that was meant; one that changes anything only where act and thing were named.

        Likeness of letters alone leads to what only reads.
        """
        verb, _, noun = plain(name).partition("_")
        own_verb, own_noun = _OTHER_VERBS.get(verb, verb), _OTHER_NOUNS.get(noun, noun)
        if own_verb == "search" and own_noun == "instance":
            own_noun = "offer"
        for spec in self.known:
            act, _, thing = plain(spec.name).partition("_")
            if act in {verb, own_verb} and _alike(thing, own_noun) >= _SAME_NOUN:
                return spec.name
        likeness, nearest = max(
            (_alike(asked, spec.name), spec.name)
            for asked in (f"{own_verb}_{own_noun}", f"{own_verb}_{noun}", name)
            for spec in self.served
            if spec.reads and (verb == "wait" or not spec.name.startswith("wait"))
        )
        return nearest if likeness >= _ALIKE else ""

    def _not_offered(self, spec: ToolSpec) -> str:
        if self.read_only and not spec.reads:
            return (
                f"{spec.name} is not offered: this server was started read-only (--read-only or"
                " VAST_MCP_READ_ONLY). Nothing was done. Only the person can restart it without."
            )
        return (
            f"{spec.name} is not offered by this server's --toolsets ({self.selection}). Nothing"
            f" was done. Only the person can restart it with --toolsets"
            f" {self.selection},{spec.toolset} (or all)."
        )


def _alike(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one, other).ratio()


def _elsewhere(command: VendorCommand) -> str:
    """Where a person finds what this server does not do."""
    rented = " What is rented here is in show_instances." if command.hosts else ""
    return (
        f"No tool of this server does Vast.ai's `{command.name}`: the person can, on"
        f" https://cloud.vast.ai or with `vastai {command.name}`, outside of these limits.{rented}"
    )


def choose(
    known: Sequence[ToolSpec], selection: str = DEFAULT, *, read_only: bool = False
) -> ServedTools:
    """The tools of a selection: `default`, `all`, or names of sets, separated by commas.

    A set's name gives the whole set with its extras; `guard` is always there.

    Raises:
        ConfigInvalid: a name in it is unknown; the message names the nearest.
    """
    names = [name.strip().lower() for name in selection.split(",") if name.strip()] or [DEFAULT]
    sets = list(dict.fromkeys(spec.toolset for spec in known))
    for name in names:
        if name not in (DEFAULT, ALL, *sets):
            raise ConfigInvalid(_unknown(name, sets))
    served = tuple(spec for spec in known if _wanted(spec, names) and (spec.reads or not read_only))
    return ServedTools(served, tuple(known), ",".join(names), read_only)


def _wanted(spec: ToolSpec, names: Sequence[str]) -> bool:
    if ALL in names or spec.toolset in names:
        return True
    return not spec.extra and (spec.toolset == ALWAYS or DEFAULT in names)


def _unknown(name: str, sets: Sequence[str]) -> str:
    choices = [DEFAULT, ALL, *sets]
    near = difflib.get_close_matches(name, choices, n=1, cutoff=0.4)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return (
        f"--toolsets: there is no set {clean_line(name, 40)!r}.{hint} Known: {', '.join(choices)}."
    )
