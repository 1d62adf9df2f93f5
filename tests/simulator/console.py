"""What every simulator test holds: a simulator, its clock, and a client opened in the test body."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2

from vast_mcp.clock import ManualClock
from vast_mcp.simulator import Simulator, SimulatorTransport

BASE = "https://console.vast.ai"
OK = 200


class Console:
    """A simulator whose clock moves by hand, and the requests a person would send to it."""

    def __init__(self, simulator: Simulator, clock: ManualClock) -> None:
        self.simulator = simulator
        self.clock = clock
        self.http: httpx2.AsyncClient

    async def call(self, method: str, path: str, **options: Any) -> httpx2.Response:  # noqa: ANN401
        """One request below `/api/v0/`, or anywhere with a leading slash."""
        url = path if path.startswith("/") else f"/api/v0/{path}"
        return await self.http.request(method, url, **options)

    async def get(self, path: str, **options: Any) -> Any:  # noqa: ANN401
        """The JSON of a GET that went well."""
        response = await self.call("GET", path, **options)
        assert response.status_code == OK, response.text
        return response.json()

    async def offers(self, **query: Any) -> list[dict[str, Any]]:  # noqa: ANN401
        """All that a search finds, answer by answer; with a `limit` or an `order` one answer."""
        found: list[dict[str, Any]] = []
        more = True
        while more:
            seen = {"ask_contract_id": {"notin": [row["id"] for row in found]}} if found else {}
            response = await self.call("POST", "bundles/", json=seen | query)
            assert response.status_code == OK, response.text
            answer = response.json()
            found += answer["offers"]
            more = answer["truncated"] and not {"limit", "order"} & query.keys()
            if more:
                self.clock.move(1)
        return found

    async def cheapest(self, gpu_name: str = "RTX 4090", **query: Any) -> dict[str, Any]:  # noqa: ANN401
        """The cheapest verified single-GPU offer with 50 GB of disk."""
        wanted = {"gpu_name": {"eq": gpu_name}, "num_gpus": {"eq": 1}, "verified": {"eq": True}}
        order = [["dph_total", "asc"]]
        return (await self.offers(**wanted, order=order, allocated_storage=50.0, **query))[0]

    async def rent(self, offer: dict[str, Any] | None = None, **body: Any) -> int:  # noqa: ANN401
        """Create an instance; its id."""
        offer = offer or await self.cheapest()
        sent = {"client_id": "me", "image": "vastai/pytorch:x", "disk": 50, **body}
        response = await self.call("PUT", f"asks/{offer['id']}/", json=sent)
        assert response.status_code == OK, response.text
        return int(response.json()["new_contract"])

    async def show(self, instance_id: int) -> dict[str, Any]:
        """The instance as the vendor shows it."""
        shown: dict[str, Any] = (await self.get(f"instances/{instance_id}/"))["instances"]
        return shown

    async def running(self, **body: Any) -> int:  # noqa: ANN401
        """An instance that has come up."""
        instance_id = await self.rent(**body)
        self.clock.move(600)
        assert (await self.show(instance_id))["actual_status"] == "running"
        return instance_id


@asynccontextmanager
async def console(*, key: str | None = "sim-key", **options: Any) -> AsyncIterator[Console]:  # noqa: ANN401
    """A console on a new simulator without rate limits (`rate_limits=True` brings them back)."""
    clock = ManualClock(auto_advance=True)
    simulator = Simulator(clock, **{"rate_limits": False, **options})
    held = Console(simulator, clock)
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    transport = SimulatorTransport(simulator)
    async with httpx2.AsyncClient(transport=transport, base_url=BASE, headers=headers) as held.http:
        yield held
