"""How a tool is declared."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mcp_types import ToolAnnotations


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """One tool: its function, how clients may treat it, where it is offered.

    `reads` is what clients take as leave to skip their own question, so it must be true.
    """

    function: Callable[..., Any]
    title: str
    toolset: str
    reads: bool = False
    destroys: bool = False
    repeatable: bool = False
    """Repeating it changes nothing more."""
    extra: bool = False
    """Offered by `--toolsets all` or by its set's name, not by default."""

    @property
    def name(self) -> str:
        """The function's name is the tool's name."""
        return self.function.__name__

    @property
    def annotations(self) -> ToolAnnotations:
        """All four hints, explicitly."""
        return ToolAnnotations(
            read_only_hint=self.reads,
            destructive_hint=self.destroys,
            idempotent_hint=self.reads or self.repeatable,
            open_world_hint=True,
        )
