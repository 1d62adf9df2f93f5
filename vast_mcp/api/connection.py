"""One request to the vendor and its raw answer: addresses, key, timeouts, size, redirects.

Builds what the official client builds: bearer key, JSON bodies, query values as
JSON with spaces. Repeats nothing; `reads` does that.

See docs/vendor-api.md#transport.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Self
from urllib.parse import urlencode

import anyio
import httpx2

from vast_mcp.api.breaker import Breaker
from vast_mcp.api.classify import (
    TIMED_OUT,
    WireReply,
    key_trouble,
    lost,
    read_answer,
    retry_after,
)
from vast_mcp.api.flight import Departing, Flight
from vast_mcp.api.keyring import KeyRing, ring_of
from vast_mcp.api.next_steps import missing_key
from vast_mcp.api.permit import Permit
from vast_mcp.api.transport import PERMIT, WallTransport, origin
from vast_mcp.clock import Clock
from vast_mcp.config import ApiKey
from vast_mcp.errors import ApiError, Forbidden, TwoFactorNeeded, Unauthorized
from vast_mcp.operations import Call, Host, Operation, account, encode
from vast_mcp.rate_limit.pace import Pace, SharedPace

CONSOLE_URL = "https://console.vast.ai"
SERVERLESS_URL = "https://run.vast.ai"
CONNECT_TIMEOUT_S = 10.0
READ_TIMEOUT_S = 30.0
WRITE_TIMEOUT_S = 120.0
ANSWER_LIMIT = 16_000_000
"""Bytes read of one answer; a longer one is not trusted."""
_REDIRECTS = 3
_LEAST_TIMEOUT_S = 1.0
"""Left to a read whose slot came late."""
_BEFORE_SENDING = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.ProxyError,
    httpx2.UnsupportedProtocol,
)
_HTTP_ERRORS = (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, OSError)


def serverless_for(api_base: str, serverless_base: str | None) -> str:
    """The serverless host to use: the one given, else the one that belongs to the API base.

    With VAST_URL set elsewhere it moves along; the official client sends the key to the real host
    even then (docs/vendor-api.md#transport).
    """
    if serverless_base:
        return serverless_base.rstrip("/")
    base = api_base.rstrip("/")
    return SERVERLESS_URL if base == CONSOLE_URL else base


def network_transport(proxy: str | None = None) -> httpx2.AsyncBaseTransport:
    """The real way out: TLS checked, nothing re-sent underneath; through a proxy if one is given.

    Idle connections are dropped early, because a write on one that the vendor has just closed
    would end as unknown.
    """
    limits = httpx2.Limits(max_connections=20, max_keepalive_connections=5, keepalive_expiry=4.0)
    return httpx2.AsyncHTTPTransport(retries=0, limits=limits, proxy=proxy)


class Connection:
    """The way to the vendor for one key. Open it once; close it with `aclose` or `async with`.

    Without a key only public operations are answered; the rest raise `KeyMissing`. `transport` is
    the network or the simulator; it is put behind the wall here. `is_own` says whether a user id is
    that of the account at hand, before another key takes the place of one that was refused.
    """

    def __init__(
        self,
        *,
        api_key: "str | KeyRing | None",
        transport: httpx2.AsyncBaseTransport,
        clock: Clock,
        api_base: str = CONSOLE_URL,
        serverless_base: str | None = None,
        user_agent: str = "vast-mcp",
        pace: Pace | None = None,
        is_own: Callable[[int], bool] = lambda _: True,
    ) -> None:
        self.clock = clock
        self.breaker = Breaker(clock)
        self.flight = Flight(clock)
        self._own_pace = SharedPace(None, clock.vendor()) if pace is None else None
        self._pace: Pace = pace or self._own_pace or SharedPace(None, clock.vendor())
        self.api_base = api_base.rstrip("/")
        self._bases = {
            Host.CONSOLE: self.api_base,
            Host.SERVERLESS: serverless_for(self.api_base, serverless_base),
        }
        self._ring = api_key if isinstance(api_key, KeyRing) else ring_of(api_key)
        self._is_own = is_own
        self._agent = user_agent
        self._wall = WallTransport(transport, self._bases)
        self._client = httpx2.AsyncClient(
            transport=self._wall,
            follow_redirects=False,
            trust_env=False,
            headers={"user-agent": user_agent, "accept": "application/json"},
        )

    def __repr__(self) -> str:
        return f"<Connection {self.api_base} key={'set' if self.has_key else 'missing'}>"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections; the transport handed in is closed too."""
        await self._client.aclose()
        if self._own_pace is not None:
            await self._own_pace.close()

    @property
    def has_key(self) -> bool:
        """Whether a key is set at all; whether the vendor takes it is another matter."""
        return self._ring.current is not None

    def scrub(self, text: str) -> str:
        """The text without the key."""
        return self._ring.redactor.scrub(text)

    async def send(
        self,
        call: Call,
        *,
        timeout_s: float,
        permit: Permit | None = None,
        urgent: bool = False,
        background: bool = False,
        departing: Departing | None = None,
    ) -> WireReply:
        """Send it once and read the whole answer, whatever its status.

        A read follows up to three 307/308 to the same host; a write follows none. `timeout_s` is
        for all of it, in seconds; a write's begins when it leaves, not while it waits for its slot.
        `departing` is called when the slot has come.

        Raises:
            RateLimited: no slot came in time, or the day's quota is used up; nothing was sent.
            KeyMissing: no key is set and the operation needs one.
            NeverSent: a write that failed before a byte of it left.
            OutcomeUnknown: a write that may have left, without an answer.
            VendorDown: a read without an answer.
            PermitMissing: the wall refused it.
        """
        operation = call.operation
        url = self._url(call)
        timeout_s = await self._slot(operation, timeout_s, urgent=urgent, background=background)
        if departing is not None:
            departing()
        if operation.reads:
            return await self._sent(call, url, timeout_s, permit)
        self.flight.forget()
        try:
            return await self._sent(call, url, timeout_s, permit)
        finally:  # what was read before or meanwhile may be otherwise now
            self.flight.forget()

    async def _sent(
        self, call: Call, url: httpx2.URL, timeout_s: float, permit: Permit | None
    ) -> WireReply:
        operation = call.operation
        for _ in range(_REDIRECTS + 1):
            key = None if operation.public else self._ring.current
            request = self._request(call, url, permit, key)
            reply = await self._exchange(request, operation, timeout_s)
            if reply.status < 500:
                self.breaker.answered(operation.host)
            if reply.status == 429:
                quota = b"search_quota_exceeded" in reply.body
                await self._pace.pushed_back(operation, retry_after(reply), quota=quota)
            elif not operation.reads and operation.interval_s > 0:  # refused, a write is lost
                with anyio.CancelScope(shield=True):  # an answer that is here is not given up
                    await self._pace.arrived(operation)
            if key is not None and await self._replaced(operation, reply, key):
                if not operation.reads:
                    return replace(reply, key_replaced=True)
                continue
            target = _redirect(reply, url) if operation.reads else None
            if target is None:
                return reply
            url = target
        return reply

    async def _replaced(self, operation: Operation, reply: WireReply, sent: ApiKey) -> bool:
        """Whether another key took the place of one that the vendor refused as ended or plain."""
        trouble = key_trouble(operation, reply, self.scrub)
        lacks_factor = isinstance(trouble, TwoFactorNeeded)
        if not lacks_factor and not (isinstance(trouble, Unauthorized) and trouble.code):
            return False
        return await self._ring.replace(
            sent, self.clock.utc_us(), self._same_account, sessions_only=lacks_factor
        )

    async def _same_account(self, key: ApiKey) -> bool | None:
        """Whose key it is, asked with itself; one that may not say so is taken for the account's.

        A key that is refused, or an account that cannot be asked now, is None.
        """
        call = account.show_account()
        request = self._request(call, self._url(call), None, key)
        try:
            reply = await self._exchange(request, call.operation, READ_TIMEOUT_S)
            answer = read_answer(call.operation, reply, self.scrub)
        except Forbidden:
            return True
        except ApiError:
            return None
        found = answer.get("id") if isinstance(answer, dict) else None
        return self._is_own(found) if isinstance(found, int) else None

    async def _slot(
        self, operation: Operation, timeout_s: float, *, urgent: bool, background: bool
    ) -> float:
        """Wait for the slot; what is left of a read's time afterwards."""
        if not operation.reads:
            await self._pace.turn(operation, urgent=urgent)
            return timeout_s
        began_s = self.clock.monotonic_s()
        await self._pace.turn(operation, urgent=urgent, background=background, patience_s=timeout_s)
        waited_s = self.clock.monotonic_s() - began_s
        return max(timeout_s - waited_s, min(timeout_s, _LEAST_TIMEOUT_S))

    def _url(self, call: Call) -> httpx2.URL:
        query = f"?{urlencode(call.query)}" if call.query else ""
        return httpx2.URL(self._bases[call.operation.host] + call.path + query)

    def _request(
        self, call: Call, url: httpx2.URL, permit: Permit | None, key: ApiKey | None
    ) -> httpx2.Request:
        headers = {}
        if not call.operation.public:
            if key is None:
                raise missing_key(self._ring.missing)
            headers["authorization"] = f"Bearer {key.value}"
        body = encode(call.body)
        if body:
            headers["content-type"] = "application/json"
        extensions = {} if permit is None else {PERMIT: permit}
        return self._client.build_request(
            call.operation.method, url, content=body or None, headers=headers, extensions=extensions
        )

    async def _exchange(
        self, request: httpx2.Request, operation: Operation, timeout_s: float
    ) -> WireReply:
        progress = _Progress()
        request.extensions |= {"trace": progress.note, "timeout": _timeouts(timeout_s)}
        try:
            with anyio.fail_after(timeout_s):
                response = await self._client.send(request, stream=True)
                try:
                    return await _read(response, ANSWER_LIMIT)
                finally:
                    await response.aclose()
        except _BEFORE_SENDING as error:
            raise lost(operation, left=False, cause=_cause(error)) from None
        except TimeoutError:
            cause = f"no answer within {timeout_s:g} s"
            left = progress.may_have_left
            raise lost(operation, left=left, cause=cause, code=TIMED_OUT) from None
        except httpx2.TimeoutException as error:
            raise lost(operation, left=True, cause=_cause(error), code=TIMED_OUT) from None
        except (*_HTTP_ERRORS, anyio.ClosedResourceError, anyio.BrokenResourceError) as error:
            raise lost(operation, left=True, cause=_cause(error)) from None

    @asynccontextmanager
    async def download(self, url: str) -> AsyncIterator["Download"]:
        """A way to fetch this one address, without the key, while the block lasts."""
        self._wall.allow_download(url)
        client = httpx2.AsyncClient(
            transport=_Shared(self._wall),
            follow_redirects=False,
            trust_env=False,
            headers={"user-agent": self._agent, "accept-encoding": "identity"},
        )
        try:
            yield Download(client, url)
        finally:
            self._wall.end_download(url)
            await client.aclose()


class Download:
    """A result file that a reply named; fetched without credentials."""

    def __init__(self, client: httpx2.AsyncClient, url: str) -> None:
        self._client = client
        self._url = url

    async def fetch(self, *, timeout_s: float, limit: int) -> WireReply | None:
        """One try. None when nothing came back; of a long body the last `limit` bytes are kept."""
        try:
            with anyio.fail_after(timeout_s):
                async with self._client.stream("GET", self._url, timeout=timeout_s) as response:
                    return await _read_tail(response, limit)
        except (TimeoutError, *_HTTP_ERRORS):
            return None


class _Shared(httpx2.AsyncBaseTransport):
    """The same transport for a second client, which does not close it."""

    def __init__(self, inner: httpx2.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        return await self._inner.handle_async_request(request)


class _Progress:
    """Whether bytes of a request may have left; a transport that does not tell is taken for yes."""

    def __init__(self) -> None:
        self._told = False
        self._sending = False

    async def note(self, event: str, _: dict[str, Any]) -> None:
        self._told = True
        if event.endswith("send_request_headers.started"):
            self._sending = True

    @property
    def may_have_left(self) -> bool:
        return self._sending or not self._told


def _timeouts(total_s: float) -> dict[str, float]:
    connect_s = min(CONNECT_TIMEOUT_S, total_s)
    return {"connect": connect_s, "read": total_s, "write": total_s, "pool": connect_s}


def _cause(error: Exception) -> str:
    # The library's own text may repeat the address; the type's name says enough.
    return type(error).__name__


def _redirect(reply: WireReply, url: httpx2.URL) -> httpx2.URL | None:
    """Where a 307 or 308 points, if to the same host; None otherwise."""
    location = reply.headers.get("location")
    if reply.status not in {307, 308} or not location:
        return None
    try:
        target = url.join(location)
    except (httpx2.InvalidURL, ValueError):
        return None
    return target if origin(target) == origin(url) else None


async def _read(response: httpx2.Response, limit: int) -> WireReply:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > limit:
            return WireReply(response.status_code, _headers(response), b"", cut=True)
    return WireReply(response.status_code, _headers(response), bytes(body))


async def _read_tail(response: httpx2.Response, limit: int) -> WireReply:
    body, cut, seen = bytearray(), False, 0
    async for chunk in response.aiter_bytes():
        body += chunk
        seen += len(chunk)
        if len(body) > limit:
            del body[: len(body) - limit]
            cut = True
        if seen > 25 * limit:  # a file without end is not read to its end
            break
    return WireReply(response.status_code, _headers(response), bytes(body), cut)


def _headers(response: httpx2.Response) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}
