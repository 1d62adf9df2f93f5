"""The recorded requests of the official client 1.9.1 (reference/cli-requests.README.md)."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PATH = Path(__file__).parents[3] / "shared" / "reference" / "cli-requests.jsonl"
AREAS = (
    "search-offers",
    "create-instance",
    "instances-show",
    "instances-manage",
    "logs-execute",
    "serverless",
    "copy",
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
    with PATH.open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [_case(row) for row in rows if row["area"] in AREAS]


def _case(row: dict[str, Any]) -> Case:
    sent = tuple(
        Sent(
            request["method"],
            request.get("service", ""),
            request["path"],
            tuple(sorted(request["query"].items())),
            request["json"],
        )
        for request in row["requests"]
    )
    return Case(row["id"], row["area"], tuple(row["argv"]), sent, row.get("files", {}))
