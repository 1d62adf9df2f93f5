"""A reply without anything that is somebody's: what `--record` writes.

What is kept is shape: names of known fields, types, prices, sizes and the few words that a field
can hold. Texts, ids, names and money of the account are replaced; a field that the table does not
know keeps its name and type alone.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

from vast_mcp.vendor_shapes import SHAPES, Field, ReplyKind, Type
from vast_mcp.vendor_shapes.field import ID, ID_OR_NONE, USD

KEPT_TEXTS = frozenset(
    {
        "gpu_name", "gpu_arch", "cpu_name", "disk_name", "mobo_name", "os_version",
        "driver_version", "geolocation", "image_runtype", "runtype", "error", "detail",
        "time_remaining",
    }
)  # fmt: skip
"""Texts that describe hardware or say what kind of answer it is."""
PLACEHOLDER = "PLACEHOLDER"


@dataclass
class Scrubber:
    """Replaces the same id by the same number in all replies of one run."""

    _ids: dict[int, int] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(40_000_001))

    def scrubbed(self, kind: ReplyKind, body: object) -> object:
        """The reply's body as it may be published."""
        return self._of(SHAPES[kind], body)

    def _of(self, shape: Field | None, value: object) -> object:
        if isinstance(value, dict):
            return self._object(shape, value)
        if isinstance(value, list):
            each = shape.each if shape else None
            return [self._of(each, inner) for inner in value]
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return self._text(shape, value)
        return self._number(shape, value)

    def _object(self, shape: Field | None, value: dict[str, object]) -> dict[str, object]:
        if shape is not None and shape.values is not None:
            return {
                f"{PLACEHOLDER}{number}": self._of(shape.values, inner)
                for number, inner in enumerate(value.values())
            }
        known = {name: shape.child(name) if shape else None for name in value}
        return {name: self._of(known[name], inner) for name, inner in value.items()}

    def _text(self, shape: Field | None, value: str) -> str:
        if shape is not None and (value in shape.words or shape.name in KEPT_TEXTS):
            return value
        return PLACEHOLDER if value.strip() else value

    def _number(self, shape: Field | None, value: object) -> object:
        if not isinstance(value, int | float) or value in {0, -1}:
            return value
        if shape is None or Type.NULL in shape.types or shape.unit == USD:
            return type(value)(1)
        if shape.unit in {ID, ID_OR_NONE} and isinstance(value, int):
            return self._ids.setdefault(value, next(self._numbers))
        return value
