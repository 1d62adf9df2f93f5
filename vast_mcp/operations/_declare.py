"""The words in which a vendor operation is declared, and the request that comes out of one."""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias
from urllib.parse import quote

from vast_mcp.errors import InputInvalid

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"
JsonObject: TypeAlias = dict[str, Json]


class Host(StrEnum):
    """Which of the vendor's two hosts answers."""

    CONSOLE = "console"
    SERVERLESS = "serverless"


class Money(StrEnum):
    """What a success does to the bill."""

    NONE = "none"
    SPENDS = "spends"
    SAVES = "saves"


class Data(StrEnum):
    """What a success does to data."""

    NONE = "none"
    CHANGES = "changes"
    DESTROYS = "destroys"


Admit: TypeAlias = Callable[[JsonObject], bool]


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing the vendor can do: its route, what it does to money and data, its toolset.

    `path` is a template; `also` names older spellings of the same route. `admits` looks at the
    body where one route carries both harmless and harmful requests. `interval_s` is the documented
    least time between two calls (docs/vendor-api.md#rate-limits).
    """

    name: str
    method: str
    path: str
    toolset: str
    money: Money = Money.NONE
    data: Data = Data.NONE
    host: Host = Host.CONSOLE
    also: tuple[str, ...] = ()
    admits: Admit | None = None
    interval_s: float = 0.0
    public: bool = False
    """True where the vendor wants no key: none is sent."""

    @property
    def reads(self) -> bool:
        """True when it changes neither money nor data; only these are ever repeated."""
        return self.money is Money.NONE and self.data is Data.NONE

    def call(
        self,
        body: JsonObject | None = None,
        query: Mapping[str, str] | None = None,
        **ids: int | str,
    ) -> "Call":
        """The request for these ids. Path values are quoted; a missing one is a KeyError."""
        quoted = {name: quote(str(value), safe="") for name, value in ids.items()}
        return Call(self, self.path.format_map(quoted), tuple((query or {}).items()), body)

    def matches(self, method: str, path: str) -> bool:
        """Whether a request on the wire is this operation; a trailing slash does not matter."""
        if method.upper() != self.method:
            return False
        return any(_pattern(form).fullmatch(path) for form in (self.path, *self.also))


@dataclass(frozen=True, slots=True)
class Call:
    """A request ready to be sent, not yet sent."""

    operation: Operation
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: JsonObject | None = field(default=None, hash=False)

    @property
    def digest(self) -> str:
        """What a permit is bound to: method, host, path, query and body, to the letter."""
        return digest_of(
            self.operation.method,
            self.operation.host,
            self.path,
            self.query,
            encode(self.body),
        )


def encode(body: JsonObject | None) -> bytes:
    """The body as it goes on the wire.

    Raises:
        InputInvalid: a text holds half a surrogate pair, or a number is not finite.
    """
    if body is None:
        return b""
    try:
        return json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
    except ValueError as broken:
        raise InputInvalid("request", "holds a text or number that cannot be sent") from broken


def in_query(value: Json) -> str:
    """A query value as the official client writes it: JSON with its default spaces.

    A text goes as it is (docs/vendor-api.md#transport).
    """
    return value if isinstance(value, str) else json.dumps(value, allow_nan=False)


def digest_of(
    method: str, host: Host, path: str, query: tuple[tuple[str, str], ...], body: bytes
) -> str:
    """SHA-256 over every part of a request that can change its effect."""
    parts = [method.upper(), host.value, path, json.dumps(query), body.decode(errors="replace")]
    return hashlib.sha256("\x00".join(parts).encode()).hexdigest()


def _pattern(template: str) -> re.Pattern[str]:
    # Ids are numbers: a word in their place is another route (`instances/reboot/`).
    stem = re.sub(r"\\\{\w+_id\\\}", "[0-9]+", re.escape(template.rstrip("/")))
    return re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", stem) + "/?")
