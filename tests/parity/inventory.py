"""Writes tests/recorded/inventory.json: every command and operation of the vendor, as facts.

`python -m tests.parity.inventory [OPENAPI]` after `make oracle`. Three sources, and each operation
says which of them name it: the official client's own sources, what it was recorded to send, and
the vendor's OpenAPI file where one is given (else those of the last run are kept).
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
INVENTORY = ROOT / "tests" / "recorded" / "inventory.json"
REQUESTS = ROOT / "tests" / "recorded" / "requests"
_DRIVER = ROOT / "tests" / "oracle" / "drive_inventory.py"
_NUMBER = re.compile(r"(?<=/)\d+(?=/|$)")


def from_client() -> dict[str, Any]:
    """What the official client's own sources name."""
    python = ROOT / ".venv-oracle" / "bin" / "python"
    with tempfile.TemporaryDirectory() as home:
        environment = {"HOME": home, "PATH": os.environ["PATH"]}
        output = subprocess.run(
            [str(python), str(_DRIVER)], env=environment, check=True, capture_output=True, text=True
        ).stdout
    return dict(json.loads(output))


def from_recordings(known: set[str], commands: set[str]) -> dict[str, set[str]]:
    """By command, the routes that it was recorded to send; empty: those of no command."""
    lines = (REQUESTS / "requests.jsonl").read_text(encoding="utf-8").splitlines()
    sent = {row["id"]: row["requests"] for row in map(json.loads, lines)}
    found: defaultdict[str, set[str]] = defaultdict(set)
    for line in (REQUESTS / "cases.jsonl").read_text(encoding="utf-8").splitlines():
        case = json.loads(line)
        words = [word for word in case["argv"] if not word.startswith("-")]
        names = (" ".join(words[:2]), *words[:1])
        for request in sent[case["id"]]:
            if request["service"] != "s3-result":
                route = route_of(request["method"], request["path"], known)
                name = next((name for name in names if name in commands), "")
                found[name].add(route)
    return found


def route_of(method: str, path: str, known: set[str]) -> str:
    """The known route that a request on the wire is; else with numbers for ids."""
    bare = path.rstrip("/")
    fitting = [route for route in known if matches(route, method, bare)]
    return min(fitting, key=lambda route: route.count("{"), default=_named(method, bare))


def _named(method: str, path: str) -> str:
    return f"{method} {_NUMBER.sub('{id}', path)}"


def matches(route: str, method: str, path: str) -> bool:
    """Whether a request on the wire is this route."""
    own, _, template = route.partition(" ")
    pattern = re.escape(template).replace(r"\{id\}", "[^/]+")
    return own == method and re.fullmatch(pattern, path) is not None


def from_openapi(file: Path) -> set[str]:
    """The operations of the vendor's OpenAPI file: a path at two blanks, its methods at four."""
    found, path = set(), ""
    for line in file.read_text(encoding="utf-8").splitlines():
        if named := re.fullmatch(r"  (/\S+):", line):
            path = re.sub(r"\{[^}]*\}", "{id}", named[1].rstrip("/"))
            path = path.replace("/users/{id}/", "/users/me/")
        elif method := re.fullmatch(r"    (get|post|put|delete):", line):
            found.add(f"{method[1].upper()} {path}")
    return found


def main() -> int:
    """Write the file."""
    client = from_client()
    before = json.loads(INVENTORY.read_text(encoding="utf-8")) if INVENTORY.exists() else {}
    published = {route for route, by in before.get("operations", {}).items() if "openapi" in by}
    if len(sys.argv) > 1:
        published = from_openapi(Path(sys.argv[1]))
    sources = set(client["routes"])
    names = {row["name"] for row in client["commands"]}
    recorded = from_recordings(sources | published, names)
    commands = {
        row["name"]: {
            "options": row["options"],
            "routes": _sent_by({*row["routes"], *recorded.get(row["name"], ())}),
        }
        for row in client["commands"]
    }
    sent = {route for routes in recorded.values() for route in routes}
    named = {"client": sources, "recorded": sent, "openapi": published}
    operations = {
        route: [source for source, routes in named.items() if route in routes]
        for route in sorted(set().union(*named.values()), key=lambda one: one.split()[::-1])
    }
    written = {"client": client["client"], "commands": commands, "operations": operations}
    INVENTORY.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
    print(f"{len(commands)} commands, {len(operations)} operations")  # noqa: T201
    return 0


def _sent_by(routes: set[str]) -> list[str]:
    """Without the question, before any command, whether its user is a host."""
    return sorted(routes - {"GET /api/v0/users/current"} or routes)


if __name__ == "__main__":
    sys.exit(main())
