"""What the code looks like: small modules, small functions, honest names, nothing private."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import vast_mcp

ROOT = Path(__file__).parents[2]
MODULES = sorted((ROOT / "vast_mcp").rglob("*.py"))
LONGEST_MODULE, LONGEST_FUNCTION = 400, 40
BANNED_NAMES = {"utils", "util", "helpers", "helper", "common", "base", "manager", "misc", "core"}
# Assembled here so that this file does not contain what it looks for.
REGISTRIES = ("py" + "pi.org", "python" + "hosted", "npm" + "js.org", "proxy.go" + "lang")
MACHINE_PATHS = re.compile("/" + r"(?:work|home/[a-z]+|Users/[a-z]+)/")
_OWN_STATE = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)


def tracked() -> Iterator[Path]:
    """Every text file of the repository."""
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if path.is_file() and path.suffix not in {".db", ".png"}:
            yield path


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Every function of a module and the lines of its body, the docstring not counted."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            first = node.body[0]
            documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
            begins = node.body[1] if documented and len(node.body) > 1 else first
            yield node.name, node.end_lineno - begins.lineno + 1


def test_no_module_is_longer_than_it_can_be_read() -> None:
    """Hard limit of the house."""
    long = {p.name: n for p in MODULES if (n := _length(p)) > LONGEST_MODULE}
    assert long == {}


def _length(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def test_no_function_is_longer_than_a_screen() -> None:
    """The body: a parameter a line and a docstring make nothing harder to read."""
    long = [
        f"{path.name}:{name} {lines}"
        for path in MODULES
        for name, lines in functions(path)
        if lines > LONGEST_FUNCTION
    ]
    assert long == []


def test_no_module_has_a_name_that_means_nothing() -> None:
    """A shelf without a label fills with anything."""
    assert [p for p in MODULES if p.stem.strip("_") in BANNED_NAMES - {"base"}] == []


def test_modules_hold_no_state() -> None:
    """Nothing at module level that a call could change."""
    found = []
    for path in MODULES:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
            if (
                _name(node) != "__all__"
                and isinstance(value, _OWN_STATE)
                and _name(node).strip("_").islower()
            ):
                found.append(f"{path.name}: {_name(node)}")
    assert found == []


def _name(node: ast.stmt) -> str:
    target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
    return target.id if isinstance(target, ast.Name) else ""


def test_no_file_names_a_registry_or_a_machine() -> None:
    """A checkout must work anywhere; its files say nothing of where they were written."""
    found = []
    for path in tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [f"{path.name}: {word}" for word in REGISTRIES if word in text]
        found += [f"{path.name}: {match.group()}" for match in MACHINE_PATHS.finditer(text)]
    assert found == []


def test_only_one_module_knows_the_resolvers() -> None:
    """Asking a person through the protocol happens in one place."""
    users = [p.name for p in MODULES if "mcpserver.resolve" in p.read_text(encoding="utf-8")]
    assert users == ["_ask.py"]


def test_the_version_is_the_same_everywhere() -> None:
    """Package, project file and changelog."""
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert 'path = "vast_mcp/__init__.py"' in project
    assert not re.search(r'^version = "', project, re.MULTILINE)
    assert f"## [{vast_mcp.__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_no_class_name_stands_in_two_modules() -> None:
    """A name found by search is then the only one. The simulator is a program of its own."""
    found: dict[str, list[str]] = {}
    for path in MODULES:
        if "simulator" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found.setdefault(node.name, []).append(str(path.relative_to(ROOT)))
    assert len(found) > 300
    assert {name: places for name, places in found.items() if len(places) > 1} == {}
