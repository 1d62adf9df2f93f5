"""JSON with comments and trailing commas, read with the place of every value.

Editors write it, people comment it, so an entry is changed in the text itself (`json_text`), and
never by writing the whole document again.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

_TRIVIA = re.compile(r"(?:[ \t\r\n\ufeff]+|//[^\r\n]*|/\*.*?\*/)*", re.DOTALL)
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"')
_SCALAR = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null")
DEEPEST = 100


class Malformed(ValueError):
    """A text is not what it should be. `line` and `column` begin with 1."""

    def __init__(self, what: str, line: int, column: int = 0) -> None:
        place = f"line {line}, column {column}" if column else f"line {line}"
        super().__init__(f"{place}: {what}")
        self.line = line


@dataclass(frozen=True, slots=True)
class Node:
    """A value and the text it takes: `text[start:end]`. `members` is None unless an object."""

    start: int
    end: int
    value: Any
    members: tuple["Member", ...] | None = None

    def member(self, key: str) -> "Member | None":
        """The member of this name, if it is an object that has one."""
        return next((entry for entry in self.members or () if entry.key == key), None)


@dataclass(frozen=True, slots=True)
class Member:
    """A name and its value; `comma` is where its comma stands, None if it has none."""

    key: str
    start: int
    node: Node
    comma: int | None = None

    @property
    def end(self) -> int:
        """Behind its comma, or behind its value."""
        return self.node.end if self.comma is None else self.comma + 1


def parse(text: str) -> Node | None:
    """The document; None where there is nothing but space and comments.

    Raises:
        Malformed: it is not JSON with comments, or an object has a name twice.
    """
    reader = _Reader(text)
    at = reader.skip(0)
    if at == len(text):
        return None
    node = reader.value(at, DEEPEST)
    at = reader.skip(node.end)
    if at != len(text):
        raise reader.fault(at, "the document has ended, and something follows")
    return node


class _Reader:
    """One pass over a text."""

    def __init__(self, text: str) -> None:
        self._text = text

    def fault(self, at: int, what: str) -> Malformed:
        """What is wrong, and where."""
        before = self._text[:at]
        return Malformed(what, before.count("\n") + 1, at - before.rfind("\n"))

    def skip(self, at: int) -> int:
        """Behind space and comments."""
        found = _TRIVIA.match(self._text, at)
        end = found.end() if found else at
        if self._text.startswith("/*", end):
            raise self.fault(end, "a comment that never ends")
        return end

    def value(self, at: int, depth: int) -> Node:
        """The value that begins here."""
        if depth == 0:
            raise self.fault(at, f"nested deeper than {DEEPEST}")
        match self._text[at : at + 1]:
            case "{":
                return self._object(at, depth)
            case "[":
                return self._array(at, depth)
            case '"':
                return self._string(at)
            case "":
                raise self.fault(at, "the text ends where a value should stand")
        found = _SCALAR.match(self._text, at)
        if found is None:
            raise self.fault(at, "no value begins like this")
        return Node(at, found.end(), json.loads(found.group()))

    def _string(self, at: int) -> Node:
        found = _STRING.match(self._text, at)
        if found is None:
            raise self.fault(at, "a string that never ends")
        try:
            return Node(at, found.end(), json.loads(found.group()))
        except ValueError:
            raise self.fault(at, "a string with an unknown escape") from None

    def _object(self, at: int, depth: int) -> Node:
        members: list[Member] = []
        seen: set[str] = set()
        spot = self.skip(at + 1)
        while self._text[spot : spot + 1] != "}":
            if self._text[spot : spot + 1] != '"':
                raise self.fault(spot, "a name in quotes or a closing brace should stand here")
            name = self._string(spot)
            if name.value in seen:
                raise self.fault(spot, f"the name {name.value!r} stands twice in one object")
            seen.add(name.value)
            colon = self.skip(name.end)
            if self._text[colon : colon + 1] != ":":
                raise self.fault(colon, "a colon is missing")
            node = self.value(self.skip(colon + 1), depth - 1)
            spot, comma = self._after(node.end, "}")
            members.append(Member(name.value, name.start, node, comma))
        value = {member.key: member.node.value for member in members}
        return Node(at, spot + 1, value, tuple(members))

    def _array(self, at: int, depth: int) -> Node:
        values: list[Any] = []
        spot = self.skip(at + 1)
        while self._text[spot : spot + 1] != "]":
            node = self.value(spot, depth - 1)
            values.append(node.value)
            spot, _ = self._after(node.end, "]")
        return Node(at, spot + 1, values)

    def _after(self, end: int, closing: str) -> tuple[int, int | None]:
        """Where the next thing begins, and where the comma before it stands."""
        spot = self.skip(end)
        if self._text[spot : spot + 1] == ",":
            return self.skip(spot + 1), spot
        if self._text[spot : spot + 1] != closing:
            raise self.fault(spot, f"a comma or {closing!r} should stand here")
        return spot, None
