"""What a declaration may not say, and what the wall makes of what it says.

See docs/design.md#the-wall.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, Any

import pytest
from pydantic import Field

from vast_mcp.operations import Data, Json, JsonObject, Money, Operation
from vast_mcp.operations._fields import AtSending, OnWire
from vast_mcp.operations.declaration import (
    Adds,
    Column,
    ColumnKind,
    DeclaredRead,
    DeclaredWrite,
    Moves,
    Reply,
    Sets,
    VendorRoute,
    single,
)
from vast_mcp.operations.declared import DECLARED


@dataclass(frozen=True, slots=True)
class Wanted:
    """A machine, a text of at most four characters, and the name of a secret."""

    instance_id: Annotated[int, Field(ge=1)]
    text: Annotated[str, Field(max_length=4), OnWire("label")]
    secret: Annotated[str, OnWire("value", at_sending=AtSending.SECRET)] = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One column."""

    key_id: Annotated[int, Column(("id",), ColumnKind.ID)]


SHOWN = VendorRoute(Operation("list_things", "GET", "/api/v0/things/", "x"), reply=Reply(Row))
SET: Sets[Wanted, Row] = Sets(SHOWN, lambda _, rows: bool(rows))


def written(
    *,
    path: str = "/api/v0/things/{instance_id}/",
    **changes: Any,  # noqa: ANN401  any field
) -> DeclaredWrite[Wanted]:
    """A write that may be declared, with these changes."""
    effect = {name: changes.pop(name) for name in ("money", "data") if name in changes}
    operation = Operation("set_thing", "PUT", path, "x", **{"data": Data.CHANGES, **effect})
    fields: dict[str, Any] = {
        "name": "set_thing",
        "title": "Set a thing",
        "toolset": "x",
        "says": "Set it.",
        "doing": "Setting a thing",
        "arguments": Wanted,
        "example": Wanted(1, "a"),
        "routes": single(VendorRoute(operation, ("set thing",), fixed=(("client_id", "me"),))),
        "lost": SET,
        "level": "ask",
        "question": "Set {text} on {instance_id} ({target})?",
        "status": "set",
        "done": "It is set.",
    }
    return DeclaredWrite(**{**fields, **changes})


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"money": Money.SPENDS}, "spends"),
        ({"data": Data.NONE}, "changes nothing"),
        ({"question": ""}, "question"),
        ({"question": "Set {colour}?"}, "question"),
        ({"typed": "colour"}, "no argument"),
        ({"level": "allow", "data": Data.DESTROYS}, "destroys"),
        ({"level": "allow", "lost": Moves()}, "cannot be repeated"),
        ({"level": "allow", "lost": Adds(SHOWN, lambda row: row.key_id, lambda _, __: True)},
         "cannot be repeated"),
        ({"level": "allow", "lost": replace(SET, repeats=False)}, "cannot be repeated"),
        ({"path": "/api/v0/things/"}, "go nowhere"),
        ({"by": "text"}, "chosen by one argument"),
    ],
)  # fmt: skip
def test_what_may_not_be_declared_is_refused_when_it_is(changes: dict[str, Any], why: str) -> None:
    """A spending act, a silent write or an unasked loss cannot be declared by mistake."""
    with pytest.raises(ValueError, match=why):
        written(**changes)


def test_a_read_that_changes_or_shows_nothing_is_refused() -> None:
    """A declared read is what clients may call without asking."""
    operation = written().routes[""].operation

    def read(route: VendorRoute[Any]) -> object:
        return DeclaredRead("x", "X", "x", "X.", Wanted, Wanted(1, "a"), single(route))

    with pytest.raises(ValueError, match="columns"):
        read(VendorRoute(operation, reply=Reply(Row)))
    with pytest.raises(ValueError, match="columns"):
        read(VendorRoute(Operation("y", "GET", "/api/v0/things/{instance_id}/", "x")))


GOOD: JsonObject = {"client_id": "me", "label": "abcd"}


@pytest.mark.parametrize(
    ("change", "passes"),
    [
        ({}, True),
        ({"value": "found at sending"}, True),
        ({"label": "abcde"}, False),
        ({"label": 4}, False),
        ({"label": None}, False),
        ({"label": True}, False),
        ({"client_id": "you"}, False),
        ({"price": 1}, False),
        ({"instance_id": 1}, False),
    ],
)
def test_a_body_passes_only_with_declared_names_of_declared_types(
    change: dict[str, Json], *, passes: bool
) -> None:
    """The check is made from the field types; nobody writes it."""
    admits = written().routes[""].operation.admits
    assert admits is not None
    assert admits({**GOOD, **change}) is passes


@pytest.mark.parametrize("name", GOOD)
def test_a_body_without_a_needed_name_does_not_pass(name: str) -> None:
    """Half a request is another request."""
    admits = written().routes[""].operation.admits
    assert admits is not None
    assert not admits({key: value for key, value in GOOD.items() if key != name})


def test_a_request_holds_what_was_found_at_sending_in_the_place_of_the_name() -> None:
    """The arguments, and so the plan, hold the secret's name only."""
    declared = written()
    call = declared.call(Wanted(7, "ab", "TOKEN"), {"secret": "s3cret"})
    assert call.path == "/api/v0/things/7/"
    assert call.body == {"client_id": "me", "label": "ab", "value": "s3cret"}
    assert declared.fields.at_sending() == {"secret": AtSending.SECRET}


@pytest.mark.parametrize("declared", DECLARED, ids=lambda one: one.name)
def test_every_example_makes_a_request_that_its_own_wall_admits(declared: Any) -> None:  # noqa: ANN401
    """An example that could not be sent would show nobody how."""
    resolved = dict.fromkeys(declared.fields.at_sending(), "x" * 40)
    make: Callable[..., Any] = declared.call
    reads = isinstance(declared, DeclaredRead)
    call = make(declared.example) if reads else make(declared.example, resolved)
    assert call.operation.matches(call.operation.method, call.path)
    if not reads:
        assert call.operation.admits(call.body)
