"""The vendor's rate limits on the simulator's clock, and the forms of its refusal."""

import math
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

from vast_mcp.clock import SECOND_US
from vast_mcp.simulator.wire import Response, json_response, text_response

RefusalForm: TypeAlias = Literal["json", "text", "detail", "plain", "msg", "quota"]
FORMS: tuple[RefusalForm, ...] = get_args(RefusalForm)
_BUCKET_WINDOW_US = 10 * SECOND_US
BUCKET = 5
"""Requests in ten seconds, over all routes of an account: recorded 2026-07-25, seen 2026-10."""


@dataclass(slots=True)
class RateLimits:
    """The documented least interval per endpoint and identity.

    `bucket` adds the limit seen in practice: that many requests in ten seconds over all endpoints
    of an account, whichever of its keys asks (recorded 2026-07-25 with 5; documented nowhere); None
    leaves it out. Its refusal has the recorded form: 429, `retry-after: 10`, `limit: 5.0`. `form`
    is how a refusal by an endpoint's own interval looks.
    """

    intervals: bool = True
    bucket: int | None = None
    form: RefusalForm = "json"
    _last: dict[tuple[str, str, str], int] = field(default_factory=dict)
    _recent: list[int] = field(default_factory=list)

    def refuse(
        self,
        identity: str,
        endpoint: tuple[str, str],
        interval_s: float,
        now_us: int,
        *,
        shared: bool = True,
    ) -> Response | None:
        """A 429 if this request comes too early; otherwise it is counted and None comes back.

        Not `shared`: it is no request to the console, so the account's bucket does not count it.
        """
        key = (identity, *endpoint)
        wait_us = 0
        if self.intervals and interval_s and key in self._last:
            wait_us = self._last[key] + int(interval_s * SECOND_US) - now_us
        self._recent = [at for at in self._recent if at > now_us - _BUCKET_WINDOW_US]
        if shared and self.bucket is not None and len(self._recent) >= self.bucket:
            window_s = _BUCKET_WINDOW_US / SECOND_US
            return too_many("json", window_s, float(self.bucket), now_us)
        if wait_us > 0:
            return too_many(self.form, wait_us / SECOND_US, interval_s or 5.0, now_us)
        self._last[key] = now_us
        if shared:
            self._recent.append(now_us)
        return None


def too_many(form: RefusalForm, wait_s: float, threshold: float, now_us: int) -> Response:
    """A 429 in the asked form; only the JSON one says when to come back."""
    text = f"API requests too frequent endpoint threshold={threshold}"
    match form:
        case "text":
            return text_response(text, status=429)
        case "plain":
            return text_response("API requests too frequent", status=429)
        case "detail":
            return json_response({"detail": text}, status=429)
        case "msg":
            body = {"success": False, "error": "too_many_requests", "msg": text}
            return json_response(body, status=429)
        case "quota":
            body = {"success": False, "error": "search_quota_exceeded", "msg": "Daily quota used"}
            return json_response(body, status=429)
        case "json":
            return _with_waiting_time(wait_s, threshold, now_us)


def _with_waiting_time(wait_s: float, threshold: float, now_us: int) -> Response:
    """The form seen since 2026: a body and headers that say when to come back."""
    seconds = math.ceil(wait_s)
    body = {
        "error": "HTTPTooManyRequests",
        "msg": "API requests too frequent",
        "retry_after": seconds,
        "limit": threshold,
        "remaining": 0,
    }
    headers = {
        "retry-after": str(seconds),
        "x-ratelimit-limit": str(threshold),
        "x-ratelimit-remaining": "0",
        "x-ratelimit-reset": str(now_us // SECOND_US + seconds),
    }
    return json_response(body, status=429, headers=headers)
