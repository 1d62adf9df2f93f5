"""What an HTTP connection may take, and by which names it may call: before any of it is obeyed."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send
    from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_S = 10.0
"""Until a request's head is whole, from the connection or from the answer before."""
BODY_S = 30.0
"""Until its body is whole."""
MOST_CONNECTIONS = 200
_PORT = r"(?::([0-9]{1,5}))?"


class ExactNames:
    """Turns away whoever calls this server by another name, or from another page.

    A prefix is not enough: `localhost:evil.com` begins as our own name and is none. A header that
    is there twice is nobody's: two readers may take different ones.
    """

    def __init__(self, app: "ASGIApp", names: Sequence[str]) -> None:
        self._app = app
        either = "|".join(re.escape(name) for name in names)
        self._host = re.compile(rf"(?:{either}){_PORT}", re.IGNORECASE)
        self._origin = re.compile(rf"https?://(?:{either}){_PORT}", re.IGNORECASE)

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Pass on what is addressed to us."""
        refusal = self._refusal(scope) if scope["type"] in ("http", "websocket") else None
        if refusal is None:
            await self._app(scope, receive, send)
        else:
            await _answer(send, *refusal)

    def _refusal(self, scope: "Scope") -> tuple[int, str] | None:
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        hosts = [value.decode("latin-1") for name, value in headers if name == b"host"]
        origins = [value.decode("latin-1") for name, value in headers if name == b"origin"]
        if len(hosts) != 1 or not _matches(self._host, hosts[0]):
            return 421, "Invalid Host header"
        if len(origins) > 1 or not all(_matches(self._origin, origin) for origin in origins):
            return 403, "Invalid Origin header"
        return None


def _matches(pattern: re.Pattern[str], value: str) -> bool:
    found = pattern.fullmatch(value)
    return found is not None and 0 < int(found[1] or 1) < 65_536


async def _answer(send: "Send", status: int, said: str) -> None:
    text = said.encode()
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(text))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text})


class Impatience:
    """Mixed into uvicorn's protocol, which waits for a slow head for ever.

    Closes a connection whose request does not come to its end in time.
    """

    head_s: ClassVar[float] = HEAD_S
    body_s: ClassVar[float] = BODY_S
    conn: Any
    loop: Any
    transport: Any
    _alarm: Any = None
    _waits_for: str = ""

    def connection_made(self, transport: Any) -> None:  # noqa: ANN401  the protocol's shape
        """The first head is awaited."""
        super().connection_made(transport)  # type: ignore[misc]
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is awaited any more."""
        self._silence()
        super().connection_lost(exc)  # type: ignore[misc]

    def data_received(self, data: bytes) -> None:
        """Perhaps the end of a head or of a body."""
        super().data_received(data)  # type: ignore[misc]
        self._watch()

    def on_response_complete(self) -> None:
        """The next head is awaited."""
        super().on_response_complete()  # type: ignore[misc]
        self._watch()

    def _watch(self) -> None:
        """One alarm per head and per body: more bytes of the same buy no more time."""
        waits_for = str(self.conn.their_state)
        if waits_for == self._waits_for:
            return
        self._silence()
        self._waits_for = waits_for
        seconds = {"IDLE": self.head_s, "SEND_BODY": self.body_s}.get(waits_for)
        if seconds is not None:
            self._alarm = self.loop.call_later(seconds, self.transport.abort)

    def _silence(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm, self._waits_for = None, ""


def impatient_protocol(head_s: float = HEAD_S, body_s: float = BODY_S) -> "type[H11Protocol]":
    """Uvicorn's protocol with an end to its patience."""
    # Only the HTTP transport pays for it.
    from uvicorn.protocols.http.h11_impl import H11Protocol  # noqa: PLC0415

    patience = {"head_s": head_s, "body_s": body_s}
    return cast("type[H11Protocol]", type("ImpatientProtocol", (Impatience, H11Protocol), patience))
