"""Walks over a file and yields every change that can be made in it."""

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from tests.mutation import expressions
from tests.mutation.change import Change, Kind, Places

_DROPPED = (ast.Raise, ast.AugAssign, ast.Delete)


class _Walk(ast.NodeVisitor):
    """Collects changes. Annotations, decorators, docstrings and f-strings are not entered."""

    def __init__(self, file: str, source: bytes) -> None:
        self._file = file
        self._places = Places(source)
        self._within: list[str] = []
        self._returns: ast.expr | None = None
        self._seen: Counter[str] = Counter()
        self.changes: list[Change] = []

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """Its body, under its name; protocols hold no behaviour."""
        if not any(isinstance(each, ast.Name) and each.id == "Protocol" for each in node.bases):
            self._enter(node.name, node.body)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        """Defaults and body, under its name."""
        self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        """Defaults and body, under its name."""
        self._function(node)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        outer, self._returns = self._returns, node.returns
        for default in (*node.args.defaults, *node.args.kw_defaults):
            if default is not None:
                self.visit(default)
        self._enter(node.name, node.body)
        self._returns = outer

    def _enter(self, name: str, body: list[ast.stmt]) -> None:
        self._within.append(name)
        for each in body:
            self.visit(each)
        self._within.pop()

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        """Its value only."""
        if node.value is not None and "TypeAlias" not in ast.unparse(node.annotation):
            self.visit(node.value)

    def visit_Expr(self, node: ast.Expr) -> None:
        """A call for its effect can be left out; a docstring cannot."""
        if isinstance(node.value, ast.Constant):
            return
        if isinstance(node.value, ast.Call | ast.Await):
            self._note("removed", node, "pass")
        self.generic_visit(node)

    def visit_If(self, node: ast.If) -> None:
        """What it guards is never done; else, what it decides is always done."""
        word = "True" if node.orelse else "False"
        if "TYPE_CHECKING" not in ast.unparse(node.test):
            self._note("removed", node.test, word)
        self.generic_visit(node)

    def visit_Return(self, node: ast.Return) -> None:
        """Another value of the same type."""
        if node.value is None:
            return
        other = self._other_value(node.value)
        if other and not _same(other, ast.unparse(node.value)):
            self._note("returned", node.value, other)
        self.generic_visit(node)

    def _other_value(self, value: ast.expr) -> str:
        """A value that the annotation allows; empty where none is known."""
        annotation = ast.unparse(self._returns) if self._returns else ""
        if annotation.endswith(("| None", "Optional")):
            return "None"
        if annotation == "bool" and not isinstance(value, ast.Constant):
            return f"not ({ast.unparse(value)})"
        known = {"str": "''", "bytes": "b''", "int": "0", "float": "0.0"}
        if annotation.startswith(("tuple[", "list[", "frozenset[", "dict[")):
            return f"{annotation.partition('[')[0]}()" if annotation.count(", ...") else ""
        return known.get(annotation, "")

    def visit_Assign(self, node: ast.Assign) -> None:
        """An attribute that is not set; for the rest, the value."""
        if isinstance(node.targets[0], ast.Attribute | ast.Subscript):
            self._note("removed", node, "pass")
        self.visit(node.value)

    def visit_Assert(self, node: ast.Assert) -> None:
        """It narrows a type: no behaviour hangs on it."""

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Wording; and before Python 3.12 the places inside are not told."""

    def generic_visit(self, node: ast.AST) -> None:
        """What this node offers, then what stands inside it."""
        if isinstance(node, _DROPPED):
            self._note("removed", node, "pass")
        if isinstance(node, ast.expr):
            for kind, new in expressions.offers(node):
                self._note(kind, node, ast.unparse(ast.fix_missing_locations(new)))
        super().generic_visit(node)

    def _note(self, kind: Kind, node: ast.expr | ast.stmt, new: str) -> None:
        start, end = self._places.span(node)
        wrapped = new if isinstance(node, ast.stmt) else f"({new})"
        change = Change(
            file=self._file,
            function=".".join(self._within),
            kind=kind,
            old=self._places.text(node),
            new=wrapped,
            start=start,
            end=end,
            first=node.lineno,
            last=node.end_lineno or node.lineno,
        )
        self._seen[change.key] += 1
        self.changes.append(replace(change, nth=self._seen[change.key]))


def _same(one: str, other: str) -> bool:
    """Whether both are one value, an empty tuple or list however it is written."""
    spelled = {"()": "tuple()", "[]": "list()", "{}": "dict()"}
    return one == spelled.get(other, other)


def changes(file: str, source: bytes) -> Iterator[Change]:
    """Every change of this file, in the order of the text."""
    walk = _Walk(file, source)
    walk.visit(ast.parse(source))
    yield from walk.changes
