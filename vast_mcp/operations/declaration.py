"""What one declaration says of an operation, and what must hold for it before anything is built.

A declaration is data: its request, its typed arguments, its reply, what a person is asked, how a
lost answer is settled. The wall's check, the request, the policy's row, the guarded act, the
decoder and the tool follow from it; none of them is written by hand. What spends money is never
declared here: it needs an act that prices it.
"""

import dataclasses
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from string import Formatter
from typing import Annotated, Any, Generic, Literal, TypeAlias, TypeVar

from pydantic import Field

from vast_mcp.operations._declare import Call, Data, JsonObject, Money, Operation
from vast_mcp.operations._fields import Fields, fields_of, in_path, vars_of

A = TypeVar("A")
"""The dataclass of an operation's arguments."""
R = TypeVar("R")
"""The dataclass of one row of a reply."""

InstanceId = Annotated[int, Field(ge=1)]
LevelWord: TypeAlias = Literal["allow", "ask", "person"]


class ColumnKind(StrEnum):
    """How a column is read: strict where something is decided by it, cleaned where it is foreign.

    A public key has a comment, which names it, and a fingerprint. `GROUPS` are the names in
    `permissions`; what they allow in detail is dropped.
    """

    ID = "id"
    TEXT = "text"
    """Whole, to compare with what was sent; never shown."""
    LABEL = "label"
    TIME = "time"
    GROUPS = "groups"
    KEY_COMMENT = "key_comment"
    KEY_FINGERPRINT = "key_fingerprint"


@dataclass(frozen=True, slots=True)
class Column:
    """A field of a reply: the first of these names that is there. What no column names is lost."""

    names: tuple[str, ...]
    kind: ColumnKind


@dataclass(frozen=True, slots=True)
class Reply(Generic[R]):
    """The rows of a reply.

    `at` is the field that holds them, empty where the reply itself is the list. `form`: a list of
    objects, one object, a JSON text of a list, or an object whose names are the rows.
    """

    row: type[R]
    at: str = ""
    form: Literal["list", "object", "json_text", "names"] = "list"

    def columns(self) -> Mapping[str, Column]:
        """By the row's field, what is read into it."""
        hints = typing.get_type_hints(self.row, include_extras=True)
        return {
            name: next(part for part in hint.__metadata__ if isinstance(part, Column))
            for name, hint in hints.items()
        }


@dataclass(frozen=True, slots=True)
class Attempt(Generic[A]):
    """A request that was sent and what it said."""

    given: A
    body: JsonObject


@dataclass(frozen=True, slots=True)
class Sets(Generic[A, R]):
    """It names an end state, so a lost answer is settled by reading that state back.

    `repeats`: sending it again changes nothing more, so where the state is not seen it is sent
    again, a few times. Without, it is sent once.
    """

    shown: "VendorRoute[R]"
    seen: Callable[[Attempt[A], Sequence[R]], bool]
    repeats: bool = True


@dataclass(frozen=True, slots=True)
class Adds(Generic[A, R]):
    """It adds one row: ids are listed before it is sent, and a lost answer is settled by them.

    One new row that matches: done. None after three readings within a minute: not done. Anything
    else: unknown, and the same call is answered with that until a person closes the plan.
    """

    shown: "VendorRoute[R]"
    id_of: Callable[[R], int]
    matches: Callable[[Attempt[A], R], bool]


@dataclass(frozen=True, slots=True)
class Moves:
    """It moves something that no reading gives back: never sent again, only a person closes it."""


Settlement: TypeAlias = "Sets[Any, Any] | Adds[Any, Any] | Moves"


@dataclass(frozen=True, slots=True)
class VendorRoute(Generic[R]):
    """One request of the vendor, the commands of its own client that it does, and the reply."""

    operation: Operation
    cli: tuple[str, ...] = ()
    reply: Reply[R] | None = None
    fixed: tuple[tuple[str, str], ...] = ()
    """What its body always holds; of a GET, its query."""

    def reading(self, given: object) -> Call:
        """The request that shows it, for the ids among these arguments."""
        ids = {name: vars_of(given)[name] for name in in_path(self.operation.path)}
        return self.operation.call(None, dict(self.fixed), **ids)


class _Declared(Generic[A]):
    """What a read and a write share. `arguments` is a frozen dataclass; see `OnWire`."""

    name: str
    arguments: type[A]
    routes: Mapping[str, VendorRoute[Any]]
    by: str

    @cached_property
    def fields(self) -> Fields:
        """Its arguments, by the types of the dataclass."""
        return fields_of(self.arguments)

    def route(self, given: A) -> VendorRoute[Any]:
        """The one of its routes that these arguments choose."""
        return self.routes[str(getattr(given, self.by)) if self.by else ""]

    def operations(self) -> tuple[Operation, ...]:
        """What the wall must know of it."""
        return tuple(route.operation for route in self.routes.values())

    def _check(self) -> None:
        for route in self.routes.values():
            unplaced = self.fields.unplaced(route.operation.path) - {self.by}
            if unplaced:
                raise ValueError(f"{self.name}: {sorted(unplaced)} go nowhere in the request")
        if (self.by == "") != (tuple(self.routes) == ("",)):
            raise ValueError(f"{self.name}: several routes are chosen by one argument")


@dataclass(frozen=True)
class DeclaredRead(_Declared[A]):
    """A tool that shows rows and changes nothing. It may choose among routes by one argument."""

    name: str
    title: str
    toolset: str
    says: str
    """The tool's description."""
    arguments: type[A]
    example: A
    routes: Mapping[str, VendorRoute[Any]]
    by: str = ""

    def __post_init__(self) -> None:
        """Refuse a declaration that could do more than show.

        Raises:
            ValueError: an operation changes something, or a reply has no columns.
        """
        self._check()
        for route in self.routes.values():
            if not route.operation.reads or route.reply is None:
                raise ValueError(f"{self.name}: a read shows the columns of a reply")

    def call(self, given: A) -> Call:
        """The request for these arguments."""
        route = self.route(given)
        path, body, query = self.fields.placed(given, route.operation.path)
        fixed = dict(route.fixed)
        if route.operation.method == "GET":
            return route.operation.call(None, {**fixed, **query}, **path)
        return route.operation.call({**fixed, **body}, query, **path)


@dataclass(frozen=True)
class DeclaredWrite(_Declared[A]):
    """A tool that changes something: what it acts on, what is asked, what is said afterwards.

    In `question`, `done` and `next` stand the arguments by name, and `{target}` for the machine in
    words. `typed` names the argument that a person types instead of a plain yes.
    """

    name: str
    title: str
    toolset: str
    says: str
    """The tool's description."""
    doing: str
    """The act in words, for the start of a sentence."""
    arguments: type[A]
    example: A
    routes: Mapping[str, VendorRoute[Any]]
    lost: Settlement
    level: LevelWord
    question: str
    status: str
    """The status of the answer when it is done."""
    done: str
    next: str = ""
    by: str = ""
    typed: str = ""
    word: str = ""
    """The `[dangerous] allow` word it needs."""
    already: tuple[str, str] = ("", "")
    """Words of a refusal that mean the end state holds, and what is then said."""
    needs_ssh: bool = False
    """Refused on a machine that has no SSH."""
    needs_running: bool = False
    """Refused on a machine that does not run."""
    new_container: bool = False
    """The machine's container is replaced: its host key changes and its sessions end."""
    secret_reply: str = ""
    """The field of the reply that holds a secret: it goes to a private file, never to a model."""

    def __post_init__(self) -> None:
        """Derive the wall's body check and refuse what may not be declared.

        Raises:
            ValueError: it spends; it changes nothing; its question, level or effect do not fit.
        """
        self._check()
        fields = self.fields
        routes = {
            key: dataclasses.replace(
                route,
                operation=dataclasses.replace(
                    route.operation, admits=fields.admits(route.operation.path, route.fixed)
                ),
            )
            for key, route in self.routes.items()
        }
        object.__setattr__(self, "routes", routes)
        for route in routes.values():
            self._check_effect(route.operation)
        named = {part[1] for part in Formatter().parse(self.question) if part[1]}
        if not self.question or named - {*fields.names, "target"}:
            raise ValueError(f"{self.name}: a write has a question about its own arguments")
        if self.typed and self.typed not in fields.names:
            raise ValueError(f"{self.name}: there is no argument {self.typed!r} to type")

    def _check_effect(self, operation: Operation) -> None:
        if operation.money is Money.SPENDS:
            raise ValueError(f"{self.name} spends: it needs an act that prices it")
        if operation.reads:
            raise ValueError(f"{self.name} changes nothing: declare it as a read")
        if self.level == "allow" and not (isinstance(self.lost, Sets) and self.lost.repeats):
            raise ValueError(f"{self.name}: what cannot be repeated is asked about")
        if self.level == "allow" and operation.data is Data.DESTROYS:
            raise ValueError(f"{self.name} destroys something: it is asked about")
        if (self.new_container or self.needs_ssh or self.needs_running) and not self.aimed:
            raise ValueError(f"{self.name}: only a machine runs, has SSH and a container")

    @property
    def aimed(self) -> bool:
        """Whether it acts on a machine; without one it acts on the account."""
        return "instance_id" in self.fields.names

    @property
    def repeatable(self) -> bool:
        """Repeating it changes nothing more."""
        return isinstance(self.lost, Sets) and self.lost.repeats

    @property
    def destroys(self) -> bool:
        """Whether it takes something away: what a client may warn about."""
        found = self.operations()
        return any(
            operation.data is Data.DESTROYS or operation.method == "DELETE" for operation in found
        )

    def call(self, given: A, resolved: JsonObject) -> Call:
        """The request for these arguments; `resolved` holds those whose value is found only now."""
        route = self.route(given)
        path, body, query = self.fields.placed(given, route.operation.path, resolved)
        return route.operation.call({**dict(route.fixed), **body}, query, **path)


def single(route: VendorRoute[R]) -> Mapping[str, VendorRoute[R]]:
    """The routes of a declaration that has only this one."""
    return {"": route}
