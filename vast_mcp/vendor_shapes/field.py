"""The words in which the shape of a vendor's reply is written down."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeAlias


class Source(StrEnum):
    """How a field is known, strongest first."""

    RECORDED = "recorded"
    """In a reply that was recorded from the live service and published as test data."""
    PASTED = "pasted"
    """In a reply that somebody pasted from the live service."""
    EXAMPLE = "vendor example"
    """In an example reply of the vendor's own documents."""
    REPORTED = "reported"
    """Named by people who ran against the live service, without a whole reply."""
    DOCUMENTED = "documented"
    """In the vendor's documents or official client only: no reply shows it."""


class Type(StrEnum):
    """What a JSON value can be. A whole number is a NUMBER too; the reverse is not true."""

    TEXT = "text"
    NUMBER = "number"
    INTEGER = "whole number"
    FLAG = "true/false"
    LIST = "list"
    OBJECT = "object"
    MAP = "map"
    """An object whose names are data (ports, labels), so they are never shown."""
    NULL = "null"


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit and the least and greatest value that makes sense in it.

    The bounds are wide: they catch a change of unit (GB for MB, milliseconds for seconds), not an
    unusual value. With `or_zero` 0 fits below `low` as well, where 0 means "none".
    """

    name: str
    low: float
    high: float
    or_zero: bool = False

    def holds(self, value: float) -> bool:
        """Whether the value makes sense."""
        return self.low <= value <= self.high or (self.or_zero and value == 0)

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g} {self.name}".rstrip()


NO_UNIT = Unit("", float("-inf"), float("inf"))
ID = Unit("id", 1, 1e15)
ID_OR_NONE = Unit("id", 1, 1e15, or_zero=True)
COUNT = Unit("", 0, 1e9)
USD_PER_HOUR = Unit("USD/h", 0, 2_000)
USD = Unit("USD", -1e7, 1e7)
USD_PER_GB = Unit("USD/GB", 0, 2)
USD_PER_TB = Unit("USD/TB", 0, 2_048)
USD_PER_GB_MONTH = Unit("USD/GB/month", 0, 5)
SECONDS = Unit("s", 0, 4e9)
EPOCH_S = Unit("s since 1970", 1.2e9, 4.2e9)
EPOCH_S_OR_ZERO = Unit("s since 1970", 1.2e9, 4.2e9, or_zero=True)
EPOCH_MS = Unit("ms since 1970", 1.2e12, 4.2e12)
GPU_MB = Unit("MB", 512, 8_000_000)
RAM_MB = Unit("MB", 256, 64_000_000, or_zero=True)
GB = Unit("GB", 0, 4_000_000)
GB_OR_UNKNOWN = Unit("GB, -1 unknown", -1, 4_000_000)
MBIT = Unit("Mbit/s", 0, 1_000_000)
MB_PER_S = Unit("MB/s", 0, 1_000_000)
GB_PER_S = Unit("GB/s", 0, 100_000)
FRACTION = Unit("0 to 1", 0, 1)
PERCENT = Unit("%", 0, 100)
CELSIUS = Unit("degrees C", -40, 150)
PORT = Unit("port", 1, 65_535)
PORT_OR_NONE = Unit("port, -1 and 65535 none", -1, 65_535)


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a reply, or, without a name, a reply's root or a list's element.

    `always` says that every whole recorded reply of the kind has it. `used` says that vast-mcp
    decodes it, so that a difference there matters. `words` lists the values known so far where the
    field holds one of a few words. `fields` describe an object, `each` the elements of a list,
    `values` those of a map. `note` says why it stands here without a reply that shows it.
    """

    name: str
    types: tuple[Type, ...]
    source: Source = Source.RECORDED
    unit: Unit = NO_UNIT
    null: bool = False
    always: bool = True
    used: bool = False
    words: frozenset[str] = frozenset()
    fields: "tuple[Field, ...]" = ()
    each: "Field | None" = None
    values: "Field | None" = None
    note: str = ""

    @property
    def maybe(self) -> "Field":
        """The same, missing from some replies."""
        return replace(self, always=False)

    @property
    def or_null(self) -> "Field":
        """The same, null in some replies."""
        return replace(self, null=True)

    @property
    def read(self) -> "Field":
        """The same, decoded by vast-mcp."""
        return replace(self, used=True)

    def by(self, source: Source, note: str = "") -> "Field":
        """The same, known in another way."""
        return replace(self, source=source, note=note)

    def child(self, name: str) -> "Field | None":
        """The field of this name in an object."""
        return next((field for field in self.fields if field.name == name), None)


Fields: TypeAlias = tuple[Field, ...]


def text(name: str, *words: str) -> Field:
    """A text; one of `words` if any are given."""
    return Field(name, (Type.TEXT,), words=frozenset(words))


def number(name: str, unit: Unit = NO_UNIT) -> Field:
    """A number, whole or not: the vendor writes 0 and 0.0 for the same field."""
    return Field(name, (Type.NUMBER,), unit=unit)


def integer(name: str, unit: Unit = COUNT) -> Field:
    """A whole number."""
    return Field(name, (Type.INTEGER,), unit=unit)


def flag(name: str) -> Field:
    """True or false."""
    return Field(name, (Type.FLAG,))


def nothing(name: str) -> Field:
    """A field that was only ever null: its type is not known."""
    return Field(name, (), null=True)


def record(name: str, *fields: Field) -> Field:
    """An object with these fields."""
    return Field(name, (Type.OBJECT,), fields=fields)


def rows(name: str, *fields: Field) -> Field:
    """A list of objects with these fields; without any the list was only ever empty."""
    each = Field("", (Type.OBJECT,), fields=fields) if fields else None
    return Field(name, (Type.LIST,), each=each)


def listed(name: str, each: Field) -> Field:
    """A list of such values."""
    return Field(name, (Type.LIST,), each=each)


def mapping(name: str, values: Field) -> Field:
    """An object whose names are data, with such values."""
    return Field(name, (Type.MAP,), values=values)
