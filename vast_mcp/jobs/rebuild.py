"""How the act of a stored plan becomes an act again, those of jobs included."""

from typing import Any

from vast_mcp import actions as acts
from vast_mcp.actions.base import thaw
from vast_mcp.guard.act import Act
from vast_mcp.jobs.background import RunInBackground
from vast_mcp.jobs.run import RunJob
from vast_mcp.jobs.stop import StopJob, StopKindly, StopSeveral
from vast_mcp.operations import JsonObject

_KINDS = (RunJob, StopKindly, StopSeveral, StopJob)


def rebuild(tool: str, arguments: JsonObject) -> Act:
    """The act a stored plan was made for.

    Raises:
        InputInvalid: this version knows no such act.
    """
    if tool == RunInBackground.tool and arguments.get("background"):
        given = {name: one for name, one in arguments.items() if name != "background"}
        return RunInBackground(**_thawed(given))
    for kind in _KINDS:
        if kind.tool == tool:
            return kind(**_thawed(arguments))
    return acts.rebuild(tool, arguments)


def _thawed(arguments: JsonObject) -> dict[str, Any]:
    return {name: thaw(value) for name, value in arguments.items()}
