"""One change of one function, and the text of the file with it applied."""

import ast
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

Kind: TypeAlias = Literal[
    "comparison", "boundary", "boolean", "swap", "constant", "arithmetic", "removed", "returned"
]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)


@dataclass(frozen=True)
class Change:
    """`start` and `end` are byte offsets into the file; `first` and `last` its lines, from 1.

    `function` is the qualified name (`Class.method`), or the class, or empty at module level.
    """

    file: str
    function: str
    kind: Kind
    old: str
    new: str
    start: int
    end: int
    first: int
    last: int
    nth: int = 1
    """Which of those that read the same in its function."""

    @property
    def words(self) -> str:
        """What is changed, without its place: the same after code above it has moved."""
        said = f"{_short(self.old)} -> {_short(self.new)}"
        return said if self.nth == 1 else f"{said} #{self.nth}"

    @property
    def key(self) -> str:
        """Its name in results and in the list of equivalents."""
        return f"{self.file}::{self.function}::{self.words}"

    def applied(self, source: bytes) -> bytes:
        """The file with this change."""
        return source[: self.start] + self.new.encode() + source[self.end :]


def _short(text: str) -> str:
    """The text on a single line."""
    return " ".join(text.split())


class Places:
    """Byte offsets of the nodes of one file."""

    def __init__(self, source: bytes) -> None:
        self.source = source
        self._lines = [0]
        for line in source.splitlines(keepends=True):
            self._lines.append(self._lines[-1] + len(line))

    def span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        """Where its text begins and ends."""
        last, column = node.end_lineno, node.end_col_offset
        assert last is not None
        assert column is not None
        return self._lines[node.lineno - 1] + node.col_offset, self._lines[last - 1] + column

    def text(self, node: ast.expr | ast.stmt) -> str:
        """Its text as it stands."""
        start, end = self.span(node)
        return self.source[start:end].decode()
