"""Which tools are offered: a choice made once at start-up, since the list never changes later."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from vast_mcp.errors import ConfigInvalid
from vast_mcp.text import clean_line

DEFAULT = "default"
ALL = "all"
ALWAYS = "guard"


class Choosable(Protocol):
    """What the choice must know of a tool; both a `ToolSpec` and a row of the listing do."""

    @property
    def name(self) -> str:
        """As it is called."""
        ...

    @property
    def toolset(self) -> str:
        """The set it belongs to."""
        ...

    @property
    def reads(self) -> bool:
        """Whether it changes nothing."""
        ...

    @property
    def extra(self) -> bool:
        """Whether it is served only where its set or all is named."""
        ...


_Tool = TypeVar("_Tool", bound=Choosable)
_Tool_co = TypeVar("_Tool_co", bound=Choosable, covariant=True)


@dataclass(frozen=True, slots=True)
class ServedTools(Generic[_Tool_co]):
    """The tools that are served, and all that there are; `absence.py` says why one is not."""

    served: tuple[_Tool_co, ...]
    known: tuple[_Tool_co, ...]
    selection: str
    read_only: bool

    def unloaded(self) -> tuple[str, ...]:
        """Tools that another selection would serve; those that read-only takes away are none."""
        served = set(self.served)
        return tuple(
            spec.name
            for spec in self.known
            if spec not in served and (spec.reads or not self.read_only)
        )


def choose(
    known: Sequence[_Tool], selection: str = DEFAULT, *, read_only: bool = False
) -> ServedTools[_Tool]:
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


def _wanted(spec: Choosable, names: Sequence[str]) -> bool:
    if ALL in names or spec.toolset in names:
        return True
    return not spec.extra and (spec.toolset == ALWAYS or DEFAULT in names)


def _unknown(name: str, sets: Sequence[str]) -> str:
    choices = [DEFAULT, ALL, *sets]
    near = difflib.get_close_matches(name, choices, n=1, cutoff=0.4)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return f"--toolsets: unknown set {clean_line(name, 40)!r}.{hint} Known: {', '.join(choices)}."
