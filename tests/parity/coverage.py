"""Writes docs/coverage.md: `python -m tests.parity.coverage`. A test fails when it is stale.

Every operation and every command of the official client (tests/recorded/inventory.json), and what
there is of each: a declaration, a tool, a simulated route, a comparison with the recorded client,
or the reason why not.
"""

import json
import sys
from collections import Counter, defaultdict
from functools import cache
from typing import Any

from tests.parity.corpus import cases
from tests.parity.inventory import INVENTORY, ROOT, matches
from tests.parity.test_official_client import judge
from vast_mcp.operations import OPERATIONS, Operation
from vast_mcp.operations.declared import DECLARED
from vast_mcp.operations.left_out import COMMANDS, ROUTES
from vast_mcp.served import TOOLS
from vast_mcp.simulator.routes import all_routes
from vast_mcp.tools.vendor_commands import every_command

PAGE = ROOT / "docs" / "coverage.md"
NOT_YET = "not yet"
INSIDE: dict[str, str] = {
    "list_instances": "show_instances", "show_instance": "show_instances",
    "request_logs": "show_logs", "gpu_names": "search_offers", "copy_direct": "copy_files",
    "cancel_copy": "stop_job", "list_charges": "show_charges", "list_volumes": "show_account",
    "show_inbox": "show_instances", "list_endpoints": "show_endpoints",
    "list_workergroups": "show_endpoints", "list_workers": "show_endpoints",
    "list_instance_ssh_keys": "attach_ssh_key",
}  # fmt: skip
"""Operations that stand inside a tool of another name."""


@cache
def inventory() -> dict[str, Any]:
    """The checked-in facts."""
    return dict(json.loads(INVENTORY.read_text(encoding="utf-8")))


def operations() -> list[str]:
    """Every known route: those of the vendor's own sources, and the few that only we name."""
    known = list(inventory()["operations"])
    ours = {route_of(one) for one in OPERATIONS}
    more = {route for route in ours if not any(_same(route, other) for other in known)}
    return sorted({*known, *more}, key=lambda route: route.split()[::-1])


def route_of(operation: Operation) -> str:
    """An operation as the inventory writes it."""
    return f"{operation.method} {_sample(operation.path.rstrip('/'), '{id}')}"


def _sample(path: str, value: str) -> str:
    return "/".join(value if part.startswith("{") else part for part in path.split("/"))


def _same(route: str, other: str) -> bool:
    method, _, path = route.partition(" ")
    return matches(other, method, path.replace("{id}", "7")) and route.count("{") == other.count(
        "{"
    )


def declared_as(route: str) -> list[Operation]:
    """What we have declared for it; one route may carry several operations."""
    method, _, path = route.partition(" ")
    return [one for one in OPERATIONS if one.matches(method, path.replace("{id}", "7"))]


def tools_of(found: list[Operation]) -> list[str]:
    """The tools that reach them."""
    names = {spec.name for spec in TOOLS}
    by_route = {route.operation.name: one.name for one in DECLARED for route in one.routes.values()}
    wanted = [by_route.get(one.name) or INSIDE.get(one.name) or one.name for one in found]
    return sorted({name for name in wanted if name in names})


def simulated(route: str) -> bool:
    """Whether the simulator answers it."""
    method, _, path = route.partition(" ")
    segments = path.replace("{id}", "7").strip("/").split("/")
    return any(one.method == method and one.match(segments) is not None for one in all_routes())


@cache
def parity() -> dict[str, Counter[str]]:
    """By route, how many recorded cases are equal, different on purpose, or not ours."""
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    known = operations()
    for case in cases():
        bucket = judge(case).bucket
        for sent in {(one.method, one.path.rstrip("/")) for one in case.sent}:
            for route in known:
                if matches(route, *sent):
                    found[route][bucket] += 1
    return found


def compared(route: str) -> str:
    """The cell of the table."""
    counts = parity().get(route, Counter())
    same, other = counts["equal"], counts["deliberate"]
    return f"{same} equal, {other} on purpose" if same + other else ""


def commands_by_route() -> dict[str, list[str]]:
    """The commands of the official client that send a route."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for name, command in inventory()["commands"].items():
        for route in command["routes"]:
            found[route].append(name)
    return found


def reason(tools: list[str], route: str) -> str:
    """Why no tool reaches it; empty where one does."""
    return "" if tools else str(ROUTES.get(route, NOT_YET))


def operation_rows() -> list[list[str]]:
    """One row per operation."""
    commands, rows = commands_by_route(), []
    for route in operations():
        found = declared_as(route)
        tools = tools_of(found)
        rows.append(
            [
                f"`{route}`",
                ", ".join(commands.get(route, ())),
                ", ".join(f"`{one.name}`" for one in found),
                ", ".join(f"`{name}`" for name in tools),
                "yes" if simulated(route) else "no",
                compared(route),
                reason(tools, route),
            ]
        )
    return rows


def command_rows() -> list[list[str]]:
    """One row per command of the official client."""
    tools = {one.name: one.tool for one in every_command() if one.tool}
    rows = []
    for name, command in inventory()["commands"].items():
        tool = tools.get(name, "")
        missing = [route for route in command["routes"] if not simulated(route)]
        answered = "" if not command["routes"] else "no" if missing else "yes"
        why = "" if tool else str(COMMANDS.get(name, NOT_YET))
        rows.append([name, f"`{tool}`" if tool else "", answered, why])
    return rows


def page() -> str:
    """The whole document."""
    known, named = operation_rows(), command_rows()
    with_tool = sum(bool(row[3]) for row in known)
    return f"""# Coverage

Every operation of the vendor's API and every command of its own client ({inventory()["client"]}),
and what there is of each here. Written by `make docs` from the declarations, the tools, the
simulator's routes and the recorded requests of the official client; the inventory is taken from
that client's sources and the vendor's OpenAPI file (`python -m tests.parity.inventory`).

"{NOT_YET}" means that nobody has built it; every other reason is one of a closed list
(`vast_mcp/operations/left_out.py`).

- Operations: {len(known)}; reached by a tool {with_tool}, simulated {_count(known, 4)}.
- Commands: {len(named)}; with a tool {sum(bool(row[1]) for row in named)}, every request of
  theirs simulated {_count(named, 2)}.

## Operations

| operation | commands | declared | tool | simulated | parity | why not |
|---|---|---|---|---|---|---|
{_lines(known)}

## Commands

| command | tool | simulated | why not |
|---|---|---|---|
{_lines(named)}
"""


def _count(rows: list[list[str]], column: int) -> int:
    return sum(row[column] == "yes" for row in rows)


def _lines(rows: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def main() -> int:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
