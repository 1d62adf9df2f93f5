"""Which tests run a changed line, quickest first."""

import ast
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from coverage import CoverageData

from tests.mutation.change import Change

_MOST_LINES = 10_000


@dataclass(frozen=True)
class Timed:
    """A test that passed, and how long it took while the reach was gathered."""

    test: str
    seconds: float


@dataclass(frozen=True)
class Span:
    """The lines of a function and its text."""

    first: int
    last: int
    text: str


class Reach:
    """What coverage gathered on `base`, asked for changes of a tree that may have moved on."""

    def __init__(self, base: Path, coverage: Path, durations: Path) -> None:
        self._base = base
        self._data = CoverageData(basename=str(coverage))
        self._data.read()
        self._tests = {each.test: each for each in _timed(durations)}
        self._files = {_from_package(name): name for name in self._data.measured_files()}
        self._contexts: dict[str, dict[int, list[str]]] = {}

    def tests(self, change: Change, root: Path) -> list[Timed]:
        """Those that run the changed line; of a constant, those of the functions that name it."""
        found: set[Timed] = set()
        if self._in_function(change, root):
            found = self._running(change.file, self._lines(change, root))
            # a line that coverage counts with its statement's first
            found = found or self._running(change.file, self._around(change, root))
        found = found or self._naming(change, root)
        # what only its own module names: whoever runs anything of that module
        found = found or self._running(change.file, range(1, _MOST_LINES))
        return sorted(found, key=lambda each: (each.seconds, each.test))

    def _in_function(self, change: Change, root: Path) -> bool:
        """Whether calls run it; what stands outside runs at import, in whichever test is first."""
        source = (root / change.file).read_bytes()
        return change.function in spans(source, classes=False)

    def _lines(self, change: Change, root: Path) -> range:
        """The changed lines as they were numbered in `base`."""
        now = spans((root / change.file).read_bytes()).get(change.function)
        then = spans(_read(self._base / change.file)).get(change.function)
        if now is None or then is None:
            return range(0)
        if now.text != then.text and not change.function:
            return range(0)
        if now.text != then.text:
            return range(then.first + 1, then.last + 1)
        moved = then.first - now.first
        return range(change.first + moved, change.last + moved + 1)

    def _around(self, change: Change, root: Path) -> range:
        """The innermost statement that holds the changed lines, as numbered in `base`."""
        lines = self._lines(change, root)
        if not lines:
            return lines
        holding = [
            node
            for node in ast.walk(ast.parse(_read(self._base / change.file)))
            if isinstance(node, ast.stmt)
            and node.lineno <= lines.start
            and (node.end_lineno or 0) >= lines.stop - 1
        ]
        inner = max(holding, key=lambda node: node.lineno, default=None)
        return range(inner.lineno, (inner.end_lineno or 0) + 1) if inner else lines

    def _running(self, file: str, lines: Iterable[int]) -> set[Timed]:
        contexts = self._of_file(file)
        return {
            timed
            for line in lines
            for context in contexts.get(line, ())
            if (timed := self._tests.get(context.rpartition("|")[0]))
        }

    def _of_file(self, file: str) -> dict[int, list[str]]:
        if file not in self._contexts:
            measured = self._files.get(file)
            found = self._data.contexts_by_lineno(measured) if measured else {}
            self._contexts[file] = found
        return self._contexts[file]

    def _naming(self, change: Change, root: Path) -> set[Timed]:
        """Tests that run a function which names what a module or class level statement sets."""
        names = _set_names(change, root)
        found = {
            timed
            for file, span, words in self._functions
            if names & words
            for timed in self._running(file, range(span.first + 1, span.last + 1))
        }
        return found | self._by_tests_that_name(names, change.file)

    def _by_tests_that_name(self, names: set[str], file: str) -> set[Timed]:
        """Tests of files in which one of these names stands, as far as they run this file."""
        spelled = {path for path, words in self._test_words.items() if names & words}
        running = self._running(file, self._of_file(file))
        return {each for each in running if each.test.partition("::")[0] in spelled}

    @cached_property
    def _test_words(self) -> dict[str, frozenset[str]]:
        """Every file of tests of `base` with the names that stand in it."""
        return {
            str(path.relative_to(self._base)): frozenset(_names(path.read_text(encoding="utf-8")))
            for path in sorted((self._base / "tests").rglob("test_*.py"))
        }

    @cached_property
    def _functions(self) -> list[tuple[str, Span, frozenset[str]]]:
        """Every function of `base` with the names that stand in it."""
        found = []
        for path in sorted((self._base / "vast_mcp").rglob("*.py")):
            source = path.read_bytes()
            for span in spans(source, classes=False).values():
                words = frozenset(_names(span.text))
                found.append((str(path.relative_to(self._base)), span, words))
        return found


def _read(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


def _from_package(name: str) -> str:
    """The path from the package on, whatever stood before it."""
    return name[name.rindex("vast_mcp/") :]


def _timed(durations: Path) -> Iterator[Timed]:
    """The tests that passed while gathering: a failing one proves nothing about a mutant."""
    for line in durations.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row["passed"]:
            yield Timed(row["test"], row["seconds"])


def spans(source: bytes, *, classes: bool = True) -> dict[str, Span]:
    """Every function (and class) by its qualified name; the module itself under the empty name."""
    lines = source.decode().splitlines()
    found = {"": Span(1, len(lines), source.decode())} if classes else {}

    def enter(body: list[ast.stmt], before: str) -> None:
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                name = f"{before}{node.name}"
                last = node.end_lineno or node.lineno
                if classes or not isinstance(node, ast.ClassDef):
                    text = "\n".join(lines[node.lineno - 1 : last])
                    found[name] = Span(node.lineno, last, text)
                enter(node.body, f"{name}.")
            else:
                for field in ("body", "orelse", "finalbody"):
                    enter(getattr(node, field, []), before)

    enter(ast.parse(source).body, "")
    return found


def _names(text: str) -> set[str]:
    """Every identifier of a text."""
    return {word for word in _split(text) if word.isidentifier()}


def _split(text: str) -> list[str]:
    return "".join(each if each.isalnum() or each == "_" else " " for each in text).split()


def _set_names(change: Change, root: Path) -> set[str]:
    """What the statement with the change sets, if it stands outside of functions.

    Else the name of the function, or of the class, so that those who use it are found.
    """
    holding = [
        node
        for node in ast.walk(ast.parse((root / change.file).read_bytes()))
        if isinstance(node, ast.Assign | ast.AnnAssign)
        and node.lineno <= change.first <= (node.end_lineno or 0)
    ]
    found = {
        each.id
        for node in holding
        for each in ast.walk(node)
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
    }
    return found or {change.function.rpartition(".")[2]} - {""}
