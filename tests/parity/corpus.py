"""The recorded requests of the official client 1.9.1; `make recordings` writes them."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "recorded" / "requests"
CASES = FOLDER / "cases.jsonl"
"""Inputs: the words typed, and what the client found in its home, on stdin and in answers."""
REQUESTS = FOLDER / "requests.jsonl"
"""What it then sent, one line per case."""
AREAS = (
    "search-offers",
    "create-instance",
    "instances-show",
    "instances-manage",
    "logs-execute",
    "serverless",
    "copy",
    "keys",
)


@dataclass(frozen=True)
class Sent:
    """One request on the wire, by meaning: an empty body and none are the same on a GET."""

    method: str
    host: str
    path: str
    query: tuple[tuple[str, str], ...]
    body: dict[str, Any] | None


@dataclass(frozen=True)
class Case:
    """One recorded invocation."""

    case_id: str
    area: str
    argv: tuple[str, ...]
    sent: tuple[Sent, ...]
    files: dict[str, str]


def cases() -> list[Case]:
    """Every recorded case of our areas, in the corpus' order."""
    recorded = {row["id"]: row["requests"] for row in _rows(REQUESTS)}
    return [_case(row, recorded[row["id"]]) for row in _rows(CASES) if row["area"] in AREAS]


def _rows(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def _case(row: dict[str, Any], requests: list[dict[str, Any]]) -> Case:
    sent = tuple(
        Sent(
            request["method"],
            request["service"],
            request["path"],
            tuple(sorted(request["query"].items())),
            request["json"],
        )
        for request in requests
    )
    return Case(row["id"], row["area"], tuple(row["argv"]), sent, row.get("files", {}))
