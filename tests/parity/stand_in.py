"""A vendor of fixed answers on loopback: just enough for the official client to go on asking.

Written after the vendor's documents. It is evidence of nothing but what the client sends; how the
vendor really answers is the simulator's business.
"""

import json
import re
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

INSTANCE = {
    "id": 12345678,
    "machine_id": 12345,
    "actual_status": "running",
    "intended_status": "running",
    "cur_state": "running",
    "label": "train-a",
    "num_gpus": 1,
    "gpu_name": "RTX 4090",
    "ssh_host": "ssh5.vast.ai",
    "ssh_port": 12345,
    "public_ipaddr": "203.0.113.7",
    "ports": {"22/tcp": [{"HostIp": "0.0.0.0", "HostPort": "40022"}]},
    "image_runtype": "ssh",
    "start_date": 1780000000.0,
    "end_date": 1790000000.0,
    "extra_env": [],
    "status_msg": "success, running x/y/ssh",
}
OFFER = {
    "id": 30000001,
    "machine_id": 12345,
    "num_gpus": 1,
    "gpu_name": "RTX 4090",
    "gpu_ram": 24564,
    "gpu_total_ram": 24564,
    "dph_total": 0.34,
    "rentable": True,
    "reliability": 0.99,
    "duration": 864000.0,
}
TEMPLATE = {
    "id": 334548,
    "hash_id": "4e17788f74f075dd9aab7d0d4427968f",
    "creator_id": 1,
    "name": "base",
    "image": "vastai/vllm",
    "tag": "latest",
    "env": "-p 8000:8000",
    "onstart": "entrypoint.sh",
    "runtype": "ssh",
    "recommended_disk_space": 64,
    "extra_filters": '{"gpu_ram": {"gte": 20000}}',
    "private": True,
}
RISE = {
    "pending_price_increase_id": 901,
    "contract_id": 12345678,
    "host_id": 1,
    "new_gpu_costpersec": 0.0001,
    "old_gpu_costpersec": 0.00008,
    "contract_end_date": 1790000000.0,
    "created_at": 1780000000.0,
}
MACHINE = {"id": 12345, "machine_id": 12345, "num_gpus": 1, "gpu_name": "RTX 4090"}
ENDPOINT = {
    "id": 4242,
    "endpoint_name": "LLama",
    "api_key": "<ENDPOINT_KEY>",
    "min_load": 0,
    "cold_mult": 2.5,
    "target_util": 0.9,
}
_PATH = "http://127.0.0.1:{port}/__external__/"
ANSWERS: tuple[tuple[str, Any], ...] = (
    (r"POST /api/v0/bundles/", {"offers": [OFFER]}),
    (r"PUT /api/v0/search/asks/", {"offers": [OFFER]}),
    (r"POST /api/v0/(network_)?volumes/search/", {"offers": []}),
    (r"PUT /api/v0/(asks/\d+|launch_instance)/", {"success": True, "new_contract": 12345678}),
    (r"POST /api/v0/asks/bulk/", {"success": True, "new_contract": [12345678, 12345679]}),
    (r"GET /api/v0/instances/filters/", {"success": True, "filters": {}}),
    (
        r"GET /api/v0/instances/pending-price-increases/",
        {
            "success": True,
            "count": 2,
            "pending_price_increases": [
                RISE,
                {**RISE, "pending_price_increase_id": 902, "contract_id": 12345679},
            ],
        },
    ),
    (r"GET /api/v0/instances/balance/\d+/", {"refundable_deposit": 0, "total_discount": 0}),
    (r"GET /api/v0/instances/\d+/", {"instances": INSTANCE}),
    (
        r"GET /api/v1/instances/",
        {"success": True, "instances": [INSTANCE], "total_instances": 1, "next_token": None},
    ),
    (
        r"PUT /api/v0/instances/request_logs/\d+/",
        {"success": True, "result_url": _PATH + "result/logs.log"},
    ),
    (
        r"PUT /api/v0/instances/command/\d+/",
        {"success": True, "result_url": _PATH + "result/cmd.log", "writeable_path": "/host/"},
    ),
    (r"GET /__external__/result/.*", "a line\n"),
    (
        r"PUT /api/v0/commands/(copy_direct|rsync)/",
        {
            "success": True,
            "src_addr": "203.0.113.7",
            "src_port": 2222,
            "dst_addr": "203.0.113.7",
            "dst_port": 2222,
        },
    ),
    (r"GET /api/v0/template/", {"success": True, "templates": [TEMPLATE]}),
    (
        r"(POST|PUT) /api/v[01]/template/",
        {"success": True, "msg": "New Template ID: 1", "template": TEMPLATE},
    ),
    (r"GET /api/v0/endptjobs/", {"success": True, "results": [ENDPOINT]}),
    (r"POST /api/v0/endptjobs/", {"success": True, "result": 4242}),
    (
        r"GET /api/v0/(autojobs|workergroups)/",
        {"success": True, "results": [{"id": 4343, "endpoint_id": 4242}]},
    ),
    (r"POST /api/v0/(autojobs|workergroups)/", {"success": True, "id": 4343}),
    (
        r"POST /get_endpoint_workers/",
        [{"id": 12345678, "status": "IDLE", "measured_perf": 100.0, "perf": 100.0}],
    ),
    (
        r"POST /get_(endpoint|autogroup)_logs/",
        {"info0": "a\n", "info1": "b\n", "trace": "c\n", "debug": "d\n"},
    ),
    (r"GET /api/v0/deployments", {"success": True, "deployments": [{"id": 644}]}),
    (
        r"GET /api/v0/deployment/\d+/versions/",
        {"success": True, "versions": [{"id": 1, "version_label": "a"}]},
    ),
    (
        r"GET /api/v0/deployment/\d+/",
        {"success": True, "deployment": {"id": 644, "name": "square", "endpoint_id": 4242}},
    ),
    (r"GET /api/v0/benchmarks", {"benchmarks": [], "benchmarks_found": 0, "next_token": None}),
    (r"GET /api/v0/gpu_names/unique/", {"gpu_names": ["RTX 3090", "RTX 4090"]}),
    (
        r"GET /api/v0/gpu_types/",
        {"gpu_types": [{"canonical_name": "RTX 4090", "gpu_ram_mb": 24564}]},
    ),
    (r"GET /api/v0/ssh/", []),
    (r"GET /api/v0/users/current", {"id": 1, "username": "me", "email": "me@example.com"}),
    (r"GET /api/v0/users/me/invoices", {"invoices": [], "current": {"charges": 0.0}}),
    (r"POST /api/v0/contracts/fetch/", {"contracts": []}),
    (r"GET /api/v0/volumes", {"success": True, "volumes": []}),
    (r"POST /api/v0/network_volumes/(unlist/)?", {"success": True, "msg": "done"}),
    (r"GET /api/v0/instance_backups/", {"backups": []}),
    (r"GET /api/v0/subaccounts", {"users": []}),
    (r"GET /api/v0/machines/maintenances", []),
    (r"GET /api/v0/machines", {"machines": [MACHINE]}),
    (r"GET /api/v0/machines/\d+", [MACHINE]),
    (r"GET /api/v0/network_disk/", {"success": True, "network_disks": []}),
    (r"POST /api/v0/network_disk/", {"success": True, "msg": "done", "disk_id": 1}),
    (r"PUT /api/v0/instances/prepay/\d+/", {"success": True, "timescale": 1, "discount_rate": 0.2}),
    (r"POST /api/v0/tfa/authorize-new-method/", {"success": True, "secret": "SECRET"}),
    (r"GET /api/v0/users/cloud_integrations/", [{"id": 1001, "cloud_type": "s3", "name": "a"}]),
    (r"GET /api/v0/(charges|invoices)/?", {"results": [], "count": 0, "total": 0}),
    (r"GET /api/v1/invoices/", {"results": [], "count": 0, "total": 0, "next_token": None}),
)


@dataclass(frozen=True)
class Received:
    """One request as it came in; `via_default` if it went to the client's built-in server."""

    method: str
    path: str
    query: dict[str, str]
    text: str
    auth: str | None
    via_default: bool
    status: int


class StandIn:
    """Two doors on loopback to the same answers: the one named by `--url`, and the default."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self._scenario: dict[str, list[list[Any]]] = {}
        self._lock = threading.Lock()
        self._doors = [self._door(default) for default in (False, True)]

    @property
    def ports(self) -> tuple[int, int]:
        """Of the named server, and of the default one."""
        return self._doors[0].server_port, self._doors[1].server_port

    def begin(self, scenario: dict[str, list[list[Any]]]) -> None:
        """Forget what came in; `scenario` holds answers that precede the usual ones, by route."""
        with self._lock:
            self.received = []
            slow = {"GET /__external__/result/logs.log", "GET /__external__/result/cmd.log"}
            self._scenario = {route: [[404, "not yet"]] for route in slow} | {
                route: list(answers) for route, answers in scenario.items()
            }

    def close(self) -> None:
        """Listen no longer."""
        for door in self._doors:
            door.shutdown()
            door.server_close()

    def _door(self, default: bool) -> ThreadingHTTPServer:
        stand_in = self

        class Door(BaseHTTPRequestHandler):
            """Any method, any path."""

            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                """What the scenario says next, else the usual answer."""
                length = int(self.headers.get("Content-Length") or 0)
                text = self.rfile.read(length).decode()
                status, content, headers = stand_in._take(self, text, default)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Nothing is printed."""

        door = ThreadingHTTPServer(("127.0.0.1", 0), Door)
        door.daemon_threads = True
        threading.Thread(target=door.serve_forever, daemon=True).start()
        return door

    def _take(
        self, request: BaseHTTPRequestHandler, text: str, default: bool
    ) -> tuple[int, bytes, dict[str, str]]:
        url = urlsplit(request.path)
        route = f"{request.command} {url.path}"
        with self._lock:
            queue = self._scenario.get(route)
            status, body, *more = queue.pop(0) if queue else [200, self._usual(route)]
            self.received.append(
                Received(
                    request.command,
                    url.path,
                    dict(parse_qsl(url.query, keep_blank_values=True)),
                    text,
                    request.headers.get("Authorization"),
                    default,
                    status,
                )
            )
        content = body if isinstance(body, str) else json.dumps(body)
        content = content.replace("{port}", str(self.ports[0]))
        return status, content.encode(), more[0] if more else {}

    @staticmethod
    def _usual(route: str) -> Any:  # noqa: ANN401
        found = (answer for pattern, answer in ANSWERS if re.fullmatch(pattern, route))
        return next(found, {"success": True, "msg": "done"})
