"""A real server process, spoken to as a client would."""

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LONGEST_S = 60
INITIALIZE: dict[str, Any] = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}
INITIALIZED: dict[str, Any] = {"jsonrpc": "2.0", "method": "notifications/initialized"}


@dataclass
class Server:
    """The process and what it said on stderr so far."""

    process: asyncio.subprocess.Process
    log: list[str] = field(default_factory=list)

    async def send(self, *messages: dict[str, Any]) -> None:
        """Write messages to its stdin."""
        assert self.process.stdin is not None
        for message in messages:
            self.process.stdin.write(json.dumps(message).encode() + b"\n")
        await self.process.stdin.drain()

    async def receive(self, number: int) -> dict[str, Any]:
        """The answer to that request; everything on stdout has to be a message."""
        assert self.process.stdout is not None
        while True:
            line = await asyncio.wait_for(self.process.stdout.readline(), LONGEST_S)
            assert line, "".join(self.log)
            message: dict[str, Any] = json.loads(line)
            if message.get("id") == number:
                return message

    async def ask(self, number: int, method: str, **params: Any) -> dict[str, Any]:  # noqa: ANN401  JSON
        """One request and its result."""
        await self.send({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        answer: dict[str, Any] = (await self.receive(number))["result"]
        return answer

    async def greet(self) -> None:
        """The older handshake."""
        await self.send(INITIALIZE)
        await self.receive(1)
        await self.send(INITIALIZED)

    async def said(self, pattern: str) -> str:
        """The first group of a pattern, once stderr shows it."""
        async with asyncio.timeout(LONGEST_S):
            while True:
                if found := re.search(pattern, "".join(self.log)):
                    return found.group(1)
                assert self.process.returncode is None, "".join(self.log)
                await asyncio.sleep(0.05)  # noqa: TID251  another process writes it

    async def ended(self) -> int:
        """Its exit code."""
        return await asyncio.wait_for(self.process.wait(), LONGEST_S)


@asynccontextmanager
async def started(home: Path, *words: str, **environment: str) -> AsyncIterator[Server]:
    """`vast-mcp serve` with these words, in a home of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "vast_mcp",
        "serve",
        *words,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "TMPDIR": str(home),
            "XDG_STATE_HOME": str(home / "state"),
            "XDG_CONFIG_HOME": str(home / "config"),
            **environment,
        },
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    server = Server(process)
    listening = asyncio.create_task(_listen(server))
    try:
        yield server
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        await listening
        assert process.stdin is not None
        process.stdin.close()


async def _listen(server: Server) -> None:
    assert server.process.stderr is not None
    async for line in server.process.stderr:
        server.log.append(line.decode())
