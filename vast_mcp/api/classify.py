"""What an answer means: JSON, or one typed error. Pure.

The rule for a write is the strict one: it counts as refused only by an answer that
`api.refusals` knows. Everything else that came after bytes left is `OutcomeUnknown`, and says
whether an answer came and which instance it named.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from vast_mcp.api.next_steps import OTHER_HINT
from vast_mcp.api.refusals import KEY_STATUSES, Row, find, permission_named
from vast_mcp.errors import (
    ApiError,
    Forbidden,
    NeverSent,
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

_TEXT_LIMIT = 240
_PLAIN_CODE = re.compile(r"[a-z][a-z0-9_]{0,47}")
_CODE_LIMIT = 60
_LOOK_FIRST = "Do not repeat it; check the current state first."


@dataclass(frozen=True, slots=True)
class WireReply:
    """What came back over the wire. `cut` says that the body was longer than we read."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case."""
    body: bytes = b""
    cut: bool = False
    key_replaced: bool = False
    """It refused the key that was sent, and another one is in use by now."""


@dataclass(frozen=True, slots=True)
class _Said:
    """The vendor's words in any of its forms."""

    fields: dict[str, Any]
    code: str
    text: str
    """Cleaned and cut, to be shown."""
    all_text: str
    """Cleaned, to look for words in."""
    page: bool
    """It is a web page."""


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
            hint=_LOOK_FIRST,
        )
    return NeverSent(f"{name}: not sent, the connection failed ({cause}).", hint="Nothing changed.")


def read_answer(operation: Operation, reply: WireReply, scrub: Scrub) -> Json:
    """The decoded answer of a success.

    Raises:
        ApiError: everything else, as the type that says what is known about the effect.
    """
    decoded = _decode(reply)
    if not 200 <= reply.status < 300:
        _raise_status(operation, reply, decoded, scrub)
    if isinstance(decoded, _Unreadable):
        raise _unreadable(operation, reply, decoded.why)
    if isinstance(decoded, dict):
        success = decoded.get("success", True)
        if not isinstance(success, bool):
            raise _unreadable(operation, reply, "success is neither true nor false", decoded)
        errs = not operation.reads and "success" not in decoded and bool(decoded.get("error"))
        if not success or errs:
            _raise_said(operation, reply, _said(decoded, reply, scrub))
    elif not operation.reads:
        raise _unreadable(operation, reply, "not a JSON object")
    answer: Json = decoded
    return answer


def key_trouble(operation: Operation, reply: WireReply, scrub: Scrub) -> ApiError | None:
    """The error of an answer that is about the key; None for every other answer."""
    if reply.status not in KEY_STATUSES:
        return None
    decoded = _decode(reply)
    if isinstance(decoded, _Unreadable):
        return None
    said = _said(decoded, reply, scrub)
    row = find(reply.status, said.code, said.all_text, page=said.page)
    if row is None or not issubclass(row.kind, Unauthorized | Forbidden):
        return None
    return _known(operation, reply, said, row)


def retry_after(reply: WireReply) -> float | None:
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


def _decode(reply: WireReply) -> Any:  # noqa: ANN401  wire decoding
    if reply.cut:
        return _Unreadable("too long")
    try:
        text = reply.body.decode("utf-8")
        return json.loads(text, object_pairs_hook=_each_once, parse_constant=_not_json)
    except (ValueError, RecursionError):
        return _Unreadable("not JSON")


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose fields each come once: of two values nobody knows which one holds."""
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a field comes twice")
    return fields


def _not_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _unreadable(
    operation: Operation, reply: WireReply, why: str, decoded: object = None
) -> ApiError:
    message = f"{operation.name}: Vast.ai answered {reply.status} with something unreadable ({why})"
    if operation.reads:
        return VendorUnreadable(f"{message}.", hint="Try again.", status=reply.status)
    return OutcomeUnknown(
        f"{message}; it may have been executed.",
        hint=_LOOK_FIRST,
        status=reply.status,
        answered=isinstance(decoded, dict),  # else it may be a gateway's, and the act still going
        named=contract_named(decoded) if isinstance(decoded, dict) else None,
        failed=True,
    )


def _said(decoded: object, reply: WireReply, scrub: Scrub) -> _Said:
    fields = decoded if isinstance(decoded, dict) else {}
    code = fields.get("error")
    words = next((fields[k] for k in ("msg", "message", "detail") if fields.get(k)), None)
    if not fields:
        words = decoded if isinstance(decoded, str) else _plain_text(reply)
    if not isinstance(code, str):
        code = ""
    shown_code, shown = (_safe(part, scrub) for part in (code, words or ""))
    if " " in shown_code and not shown:  # some replies put their sentence under `error`
        shown, shown_code = shown_code, ""
    page = not fields and _is_page(reply)
    return _Said(fields, shown_code[:_CODE_LIMIT], shown[:_TEXT_LIMIT], shown, page)


def _safe(text: object, scrub: Scrub) -> str:
    # The key is taken out before the cut, which could leave half of it, and after the cleaning,
    # which could have joined it.
    return scrub(clean_line(scrub(str(text)), 4 * _TEXT_LIMIT))


def _plain_text(reply: WireReply) -> str:
    text = reply.body[:4096].decode("utf-8", errors="replace")
    # Half an object is no reason: what was cut off may be the contract that exists all the same.
    return "" if _is_page(reply) or text.lstrip().startswith(("<", "{", "[")) else text


def _is_page(reply: WireReply) -> bool:
    return "html" in reply.headers.get(
        "content-type", ""
    ) or reply.body.lstrip().lower().startswith((b"<html", b"<!doctype html"))


def _raise_status(
    operation: Operation, reply: WireReply, decoded: object, scrub: Scrub
) -> NoReturn:
    """Raise what an answer that is no 2xx means."""
    readable = not isinstance(decoded, _Unreadable)
    said = _said(decoded if readable else None, reply, scrub)
    if 400 <= reply.status < 500 and reply.status != 408:
        if readable or said.text or said.page or reply.status == 429:
            _raise_said(operation, reply, said)
        raise _unreadable(operation, reply, "an error page without a reason")
    if not operation.reads:
        raise _unreadable(operation, reply, "no definite answer", decoded)
    if reply.status // 100 == 3:
        raise _unreadable(operation, reply, "a redirect that is not followed")
    raise VendorDown(
        f"{operation.name}: Vast.ai answered {reply.status}{_because(said)}.",
        hint="Try again.",
        status=reply.status,
        code=said.code,
    )


def _raise_said(operation: Operation, reply: WireReply, said: _Said) -> NoReturn:
    """Raise what an error means that the vendor put into words; for a write the table decides."""
    row = find(reply.status, said.code, said.all_text, page=said.page)
    if not operation.reads and not _settles(row, said):
        raise _undecided(operation, reply, said, row)
    if row is None:
        raise VendorRefused(
            f"{operation.name}: Vast.ai refused{_because(said)}.",
            hint=OTHER_HINT,
            status=reply.status,
            code=said.code,
        )
    raise _known(operation, reply, said, row)


def _settles(row: Row | None, said: _Said) -> bool:
    """Whether it proves that a write was not executed; one that names a contract never does."""
    return row is not None and row.settles_write and said.fields.get("new_contract") is None


def _undecided(
    operation: Operation, reply: WireReply, said: _Said, row: Row | None
) -> OutcomeUnknown:
    what = f"answered {reply.status}{_because(said)}"
    if row is not None and row.says:
        what = f"answered {reply.status} ({row.says[0].lower()}{row.says[1:]})"
    return OutcomeUnknown(
        f"{operation.name}: Vast.ai {what}, which is not a known refusal; it may have been"
        " executed.",
        hint=_LOOK_FIRST,
        status=reply.status,
        code=said.code,
        answered=bool(said.fields),
        named=contract_named(said.fields),
        failed=bool(said.code or said.text or said.page or reply.status >= 400),
    )


def _known(operation: Operation, reply: WireReply, said: _Said, row: Row) -> ApiError:
    """The error of this row."""
    if issubclass(row.kind, RateLimited):
        return _rate_limited(operation, reply, said, row, row.kind)
    what = row.says or f"{operation.name}: Vast.ai refused"
    message = f"{what}{_because(said)}."
    if issubclass(row.kind, Forbidden):
        return row.kind(
            message,
            hint=row.hint,
            status=reply.status,
            code=said.code,
            permission=permission_named(said.all_text),
        )
    code = "no_such_ask" if row.text == "no_such_ask" else said.code
    return row.kind(message, hint=row.hint, status=reply.status, code=code)


def _rate_limited(
    operation: Operation, reply: WireReply, said: _Said, row: Row, kind: type[RateLimited]
) -> RateLimited:
    wait = retry_after(reply)
    if "search_quota_exceeded" in f"{said.code} {said.all_text}".lower():
        return RateLimited(
            "This account's search quota for the day is used up.",
            hint="The quota resets at 00:00 UTC; until then reuse the offer ids you have.",
            code="search_quota_exceeded",
            retry_after_s=wait,
        )
    hint = f"Nothing was done; try again in {wait:g} s." if wait else "Nothing was done; try again."
    return kind(
        f"{row.says}." if row.says else f"{operation.name}: too many requests to Vast.ai.",
        hint=row.hint or hint,
        status=reply.status,
        code=said.code,
        retry_after_s=wait,
    )


def contract_named(fields: Mapping[str, Any]) -> int | None:
    """The instance id that an answer names; None for none, and for what cannot be an id."""
    value = fields.get("new_contract")
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _because(said: _Said) -> str:
    """What the vendor gave as its reason: a plain code as it is, words marked as foreign.

    The words are data for whoever reads the answer, and may hold a sentence meant for a model.
    Quotes in them become single ones, so that nothing in them can end the marked part.
    """
    words = said.text
    if said.code and not _PLAIN_CODE.fullmatch(said.code):
        words = f"{said.code}: {words}" if words else said.code
    parts = [said.code] if _PLAIN_CODE.fullmatch(said.code) else []
    if words:
        quoted = words.rstrip(". ").replace('"', "'")
        parts.append(f'untrusted text of Vast.ai: "{quoted}"')
    return f" ({'; '.join(parts)})" if parts else ""
