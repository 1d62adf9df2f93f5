"""The arguments of a declaration: their types, their place in the request, the check of a body."""

import dataclasses
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from string import Formatter
from typing import Any

from pydantic import TypeAdapter, ValidationError

from vast_mcp.operations._declare import Admit, Json, JsonObject

_NOTHING = dataclasses.MISSING


class AtSending(StrEnum):
    """How the value of an argument is found when the request is put together.

    `SECRET`: the argument is a name, and only the guard looks the value up. `LEASE_LABEL`: the
    user's text, with the lease mark kept behind it. `OWN_SSH_KEY`: this server's own public key
    where none was given.
    """

    SECRET = "secret"  # noqa: S105  a word, not a secret
    LEASE_LABEL = "lease_label"
    OWN_SSH_KEY = "own_ssh_key"


@dataclass(frozen=True, slots=True)
class OnWire:
    """The name of an argument in the body, or in the query; one named in the path needs none.

    `holds` is the type on the wire where it differs from the argument's.
    """

    name: str
    in_query: bool = False
    at_sending: AtSending | None = None
    holds: Any = None


@dataclass(frozen=True, slots=True)
class Argument:
    """One field of the dataclass."""

    name: str
    hint: Any
    """Its type with every annotation: what the tool's schema is made from."""
    default: Any
    wire: OnWire | None

    @property
    def needed(self) -> bool:
        """Whether a call must give it."""
        return self.default is _NOTHING

    @property
    def is_text(self) -> bool:
        """Whether it is a text that goes to the vendor as it was given."""
        secret = self.wire is not None and self.wire.at_sending is AtSending.SECRET
        return typing.get_args(self.hint)[:1] == (str,) and not secret


@dataclass(frozen=True, slots=True)
class Fields:
    """All arguments of one declaration."""

    arguments: tuple[Argument, ...]

    @property
    def names(self) -> frozenset[str]:
        """What they are called in the tool."""
        return frozenset(argument.name for argument in self.arguments)

    def at_sending(self) -> Mapping[str, AtSending]:
        """Those whose value is found when the request is put together."""
        wires = {
            argument.name: argument.wire for argument in self.arguments if argument.wire is not None
        }
        return {name: wire.at_sending for name, wire in wires.items() if wire.at_sending}

    def unplaced(self, path: str) -> frozenset[str]:
        """Those that are neither in the path nor named on the wire."""
        return frozenset(
            argument.name for argument in self.arguments if argument.wire is None
        ) - in_path(path)

    def placed(
        self, given: object, path: str, resolved: Mapping[str, Json] | None = None
    ) -> tuple[dict[str, int | str], JsonObject, dict[str, str]]:
        """The values by their place: path, body, query. What is None is left out."""
        inside: dict[str, int | str] = {}
        body: JsonObject = {}
        query: dict[str, str] = {}
        for argument in self.arguments:
            value = {**vars_of(given), **(resolved or {})}[argument.name]
            if argument.name in in_path(path):
                inside[argument.name] = value
            elif argument.wire is not None and value is not None:
                if argument.wire.in_query:
                    query[argument.wire.name] = str(value)
                else:
                    body[argument.wire.name] = value
        return inside, body, query

    def admits(self, path: str, fixed: tuple[tuple[str, str], ...]) -> Admit:
        """The check of a body on the wire: these names with values of these types, no other."""
        wired = [
            (argument, argument.wire)
            for argument in self.arguments
            if argument.wire and not argument.wire.in_query
        ]
        types = {
            wire.name: wire.holds or one.hint
            for one, wire in wired
            if one.name not in in_path(path)
        }
        needed = {wire.name for one, wire in wired if one.needed} | dict(fixed).keys()

        def admitted(body: JsonObject) -> bool:
            if not needed <= body.keys() <= types.keys() | dict(fixed).keys():
                return False
            if any(body[name] != value for name, value in fixed):
                return False
            return all(_fits(types[name], body[name]) for name in body.keys() & types.keys())

        return admitted


def _fits(hint: Any, value: Json) -> bool:  # noqa: ANN401  any annotated type
    try:
        _adapter(hint).validate_python(value, strict=True)
    except ValidationError:
        return False
    return True


@cache
def _adapter(hint: Any) -> "TypeAdapter[Any]":  # noqa: ANN401  any annotated type
    return TypeAdapter(hint)


def fields_of(arguments: type[Any]) -> Fields:
    """The arguments that a frozen dataclass names."""
    hints = typing.get_type_hints(arguments, include_extras=True)
    found = []
    for field in dataclasses.fields(arguments):
        hint = hints[field.name]
        marks = [part for part in getattr(hint, "__metadata__", ()) if isinstance(part, OnWire)]
        found.append(Argument(field.name, hint, field.default, marks[0] if marks else None))
    return Fields(tuple(found))


def in_path(path: str) -> frozenset[str]:
    """The names in a path's template."""
    return frozenset(part[1] for part in Formatter().parse(path) if part[1])


def vars_of(given: object) -> dict[str, Any]:
    """The values of a dataclass, by name and as they are."""
    return {field.name: getattr(given, field.name) for field in dataclasses.fields(given)}  # type: ignore[arg-type]  # every one is a dataclass
