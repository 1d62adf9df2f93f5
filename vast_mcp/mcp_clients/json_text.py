"""One member of a JSON text put in, changed or taken out; every other byte stays."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vast_mcp.mcp_clients.jsonc import Malformed, Member, Node, parse

_INDENT = re.compile(r"\n([ \t]+)\S")
_REST_OF_LINE = re.compile(r"[ \t]*(?:/\*[^\r\n]*?\*/[ \t]*)*(?://[^\r\n]*)?(?=\r?\n)")
"""From behind a member to the end of its line, where only space and comments stand."""


@dataclass(frozen=True, slots=True)
class _Style:
    """How this text is laid out."""

    unit: str
    newline: str

    @classmethod
    def of(cls, text: str) -> "_Style":
        indent = _INDENT.search(text)
        return cls(indent[1] if indent else "  ", "\r\n" if "\r\n" in text else "\n")

    def written(self, value: object, indent: str) -> str:
        """A value over several lines; lists of plain values stay on one."""
        if not isinstance(value, Mapping) or not value:
            return _flat(value)
        inner = indent + self.unit
        rows = [
            f"{inner}{json.dumps(key)}: {self.written(one, inner)}" for key, one in value.items()
        ]
        return f"{{{self.newline}{f',{self.newline}'.join(rows)}{self.newline}{indent}}}"


def put(text: str, path: Sequence[str], value: object) -> str:
    """The text with this value under this path; objects on the way are made.

    Raises:
        Malformed: it cannot be read, or something else than an object stands on the way.
    """
    style = _Style.of(text)
    root = parse(text)
    if root is None:
        space = text if not text.strip("\ufeff \t\r\n") else text.rstrip() + style.newline
        return f"{space.rstrip(' ')}{style.written(_nested(path, value), '')}{style.newline}"
    node = root
    for depth, key in enumerate(path):
        if node.members is None:
            raise _no_object(text, node, path[:depth])
        member = node.member(key)
        if member is None:
            return _added(text, node, key, _nested(path[depth + 1 :], value), style)
        node = member.node
    if node.value == value:
        return text
    flat = bool(node.members) and "\n" not in text[node.start : node.end]
    written = _flat(value) if flat else style.written(value, _indent_at(text, node.start))
    return text[: node.start] + written + text[node.end :]


def take(text: str, path: Sequence[str]) -> str:
    """The text without the member under this path; unchanged where there is none.

    Raises:
        Malformed: it cannot be read.
    """
    node = parse(text)
    for key in path[:-1]:
        member = node.member(key) if node else None
        node = member.node if member else None
    gone = node.member(path[-1]) if node else None
    return text if node is None or gone is None else _removed(text, node, gone)


def _flat(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _nested(path: Sequence[str], value: object) -> object:
    for key in reversed(path):
        value = {key: value}
    return value


def _no_object(text: str, node: Node, path: Sequence[str]) -> Malformed:
    where = ".".join(path) or "the document"
    line = text[: node.start].count("\n") + 1
    return Malformed(f"{where} should be an object", line)


def _added(text: str, node: Node, key: str, value: object, style: _Style) -> str:
    """Behind the last member, in the manner of the others."""
    base = _indent_at(text, node.start)
    if not node.members:
        inside = text[node.start + 1 : node.end - 1].rstrip()
        row = f"{base}{style.unit}{json.dumps(key)}: {style.written(value, base + style.unit)}"
        body = f"{inside}{style.newline}{row}{style.newline}{base}"
        return text[: node.start + 1] + body + text[node.end - 1 :]
    first, last = node.members[0], node.members[-1]
    trailing = "" if last.comma is None else ","
    head = text[: last.node.end] + ("," if last.comma is None else "")
    between = text[last.node.end : last.end]
    if "\n" not in text[node.start : first.start]:
        member = f" {json.dumps(key)}: {_flat(value)}{trailing}"
        return head + between + member + text[last.end :]
    indent = _indent_at(text, last.start)
    row = f"{style.newline}{indent}{json.dumps(key)}: {style.written(value, indent)}{trailing}"
    rest = _REST_OF_LINE.match(text, last.end)
    end = rest.end() if rest and rest.end() < node.end else last.end
    return head + between + text[last.end : end] + row + text[end:]


def _removed(text: str, node: Node, gone: Member) -> str:
    """Without its lines; where it was the last, the comma before it goes too."""
    members = node.members or ()
    at = members.index(gone)
    before = text[: gone.start].rstrip(" \t")
    starts_line = before.endswith("\n")
    start = len(before.rstrip("\r\n")) if starts_line else len(before)
    end = gone.end
    if starts_line and (rest := _REST_OF_LINE.match(text, end)) and rest.end() < node.end:
        end = rest.end()
    head = text[:start]
    if at == len(members) - 1 and at > 0 and gone.comma is None:
        comma = members[at - 1].comma
        assert comma is not None
        head = text[:comma] + text[comma + 1 : start]
    elif len(members) == 1 and not text[node.start + 1 : start].strip():
        tail = text[end : node.end - 1]
        if not tail.strip():
            return text[: node.start + 1] + text[node.end - 1 :]
    return head + text[end:]


def _indent_at(text: str, at: int) -> str:
    """The space with which the line of this place begins."""
    line = text[text.rfind("\n", 0, at) + 1 : at]
    return line[: len(line) - len(line.lstrip(" \t"))]


def value_at(text: str, path: Sequence[str]) -> Any:  # noqa: ANN401  whatever JSON holds
    """What stands under this path; None where nothing does.

    Raises:
        Malformed: it cannot be read.
    """
    node = parse(text)
    value = node.value if node else None
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value
