"""Draws mutants by a seed: evenly over the rooms, and in each evenly over the kinds of change.

The caps are drawn function by function as well. The same seed on the same tree gives the same
mutants in the same order; a longer draw begins with the shorter.
"""

import ast
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import cycle
from pathlib import Path
from random import Random  # noqa: TID251  seeded, so that a draw can be repeated
from typing import TypeAlias, TypeVar

from tests.mutation.change import Change
from tests.mutation.rooms import ROOMS, Room
from tests.mutation.statements import changes

T = TypeVar("T")
H = TypeVar("H", bound=Hashable)


Found: TypeAlias = Mapping[str, Sequence[Change]]
"""By file, every change that can be made in it."""


def candidates(root: Path) -> Found:
    """Every change that can be made in the rooms."""
    return {
        file: list(changes(file, (root / file).read_bytes()))
        for file in sorted({file for room in ROOMS for file in room.files(root)})
    }


def grouped(items: Iterable[T], by: Callable[[T], H]) -> dict[H, list[T]]:
    """The items by this property, in the order in which it first appears."""
    groups: dict[H, list[T]] = {}
    for each in items:
        groups.setdefault(by(each), []).append(each)
    return groups


def in_turns(groups: list[Iterator[T]]) -> Iterator[T]:
    """One of each group in turn until all are empty."""
    left = list(groups)
    for group in cycle(groups):
        if not left:
            return
        if group in left:
            try:
                yield next(group)
            except StopIteration:
                left.remove(group)


def _shuffled(items: Iterable[T], random: Random) -> list[T]:
    """The items in a random order."""
    mixed = list(items)
    random.shuffle(mixed)
    return mixed


def _of_room(root: Path, found: Found, room: Room, seed: int) -> Iterator[Change]:
    """The changes of one room, kind by kind in turn."""
    random = Random(f"{seed}/{room.name}")
    here = [change for file in room.files(root) for change in found[file]]

    def by_kind(some: list[Change]) -> Iterator[Change]:
        kinds = _shuffled(grouped(some, lambda each: each.kind).values(), random)
        return in_turns([iter(_shuffled(each, random)) for each in kinds])

    if not room.function_by_function:
        return by_kind(here)
    functions = _shuffled(grouped(here, lambda each: (each.file, each.function)).values(), random)
    return in_turns([by_kind(each) for each in functions])


def _named(root: Path, found: Found, room: Room, seed: int) -> Iterator[tuple[str, Change]]:
    """The changes of one room, each with the room's name."""
    for change in _of_room(root, found, room, seed):
        yield room.name, change


def _compiles(source: bytes) -> bool:
    try:
        ast.parse(source)
    except SyntaxError:
        return False
    return True


def drawn(root: Path, found: Found, seed: int, size: int) -> list[tuple[str, Change]]:
    """At most `size` mutants with the name of their room; none twice, though rooms overlap."""
    seen: set[str] = set()
    result: list[tuple[str, Change]] = []
    for name, change in in_turns([_named(root, found, room, seed) for room in ROOMS]):
        if len(result) == size:
            break
        if change.key not in seen and _compiles(change.applied((root / change.file).read_bytes())):
            seen.add(change.key)
            result.append((name, change))
    return result
