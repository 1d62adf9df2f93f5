"""A server that dies by kill -9 in the middle of a job: a process, forked anew for each life.

Reads lives as lines of JSON and answers each with one: how the process ended and what it had said.
A life is a whole server with a client of its own, on a vendor over loopback; it begins a job, or
finds the one that an earlier life left, and kills itself at the point it was told.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Unpack

import asyncssh  # noqa: F401  before the fork: every life would have to import it
import httpx2
from mcp import Client
from mcp.client import ClientRequestContext
from mcp.types import ElicitRequestParams, ElicitResult

from tests.forking import Say, fork_for_each_line
from vast_mcp.api.connection import network_transport
from vast_mcp.clock import Clock, PairedClock, ScaledClock
from vast_mcp.config import Settings
from vast_mcp.jobs.context import JobContext
from vast_mcp.jobs.remote_job import RemoteJob
from vast_mcp.runtime import Runtime, open_runtime
from vast_mcp.server import create_server
from vast_mcp.store import Job, JobFacts, JobNotes, JobPhase

LATER_S = 120
"""Between two lives; the beat of the one that died is stale by then."""
LONGEST_S = 40


class LaterClock(PairedClock):
    """This machine's clock for a life that begins minutes after the one before."""

    def __init__(self, vendor: Clock, later_s: float) -> None:
        super().__init__(vendor)
        self._later_us = int(later_s * 1_000_000)

    def utc_us(self) -> int:
        """Later than it is."""
        return super().utc_us() + self._later_us


class Fate:
    """Dies at the point it was told, the first time it gets there."""

    def __init__(self, point: str) -> None:
        self._point = point

    def at(self, point: str) -> None:
        """Here; perhaps no further."""
        if point == self._point:
            os.kill(os.getpid(), signal.SIGKILL)

    def bind(self) -> None:
        """Phases and steps on the machine: before and after each."""
        fate, save = self, JobContext.save

        async def saved(
            self: JobContext,
            phase: JobPhase | None = None,
            facts: JobFacts | None = None,
            **changes: Unpack[JobNotes],
        ) -> Job:
            if phase is not None:
                fate.at(f"before {phase.value}")
            job = await save(self, phase, facts, **changes)
            if phase is not None:
                fate.at(f"after {phase.value}")
            return job

        JobContext.save = saved  # type: ignore[method-assign]
        for name in ("send", "start", "fetch"):
            setattr(RemoteJob, name, self._watched(name, getattr(RemoteJob, name)))

    def _watched(self, name: str, plain: Callable[..., Awaitable[Any]]) -> Callable[..., Any]:
        async def watched(*given: Any) -> Any:  # noqa: ANN401
            self.at(f"before {name}")
            result = await plain(*given)
            self.at(f"after {name}")
            return result

        return watched


class Wire(httpx2.AsyncBaseTransport):
    """The network; a rent or a destroy can be the last thing that was sent."""

    def __init__(self, fate: Fate) -> None:
        self._inner = network_transport()
        self._fate = fate

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """There, and back with the whole answer."""
        changes = request.method == "DELETE" or "/asks/" in request.url.path
        if changes:
            self._fate.at(f"before {request.method}")
        response = await self._inner.handle_async_request(request)
        await response.aread()
        if changes:
            self._fate.at(f"after {request.method}")
        return response

    async def aclose(self) -> None:
        """Close the network."""
        await self._inner.aclose()


async def agree(
    context: ClientRequestContext,  # noqa: ARG001  the SDK passes both by name
    params: ElicitRequestParams,  # noqa: ARG001
) -> ElicitResult:
    """The person."""
    return ElicitResult(action="accept", content={"confirm": True})


async def live(life: dict[str, Any], say: Callable[[dict[str, Any]], None]) -> None:
    """One life: begin the job if there is none, and stay until it is over."""
    tmp, fate = Path(life["tmp"]), Fate(life["dies"])
    fate.bind()
    settings = Settings(
        api_base=life["base"],
        serverless_base=life["base"],
        api_key="sim-key",
        state_dir=tmp / "state",
        user_policy=tmp / "policy.toml",
        system_policy=tmp / "none.toml",
    )
    vendor = ScaledClock(start_us=life["now_us"], speed=life["speed"])
    clock = LaterClock(vendor, life["later_s"])

    @asynccontextmanager
    async def runtime() -> AsyncIterator[Runtime]:
        async with open_runtime(settings, clock=clock, transport=Wire(fate), keep=True) as opened:
            yield opened

    server = create_server(runtime, b"tests-seal-with-these-32-bytes-k", toolsets="work")
    async with asyncio.timeout(LONGEST_S), Client(server, elicitation_callback=agree) as client:
        listed = (await client.call_tool("show_jobs", {})).structured_content
        assert listed is not None
        if not listed["jobs"]:
            begun = await client.call_tool("run_job", life["job"])
            say({"begun": begun.structured_content})
            listed = (await client.call_tool("show_jobs", {})).structured_content
            assert listed is not None
        asked = {"job_id": listed["jobs"][0]["job_id"], "wait_seconds": 20}
        while True:
            shown = (await client.call_tool("show_jobs", asked)).structured_content
            assert shown is not None
            if shown["jobs"][0]["phase"] in {"done", "failed", "stopped"}:
                say({"shown": shown})
                return


def child(life: dict[str, Any], say: Say) -> None:
    """One process's life."""
    asyncio.run(live(life, say))


if __name__ == "__main__":
    fork_for_each_line(child)
