"""How a wire fault strikes: around the handler, and on the bytes of its answer."""

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from email.utils import formatdate
from typing import Any, TypeAlias

from vast_mcp.clock import SECOND_US
from vast_mcp.simulator.faults import Fault, Severed
from vast_mcp.simulator.limits import too_many
from vast_mcp.simulator.wire import JsonObject, Request, Response, json_response, text_response
from vast_mcp.simulator.world import World

_FIRST_PAGE = base64.b64encode(json.dumps({"values": {}}).encode()).decode()
"""A token that leads back to the beginning."""
_BUSY = "Internal error, please try again"

Handler: TypeAlias = Callable[[Request], Response]


@dataclass(frozen=True, slots=True)
class Scene:
    """What a strike has to do with: the world, the request, and the handler behind it."""

    world: World
    request: Request
    act: Handler


def strike(fault: Fault, scene: Scene) -> Response:
    """Carry the fault out around the handler.

    Raises:
        Severed: no answer reaches the client.
    """
    before = _before(fault, scene)
    return before if before is not None else _during(fault, scene)


def _before(fault: Fault, scene: Scene) -> Response | None:
    now_us = scene.world.now_us
    match fault.kind:
        case "request_lost":
            raise Severed("timeout")
        case "reset":
            raise Severed("reset")
        case "refused_connection":
            raise Severed("refused")
        case "late_execution":
            due_us = now_us + int(fault.seconds * SECOND_US)
            scene.world.later(due_us, lambda: scene.act(scene.request))
            raise Severed("timeout")
        case "status_before":
            return _gateway_page(fault)
        case "rate_limited":
            return too_many(fault.form, 10.0, 5.0, now_us)
        case "auth_error_404":
            body = {"success": False, "error": "auth_error", "msg": "Invalid user key"}
            return json_response(body, status=fault.status or 404)
        case "html":
            return _waiting_page()
        case "canned":
            return _canned(fault)
        case _:
            return None


def _canned(fault: Fault, created: object = "") -> Response:
    """Exactly this answer, JSON or a page, whatever the request was."""
    text = fault.body.replace("$ID", str(created))
    kind = "text/html" if text.lstrip().startswith("<") else "application/json"
    return text_response(text, status=fault.status or 200, kind=kind)


def _gateway_page(fault: Fault) -> Response:
    page = "<html><h1>Bad Gateway</h1></html>"
    return text_response(page, status=fault.status or 502, kind="text/html")


def _waiting_page() -> Response:
    return text_response("<html><body>Just a moment...</body></html>", kind="text/html")


def _during(fault: Fault, scene: Scene) -> Response:
    match fault.kind:
        case "list_lag":
            with _lagging(scene.world, fault.seconds):
                return scene.act(scene.request)
        case "clock_skew":
            with _skewed(scene.world, fault.seconds):
                return _dated(scene.act(scene.request), scene.world)
        case "page_repeated":
            return _repeated(scene)
        case _:
            return _after(fault, scene.act(scene.request))


@contextmanager
def _lagging(world: World, seconds: float) -> Iterator[None]:
    before = world.list_lag_us
    world.list_lag_us = max(before, int(seconds * SECOND_US))
    try:
        yield
    finally:
        world.list_lag_us = before


@contextmanager
def _skewed(world: World, seconds: float) -> Iterator[None]:
    before = world.skew_us
    world.skew_us = before + int(seconds * SECOND_US)
    try:
        yield
    finally:
        world.skew_us = before


def _dated(response: Response, world: World) -> Response:
    return replace(response, headers={**response.headers, "date": date_header(world)})


def date_header(world: World) -> str:
    """The `Date` the vendor states: its clock, which may be off."""
    return formatdate((world.now_us + world.skew_us) / SECOND_US, usegmt=True)


def _after(fault: Fault, response: Response) -> Response:
    match fault.kind:
        case "answer_lost_after_commit":
            raise Severed("timeout")
        case "reset_after_commit":
            raise Severed("reset")
        case "status_after":
            return _gateway_page(fault)
        case "html_after_commit":
            return _waiting_page()
        case "truncated_json":
            return replace(response, body=response.body[: len(response.body) // 2])
        case "success_false_200":
            return json_response({"success": False, "msg": _BUSY}, status=fault.status or 200)
        case "canned_after":
            return _canned(fault, _created(response))
        case "slow_drip":
            return replace(response, drip_s=fault.seconds)
        case _:
            return _reworded(fault, response)


def _created(response: Response) -> object:
    try:
        body: Any = json.loads(response.body)
    except ValueError:
        return ""
    return body.get("new_contract", "") if isinstance(body, dict) else ""


def _reworded(fault: Fault, response: Response) -> Response:
    """The faults that change what a JSON answer says; anything else passes unchanged."""
    try:
        body: Any = json.loads(response.body)
    except ValueError:
        return response
    status = response.status
    match fault.kind:
        case "wrong_typed_json":
            body = wrong_typed(body)
        case "success_false_live" if isinstance(body, dict):
            body = {**body, "success": False, "msg": _BUSY}
            status = fault.status or status
        case "page_truncated" if isinstance(body, dict):
            _cut(body)
        case "page_looping" if isinstance(body, dict) and "next_token" in body:
            body["next_token"] = _FIRST_PAGE
        case "unknown_status" if isinstance(body, dict):
            _estranged(body)
        case "null_instance" if isinstance(body, dict) and isinstance(body.get("instances"), dict):
            body = {"instances": None}  # seen once for a machine that ran and billed
        case _:
            return response
    return replace(json_response(body, status=status), headers=response.headers)


def wrong_typed(value: Any) -> Any:  # noqa: ANN401  any JSON value
    """The same shape with numbers as text, texts as numbers, lists as objects; keys stay."""
    match value:
        case dict():
            return {name: wrong_typed(inner) for name, inner in value.items()}
        case list():
            return {str(at): inner for at, inner in enumerate(value)}
        case bool() | None:
            return str(value)
        case int() | float():
            return f"about {value}"
        case _:
            return 7


def _cut(body: JsonObject) -> None:
    """The page ends early and says that it was the last; only the total gives it away."""
    rows = body.get("instances")
    if isinstance(rows, list):
        body["instances"] = rows[: len(rows) // 2]
        body["instances_found"] = len(body["instances"])
        body["next_token"] = None


def _repeated(scene: Scene) -> Response:
    """A later page is the first one again; a first page shows its first row twice."""
    if scene.request.query.get("after_token"):
        query = {k: v for k, v in scene.request.query.items() if k != "after_token"}
        return scene.act(replace(scene.request, query=query))
    response = scene.act(scene.request)
    body: Any = json.loads(response.body)
    if isinstance(body, dict) and body.get("instances"):
        body["instances"].append(body["instances"][0])
        return replace(json_response(body), headers=response.headers)
    return response


def _estranged(body: JsonObject) -> None:
    """Every machine shows a status that no document knows."""
    rows = body.get("instances")
    for row in rows if isinstance(rows, list) else [rows]:
        if isinstance(row, dict) and "actual_status" in row:
            row["actual_status"] = "migrating"
