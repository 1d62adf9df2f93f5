"""Where the run keeps what it gathers, and how large it is: all from the environment."""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

GATHERED = (
    "policy",
    "store",
    "actions",
    "leases",
    "account",
    "guard",
    "keeper",
    "remote",
    "jobs",
    "server",
    "market",
    "instances",
    "views",
    "promises",
    "transports",
    "api",
    "rate_limit",
    "notices",
    "tools",
    "cli",
    "prompts",
    "resources",
    "models",
)
"""The folders of tests whose reach is gathered: the quick ones, which run in one process."""


def _number(name: str, default: int) -> int:
    return int(os.environ.get(f"VAST_MCP_TEST_MUTANTS{name}", "") or default)


@dataclass(frozen=True)
class Run:
    """Size, seed, processes, seconds of tests per mutant, and the directory outside the tree."""

    size: int
    seed: int
    workers: int
    seconds: int
    cache: Path
    also: tuple[str, ...]
    """Files of tests that are younger than what was gathered: run first against every mutant."""
    rooms: tuple[str, ...] = ()
    """Only these rooms are judged, of all that is drawn; none named: every room."""

    @classmethod
    def from_environment(cls) -> "Run":
        """As the environment says.

        `VAST_MCP_TEST_MUTANTS` and its `_SEED`, `_WORKERS`, `_SECONDS`, `_CACHE`, `_ALSO`
        (separated by spaces) and `_ROOMS` (by commas).
        """
        cache = os.environ.get("VAST_MCP_TEST_MUTANTS_CACHE", "")
        base = os.environ.get("XDG_CACHE_HOME", "") or str(Path.home() / ".cache")
        return cls(
            size=_number("", 26),
            seed=_number("_SEED", 8),
            workers=_number("_WORKERS", 2),
            seconds=_number("_SECONDS", 40),
            cache=Path(cache or f"{base}/vast-mcp-mutants"),
            also=tuple(os.environ.get("VAST_MCP_TEST_MUTANTS_ALSO", "").split()),
            rooms=tuple(
                os.environ.get("VAST_MCP_TEST_MUTANTS_ROOMS", "").replace(",", " ").split()
            ),
        )

    @property
    def results(self) -> Path:
        """The file of results of this seed, one JSON line per mutant."""
        return self.cache / f"results-{self.seed}.jsonl"

    @property
    def base(self) -> Path:
        """The tree as it was when the reach of the tests was gathered."""
        return self.cache / "gathered" / "tree"

    @property
    def coverage(self) -> Path:
        """Coverage's own file: which test runs which line of `base`."""
        return self.cache / "gathered" / "coverage"

    @property
    def durations(self) -> Path:
        """How long each test took, one JSON line per test."""
        return self.cache / "gathered" / "durations.jsonl"


def in_memory() -> Path:
    """A place for copies of the tree: in memory where there is such a place."""
    memory = Path("/dev/shm")
    return memory if os.access(memory, os.W_OK) else Path(tempfile.gettempdir())
