"""The image's description: what it runs, as whom, and on what it may write.

The image itself is not built by these tests; its entrypoint and its health check are run as the
image would run them, on a file system that is read-only but for the volume.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from release.facts import ROOT
from tests.release.programs import run
from tests.transports.processes import INITIALIZE

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
TOKEN = "a-token-of-some-length"
USER = 10001
HEADERS = {
    "accept": "application/json, text/event-stream",
    "content-type": "application/json",
    "authorization": f"Bearer {TOKEN}",
}
_READ_ONLY = """
mount --make-rprivate / && mount -t tmpfs -o uid={user},gid={user},mode=0700 tmpfs {volume} &&
mount -o remount,bind,ro / && cd {volume} &&
exec setpriv --reuid {user} --regid {user} --clear-groups --no-new-privs \
  --inh-caps=-all,+dac_read_search --ambient-caps=-all,+dac_read_search -- "$@"
"""
"""The one right that is kept only reads: this checkout may lie where others cannot look."""


def instruction(name: str) -> list[str]:
    """The words of an instruction in its exec form."""
    found = re.search(rf"^{name} (?:.*\\\n\s+CMD )?(\[.*\])$", DOCKERFILE, re.MULTILINE)
    assert found, name
    words: list[str] = json.loads(found[1])
    return words


def settings() -> dict[str, str]:
    """What `ENV` sets."""
    block = re.search(r"^ENV ((?:.*\\\n)*.*)$", DOCKERFILE, re.MULTILINE)
    assert block
    return dict(re.findall(r"(\w+)=(\S+)", block[1]))


def test_the_image_runs_as_a_user_and_keeps_its_books_on_the_volume() -> None:
    """Not root; every place that the server writes to is on the volume or in /tmp."""
    assert f"USER {USER}:{USER}" in DOCKERFILE
    volume = re.search(r"^VOLUME (\S+)$", DOCKERFILE, re.MULTILINE)
    assert volume
    for name, place in settings().items():
        if name.startswith("XDG_"):
            assert place.startswith((volume[1], "/tmp/")), name
    assert settings()["XDG_STATE_HOME"].startswith(volume[1])
    assert not re.search(r"VAST_API_KEY=|TOKEN=", DOCKERFILE)


def test_the_image_is_linted() -> None:
    """By hadolint, where it is installed."""
    linter = shutil.which("hadolint")
    if linter is None:
        pytest.skip("hadolint is not installed")
    done = run(linter, ROOT / "Dockerfile")
    assert done.returncode == 0, done.stdout


def test_what_the_image_copies_is_let_through_to_the_builder() -> None:
    """`.dockerignore` shuts out all but what the build needs."""
    let_in = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    for words in re.findall(r"^COPY (?!--)(.+) \S+$", DOCKERFILE, re.MULTILINE):
        for name in words.split():
            assert f"!{name}" in let_in, name
            assert (ROOT / name).exists(), name


@asynccontextmanager
async def contained(place: Path) -> AsyncIterator[tuple[str, Path]]:
    """The entrypoint as the image runs it, and the volume it writes to; its address."""
    if os.geteuid() != 0 or run("unshare", "-m", "true").returncode:
        pytest.skip("a read-only view needs root and a mount namespace of its own")
    volume = place / "volume"
    volume.mkdir()
    program, *words = instruction("ENTRYPOINT")
    script = _READ_ONLY.format(user=USER, volume=volume)
    environment = {
        name: where.replace("/var/lib/vast-mcp", str(volume)) for name, where in settings().items()
    } | {
        "PATH": os.environ["PATH"],
        "XDG_CACHE_HOME": str(volume / "cache"),
        "HOME": str(volume),
        "TMPDIR": str(volume),
        "VAST_MCP_HTTP_TOKEN": TOKEN,
    }
    command = [str(Path(sys.executable).with_name(program)), *words, "--port", "0", "--simulate"]
    with subprocess.Popen(  # noqa: ASYNC220  its first line is all that is awaited
        ["unshare", "-m", "sh", "-c", script, "sh", *command],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stderr is not None
            log = ""
            while (found := re.search(r"serving MCP at \S+:(\d+)", log)) is None:
                line = process.stderr.readline()
                assert line, log
                log += line
            yield f"http://localhost:{found[1]}", volume
        finally:
            process.terminate()
            process.wait(timeout=20)


async def test_the_entrypoint_serves_as_a_user_on_a_read_only_root(tmp_path: Path) -> None:
    """With a token it answers, without one it does not; the health check holds."""
    async with contained(tmp_path) as (address, _), httpx2.AsyncClient(trust_env=False) as http:
        greeted = await http.post(f"{address}/mcp", json=INITIALIZE, headers=HEADERS)
        assert greeted.status_code == 200
        assert "vast" in greeted.text
        stranger = {name: text for name, text in HEADERS.items() if name != "authorization"}
        refused = await http.post(f"{address}/mcp", json=INITIALIZE, headers=stranger)
        assert refused.status_code == 401
        program, *words = instruction("HEALTHCHECK")
        check = [word.replace("http://localhost:8765", address) for word in words]
        assert check != words
        assert run(sys.executable, *check, PATH=os.environ["PATH"]).returncode == 0
        assert program == "python"
        broken = [word.replace("/healthz", "/nowhere") for word in check]
        assert run(sys.executable, *broken, PATH=os.environ["PATH"]).returncode != 0
