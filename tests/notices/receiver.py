"""A webhook of the test's own on loopback, and a `notify-send` that writes down what it is told."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.world import World
from vast_mcp.models import Offer

SCRIPT = """#!/bin/sh
for word in "$@"; do printf '%s\\n' "$word" >> "{out}"; done
printf 'key=%s\\n--\\n' "$VAST_API_KEY" >> "{out}"
{more}
"""


@dataclass
class Receiver:
    """What was posted, and how it answers: one word or status per request, the last for ever."""

    address: str = ""
    answers: list[str] = field(default_factory=lambda: ["200 OK"])
    posted: list[dict[str, Any]] = field(default_factory=list)
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by each request; `silent` answers never come."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request per connection."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lines = [line.partition(":") for line in head.lower().splitlines()]
        length = next(int(value) for name, _, value in lines if name == "content-length")
        self.posted.append(json.loads(await reader.readexactly(length)))
        self.reached.set()
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer == "silent":
            await reader.read()  # until the other side has had enough
        if answer not in {"drop", "silent"}:
            where = f"Location: {self.address}/elsewhere\r\n" if answer.startswith("3") else ""
            rest = f"{where}Content-Length: 0\r\nConnection: close\r\n\r\n"
            writer.write(f"HTTP/1.1 {answer}\r\n{rest}".encode())
            await writer.drain()
        writer.close()


@asynccontextmanager
async def receiving(*answers: str) -> AsyncIterator[Receiver]:
    """A receiver on a free port while the block lasts."""
    receiver = Receiver()
    if answers:
        receiver.answers = list(answers)
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook-s3cr3t"
    try:
        yield receiver
    finally:
        server.close()
        await server.wait_closed()


def desktop(tmp: Path, more: str = "") -> tuple[dict[str, str], Path]:
    """An environment with a display and a `notify-send`, and the file it writes."""
    place, out = tmp / "bin", tmp / "shown.txt"
    place.mkdir()
    script = place / "notify-send"
    script.write_text(SCRIPT.format(out=out, more=more), encoding="utf-8")
    script.chmod(0o755)
    path = f"{place}:/usr/bin:/bin"
    return {"PATH": path, "DISPLAY": ":9", "VAST_API_KEY": "must-not-be-seen"}, out


def policy_for(receiver: Receiver) -> str:
    """A policy file with that webhook."""
    return f'[notify]\nwebhook_url = "{receiver.address}"\n'


async def rented(
    world: World,
    hours: float = 4,
    offer: Offer | None = None,
    **arguments: Any,  # noqa: ANN401  create_instance's
) -> int:
    """A machine that runs, under a lease."""
    async with world.connect() as client:
        instance_id = await world.rent(client, offer, lease_hours=hours, **arguments)
    world.run_until_ready()
    return instance_id
