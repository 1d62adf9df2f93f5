"""A stand-in for the wire: a function answers, everything that arrives is kept."""

from collections.abc import Callable, Iterable
from typing import Any

import httpx2

from vast_mcp.api.connection import Connection
from vast_mcp.clock import ManualClock
from vast_mcp.operations import Operation

KEY = "k3y-that-must-never-be-seen"
Answer = httpx2.Response | Exception
Handler = Callable[[httpx2.Request], Answer]


class Wire(httpx2.AsyncBaseTransport):
    """Answers by a function, or from a list in order; the last answer repeats."""

    def __init__(self, answers: Handler | Iterable[Answer]) -> None:
        self._handler = answers if callable(answers) else None
        self._answers = [] if callable(answers) else list(answers)
        self.seen: list[httpx2.Request] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Keep the request, give the next answer or raise it."""
        self.seen.append(request)
        answer = self._handler(request) if self._handler else self._next()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _next(self) -> Answer:
        answer = self._answers.pop(0)
        if not self._answers:
            self._answers.append(_copy(answer))
        return answer


def _copy(answer: Answer) -> Answer:
    if isinstance(answer, Exception):
        return answer
    return httpx2.Response(answer.status_code, headers=answer.headers, content=answer.content)


class Unhurried:
    """No distance kept between calls: what is tested is the waiting of something else."""

    async def turn(
        self,
        operation: Operation,
        *,
        urgent: bool = False,
        background: bool = False,
        patience_s: float | None = None,
    ) -> None:
        """Now."""

    async def pushed_back(
        self, operation: Operation, retry_after_s: float | None, *, quota: bool = False
    ) -> None:
        """Still now."""

    async def arrived(self, operation: Operation) -> None:
        """And now."""


def connect(
    wire: httpx2.AsyncBaseTransport,
    *,
    key: str | None = KEY,
    clock: ManualClock | None = None,
    api_base: str = "https://console.vast.ai",
    serverless_base: str | None = None,
) -> Connection:
    """A connection over the stand-in, on a clock that moves when somebody sleeps."""
    return Connection(
        api_key=key,
        transport=wire,
        clock=clock or ManualClock(auto_advance=True),
        api_base=api_base,
        serverless_base=serverless_base,
        user_agent="test",
        pace=Unhurried(),
    )


def ok(body: object, **headers: str) -> httpx2.Response:
    """A 200 with this JSON."""
    return httpx2.Response(200, json=body, headers=headers)


def offer_row(**changes: object) -> dict[str, Any]:
    """An offer as the vendor shows one (docs/vendor-api.md#offers)."""
    return {
        "id": 28113344,
        "machine_id": 11,
        "host_id": 12,
        "gpu_name": "RTX 4090",
        "num_gpus": 1,
        "gpu_ram": 24564,
        "gpu_frac": 0.25,
        "cpu_ram": 256000,
        "cpu_cores_effective": 16.0,
        "disk_space": 900.5,
        "dph_total": 0.34,
        "dph_base": 0.33,
        "min_bid": 0.15,
        "storage_cost": 0.15,
        "inet_down_cost": 0.002,
        "inet_up_cost": 0.003,
        "inet_down": 800.0,
        "reliability2": 0.994,
        "verification": "verified",
        "hosting_type": 1,
        "geolocation": "Sweden, SE",
        "duration": 1814400.0,
        **changes,
    }


def instance_row(**changes: object) -> dict[str, Any]:
    """A running instance as the vendor shows one (docs/vendor-api.md#instances)."""
    return {
        "id": 27123456,
        "machine_id": 11,
        "label": "train",
        "actual_status": "running",
        "intended_status": "running",
        "cur_state": "running",
        "next_state": "running",
        "status_msg": "success, running x/ssh",
        "is_bid": False,
        "gpu_name": "RTX 4090",
        "num_gpus": 1,
        "gpu_ram": 24564,
        "dph_total": 0.34,
        "storage_total_cost": 0.0083,
        "storage_cost": 0.1,
        "disk_space": 60.0,
        "disk_usage": -1,
        "image_uuid": "vastai/pytorch",
        "image_runtype": "ssh_direc ssh_proxy",
        "extra_env": [["HF_TOKEN", "hf_secret"], ["VMCP_INTENT", "abc123"]],
        "jupyter_token": "jup-secret",
        "onstart": "echo onstart-secret",
        "public_ipaddr": "203.0.113.9\n",
        "ssh_host": "ssh4.vast.ai",
        "ssh_port": 23456,
        "ports": {"22/tcp": [{"HostIp": "0.0.0.0", "HostPort": "40022"}]},
        "start_date": 1_780_000_000.5,
        "end_date": 1_790_000_000,
        **changes,
    }


def instance_page(
    rows: list[dict[str, Any]], *, total: int | None = None, token: str | None = None
) -> httpx2.Response:
    """One page of the v1 list."""
    return ok(
        {
            "success": True,
            "instances_found": len(rows),
            "total_instances": len(rows) if total is None else total,
            "next_token": token,
            "instances": rows,
        }
    )
