"""Measures the house; `make shape` prints sizes, names, importers, and the files a call passes.

Counted by the syntax tree, the simulator included unless a line says otherwise. The files of a call
are those of ours whose functions run in one warm call through the in-memory client, server, guard
and real API client, the simulator left out.
"""

import ast
import asyncio
import logging
import statistics
import sys
import tempfile
import threading
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import FrameType
from typing import Final

from mcp import Client

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.world import World  # noqa: E402  the tests are no installed package

PACKAGE = ROOT / "vast_mcp"
FRAGMENT_LINES = 60
CALLS: Final = (
    "create_instance",
    "label_instance",
    "search_offers",
    "stop_instance",
    "destroy_instance",
)


@dataclass(frozen=True)
class Module:
    """One file of the package, parsed."""

    path: Path

    @property
    def name(self) -> str:
        """Dotted, as it is imported."""
        parts = self.path.relative_to(ROOT).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @property
    def room(self) -> str:
        """The directory or module right below the package."""
        return self.name.split(".")[1] if "." in self.name else "(root)"

    @cached_property
    def text(self) -> str:
        """Its source."""
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        """Its syntax tree."""
        return ast.parse(self.text)

    @property
    def lines(self) -> int:
        """How many lines it has."""
        return len(self.text.splitlines())

    def functions(self) -> Iterator[int]:
        """The lines of each function."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield (node.end_lineno or node.lineno) - node.lineno + 1

    def classes(self) -> set[str]:
        """The names of its classes."""
        return {node.name for node in ast.walk(self.tree) if isinstance(node, ast.ClassDef)}

    def imports(self) -> Iterator[str]:
        """What it names in its imports, a module or a name in one."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield node.module
                yield from (f"{node.module}.{alias.name}" for alias in node.names)

    def comments(self) -> int:
        """Lines that are a comment, suppressions of checks left out."""
        said = (line.strip() for line in self.text.splitlines())
        return sum(line.startswith("#") and "noqa" not in line for line in said)


def modules() -> list[Module]:
    """Every module of the package."""
    return [Module(path) for path in sorted(PACKAGE.rglob("*.py"))]


def shared_names(found: Iterable[Module]) -> Counter[str]:
    """Public class names that stand in more than one module."""
    counted = Counter(name for module in found for name in module.classes() if name[0] != "_")
    return Counter({name: count for name, count in counted.items() if count > 1})


def importers(found: list[Module]) -> dict[str, set[str]]:
    """By module, the modules that import it."""
    known = {module.name for module in found}
    result: defaultdict[str, set[str]] = defaultdict(set)
    for module in found:
        for name in module.imports():
            if name in known and name != module.name:
                result[name].add(module.name)
    return result


@dataclass
class Passed:
    """The files of ours whose functions have run since `clear`; threads included."""

    files: set[str] = field(default_factory=set)
    functions: set[tuple[str, str]] = field(default_factory=set)

    def __call__(self, frame: FrameType, event: str, _: object) -> None:
        """As a profile function of the interpreter."""
        name = frame.f_code.co_filename
        if event == "call" and name.startswith(str(PACKAGE)) and "/simulator/" not in name:
            self.files.add(name)
            self.functions.add((name, frame.f_code.co_qualname))

    def clear(self) -> None:
        """Begin again."""
        self.files.clear()
        self.functions.clear()


@asynccontextmanager
async def session() -> AsyncIterator[tuple[World, Client]]:
    """A client on a server of its own, in memory."""
    with tempfile.TemporaryDirectory() as place:
        world = World(Path(place), toolsets="all", credit_usd=1000.0)
        async with world.connect() as client:
            yield world, client


async def _rent(world: World, client: Client, number: int) -> int:
    """A new machine's id."""
    offers = await world.call(client, "search_offers", limit=8)
    offer_id = offers["offers"][number]["offer_id"]
    image = "pytorch/pytorch:2.4.0-cuda12.4-cudnn9-runtime"
    rented = await world.call(
        client, "create_instance", offer_id=offer_id, image=image, lease_hours=2
    )
    return int(rented["instance_id"])


async def files_per_call() -> dict[str, tuple[int, int]]:
    """By tool, how many files and functions one warm call runs."""
    passed = Passed()
    counted: dict[str, tuple[int, int]] = {}
    threading.setprofile(passed)
    async with session() as (world, client):
        sys.setprofile(passed)
        for number in range(2):  # the first round warms up, the second counts
            passed.clear()
            await world.call(client, "search_offers", limit=8)
            counted["search_offers"] = len(passed.files), len(passed.functions)
            passed.clear()
            machine = await _rent(world, client, number)
            counted["create_instance"] = len(passed.files), len(passed.functions)
            await world.call(client, "wait_for_instance", instance_id=machine)
            for tool, arguments in (
                ("label_instance", {"label": "shape"}),
                ("stop_instance", {}),
                ("destroy_instance", {}),
            ):
                passed.clear()
                await world.call(client, tool, instance_id=machine, **arguments)
                counted[tool] = len(passed.files), len(passed.functions)
        sys.setprofile(None)
    threading.setprofile(None)
    return counted


def table(found: list[Module], calls: dict[str, tuple[int, int]]) -> Iterator[str]:
    """The lines that are printed."""
    product = [module for module in found if module.room != "simulator"]
    lengths = sorted(length for module in found for length in module.functions())
    lines = sum(module.lines for module in found)
    known = importers(found)
    single = [module for module in found if len(known.get(module.name, ())) == 1]
    yield f"modules {len(found)}, lines {lines}, longest {max(m.lines for m in found)}"
    yield (
        f"functions {len(lengths)}, median {statistics.median(lengths):g} lines,"
        f" 90th percentile {lengths[len(lengths) * 9 // 10]}, longest {lengths[-1]}"
    )
    yield f"comments per 100 lines {100 * sum(m.comments() for m in found) / lines:.1f}"
    yield (
        f"public class names in several modules {len(shared_names(found))},"
        f" without the simulator {len(shared_names(product))}"
    )
    yield (
        f"modules with one importer {len(single)},"
        f" of them under {FRAGMENT_LINES} lines {sum(m.lines < FRAGMENT_LINES for m in single)}"
    )
    for tool in CALLS:
        files, functions = calls[tool]
        yield f"{tool} passes {files} files, {functions} functions"
    rooms: Counter[str] = Counter()
    for module in found:
        rooms[module.room] += module.lines
    for room, count in rooms.most_common():
        here = sum(module.room == room for module in found)
        yield f"  {room:<14} {count:>6} lines in {here} modules"


def main() -> int:
    """Print the table."""
    logging.disable(logging.CRITICAL)  # the server speaks on stderr as it works
    found = modules()
    for line in table(found, asyncio.run(files_per_call())):
        sys.stdout.write(line + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
