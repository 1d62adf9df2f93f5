"""One call of the official client: its words in, its text out."""

import asyncio
import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, TypeAlias

from vast_mcp.clock import ManualClock
from vast_mcp.simulator import Simulator
from vast_mcp.simulator.contract import Contract

_PATIENCE_S = 40


class OfficialClient:
    """`vastai` 1.9.1 as a subprocess. Its exit code says nothing, so look at text and at the world.

    `VAST_URL` and `--url` name the same port by different names: with equal ones the client would
    send its serverless calls, and the key, to the real host (docs/vendor-api.md#transport).
    """

    def __init__(
        self, program: Path, simulator: Simulator, clock: ManualClock, port: int, home: Path
    ) -> None:
        self.simulator = simulator
        self.clock = clock
        self._program = program
        self._home = home
        self._port = port

    async def run(self, *words: str, key: str | None = "sim-key") -> str:
        """Everything the client printed; without a key it looks into its own files."""
        environment = {
            "HOME": str(self._home),
            "PATH": "/usr/bin:/bin",
            "VAST_URL": f"http://127.0.0.1:{self._port}",
            "NO_COLOR": "1",
            "COLUMNS": "300",
        }
        if key is not None:
            environment["VAST_API_KEY"] = key
        process = await asyncio.create_subprocess_exec(
            str(self._program),
            *words,
            "--url",
            f"http://localhost:{self._port}",
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await asyncio.wait_for(process.communicate(), _PATIENCE_S)
        return output.decode()

    async def raw(self, *words: str) -> Any:  # noqa: ANN401
        """The client's `--raw` output, decoded."""
        return json.loads(await self.run(*words, "--raw"))

    async def rented(self, *words: str) -> Contract:
        """A machine rented through the client and brought up."""
        offers = await self.raw("search", "offers", "gpu_name=RTX_4090 num_gpus=1", "-o", "dph")
        offer = str(offers[0]["id"])
        asked = ("--image", "pytorch/pytorch", "--disk", "20", "--ssh", "--direct", *words)
        answer = await self.raw("create", "instance", offer, *asked)
        self.clock.move(600)
        self.simulator.catch_up()
        return self.simulator.world.instances[answer["new_contract"]]


OpenClient: TypeAlias = Callable[[], AbstractAsyncContextManager[OfficialClient]]
"""What the `official` fixture gives: opened inside the test body, never in the fixture."""
