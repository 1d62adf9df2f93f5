"""What can be changed in one expression: the operators of the mutation run.

Each operator takes a node and yields `(kind, replacement)`. Wording is left alone: a changed
sentence is the business of the tests of wording, and would fill the draw with trifles.
"""

import ast
import re
from collections.abc import Iterator
from typing import Final, TypeAlias

from tests.mutation.change import Kind

Offer: TypeAlias = tuple[Kind, ast.expr]

_OPPOSITE: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.GtE,
    ast.GtE: ast.Lt,
    ast.Gt: ast.LtE,
    ast.LtE: ast.Gt,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_BOUNDARY: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
}
_ARITHMETIC: Final[dict[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult,
    ast.Mod: ast.FloorDiv,
}
_SWAPPED: Final = {
    "min": "max",
    "max": "min",
    "any": "all",
    "all": "any",
    "fullmatch": "match",
    "match": "search",
    "startswith": "endswith",
    "endswith": "startswith",
    "floor": "ceil",
    "ceil": "floor",
    "issubset": "issuperset",
    "union": "intersection",
}
_SQL: Final = re.compile(r"\s*(SELECT|UPDATE|DELETE|WHERE|INSERT|ORDER|AND|FROM)\b")
_SQL_CHANGES: Final[tuple[tuple[Kind, str, str], ...]] = (
    ("swap", " AND ", " OR "),
    ("swap", " DESC", " ASC"),
    ("comparison", " = ?", " != ?"),
    ("comparison", " IS NULL", " IS NOT NULL"),
    ("boundary", " >= ?", " > ?"),
    ("boundary", " < ?", " <= ?"),
)
"""The last of each in a statement: the conditions by which rows of other people stay away."""
_NO_NUMBERS = (ast.JoinedStr, ast.List, ast.Tuple, ast.Dict, ast.Set)


def offers(node: ast.expr) -> Iterator[Offer]:
    """Every change of this very node (not of what stands inside it)."""
    match node:
        case ast.Compare(ops=[operator]):
            yield from _comparisons(node, operator)
        case ast.BoolOp(op=operator, values=values):
            other = ast.Or() if isinstance(operator, ast.And) else ast.And()
            yield "swap", ast.BoolOp(op=other, values=values)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield "boolean", operand
        case ast.Constant(value=value):
            yield from _constants(value)
        case ast.BinOp(op=operator, left=left, right=right):
            if type(operator) in _ARITHMETIC and _is_number(left) and _is_number(right):
                new = _ARITHMETIC[type(operator)]()
                yield "arithmetic", ast.BinOp(left=left, op=new, right=right)
        case ast.IfExp(test=test, body=body, orelse=orelse):
            yield "boolean", ast.IfExp(test=test, body=orelse, orelse=body)
        case ast.Call():
            yield from _calls(node)
        case _:
            return


def _constants(value: object) -> Iterator[Offer]:
    """The other truth value, another number, a statement that finds other rows."""
    match value:
        case bool():
            yield "boolean", ast.Constant(value=not value)
        case int() | float():
            yield "constant", ast.Constant(value=_other(value))
        case str() if _SQL.match(value):
            for kind, old, new in _SQL_CHANGES:
                if old in value:
                    yield kind, ast.Constant(value=new.join(value.rsplit(old, 1)))
        case _:
            return


def _comparisons(node: ast.Compare, operator: ast.cmpop) -> Iterator[Offer]:
    """The opposite; the neighbouring boundary; another text to compare with."""
    if new := _OPPOSITE.get(type(operator)):
        yield "comparison", ast.Compare(node.left, [new()], node.comparators)
    if new := _BOUNDARY.get(type(operator)):
        yield "boundary", ast.Compare(node.left, [new()], node.comparators)
    match node.comparators:
        case [ast.Constant(value=str(text))] if text:
            other = ast.Constant(value=f"{text}~")
            yield "constant", ast.Compare(node.left, node.ops, [other])
        case [ast.Set(elts=[_, _, *_] as elements) | ast.Tuple(elts=[_, _, *_] as elements)]:
            fewer = ast.Tuple(elts=elements[:-1], ctx=ast.Load())
            yield "constant", ast.Compare(node.left, node.ops, [fewer])
        case _:
            return


def _calls(node: ast.Call) -> Iterator[Offer]:
    """Another function of the same form; a pattern without its end or its beginning."""
    name = _called(node)
    if name in _SWAPPED and (name not in {"union", "issubset"} or node.args):
        yield "swap", ast.Call(_renamed(node.func, _SWAPPED[name]), node.args, node.keywords)
    if name in {"compile", "fullmatch", "match", "search"} and node.args:
        match node.args[0]:
            case ast.Constant(value=str(pattern)) if _loosened(pattern) != pattern:
                loose = ast.Constant(value=_loosened(pattern))
                yield "constant", ast.Call(node.func, [loose, *node.args[1:]], node.keywords)
            case _:
                return


def _called(node: ast.Call) -> str:
    """The last name of what is called."""
    match node.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def _renamed(func: ast.expr, name: str) -> ast.expr:
    """The same function under another last name."""
    if isinstance(func, ast.Attribute):
        return ast.Attribute(value=func.value, attr=name, ctx=ast.Load())
    return ast.Name(id=name, ctx=ast.Load())


def _loosened(pattern: str) -> str:
    """The pattern without its end; without its beginning where it has no end."""
    for end in (r"\Z", "$", r"\b"):
        if pattern.endswith(end):
            return pattern.removesuffix(end)
    return pattern.removeprefix("^")


def _other(value: float) -> float:
    """Another number: near for small ones, far for large ones, where one more is no fault."""
    return value + 1 if abs(value) <= 10 else value * 2


def _is_number(node: ast.expr) -> bool:
    """Whether it may be one: texts and lists have a `+` as well."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, int | float)
    if isinstance(node, ast.BinOp):
        return _is_number(node.left) and _is_number(node.right)
    return not isinstance(node, _NO_NUMBERS)
