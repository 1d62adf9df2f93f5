"""A script as a tree: what the parser makes and the shell walks through."""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a word: literal text, a variable (`default` after `:-`), a command's output."""

    kind: Literal["text", "variable", "output"]
    text: str
    quoted: bool
    default: str | None = None


Word: TypeAlias = tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Redirect:
    """`2>&1` has the target `1`; `how` is one of `<`, `>`, `>>`, `>&`."""

    descriptor: int
    how: str
    target: Word


@dataclass(slots=True)
class Simple:
    """Assignments, words, redirections."""

    assignments: list[tuple[str, Word]] = field(default_factory=list)
    words: list[Word] = field(default_factory=list)
    redirects: list[Redirect] = field(default_factory=list)


@dataclass(slots=True)
class Group:
    """`( … )` in a copy of the shell, or `{ …; }`."""

    body: "Script"
    subshell: bool
    redirects: list[Redirect] = field(default_factory=list)


@dataclass(slots=True)
class If:
    """Branches of condition and body; a branch without condition is `else`."""

    branches: list[tuple["Script | None", "Script"]]
    redirects: list[Redirect] = field(default_factory=list)


@dataclass(slots=True)
class Loop:
    """`while`, or `until` when `negated`."""

    condition: "Script"
    body: "Script"
    negated: bool
    redirects: list[Redirect] = field(default_factory=list)


@dataclass(slots=True)
class For:
    """`for name in words`."""

    name: str
    words: list[Word]
    body: "Script"
    redirects: list[Redirect] = field(default_factory=list)


Command: TypeAlias = Simple | Group | If | Loop | For


@dataclass(slots=True)
class Pipeline:
    """Commands joined by `|`; `!` in front turns the status round."""

    commands: list[Command]
    negated: bool = False


@dataclass(slots=True)
class Item:
    """Pipelines joined by `&&` and `||`, in the background or not."""

    first: Pipeline
    rest: list[tuple[str, Pipeline]] = field(default_factory=list)
    background: bool = False
    text: str = ""


Script: TypeAlias = list[Item]
