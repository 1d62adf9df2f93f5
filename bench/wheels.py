"""Our wheel in an environment of its own, away from the source tree: what a user really starts."""

import os
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
QUIET = ("--quiet", "--disable-pip-version-check")


@dataclass(frozen=True, slots=True)
class Installed:
    """An environment in which the wheel of one commit is installed."""

    python: Path

    @classmethod
    def of(cls, place: Path, commit: str | None = None) -> "Installed":
        """Build and install it below `place`; without a commit, the tree as it is now."""
        place.mkdir(parents=True)
        source = ROOT if commit is None else _checked_out(commit, place / "source")
        _run(sys.executable, "-m", "venv", place / "venv")
        python = place / "venv/bin/python"
        wheels = place / "wheels"
        _run(python, "-m", "pip", "wheel", *QUIET, "--no-deps", "--wheel-dir", wheels, source)
        (wheel,) = wheels.glob("*.whl")
        constraints = source / "constraints.txt"
        _run(python, "-m", "pip", "install", *QUIET, "-c", constraints, wheel)
        _run(python, "-m", "compileall", "-q", place / "venv/lib")
        return cls(python)

    @property
    def server(self) -> tuple[str, ...]:
        """The words that serve the simulator."""
        return (str(self.python.with_name("vast-mcp")), "serve", "--simulate")

    @property
    def bare(self) -> tuple[str, ...]:
        """The words that start the SDK's own smallest server, in the same environment."""
        return (str(self.python), str(ROOT / "bench/bare_server.py"))


def _checked_out(commit: str, place: Path) -> Path:
    place.mkdir()
    packed = place.with_suffix(".tar")
    _run("git", "-C", ROOT, "archive", "--output", packed, commit)
    with tarfile.open(packed) as archive:
        archive.extractall(place, filter="data")
    return place


def _run(*words: str | os.PathLike[str]) -> None:
    """Run it; its words are shown if it fails."""
    subprocess.run([os.fspath(word) for word in words], check=True, cwd=ROOT.parent)
