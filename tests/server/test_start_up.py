"""What a start of `vast-mcp serve` imports before its first listing has left.

No time is measured here: a machine may be busy. `make bench` measures; this keeps out what cost
most of it.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

GREETING = (
    {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "start", "version": "1"},
        },
    },
    {"jsonrpc": "2.0", "method": "notifications/initialized"},
    {"jsonrpc": "2.0", "id": 2, "method": "tools/list"},
)
LATE_ROOMS = (
    "account", "api.connection", "api.reads", "api.wire", "guard.door", "jobs", "keeper", "models",
    "notices", "operations", "policy.engine", "prompts", "rate_limit", "runtime", "served",
    "services", "session", "simulator", "store",
)  # fmt: skip
LATE_PACKAGES = ("asyncssh", "sqlite3", "keyring", "tomlkit", "rich", "tarfile")
# A start whose account never opens by itself: when the client has its list and leaves, what is
# imported by then is all that the list needed.
NOTING = """
import atexit, sys
from vast_mcp import opening
from vast_mcp.__main__ import main
opening.AFTER_LISTING_S = opening.AT_LATEST_S = 3600.0
atexit.register(lambda: print("\\n".join(n for n, m in sys.modules.items() if m), file=sys.stderr))
raise SystemExit(main(["serve", "--simulate"]))
"""


def modules_at_the_first_listing(home: Path) -> set[str]:
    """Names in `sys.modules` of a server that has just answered its first listing."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(home)}
    with subprocess.Popen(
        [sys.executable, "-c", NOTING],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("".join(json.dumps(message) + "\n" for message in GREETING))
        process.stdin.flush()
        answers = [json.loads(process.stdout.readline()) for _ in range(2)]
        _, said = process.communicate(timeout=60)
    assert len(answers[1]["result"]["tools"]) > 20
    return set(said.split("\n"))


def test_the_first_listing_needs_neither_ledger_nor_guard_nor_simulator(tmp_path: Path) -> None:
    """A client waits for it at every start; the rest is imported when its answer has left."""
    imported = modules_at_the_first_listing(tmp_path)
    assert "vast_mcp.server" in imported
    found = {
        name
        for name in imported
        for late in (*(f"vast_mcp.{room}" for room in LATE_ROOMS), *LATE_PACKAGES)
        if name == late or name.startswith(f"{late}.")
    }
    assert found == set()
    ours = {name for name in imported if name.split(".")[0] == "vast_mcp"}
    assert len(ours) <= 50, sorted(ours)
