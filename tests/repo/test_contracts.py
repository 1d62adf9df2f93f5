"""The import contracts hold, and each of them really breaks when its rule is broken."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINT = Path(sys.executable).with_name("lint-imports")
FAULTS = {
    "tools/guard.py": "import vast_mcp.api.writes\nimport httpx2\n",
    "tools/account.py": "import vast_mcp.api.permit\nimport sqlite3\n",
    "prompts/__init__.py": "import vast_mcp.tools._ask\n",
    "resources/__init__.py": "import vast_mcp.store\n",
    "cli/serve.py": "import vast_mcp.cli.terminal\n",
    "views/machine.py": "import vast_mcp.api.tokens\n",
    "keeper/rounds.py": "import mcp\n",
    "guard/door.py": "import vast_mcp.actions\n",
    "policy/rules_of_thumb.py": "import time\nimport vast_mcp.policy.engine\n",
    "policy/engine.py": "import vast_mcp.policy.rules_of_thumb\n",
    "simulator/clock_of_ours.py": "import vast_mcp.models\n",
    "guard/reaches_up.py": "import vast_mcp.tools\n",
    "helpers.py": "",
}
"""File → what is planted in it. A file that is not there yet is made."""
SAID = {
    "Rooms only look downwards": ("vast_mcp.guard is not allowed to import vast_mcp.tools",),
    "No room turns in a circle": ("No cycles are allowed in vast_mcp.policy",),
    "Only the guard holds the writer": ("vast_mcp.tools.guard -> vast_mcp.api.writes",),
    "Only the guard makes permits": ("vast_mcp.tools.account -> vast_mcp.api.permit",),
    "Only a terminal command reads page tokens": ("vast_mcp.views.machine -> vast_mcp.api.tokens",),
    "The policy is pure": ("vast_mcp.policy.rules_of_thumb -> time",),
    "Tools own no socket and no ledger": (
        "vast_mcp.tools.guard -> httpx2",
        "vast_mcp.tools.account -> sqlite3",
        "vast_mcp.resources -> vast_mcp.store",
    ),
    "The guard is below everything that can be done": ("vast_mcp.guard.door -> vast_mcp.actions",),
    "The protocol SDK stays at the edge": ("vast_mcp.keeper.rounds -> mcp",),
    "The simulator shares no code with what it tests": (
        "vast_mcp.simulator.clock_of_ours -> vast_mcp.models",
    ),
    "What serves loads nothing that draws tables": ("vast_mcp.cli.serve -> vast_mcp.cli.terminal",),
    "Only one place asks a person through the protocol": (
        "vast_mcp.prompts -> vast_mcp.tools._ask",
    ),
}


def lint(place: Path) -> tuple[int, str]:
    """What import-linter says of the checkout in that place."""
    done = subprocess.run(
        [LINT, "--no-cache"],
        cwd=place,
        env={"PYTHONPATH": str(place), "PATH": "", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What is said of a copy in which every rule is broken."""
    place = tmp_path_factory.mktemp("planted")
    shutil.copy(ROOT / "pyproject.toml", place)
    unwanted = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "vast_mcp", place / "vast_mcp", ignore=unwanted)
    for name, fault in FAULTS.items():
        with (place / "vast_mcp" / name).open("a", encoding="utf-8") as file:
            file.write(f"\n{fault}")
    code, said = lint(place)
    assert code == 1, said
    return said


def test_every_contract_holds() -> None:
    """The rooms of docs/architecture.md#rooms, as a machine reads them."""
    code, said = lint(ROOT)
    assert code == 0, said
    assert f"{len(SAID)} kept, 0 broken" in said


@pytest.mark.parametrize("contract", SAID)
def test_a_planted_fault_breaks_its_contract(contract: str, planted: str) -> None:
    """A contract that cannot fail guards nothing."""
    assert f"{contract} BROKEN" in planted
    for line in SAID[contract]:
        assert line in planted


def test_a_module_outside_the_table_is_noticed(planted: str) -> None:
    """Exhaustive: a new room has to be given its place first."""
    assert "vast_mcp.helpers" in planted
