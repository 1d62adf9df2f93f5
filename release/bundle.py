"""Packs the `.mcpb` bundle with the official packer: `make bundle`, or `python -m release.bundle`.

The bundle holds the package's own files and a pyproject whose dependencies are held to the versions
of `constraints.txt`; the host's uv fetches them at the first start.
"""

import argparse
import shutil
import subprocess
import tempfile
from pathlib import Path

from release.facts import ROOT, facts
from release.manifests import written

PACKER = ROOT / ".npm-tools" / "node_modules" / ".bin" / "mcpb"
_PACK_S = 120
_ALONGSIDE = ("README.md", "LICENSE")
_NOT_SHIPPED = shutil.ignore_patterns("__pycache__", "*.pyc")


class NotPacked(Exception):
    """The packer is absent, or refused what it was given."""


def stage(place: Path) -> None:
    """Lay out what the bundle holds."""
    (place / "manifest.json").write_text(written("release/mcpb/manifest.json"), encoding="utf-8")
    shutil.copy(ROOT / "docs" / "images" / "icon.png", place / "icon.png")
    for name in _ALONGSIDE:
        shutil.copy(ROOT / name, place / name)
    shutil.copytree(ROOT / "vast_mcp", place / "vast_mcp", ignore=_NOT_SHIPPED)
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (place / "pyproject.toml").write_text(f"{project}\n{pinned()}", encoding="utf-8")


def pinned() -> str:
    """The table that makes uv take the versions which were tested."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").split()
    rows = "".join(f'  "{line}",\n' for line in lines)
    return f"[tool.uv]\nconstraint-dependencies = [\n{rows}]\n"


def pack(target: Path, packer: Path = PACKER) -> None:
    """Validate and pack.

    Raises:
        NotPacked: no packer is installed, or it found a fault.
    """
    if not packer.exists():
        raise NotPacked(f"{packer.relative_to(ROOT)} is missing; `make npm-tools` installs it.")
    with tempfile.TemporaryDirectory(prefix="vast-mcp-bundle-") as place:
        stage(Path(place))
        _run(packer, "validate", f"{place}/manifest.json")
        _run(packer, "pack", place, str(target))


def _run(packer: Path, *words: str) -> None:
    done = subprocess.run(  # noqa: S603  the packer of this checkout
        [packer, *words], capture_output=True, text=True, timeout=_PACK_S, check=False
    )
    if done.returncode:
        raise NotPacked(f"mcpb {words[0]}: {done.stdout}{done.stderr}")


def main() -> int:
    """Pack into `dist/`, or where the command line says."""
    parser = argparse.ArgumentParser(description="pack the .mcpb bundle")
    default = ROOT / "dist" / f"{facts().name}-{facts().version}.mcpb"
    parser.add_argument("target", nargs="?", type=Path, default=default)
    target: Path = parser.parse_args().target
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        pack(target)
    except NotPacked as fault:
        print(fault)
        return 1
    print(f"{target}: {target.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
