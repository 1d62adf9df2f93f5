"""Layers of a policy: the first file may set anything, every later one may only tighten."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import PurePath
from types import MappingProxyType
from typing import Any

from vast_mcp.policy.keys import KEYS, Key, Tighter, Value, shown, value_of, with_value
from vast_mcp.policy.limits import BUILT_IN, Level, Limits
from vast_mcp.units import Usd


@dataclass(frozen=True, slots=True)
class Layer:
    """What one file or the environment states, checked but not yet in force."""

    origin: str
    values: Mapping[str, Value] = field(default_factory=dict)
    """By dotted key."""
    budgets: Mapping[str, Usd] = field(default_factory=dict)
    levels: Mapping[str, Level] = field(default_factory=dict)
    origins: Mapping[str, str] = field(default_factory=dict)
    """Where a key has a more exact place than the layer, such as its own variable."""

    def where(self, dotted: str) -> str:
        """The place this key was stated."""
        return self.origins.get(dotted, self.origin)


def built_in() -> Limits:
    """The defaults, each with its origin."""
    return replace(Limits(), origins=MappingProxyType({key.dotted: BUILT_IN for key in KEYS}))


def set_by(limits: Limits, layer: Layer) -> Limits:
    """The first layer over the defaults: each number may go up or down."""
    origins = dict(limits.origins)
    for key in KEYS:
        if key.dotted in layer.values:
            limits = with_value(limits, key, layer.values[key.dotted])
            origins[key.dotted] = layer.where(key.dotted)
    return _with_names(limits, layer, origins)


def tightened_by(limits: Limits, layer: Layer) -> Limits:
    """A later layer: the tighter value of each pair stays, and `origins` says whose it is."""
    origins = dict(limits.origins)
    for key in KEYS:
        if key.dotted not in layer.values:
            continue
        before, asked = value_of(limits, key), layer.values[key.dotted]
        after = tighter(key, before, asked)
        limits = with_value(limits, key, after)
        place = _whose(origins[key.dotted], layer.where(key.dotted), before, asked, after)
        origins[key.dotted] = place
    return _with_names(limits, layer, origins)


def tighter(key: Key, before: Value | None, asked: Value) -> Value:
    """The tighter of two values. Not set is looser than any."""
    if before is None:
        return asked
    pair: tuple[Any, Any] = (before, asked)
    match key.tighter:
        case Tighter.LEAST:
            result: Value = min(pair)
        case Tighter.MOST:
            result = max(pair)
        case Tighter.ON:
            result = any(pair)
        case Tighter.JOINED:
            result = tuple(dict.fromkeys([*pair[0], *pair[1]]))
        case Tighter.SHARED:
            result = _shared(key, *pair)
        case Tighter.NEITHER:
            result = asked
    return result


def _shared(key: Key, before: tuple[str, ...], asked: tuple[str, ...]) -> tuple[str, ...]:
    """Entries of either list that the other one covers; never more than both would admit."""
    covers = {"images": _pattern_covers, "roots": _folder_covers}.get(key.name, _same)
    both = [value for value in asked if any(covers(other, value) for other in before)]
    both += [entry for entry in before if any(covers(other, entry) for other in asked)]
    return tuple(dict.fromkeys(both))


def _same(one: str, other: str) -> bool:
    return one.replace("_", " ").casefold() == other.replace("_", " ").casefold()


def _pattern_covers(wide: str, narrow: str) -> bool:
    # A pattern read as plain text fits a wider one exactly when all it admits does, as long as
    # `*` is the only wildcard in the wide one and the narrow one has no character class.
    plain = not any(char in wide for char in "?[") and "[" not in narrow
    return wide == narrow or (plain and fnmatchcase(narrow, wide))


def _folder_covers(wide: str, narrow: str) -> bool:
    return PurePath(narrow).is_relative_to(PurePath(wide))


def _whose(old: str, new: str, before: Value | None, asked: Value, after: Value) -> str:
    if after == before:
        return old if asked == before else f"{old} ({new} asks {shown(asked)}: not tighter)"
    return new if after == asked else f"{old} and {new}"


def _with_names(limits: Limits, layer: Layer, origins: dict[str, str]) -> Limits:
    """Budgets and levels: a task keeps its least budget, an action its strictest level."""
    budgets, levels = dict(limits.budgets), dict(limits.levels)
    for task, cap in layer.budgets.items():
        _name(budgets, origins, f"budget.{task}", layer, min(cap, budgets.get(task, cap)))
    for action, level in layer.levels.items():
        strictest = max(level, levels.get(action, level), key=_rank)
        _name(levels, origins, f"levels.{action}", layer, strictest)
    return replace(
        limits,
        budgets=MappingProxyType(budgets),
        levels=MappingProxyType(levels),
        origins=MappingProxyType(origins),
    )


def _name(
    known: dict[str, Any], origins: dict[str, str], dotted: str, layer: Layer, value: Usd | Level
) -> None:
    name = dotted.partition(".")[2]
    if known.get(name) != value:
        known[name] = value
        origins[dotted] = layer.where(dotted)
    elif (layer.budgets.get(name) or layer.levels.get(name)) != value:
        origins[dotted] += f" ({layer.where(dotted)} asks less strictly: not tighter)"


def _rank(level: Level) -> int:
    return level.rank


def names_in_force(limits: Limits) -> Iterable[tuple[str, str]]:
    """Budgets and levels as rows: dotted key and value."""
    for task, cap in sorted(limits.budgets.items()):
        yield f"budget.{task}", str(cap)
    for action, level in sorted(limits.levels.items()):
        yield f"levels.{action}", str(level)
