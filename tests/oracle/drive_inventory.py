"""What the official client can do, read from its own sources: commands, options and routes.

Started by the interpreter of the official client's environment (see tests/parity/inventory.py).
Facts only: names, flags, methods and paths; no sentence of the client is carried over.
"""

import ast
import importlib
import json
import os
import re
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

METHODS = {"get", "post", "put", "delete"}
GLOBAL = {"-h", "--help", "--url", "--retry", "--explain", "--raw", "--full", "--curl"}
GLOBAL |= {"--api-key", "--version", "--no-color"}
ASIDE = {"get_client", "get_role"}
"""Before any command the client may ask whether its user is a host."""


def path_of(node: ast.expr, known: dict[str, str]) -> str | None:
    """The path that an expression builds; what is filled in becomes `{id}`."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        parts = [path_of(part, known) or "{id}" for part in node.values]
        return "".join(parts)
    if isinstance(node, ast.BinOp) and isinstance(node.right, ast.Constant):
        return str(node.right.value)
    if isinstance(node, ast.Name):
        return known.get(node.id)
    return None


def normal(path: str) -> str:
    """With the version, without the last slash and the query."""
    path = path.partition("?")[0].rstrip("/").replace("/users/{id}/", "/users/me/")
    if path.startswith(("/get_", "/route", "/update_workers", "/api/")):
        return re.sub(r"\{[^}]*\}", "{id}", path)
    return "/api/v0" + re.sub(r"\{[^}]*\}", "{id}", path)


class Calls(ast.NodeVisitor):
    """What one function requests itself, and which functions it calls."""

    def __init__(self) -> None:
        self.routes: set[str] = set()
        self.called: set[str] = set()
        self._known: dict[str, str] = {}

    def visit_Assign(self, node: ast.Assign) -> None:
        found = path_of(node.value, self._known)
        for target in node.targets:
            if found and found.startswith("/") and isinstance(target, ast.Name):
                self._known[target.id] = found
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        function = node.func
        if isinstance(function, ast.Attribute):
            owner = ast.unparse(function.value)
            if owner.endswith("_api"):
                self.called.add(function.attr)
            if function.attr == "_request" and len(node.args) > 1:
                verb, path = node.args[0], path_of(node.args[1], self._known)
                if isinstance(verb, ast.Constant) and path and path.startswith("/"):
                    self.routes.add(f"{verb.value} {normal(path)}")
            if function.attr in METHODS and node.args and owner.split(".")[-1] in {
                "client", "requests", "self", "session", "_session", "_requests", "vast",
            }:  # fmt: skip
                path = path_of(node.args[0], self._known)
                if path and path.startswith("/"):
                    self.routes.add(f"{function.attr.upper()} {normal(path)}")
        elif isinstance(function, ast.Name):
            self.called.add(function.id)
        self.generic_visit(node)


def functions(root: Path) -> dict[str, Calls]:
    """Every function of these sources by its name; two of one name count as one."""
    found: dict[str, Calls] = defaultdict(Calls)
    for file in sorted(root.rglob("*.py")):
        if "server" in file.relative_to(root).parts:  # what runs inside a worker
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                for part in node.body:
                    found[node.name].visit(part)
    return found


def reached(name: str, known: dict[str, Calls]) -> set[str]:
    """The routes of a function and of what it calls in the client's `api` and `cli` folders."""
    todo, seen, routes = [name], set(), set()
    while todo:
        now = todo.pop()
        if now in seen or now not in known or now in ASIDE:
            continue
        seen.add(now)
        routes |= known[now].routes
        todo += known[now].called
    return routes


def commands(known: dict[str, Calls]) -> list[dict[str, Any]]:
    """Each subcommand with its own options and routes."""
    main = importlib.import_module("vastai.cli.main")
    for file in sorted((Path(main.__file__).parent / "commands").glob("*.py")):
        if file.stem not in {"__init__", "clusters"}:
            importlib.import_module(f"vastai.cli.commands.{file.stem}")
    rows = []
    for action in main.parser.parser._actions:
        for name, parser in (
            (action.choices or {}).items() if hasattr(action, "_name_parser_map") else ()
        ):
            if name != getattr(parser, "command_name", name):
                continue
            options = {option for part in parser._actions for option in part.option_strings}
            defaults = parser._defaults.get("func")
            function = getattr(defaults, "__name__", "")
            rows.append(
                {
                    "name": name,
                    "options": sorted(options - GLOBAL),
                    "routes": sorted(reached(function, known)),
                }
            )
    return sorted(rows, key=lambda row: row["name"])


def main() -> None:
    """All of it, as one JSON object."""
    root = Path(importlib.import_module("vastai").__file__).parent
    version = importlib.import_module("importlib.metadata").version("vastai")
    own = functions(root / "cli")
    api = functions(root / "api")
    for name, calls in api.items():
        own[name].routes |= calls.routes
        own[name].called |= calls.called
    everything = functions(root)
    routes = {route for calls in everything.values() for route in calls.routes}
    found = {"client": f"vastai {version}", "commands": commands(own), "routes": sorted(routes)}
    json.dump(found, sys.stdout, indent=1)


if __name__ == "__main__":
    os.environ.setdefault("VASTAI_NO_UPDATE_CHECK", "1")
    main()
