"""Replies of the real vendor as data: the recordings beside the repository, and our own corpus.

The recordings are other people's, with their provenance inside; they stay outside the repository,
and tests that read them skip where they are absent. The corpus in `corpus/` holds the same shapes
in our own words with made-up values, so that nothing here depends on what is not checked in.
"""

import copy
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

Json: TypeAlias = Any
SHARED = Path(__file__).parents[3] / "shared" / "recorded"
CORPUS = Path(__file__).parent / "corpus"
ROWS: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parent / "corpus_rows.json").read_text(encoding="utf-8")
)
"""A whole offer and a whole instance in our own words: what `{"like": …}` in the corpus means."""
ABSENT = "the recorded replies are not beside this repository"

ROUTES: dict[str, tuple[str, str]] = {
    "user": ("GET", r"/api/v0/users/current/?"),
    "list": ("GET", r"/api/v1/instances/?"),
    "instance": ("GET", r"/api/v0/instances/\d+/?"),
    "offers": ("POST", r"/api/v0/(bundles|search/asks)/?"),
    "templates": ("GET", r"/api/v0/template/?"),
    "charges": ("GET", r"/api/v0/charges/?"),
    "volumes": ("GET", r"/api/v0/volumes/?"),
    "ssh_keys": ("GET", r"/api/v0/ssh/?"),
    "instance_keys": ("GET", r"/api/v0/instances/\d+/ssh/?"),
    "endpoints": ("GET", r"/api/v0/endptjobs/?"),
    "workergroups": ("GET", r"/api/v0/(workergroups|autojobs)/?"),
    "workers": ("POST", r"/get_endpoint_workers/?"),
    "gpu_names": ("GET", r"/api/v0/gpu_names/unique/?"),
    "logs": ("PUT", r"/api/v0/instances/request_logs/\d+/?"),
    "command": ("PUT", r"/api/v0/instances/command/\d+/?"),
    "inbox": ("GET", r"/api/v0/notifications?(-inbox|/inbox)?/?"),
    "create": ("PUT", r"/api/v0/asks/\d+/?"),
    "manage": ("PUT", r"/api/v0/instances/\d+/?"),
    "destroy": ("DELETE", r"/api/v0/instances/\d+/?"),
    "bid": ("PUT", r"/api/v0/instances/bid_price/\d+/?"),
}
"""Every route that a reading or an act may ask, by the name that replies are sorted under."""
READS = (
    "user", "list", "instance", "offers", "templates", "charges", "volumes", "ssh_keys",
    "instance_keys", "endpoints", "workergroups", "workers", "gpu_names", "logs", "command",
)  # fmt: skip
WRITES = ("create", "manage", "destroy", "bid")


@dataclass(frozen=True)
class Reply:
    """One reply. `routes` are those that it could be the answer of."""

    name: str
    status: int
    body: Json
    routes: tuple[str, ...]
    headers: Mapping[str, str] = field(default_factory=dict)
    shows: Json = None
    """What a reader must make of it, written down from the reply by hand."""

    @property
    def content(self) -> bytes:
        """The body as it goes over the wire."""
        return self.body.encode() if isinstance(self.body, str) else json.dumps(self.body).encode()


def recorded() -> list[Reply]:
    """The recordings, in the order of their names; empty where they are absent."""
    return [_recorded(path) for path in sorted(SHARED.glob("*.json"))]


def corpus() -> list[Reply]:
    """Our own corpus."""
    found: list[Reply] = []
    for path in sorted(CORPUS.glob("*.json")):
        for row in json.loads(path.read_text(encoding="utf-8"), object_hook=_filled):
            routes = tuple(row.get("routes", ())) or routes_of(row["status"], row["body"])
            found.append(
                Reply(
                    f"{path.stem}/{row['name']}",
                    row["status"],
                    row["body"],
                    routes,
                    row.get("headers", {}),
                    row.get("shows"),
                )
            )
    return found


def _filled(row: dict[str, Any]) -> dict[str, Any]:
    """A row that names what it is like, with its own values over the whole row's."""
    return ROWS[row.pop("like")] | row if "like" in row else row


def _recorded(path: Path) -> Reply:
    row = json.loads(path.read_text(encoding="utf-8"))
    body = _completed(row["body"])
    routes = routes_of(row["status"], body)
    return Reply(path.stem, row["status"], body, routes, row["headers"])


def _completed(body: Json) -> Json:
    """A reply of which only the decisive words are known, laid over the recorded shape of a row."""
    found = body.get("instances") if isinstance(body, dict) else None
    if not isinstance(found, dict) or "id" in found:
        return body
    path = SHARED / "instance_stopped_v0.json"
    whole = copy.deepcopy(json.loads(path.read_text(encoding="utf-8"))["body"]["instances"])
    return {"instances": whole | found}


def routes_of(status: int, body: Json) -> tuple[str, ...]:
    """Where such an answer can come from, by its shape; a refusal can come from anywhere."""
    if isinstance(body, str) or status >= 400 or "detail" in _keys(body):
        return (*READS, *WRITES)
    if isinstance(body, list):
        return ("ssh_keys",) if body and "public_key" in body[0] else ()
    if not isinstance(body, dict):
        return ()
    return next((route for keys, route in _shapes(body) if keys <= body.keys()), ())


def _keys(body: Json) -> set[str]:
    return set(body) if isinstance(body, dict) else set()


def _shapes(body: Mapping[str, Json]) -> Iterator[tuple[set[str], tuple[str, ...]]]:
    yield {"offers"}, ("offers",)
    one = isinstance(body.get("instances"), dict) or body.get("instances", 0) is None
    yield {"instances"}, ("instance",) if one else ("list",)
    yield {"templates"}, ("templates",)
    yield {"volumes"}, ("volumes",)
    yield {"workers"}, ("workers",)
    yield {"credit"}, ("user",)
    yield {"result_url"}, ("logs",)
    yield {"notifications"}, ("inbox",)
    yield {"new_contract"}, ("create",)
    rows = body.get("results")
    first = rows[0] if isinstance(rows, list) and rows else {}
    if "template_hash" in first:
        yield {"results"}, ("workergroups",)
    yield {"results"}, ("endpoints",) if "endpoint_name" in first else ("charges",)
    if body.get("success") is False:
        yield {"success"}, (*READS, *WRITES)
