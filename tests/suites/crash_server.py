"""Processes that die in the middle of an act: started once, forks one for each job.

Reads jobs as lines of JSON and answers each with one: the exit code and what was counted. The
fork runs one act on the real guard against a vendor over loopback and calls `os._exit(9)` at the
n-th step: a commit of the ledger, or a changing request that leaves or is answered. Nothing of
the product knows of it.
"""

import asyncio
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2

from tests.forking import Say, fork_for_each_line
from tests.suites.rig import carry
from vast_mcp.actions import rebuild
from vast_mcp.api.connection import network_transport
from vast_mcp.clock import ManualClock
from vast_mcp.config import Settings
from vast_mcp.errors import VastMcpError
from vast_mcp.runtime import open_runtime
from vast_mcp.store import SqliteLedger

KILLED = 9


class Steps:
    """Counts, and dies at the one it was told."""

    def __init__(self, fatal: int) -> None:
        self.fatal = fatal
        self.names: list[str] = []

    def step(self, name: str) -> None:
        """One more; perhaps the last."""
        self.names.append(name)
        if len(self.names) == self.fatal:
            os._exit(KILLED)  # no flush, no handlers, no goodbye


class Dying(httpx2.AsyncBaseTransport):
    """The network; a changing request is two steps."""

    def __init__(self, steps: Steps) -> None:
        self._inner = network_transport()
        self._steps = steps

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """There, and back with the whole answer."""
        changes = request.method != "GET" and "/bundles" not in request.url.path
        if changes:
            self._steps.step(f"before {request.method}")
        try:
            response = await self._inner.handle_async_request(request)
            if changes:
                await response.aread()
        finally:
            if changes:
                self._steps.step(f"after {request.method}")
        return response

    async def aclose(self) -> None:
        """Close the network."""
        await self._inner.aclose()


def count_commits(steps: Steps) -> None:
    """Each transaction that wrote something is a step before its commit and one after."""
    plain: Callable[..., Any] = SqliteLedger._run

    def counted(self: SqliteLedger, begin: str, work: Callable[..., Any]) -> Any:  # noqa: ANN401
        if begin == "BEGIN" or self.place == "memory":
            return plain(self, begin, work)

        def watched(tx: Any) -> Any:  # noqa: ANN401
            result = work(tx)
            steps.step("before commit")
            return result

        result = plain(self, begin, watched)
        steps.step("after commit")
        return result

    SqliteLedger._run = counted  # type: ignore[method-assign]


async def one(job: dict[str, Any], steps: Steps) -> str:
    """Carry out the act of a job."""
    tmp = Path(job["tmp"])
    settings = Settings(
        api_base=job["base"],
        serverless_base=job["base"],
        api_key="sim-key",
        state_dir=tmp / "state",
        user_policy=tmp / "policy.toml",
        system_policy=tmp / "none.toml",
    )
    clock = ManualClock(job["now_us"], auto_advance=True)
    async with open_runtime(settings, clock=clock, transport=Dying(steps)) as runtime:
        try:
            outcome = await carry(runtime.session.guard, rebuild(job["tool"], job["arguments"]))
        except (VastMcpError, sqlite3.Error) as error:
            return f"{type(error).__name__}: {error}"
        return outcome.status


def child(job: dict[str, Any], say: Say) -> None:
    """One process's life."""
    steps = Steps(job["fatal"])
    count_commits(steps)
    said = asyncio.run(one(job, steps))
    say({"said": said, "steps": steps.names})


if __name__ == "__main__":
    fork_for_each_line(child)
