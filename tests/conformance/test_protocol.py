"""The protocol as its makers check it: their suite, their inspector, their TypeScript clients.

Run by `make conformance`, which fetches these programs; skipped where they are not installed.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from release.facts import ROOT
from tests.conformance.programs import FOLDER, INSPECTOR, SERVER, judged, node, run
from tests.transports.processes import started

SERVE = ("--simulate", "--transport", "http", "--port", "0")
ADDRESS = r"serving MCP at (\S+)"
FREE = {
    "2026-07-28": {
        "caching", "completion-complete", "dns-rebinding-protection", "http-header-validation",
        "input-required-result-ignore-extra-params", "input-required-result-missing-input-response",
        "input-required-result-unsupported-methods", "input-required-result-validate-input",
        "prompts-list", "resources-list", "sep-2164-resource-not-found",
        "server-sse-multiple-streams", "tools-call-error", "tools-call-simple-text", "tools-list",
    },
    "2025-11-25": {
        "completion-complete", "dns-rebinding-protection", "ping", "prompts-list", "resources-list",
        "server-initialize", "server-session-lifecycle", "server-sse-multiple-streams",
        "tools-call-error", "tools-call-simple-text", "tools-list",
    },
}  # fmt: skip
"""Scenarios that call nothing by a name of the suite's own example server."""
SCORED = {"2026-07-28": 37, "2025-11-25": 30}
"""How many of a revision's scenarios are scored."""


@pytest.mark.parametrize("revision", FREE)
async def test_the_server_as_it_is_passes_every_scenario_that_needs_no_fixture(
    tmp_path: Path, revision: str
) -> None:
    """The unmodified server over HTTP; the other scenarios call tools that only an example has."""
    node()
    async with started(tmp_path, *SERVE) as server:
        _, verdicts, told = judged(revision, await server.said(ADDRESS), tmp_path / "results")
    failed = {name for name in FREE[revision] if not verdicts.get(name)}
    assert failed == set(), told[-4000:]


@pytest.mark.parametrize("revision", FREE)
def test_the_factory_with_the_suites_example_passes_every_scored_scenario(
    tmp_path: Path, revision: str
) -> None:
    """Our middleware, sealing, caching and transport keep the protocol whole."""
    node()
    program = [sys.executable, "-m", "tests.conformance.fixtures"]
    with subprocess.Popen(program, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            address = next(
                found[1] for line in process.stderr if (found := re.search(ADDRESS, line))
            )
            code, verdicts, told = judged(revision, address, tmp_path / "results")
        finally:
            process.terminate()
    assert code == 0, told[-4000:]
    assert sum(verdicts.values()) >= SCORED[revision]


@pytest.mark.parametrize("era", ["legacy", "auto", "modern"])
def test_the_inspector_finds_no_fault_in_the_listing(tmp_path: Path, era: str) -> None:
    """Strict about schemas, over stdio, in both eras of the protocol."""
    node()
    done = run(
        INSPECTOR, "--cli", SERVER, "serve", "--simulate", "--method", "tools/list", "--strict",
        "--protocol-era", era, "--format", "json", "-q",
        PATH="/usr/local/bin:/usr/bin:/bin", HOME=str(tmp_path),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    listed = json.loads(done.stdout)
    assert "search_offers" in json.dumps(listed)


@pytest.mark.parametrize("generation", ["1", "2"])
@pytest.mark.parametrize("transport", ["stdio", "http"])
async def test_clients_of_the_typescript_sdk_list_search_and_rent(
    tmp_path: Path, generation: str, transport: str
) -> None:
    """Both generations, over both transports: one question, answered, one machine."""
    program: list[str | Path] = [node(), Path(__file__).with_name("client.mjs"), FOLDER, generation]
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(tmp_path)}
    if transport == "stdio":
        done = run(*program, "--", SERVER, "serve", "--simulate", **environment)
    else:
        async with started(tmp_path, *SERVE) as server:
            done = run(*program, await server.said(ADDRESS), **environment)
    assert done.returncode == 0, done.stderr[-2000:]
    seen = json.loads(done.stdout)
    assert seen["status"] == "rented"
    assert seen["tools"] == 26
    assert len(seen["asked"]) == 1
    assert seen["asked"][0].startswith("Rent 1x RTX 4090")
