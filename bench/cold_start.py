"""How long a client waits: from spawn to the first listing, and for the first call after it."""

import json
import os
import statistics
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Words = Sequence[str]
GREETING = (
    {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "bench", "version": "1"},
        },
    },
    {"jsonrpc": "2.0", "method": "notifications/initialized"},
    {"jsonrpc": "2.0", "id": 2, "method": "tools/list"},
)
CALL = {
    "jsonrpc": "2.0",
    "id": 3,
    "method": "tools/call",
    "params": {"name": "show_instances", "arguments": {}},
}
THINKS_S = 1.5
"""No model calls a tool sooner after it has been given the list."""


@dataclass(frozen=True, slots=True)
class Start:
    """One start, in seconds."""

    listing: float
    """From spawn to the answer of the first `tools/list`."""
    call: float | None = None
    """From sending the first call to its answer."""
    spawn_to_call: float | None = None
    """From spawn to that answer, without what the client waited between."""


def start(words: Words, *, call_after_s: float | None = None) -> Start:
    """One process in a home where nothing was ever written; with a pause, one call too."""
    with tempfile.TemporaryDirectory() as home:
        environment = {"PATH": os.environ["PATH"], "HOME": home, "TMPDIR": home}
        began = time.perf_counter()
        process = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            cwd=home,
        )
        try:
            greeted = _ask(process, *GREETING)
            listed = _ask(process)
            listing = time.perf_counter() - began
            if greeted.get("id") != 1 or not listed["result"]["tools"]:
                raise SystemExit(f"no listing from {' '.join(words)}")
            if call_after_s is None:
                return Start(listing)
            time.sleep(call_after_s)  # noqa: TID251  real seconds are what is measured
            asked = time.perf_counter()
            answered = _ask(process, CALL)
            call = time.perf_counter() - asked
            if answered["result"].get("isError"):
                raise SystemExit(f"no answer from {' '.join(words)}: {answered}")
            return Start(listing, call, listing + call)
        finally:
            process.communicate(timeout=20)


def _ask(process: subprocess.Popen[bytes], *messages: Mapping[str, object]) -> dict[str, dict]:
    """Send these; the next line that comes back and is an answer."""
    assert process.stdin is not None
    assert process.stdout is not None
    for message in messages:
        process.stdin.write(json.dumps(message).encode() + b"\n")
    process.stdin.flush()
    while True:
        answer: dict[str, dict] = json.loads(process.stdout.readline())
        if "id" in answer:
            return answer


def medians(servers: Mapping[str, Words], rounds: int, **options: float) -> dict[str, Start]:
    """Each server once a round, in turns, so that a busy machine troubles all alike."""
    seen: defaultdict[str, list[Start]] = defaultdict(list)
    for number in range(rounds + 1):
        for name, words in servers.items():
            found = start(words, **options)
            if number:  # compiled modules are on the disk after the first round
                seen[name].append(found)
    return {name: _median(starts) for name, starts in seen.items()}


def _median(starts: list[Start]) -> Start:
    calls = [found.call for found in starts if found.call is not None]
    wholes = [found.spawn_to_call for found in starts if found.spawn_to_call is not None]
    return Start(
        statistics.median(found.listing for found in starts),
        statistics.median(calls) if calls else None,
        statistics.median(wholes) if wholes else None,
    )
