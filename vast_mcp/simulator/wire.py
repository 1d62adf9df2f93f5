"""What crosses the simulator's border: plain requests, plain responses, the vendor's refusals."""

import json
from dataclasses import dataclass, field
from typing import Any, TypeAlias

JsonObject: TypeAlias = dict[str, Any]
"""A decoded JSON object: the one place where `Any` enters this room."""
DRIPS = 8
"""In how many portions a slow answer arrives."""


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. `path` is decoded and without a query; header names are lower case."""

    method: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    def json(self) -> object:
        """The decoded body; an empty body is None, malformed JSON is refused with a 400."""
        if not self.body.strip():
            return None
        try:
            return json.loads(self.body)
        except ValueError as broken:
            raise Refusal(400, "invalid_request", "Invalid json_body") from broken


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP response, ready to be written; `drip_s`: simulated seconds its body takes."""

    status: int
    headers: dict[str, str]
    body: bytes
    drip_s: float = 0.0

    def pieces(self) -> list[bytes]:
        """The body in the portions in which it drips."""
        size = max(1, -(-len(self.body) // DRIPS))
        return [self.body[at : at + size] for at in range(0, len(self.body), size)]


class Refusal(Exception):
    """The vendor says no: status, code and text. `extra` joins the body."""

    def __init__(
        self,
        status: int,
        error: str | None,
        msg: str | None,
        *,
        headers: dict[str, str] | None = None,
        **extra: object,
    ) -> None:
        super().__init__(f"{status} {error}: {msg}")
        self.status = status
        self.headers = headers or {}
        self.body: JsonObject = {"success": False}
        if error is not None:
            self.body["error"] = error
        if msg is not None:
            self.body["msg"] = msg
        self.body.update(extra)

    def response(self) -> Response:
        """The refusal as it goes over the wire."""
        return json_response(self.body, status=self.status, headers=self.headers)


def json_response(
    payload: object, *, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    """A JSON response; `payload` is any JSON value: some vendor replies are bare lists."""
    body = json.dumps(payload, separators=(",", ":")).encode()
    return Response(status, {"content-type": "application/json", **(headers or {})}, body)


def text_response(text: str, *, status: int = 200, kind: str = "text/plain") -> Response:
    """A response that is not JSON: results of logs and commands, error pages of proxies."""
    return Response(status, {"content-type": f"{kind}; charset=utf-8"}, text.encode())
