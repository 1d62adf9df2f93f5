"""What an answer means: JSON, or one typed error. Pure; sources are vast-api §3 and safety §3.

The rule for a write is the strict one: it counts as refused only when the vendor said so in a form
that is documented for refusals. Everything else that came after bytes left is `OutcomeUnknown`.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from vast_mcp.errors import (
    ApiError,
    Forbidden,
    KeyMissing,
    NeverSent,
    NotFound,
    OfferGone,
    OutcomeUnknown,
    RateLimited,
    Unauthorized,
    VendorDown,
    VendorRefused,
    VendorUnreadable,
)
from vast_mcp.operations import Json, Operation
from vast_mcp.text import clean_line

Scrub = Callable[[str], str]
"""Takes the key out of a text."""

KEY_HINT = (
    "Set VAST_API_KEY, or run `vastai set api-key KEY`; keys are made on the console's key page "
    "(https://cloud.vast.ai/manage-keys/). Then restart the client. `vast-mcp serve --simulate` "
    "needs none."
)
_TEXT_LIMIT = 240
_CODE_LIMIT = 60
_MISSING_CODES = frozenset(
    {
        "no_such_instance",
        "no_such_workergroup",
        "no_such_volume",
        "no_such_ssh_key",
        "no_such_user",
        "not_found",
        "invalid_id",
    }
)


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back over the wire. `cut` says that the body was longer than we read."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case."""
    body: bytes = b""
    cut: bool = False


@dataclass(frozen=True, slots=True)
class _Said:
    """The vendor's words in any of its forms."""

    fields: dict[str, Any]
    code: str
    text: str
    everything: str
    """Code and text in lower case, to look for a word in."""


def missing_key() -> KeyMissing:
    """The answer when no key is set: how to get one."""
    return KeyMissing("No Vast.ai API key is set.", hint=KEY_HINT)


TIMED_OUT = "timeout"
"""The code of a read that was given up because no answer came in time."""


def lost(operation: Operation, *, left: bool, cause: str, code: str = "") -> ApiError:
    """The error for a request that got no answer. `left`: bytes of it may have left."""
    name = operation.name
    if operation.reads:
        message = f"{name}: Vast.ai could not be reached ({cause})."
        return VendorDown(message, hint="Try again.", code=code)
    if left:
        return OutcomeUnknown(
            f"{name}: sent, but no answer came ({cause}); it may have been executed.",
            hint="Do not repeat it; look at the present state first.",
        )
    return NeverSent(f"{name}: not sent, the connection failed ({cause}).", hint="Nothing changed.")


def read_answer(operation: Operation, reply: Reply, scrub: Scrub) -> Json:
    """The decoded answer of a success.

    Raises:
        ApiError: everything else, as the type that says what is known about the effect.
    """
    if not 200 <= reply.status < 300:
        _raise_refusal(operation, reply, scrub)
    decoded = _decode(reply)
    if isinstance(decoded, _Unreadable):
        raise _unreadable(operation, reply, decoded.why)
    if isinstance(decoded, dict):
        said = _said(decoded, reply, scrub)
        success = decoded.get("success", True)
        if not isinstance(success, bool):
            raise _unreadable(operation, reply, "success is neither true nor false")
        if not success or (not operation.reads and said.code and "success" not in decoded):
            _raise_said(operation, reply, said)
    if not operation.reads and not isinstance(decoded, dict):
        raise _unreadable(operation, reply, "not a JSON object")
    answer: Json = decoded
    return answer


def retry_after(reply: Reply) -> float | None:
    """Seconds the vendor asks to wait: its header, else `retry_after` in the body; else None."""
    decoded = _decode(reply)
    in_body = decoded.get("retry_after") if isinstance(decoded, dict) else None
    for value in (reply.headers.get("retry-after"), in_body):
        if value is None or isinstance(value, bool):
            continue
        try:
            seconds = float(value)
        except (TypeError, ValueError):
            continue
        if 0 <= seconds < 1e9:
            return seconds
    return None


class _Unreadable:
    def __init__(self, why: str) -> None:
        self.why = why


def _decode(reply: Reply) -> Any:  # noqa: ANN401  wire decoding
    if reply.cut:
        return _Unreadable("too long")
    try:
        return json.loads(reply.body.decode("utf-8"), parse_constant=_not_json)
    except (ValueError, RecursionError):
        return _Unreadable("not JSON")


def _not_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _unreadable(operation: Operation, reply: Reply, why: str) -> ApiError:
    message = f"{operation.name}: Vast.ai answered {reply.status} with something unreadable ({why})"
    if operation.reads:
        return VendorUnreadable(f"{message}.", hint="Try again.", status=reply.status)
    return OutcomeUnknown(
        f"{message}; it may have been executed.",
        hint="Do not repeat it; look at the present state first.",
        status=reply.status,
    )


def _said(decoded: object, reply: Reply, scrub: Scrub) -> _Said:
    fields = decoded if isinstance(decoded, dict) else {}
    code = fields.get("error")
    words = next((fields[k] for k in ("msg", "message", "detail") if fields.get(k)), None)
    if words is None and not fields:
        words = decoded if isinstance(decoded, str) else _plain_text(reply)
    if not isinstance(code, str):
        code = ""
    shown_code, shown = (_safe(part, scrub) for part in (code, words or ""))
    if " " in shown_code and not shown:  # some replies put their sentence under `error`
        shown, shown_code = shown_code, ""
    return _Said(
        fields, shown_code[:_CODE_LIMIT], shown[:_TEXT_LIMIT], f"{shown_code} {shown}".lower()
    )


def _safe(text: object, scrub: Scrub) -> str:
    # The key is taken out before the cut, which could leave half of it, and after the cleaning,
    # which could have joined it.
    return scrub(clean_line(scrub(str(text)), 4 * _TEXT_LIMIT))


def _plain_text(reply: Reply) -> str:
    kind = reply.headers.get("content-type", "")
    text = reply.body[:4096].decode("utf-8", errors="replace")
    # Half an object is no reason: what was cut off may be the contract that exists all the same.
    return "" if "html" in kind or text.lstrip().startswith(("<", "{", "[")) else text


def _raise_refusal(operation: Operation, reply: Reply, scrub: Scrub) -> NoReturn:
    decoded = _decode(reply)
    said = _said(None if isinstance(decoded, _Unreadable) else decoded, reply, scrub)
    if not operation.reads and _contract(said.fields) is not None:
        _raise_said(operation, reply, said)
    if reply.status == 429:
        raise _rate_limited(operation, reply, said)
    if 400 <= reply.status < 500 and reply.status != 408:
        readable = not isinstance(decoded, _Unreadable)
        if not readable and not operation.reads and not said.text:
            raise _unreadable(operation, reply, "an error page without a reason")
        _raise_said(operation, reply, said)
    if operation.reads:
        if reply.status < 400:
            raise _unreadable(operation, reply, "a redirect that is not followed")
        raise VendorDown(
            f"{operation.name}: Vast.ai answered {reply.status}{_because(said)}.",
            hint="Try again.",
            status=reply.status,
            code=said.code,
        )
    raise _unreadable(operation, reply, "no definite answer")


def _rate_limited(operation: Operation, reply: Reply, said: _Said) -> RateLimited:
    wait = retry_after(reply)
    if "search_quota_exceeded" in said.everything:
        return RateLimited(
            "The day's search quota of this account is used up.",
            hint="It starts anew at 00:00 UTC; use ids you have until then.",
            code="search_quota_exceeded",
            retry_after_s=wait,
        )
    hint = f"Nothing was done; try again in {wait:g} s." if wait else "Nothing was done; try again."
    return RateLimited(
        f"{operation.name}: too many requests to Vast.ai.",
        hint=hint,
        code=said.code,
        retry_after_s=wait,
    )


def _raise_said(operation: Operation, reply: Reply, said: _Said) -> NoReturn:
    """Raise what a definite refusal means. The order matters: a live contract comes first."""
    status, name, because = reply.status, operation.name, _because(said)
    _raise_contract(operation, status, said)
    if _is_key_trouble(status, said):
        message = f"Vast.ai does not accept the API key{because}."
        raise Unauthorized(message, hint=KEY_HINT, status=status, code=said.code)
    if "no_such_ask" in said.everything:
        raise OfferGone(
            "The offer is gone: rented by somebody else or withdrawn.",
            hint="Search again; offer ids are short-lived.",
            status=status,
            code="no_such_ask",
        )
    if said.code in _MISSING_CODES or "no_such_instance" in said.everything:
        raise NotFound(f"{name}: no such thing{because}.", status=status, code=said.code)
    if status == 403:
        raise Forbidden(
            f"{name}: the key may not do this{because}.",
            hint="Give the key the permission on the console's key page.",
            status=status,
            code=said.code,
        )
    raise VendorRefused(
        f"{name}: Vast.ai refused{because}.",
        hint=_hint(status, said),
        status=status,
        code=said.code,
    )


def _raise_contract(operation: Operation, status: int, said: _Said) -> None:
    """Raise if the refusal names an instance that it left behind (safety §0.5)."""
    contract = _contract(said.fields)
    if contract is not None:
        raise VendorRefused(
            f"{operation.name}: refused{_because(said)}, yet contract {contract} exists.",
            hint="It bills until it is destroyed.",
            status=status,
            code=said.code,
            new_contract=contract,
        )


def _is_key_trouble(status: int, said: _Said) -> bool:
    words = ("auth_error", "invalid user key", "session expired")
    if said.code == "auth_error":
        return True
    return status == 401 or (status in {403, 404} and any(w in said.everything for w in words))


def _contract(fields: Mapping[str, Any]) -> int | None:
    value = fields.get("new_contract")
    if isinstance(value, bool) or value is None:
        return None
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if number > 0 else None


def _hint(status: int, said: _Said) -> str:
    if status == 411 or "credit" in said.everything or "insufficient_balance" in said.everything:
        return "The account lacks credit; only the person can add some on the billing page."
    if "spend_rate_limit" in said.everything:
        return (
            "New accounts have a small hourly spend cap that grows with time: verify the e-mail, "
            "take a cheaper offer, or wait some hours."
        )
    return ""


def _because(said: _Said) -> str:
    words = f"{said.code}: {said.text}" if said.code and said.text else said.code or said.text
    return f" ({words.rstrip('. ')})" if words else ""
