"""Which tools are offered: a choice made once at start-up, since the list never changes later."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from vast_mcp.errors import ConfigInvalid
from vast_mcp.text import clean_line
from vast_mcp.tools._spec import ToolSpec

DEFAULT = "default"
ALL = "all"
ALWAYS = "guard"
_ALIKE = 0.6
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
    "exec": "run",
    "execute": "run",
    "upload": "copy",
    "download": "copy",
}
"""What other servers call our acts."""


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
        near = self._nearest(name)
        hint = f" Did you mean {near}?" if near else ""
        return f"There is no tool {clean_line(name, 60)!r}; nothing was done.{hint}"

    def unloaded(self) -> tuple[str, ...]:
        """Tools that another selection would serve; those that read-only takes away are none."""
        served = set(self.served)
        return tuple(
            spec.name
            for spec in self.known
            if spec not in served and (spec.reads or not self.read_only)
        )

    def _nearest(self, name: str) -> str:
        """The tool that was meant; one that changes anything only where the act was named."""
        verb, _, noun = name.partition("_")
        own_verb = _OTHER_VERBS.get(verb, verb)
        named = [
            spec.name
            for spec in self.served
            if spec.reads or spec.name.split("_")[0] in {verb, own_verb}
        ]
        likeness, nearest = max(
            (difflib.SequenceMatcher(None, asked, one).ratio(), one)
            for asked in (f"{own_verb}_{noun}", name)
            for one in named
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
