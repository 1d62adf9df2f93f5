"""Records what the official client puts on the wire (`make recordings`).

Runs it once per case of `tests/recorded/requests/cases.jsonl` and writes each request it made to
`requests.jsonl` beside it. The client runs behind the fence of tests/oracle, which ends it at the
first look beyond loopback; both its server settings name loopback, by two different names, so that
it sends its serverless calls and its key nowhere else. A second run writes the same bytes.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from tests.parity.corpus import CASES, REQUESTS
from tests.parity.stand_in import Received, StandIn

ROOT = Path(__file__).parents[2]
ORACLE = ROOT / ".venv-oracle" / "bin" / "python"
FENCE = ROOT / "tests" / "oracle" / "fence"
KEY = "key-of-the-recorder"
CACHES = {
    "gpu_names_cache.json": {"gpu_names": ["RTX 3090", "RTX 4090", "H100 SXM", "A100 SXM4"]},
    "gpu_types_cache.json": {
        "gpu_types": [
            {"canonical_name": "RTX 4090", "gpu_ram_mb": 24564},
            {"canonical_name": "RTX 3090", "gpu_ram_mb": 24576},
        ]
    },
}
SERVERLESS = (
    "/get_endpoint_logs/",
    "/get_autogroup_logs/",
    "/get_endpoint_workers/",
    "/update_workers/",
)


_STUB = """#!/bin/sh
while [ $# -gt 0 ]; do
  [ "$1" = -f ] && echo "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAITEST user@host" > "$2.pub" && : > "$2"
  shift
done
"""
"""Does nothing, but for a key pair that was to be made."""


class Driver:
    """The official client in its own environment, one case at a time."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def run(self, case: dict[str, Any]) -> int:
        """The client's exit code, which says little: it ends with 0 on most HTTP errors."""
        self._line(self._process.stdin).write(json.dumps(case) + "\n")
        self._line(self._process.stdin).flush()
        answer = self._line(self._process.stdout).readline()
        if not answer:
            raise RuntimeError(f"the official client's driver ended at case {case['id']}")
        code: int = json.loads(answer)["exit"]
        return code

    @staticmethod
    def _line(stream: IO[str] | None) -> IO[str]:
        assert stream is not None
        return stream


@contextmanager
def driven(folder: Path, stand_in: StandIn) -> Iterator[Driver]:
    """The driver behind the fence, while the block lasts."""
    named, default = stand_in.ports
    programs = folder / "bin"
    programs.mkdir()
    for name in ("rsync", "less", "ssh-keygen"):  # the client runs these on this computer
        (programs / name).write_text(_STUB)
        (programs / name).chmod(0o755)
    process = subprocess.Popen(
        [str(ORACLE), str(ROOT / "tests" / "oracle" / "drive_official.py")],
        env={
            "HOME": str(folder / "home"),
            "PATH": f"{programs}:{FENCE / 'bin'}:/usr/bin:/bin",
            "PYTHONPATH": str(FENCE),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONHASHSEED": "0",
            "FENCE_LOG": str(folder / "fence.log"),
            "FENCE_PORT": str(named),
            "VAST_URL": f"http://localhost:{default}",
            "SERVER": f"http://127.0.0.1:{named}",
            "KEY": KEY,
            "CACHES": json.dumps(CACHES),
            "VASTAI_NO_UPDATE_CHECK": "1",
            "NO_COLOR": "1",
            "COLUMNS": "300",
        },
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Driver(process)
    finally:
        process.communicate(timeout=30)


def record(case: dict[str, Any], driver: Driver, stand_in: StandIn) -> dict[str, Any]:
    """One case and what it sent."""
    stand_in.begin(case.get("scenario", {}))
    code = driver.run(case)
    requests = [_request(received) for received in stand_in.received]
    if case.get("unordered"):
        requests.sort(key=json.dumps)
    return {"id": case["id"], "exit": code, "requests": _scrubbed(requests, stand_in.ports)}


def _request(received: Received) -> dict[str, Any]:
    sent: dict[str, Any] = {
        "method": received.method,
        "service": _service(received.path),
        "path": received.path,
        "query": received.query,
        "json": json.loads(received.text) if received.text else None,
        "auth": received.auth,
        "status": received.status,
    }
    return sent | ({"via": "the default server"} if received.via_default else {})


def _service(path: str) -> str:
    if path.startswith("/__external__/"):
        return "s3-result"
    return "run.vast.ai" if path in SERVERLESS else "console.vast.ai"


def _scrubbed(requests: list[dict[str, Any]], ports: tuple[int, int]) -> Any:  # noqa: ANN401
    text = json.dumps(requests).replace(KEY, "<API_KEY>")
    for host in ("127.0.0.1", "localhost"):
        for port in ports:
            text = text.replace(f"http://{host}:{port}", "http://SERVER")
    return json.loads(text)


def main() -> int:
    """All cases, in their order."""
    if not ORACLE.exists():
        print("the official client is not installed: run `make oracle`", file=sys.stderr)  # noqa: T201
        return 1
    with CASES.open(encoding="utf-8") as lines:
        wanted = [json.loads(line) for line in lines]
    stand_in = StandIn()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with driven(folder, stand_in) as driver:
            rows = [record(case, driver, stand_in) for case in wanted]
        left = folder / "fence.log"
        if left.exists():
            print(f"something reached beyond loopback:\n{left.read_text()}", file=sys.stderr)  # noqa: T201
            return 1
    stand_in.close()
    text = "".join(json.dumps(row) + "\n" for row in rows)
    temporary = REQUESTS.with_suffix(".new")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(REQUESTS)
    print(f"{len(rows)} cases, {sum(len(row['requests']) for row in rows)} requests")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
