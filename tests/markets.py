"""Markets that answer otherwise than the simulator's: cut shorter, or in an odd form."""

import json
from collections.abc import Callable
from typing import Any

import httpx2

Row = dict[str, Any]


class Bent(httpx2.AsyncBaseTransport):
    """A vendor whose answers to searches are bent: the body asked with, and what it answers."""

    def __init__(self, inner: httpx2.AsyncBaseTransport, bend: Callable[[Row, Row], Row]) -> None:
        self._inner, self._bend = inner, bend
        self.asked: list[Row] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Everything but a search passes untouched."""
        response = await self._inner.handle_async_request(request)
        if not request.url.path.endswith("/bundles/") or response.status_code != httpx2.codes.OK:
            return response
        await response.aread()
        asked = json.loads(await request.aread())
        self.asked.append(asked)
        return httpx2.Response(200, json=self._bend(asked, response.json()))


def narrow(rows: int) -> Callable[[Row, Row], Row]:
    """At most so many rows in one answer."""

    def cut(_asked: Row, answer: Row) -> Row:
        more = len(answer["offers"]) > rows or answer["truncated"]
        return {"offers": answer["offers"][:rows], "truncated": more}

    return cut


def endless(_asked: Row, answer: Row) -> Row:
    """Always more than it answers."""
    return {**answer, "truncated": True}
