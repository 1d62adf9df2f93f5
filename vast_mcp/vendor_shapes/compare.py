"""A reply against its shape. Pure; findings hold no value of the reply, only names and types."""

import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from vast_mcp.vendor_shapes.field import Field, Type
from vast_mcp.vendor_shapes.kinds import SHAPES, ReplyKind

_DEEPEST = 12
_SHOWABLE = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")
"""Names and words that can stand in a report; all others could be somebody's data."""


class Problem(StrEnum):
    """In which way a reply differs."""

    MISSING = "missing"
    NEW_FIELD = "new field"
    WRONG_TYPE = "wrong type"
    OUT_OF_RANGE = "out of range"
    NEW_WORD = "new word"


@dataclass(frozen=True, slots=True)
class ShapeDifference:
    """One difference, counted over all rows of the reply.

    `path` names the field (`offers[].gpu_ram`), `says` what was found without repeating a value,
    `matters` whether vast-mcp decodes that field and the difference could change what it does.
    """

    path: str
    problem: Problem
    says: str
    matters: bool
    times: int = 1

    def __str__(self) -> str:
        times = f" ({self.times} times)" if self.times > 1 else ""
        return f"{self.path or 'the reply'}: {self.problem}, {self.says}{times}"


def compare(kind: ReplyKind, reply: object) -> tuple[ShapeDifference, ...]:
    """Every difference between a reply's body and what is known of its kind, in reading order.

    An empty tuple means that it fits. A null list, a row that is no object and the like are wrong
    types; nothing raises.
    """
    counted = Counter(_differences(SHAPES[kind], reply, "", _DEEPEST))
    return tuple(
        ShapeDifference(found.path, found.problem, found.says, found.matters, times)
        for found, times in counted.items()
    )


def all_fields(shape: Field, path: str = "") -> Iterator[tuple[str, Field]]:
    """Every field of a shape with its path."""
    for field in shape.fields:
        below = f"{path}.{field.name}".lstrip(".")
        yield below, field
        yield from all_fields(field, below)
    if shape.each is not None:
        yield from all_fields(shape.each, f"{path}[]")
    if shape.values is not None:
        yield from all_fields(shape.values, f"{path}.*".lstrip("."))


def fields_of(value: object, shape: Field, path: str = "") -> Iterator[str]:
    """The path of every field of a reply that its shape describes, rows merged."""
    if isinstance(value, dict):
        for name, inner in value.items():
            known = shape.values or shape.child(name)
            if known is not None:
                below = f"{path}.{'*' if shape.values else name}".lstrip(".")
                yield below
                yield from fields_of(inner, known, below)
    elif isinstance(value, list) and shape.each is not None:
        for inner in value:
            yield from fields_of(inner, shape.each, f"{path}[]")


def _differences(shape: Field, value: object, path: str, depth: int) -> Iterator[ShapeDifference]:
    if value is None:
        if not shape.null:
            yield ShapeDifference(path, Problem.WRONG_TYPE, "null, never seen so", shape.used)
        return
    if not shape.types:  # only ever null so far: whatever it is now, it is news
        says = f"{_type_of(value)}, only ever seen null"
        yield ShapeDifference(path, Problem.WRONG_TYPE, says, shape.used)
        return
    if not any(_is(value, kind) for kind in shape.types):
        says = f"{_type_of(value)} instead of {' or '.join(shape.types)}"
        yield ShapeDifference(path, Problem.WRONG_TYPE, says, shape.used)
    elif isinstance(value, dict):
        yield from _of_object(shape, value, path, depth)
    elif isinstance(value, list):
        yield from _of_list(shape, value, path, depth)
    else:
        yield from _of_value(shape, value, path)


def _of_object(
    shape: Field, value: dict[str, object], path: str, depth: int
) -> Iterator[ShapeDifference]:
    if Type.MAP in shape.types:
        if shape.values is not None and depth > 0:
            for inner in value.values():
                yield from _differences(shape.values, inner, f"{path}.*", depth - 1)
        return
    for name, inner in value.items():
        known = shape.child(name)
        shown = name if _SHOWABLE.fullmatch(name) else "(a name that is not shown)"
        below = f"{path}.{shown}".lstrip(".")
        if known is None:
            yield ShapeDifference(below, Problem.NEW_FIELD, _type_of(inner), matters=False)
        elif depth > 0:
            yield from _differences(known, inner, below, depth - 1)
    for field in shape.fields:
        if field.always and field.name not in value:
            below = f"{path}.{field.name}".lstrip(".")
            yield ShapeDifference(below, Problem.MISSING, "always there so far", field.used)


def _of_list(shape: Field, value: list[object], path: str, depth: int) -> Iterator[ShapeDifference]:
    if shape.each is None or depth <= 0:
        return
    for inner in value:
        yield from _differences(shape.each, inner, f"{path}[]", depth - 1)


def _of_value(shape: Field, value: object, path: str) -> Iterator[ShapeDifference]:
    if isinstance(value, str) and shape.words and value not in shape.words:
        word = f'"{value}"' if _SHOWABLE.fullmatch(value) else "a text that is not shown"
        yield ShapeDifference(path, Problem.NEW_WORD, word, shape.used)
    elif _is(value, Type.NUMBER) and isinstance(value, int | float) and not shape.unit.holds(value):
        says = f"about {_magnitude(value)} instead of {shape.unit}"
        yield ShapeDifference(path, Problem.OUT_OF_RANGE, says, shape.used)


def _magnitude(value: float) -> str:
    """The power of ten alone: enough to see a unit, too little to be anybody's data."""
    if value == 0 or not math.isfinite(value):
        return str(value)
    return f"{'-' if value < 0 else ''}10^{math.floor(math.log10(abs(value)))}"


def _is(value: object, kind: Type) -> bool:
    if kind is Type.NUMBER:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind is Type.MAP:
        return isinstance(value, dict)
    return _type_of(value) == kind


def _type_of(value: object) -> Type:
    if value is None:
        return Type.NULL
    if isinstance(value, bool):
        return Type.FLAG
    if isinstance(value, int):
        return Type.INTEGER
    if isinstance(value, float):
        return Type.NUMBER
    if isinstance(value, str):
        return Type.TEXT
    return Type.LIST if isinstance(value, list) else Type.OBJECT
