"""The tools of declared operations: their signatures are the declarations' dataclasses.

No `from __future__ import annotations` here: the SDK reads the hints of these closures.
"""

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any

from pydantic import BaseModel

from vast_mcp.actions import DeclaredAct
from vast_mcp.guard.act import Act
from vast_mcp.operations._fields import Fields
from vast_mcp.operations.declaration import DeclaredRead, DeclaredWrite
from vast_mcp.operations.declared import DECLARED
from vast_mcp.tools._ask import Svc, asking
from vast_mcp.tools._spec import ToolSpec

ROWS_SHOWN = 50


class RowsAnswer(BaseModel):
    """A list; columns that are empty are left out."""

    rows: list[dict[str, Any]]
    more: int | None = None


def _read(declared: DeclaredRead[Any]) -> Callable[..., Any]:
    async def shown(session: Svc, **given: Any) -> RowsAnswer:  # noqa: ANN401  as declared
        arguments = declared.arguments(**given)
        reply = declared.route(arguments).reply
        assert reply is not None
        found = await session.account.reads.declared_rows(declared.call(arguments), reply)
        rows = [
            {
                name: value
                for name, value in dataclasses.asdict(row).items()
                if value not in ("", None)
            }
            for row in found[:ROWS_SHOWN]
        ]
        return RowsAnswer(rows=rows, more=len(found) - len(rows) or None)

    hidden = inspect.Parameter("session", inspect.Parameter.KEYWORD_ONLY, annotation=Svc)
    return _described(
        shown, declared.name, declared.says, [hidden, *_own(declared.fields)], RowsAnswer
    )


def _write(declared: DeclaredWrite[Any]) -> Callable[..., Any]:
    def act(**given: Any) -> Act:  # noqa: ANN401  as declared
        return DeclaredAct.of(declared, given)

    return asking(_described(act, declared.name, declared.says, _own(declared.fields), Act))


def _own(fields: Fields) -> list[inspect.Parameter]:
    kind = inspect.Parameter.KEYWORD_ONLY
    return [
        inspect.Parameter(
            argument.name,
            kind,
            annotation=argument.hint,
            default=inspect.Parameter.empty if argument.needed else argument.default,
        )
        for argument in fields.arguments
    ]


def _described(
    function: Callable[..., Any],
    name: str,
    says: str,
    parameters: list[inspect.Parameter],
    returns: Any,  # noqa: ANN401  a type
) -> Callable[..., Any]:
    function.__signature__ = inspect.Signature(parameters, return_annotation=returns)  # type: ignore[attr-defined]  # what inspect reads first
    function.__annotations__ = {
        parameter.name: parameter.annotation for parameter in parameters
    } | {"return": returns}
    function.__name__, function.__doc__ = name, says
    return function


def _spec(declared: DeclaredRead[Any] | DeclaredWrite[Any]) -> ToolSpec:
    title, toolset = declared.title, declared.toolset
    if isinstance(declared, DeclaredRead):
        return ToolSpec(_read(declared), title, toolset, reads=True, extra=True)
    destroys, repeatable = declared.destroys, declared.repeatable
    function = _write(declared)
    return ToolSpec(function, title, toolset, destroys=destroys, repeatable=repeatable, extra=True)


TOOLS = tuple(map(_spec, DECLARED))
