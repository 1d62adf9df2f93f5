"""What share of the branches the tests take, room by room; `make coverage` runs it.

Reads coverage's JSON report and `[tool.vast-mcp.coverage]` of pyproject.toml. Exit 1 when a room
that decides about money or data is below its gate, or is not in the report at all.
"""

import json
import sys
import tomllib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Share:
    """Branches of one room; without any branch it is covered if its lines ran."""

    room: str
    taken: int
    branches: int

    @property
    def percent(self) -> float:
        """Taken of all."""
        return 100.0 if not self.branches else 100.0 * self.taken / self.branches


def shares(report: dict[str, Any]) -> dict[str, Share]:
    """By room: the directory or module right below the package."""
    taken: Counter[str] = Counter()
    branches: Counter[str] = Counter()
    for name, measured in report["files"].items():
        room = PurePosixPath(name.replace("\\", "/")).parts[1].removesuffix(".py")
        taken[room] += measured["summary"]["covered_branches"]
        branches[room] += measured["summary"]["num_branches"]
    return {room: Share(room, taken[room], branches[room]) for room in branches}


def failures(found: dict[str, Share], rooms: list[str], least: float) -> list[str]:
    """A sentence for each room that does not pass."""
    missing = [f"{room}: not in the report" for room in rooms if room not in found]
    below = [
        f"{room}: {found[room].percent:.1f} % of {found[room].branches} branches, least {least:g} %"
        for room in rooms
        if room in found and found[room].percent < least
    ]
    return missing + below


def gate() -> tuple[list[str], float]:
    """The rooms and the least share, as pyproject.toml says."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    settings = tomllib.loads(text)["tool"]["vast-mcp"]["coverage"]
    return settings["rooms"], settings["least"]


def main(arguments: list[str]) -> int:
    """Print all rooms, those with a gate marked, and judge."""
    found = shares(json.loads(Path(arguments[0]).read_text(encoding="utf-8")))
    rooms, least = gate()
    for share in sorted(found.values(), key=lambda share: share.percent):
        mark = "gate" if share.room in rooms else ""
        sys.stdout.write(f"{share.room:<16}{share.percent:>6.1f} % {share.branches:>6}  {mark}\n")
    faults = failures(found, rooms, least)
    for fault in faults:
        sys.stderr.write(f"below the gate: {fault}\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
