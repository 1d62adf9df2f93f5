"""The answers that are known to be refusals: one table, by status and `error` code.

A write counts as refused only by an answer in this table. Everything else that was answered may
have been executed: the vendor sends `success: false` for rents that exist, and once its messages
change, guessing from words would rent twice. Text decides only where there is no code; within a
code it only tells the kinds apart.

Each row says where it is from: *recorded* replies of the live service, *pasted* or *reported* by
people who ran against it, or the vendor's own *documentation* (its OpenAPI file and pages).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from vast_mcp.api.next_steps import (
    CAP_HINT,
    CREDIT_HINT,
    PERMISSION_HINT,
    SESSION_HINT,
    TWO_FACTOR_HINT,
    WRONG_KEY_HINT,
    step_after,
)
from vast_mcp.errors import (
    ApiError,
    BurstBlocked,
    Forbidden,
    NotFound,
    OfferGone,
    RateLimited,
    SessionEnded,
    StartQueued,
    TwoFactorNeeded,
    Unauthorized,
    VendorRefused,
)


@dataclass(frozen=True, slots=True)
class Row:
    """One known refusal. `code` and `text` are compared in lower case."""

    kind: type[ApiError]
    statuses: frozenset[int]
    source: str
    code: str = ""
    """The whole `error` field. Empty: the reply has none."""
    text: str = ""
    """A part of the message; empty with a code: whatever it says."""
    whole: bool = False
    """The status alone decides, whatever the body is."""
    page: bool = False
    """The body is a web page."""
    settles_write: bool = True
    """False: it tells what is wrong, yet proves nothing about a write."""
    says: str = ""
    hint: str = ""

    def fits(self, status: int, code: str, text: str, *, page: bool) -> bool:
        """Whether this row speaks of such an answer."""
        if status not in self.statuses or (self.page != page and not self.whole):
            return False
        if self.whole or self.page:
            return True
        if self.code:
            return code.lower() == self.code and self.text in text.lower()
        return not code and (self.text in text.lower() if self.text else not text)


def _rows(
    kind: type[ApiError],
    statuses: Iterable[int],
    source: str,
    *,
    codes: Iterable[str] = (),
    texts: Iterable[str] = (),
    hint: str = "",
) -> tuple[Row, ...]:
    """A row for each of these codes, and one for each of these texts without a code."""
    numbers = frozenset(statuses)
    return (
        *(Row(kind, numbers, source, code=c, hint=hint or step_after(c)) for c in codes),
        *(Row(kind, numbers, source, text=t, hint=hint or step_after(t)) for t in texts),
    )


KEY_STATUSES = frozenset({401, 403, 404})
"""With which the vendor tells that something is wrong with the key."""
_DENIED = frozenset({401, 403})
_UNNAMED_HINT = (
    f"The key may be wrong, restricted or expired; `vast-mcp doctor` checks. {SESSION_HINT}"
)


def _key(
    kind: type[ApiError],
    statuses: frozenset[int],
    source: str,
    says: str,
    hint: str,
    *,
    text: str = "",
    codes: tuple[str, ...] = ("auth_error", ""),
) -> tuple[Row, ...]:
    """What is wrong with the key, with the code and without it."""
    return tuple(
        Row(kind, statuses, source, code=code, text=text, says=says, hint=hint) for code in codes
    )


_KEY_ROWS = (
    *_key(
        SessionEnded,
        KEY_STATUSES,
        "reported: 404 to a DELETE with a restricted key",
        "The session of this API key has ended",
        SESSION_HINT,
        text="session expired",
    ),
    *_key(
        TwoFactorNeeded,
        _DENIED,
        "stated with a date, 2026-09-28: DELETE of an instance with a plain key",
        "The account requires a two-factor session for this",
        TWO_FACTOR_HINT,
        text="two factor",
    ),
    *_key(
        Forbidden,
        _DENIED,
        "stated with a date, 2026-09-24 and 2026-10-01: restricted keys, five routes",
        "The API key is valid but may not do this",
        PERMISSION_HINT,
        text="your key lacks",
    ),
    *_key(
        Unauthorized,
        frozenset({403}),
        "documentation: GET charges and invoices without a key in the request",
        "No API key reached Vast.ai",
        WRONG_KEY_HINT,
        text="requires login",
    ),
    *_key(
        Unauthorized,
        KEY_STATUSES,
        "documentation: 401 show instance, 404 charges; stated with a date, 2026-10-01: 404",
        "Vast.ai does not accept the API key",
        WRONG_KEY_HINT,
        text="invalid user key",
    ),
    *_key(
        Unauthorized,
        KEY_STATUSES,
        "documentation: the code of every refusal that is about the key",
        "Vast.ai does not let this API key in",
        _UNNAMED_HINT,
        codes=("auth_error",),
    ),
    *_key(
        Unauthorized,
        frozenset({401}),
        "documentation: 401 with nothing but `success: false`",
        "Vast.ai does not let this API key in and gives no reason",
        _UNNAMED_HINT,
        codes=("",),
    ),
    *_key(
        Unauthorized,
        frozenset({401}),
        "documentation: the name of the status instead of a reason",
        "Vast.ai does not let this API key in and gives no reason",
        _UNNAMED_HINT,
        text="unauthorized",
        codes=("",),
    ),
    *_rows(
        Forbidden,
        {403},
        "documentation: logs of others, hosts' calls, teams, blacklisted accounts, API keys",
        codes=("forbidden", "not_authorized", "not_allowed"),
        texts=("you do not have permission",),
        hint=PERMISSION_HINT,
    ),
)


def _gone(statuses: Iterable[int], source: str, code: str, text: str) -> Row:
    return Row(
        OfferGone,
        frozenset(statuses),
        source,
        code=code,
        text=text,
        says="The offer is gone: rented by somebody else or withdrawn",
        hint="Search again; offer ids are short-lived.",
    )


_OFFER_ROWS = (
    _gone({404, 410}, "pasted: 410 with `ask_id`; documentation: 410", "no_such_ask", ""),
    _gone(
        {400, 403, 404, 410},
        "pasted: HTTP 400 with `error 404/3603: no_such_ask` and two blanks; documentation: 404",
        "invalid_args",
        "no_such_ask",
    ),
    _gone({400, 404, 410}, "documentation: 404; here without the code", "", "no_such_ask"),
    Row(
        OfferGone,
        frozenset({200}),
        "reported: 200 with `success: false` and no contract, 2026-07",
        text="no available gpus",
        says="The machine has no free GPU any more",
        hint="Search again and choose another offer.",
    ),
)
_MONEY_ROWS = (
    *_rows(
        VendorRefused,
        {400},
        "pasted by three people: `insufficient_credit`; documentation: credit transfer",
        codes=("insufficient_credit", "insufficient_balance"),
        texts=("account lacks credit",),
        hint=CREDIT_HINT,
    ),
    *_rows(
        VendorRefused, {411}, "documentation: prepay", texts=("insufficient credit",),
        hint=CREDIT_HINT,
    ),
    *_rows(
        VendorRefused, {400, 403}, "documentation: new accounts", codes=("spend_rate_limit",),
        hint=CAP_HINT,
    ),
)  # fmt: skip
_START_ROWS = (
    Row(
        StartQueued,
        frozenset({200}),
        "pasted: the body of a start whose GPU somebody else has, HTTP 200",
        code="resources_unavailable",
        text="queued",
        says="Queued: another renter has the GPU now",
        hint="It starts by itself once the GPU is free; stop_instance cancels it.",
    ),
)
_VALIDATION_ROWS = (
    Row(
        VendorRefused,
        frozenset({400}),
        "pasted by three people, 2026-07-25: what the start script, the arguments and the label"
        " may hold",
        code="invalid_args",
        text="400/3471",
        hint="Every other offer would refuse it too. Limits: image 1,024 characters, args and"
             " onstart 16,384, label 256: shorten it.",
    ),
    *_rows(
        VendorRefused,
        {400, 403, 404},
        "recorded: 400 `limit: Input should be a valid integer`, commands that are not allowed;"
        " documentation: 403 for hosts who rent, 404",
        codes=("invalid_args",),
    ),
    *_rows(
        VendorRefused,
        {400},
        "documentation: arguments that are wrong, missing, too long or already taken",
        codes=(
            "invalid_request", "invalid_params", "invalid_token", "missing_input", "bad_request",
            "empty_input", "input_too_long", "invalid_characters", "max_secrets", "existing_key",
            "nonexistent_key", "invalid_price", "no_ssh_key_for_vm", "no_ssh_key",
            "invalid_permissions", "missing_permissions", "invalid_recipient", "invalid_email",
            "missing_auth_value", "invalid_container", "invalid_container_id",
        ),
    ),
    *_rows(VendorRefused, {409}, "documentation: sub-accounts", codes=("user_exists",)),
    *_rows(VendorRefused, {483}, "documentation: commands", codes=("invalid_args",)),
    *_rows(
        VendorRefused,
        {400},
        "documentation, or reported: refusals that have no code",
        texts=(
            "request body must be valid json", "invalid json body", "must provide both",
            "team ssh keys are not supported", "already exists",
            "missing permissions parameter", "role name is required", "api key id not provided",
            "cannot remove the team owner", "no such instance", "user is already a member",
            "not a team member", "cannot be invited to their own team",
        ),
    ),
    *_rows(
        VendorRefused,
        {200, 400},
        "unproven, and harmless to believe: the machine has the key",
        texts=("already associated",),
    ),
    *_rows(
        VendorRefused,
        {410},
        "reported by three people, 2026-06: calls that the vendor has withdrawn",
        codes=("deprecated_endpoint",),
        hint="Vast.ai has withdrawn this call: update vast-mcp.",
    ),
)  # fmt: skip
_MISSING_ROWS = (
    *_rows(
        NotFound,
        {404},
        "reported by two people: `no_such_instance` after a destroy; documentation: the others",
        codes=(
            "no_such_instance", "not_found", "no_such_volume", "no_such_workergroup",
            "no_such_endpoint", "no_such_ssh_key", "no_such_user", "invalid_id",
            "no_pending_price_increase",
        ),
    ),
    *_rows(NotFound, {400}, "documentation: recycle, endpoints", codes=("invalid_id",)),
    *_rows(
        NotFound,
        {404},
        "documentation: teams, API keys, hosts' machines; they have no code",
        texts=(
            "api key not found", "team metadata not found", "no such machine id",
            "no user was removed",
        ),
    ),
)  # fmt: skip
_PACE_ROWS = (
    Row(
        RateLimited,
        frozenset({429}),
        "recorded, 2026-07-25: JSON `HTTPTooManyRequests`; documentation: `detail`, and plain text;"
        " refused before anything is done",
        whole=True,
    ),
    Row(
        BurstBlocked,
        frozenset({403}),
        "reported: nginx's page when a shared key asks in bursts",
        page=True,
        settles_write=False,
        says="Vast.ai's guard against bursts of requests turned this one away",
        hint="This has nothing to do with the key or its permissions: wait a minute.",
    ),
)
TABLE: tuple[Row, ...] = (
    *_PACE_ROWS,
    *_KEY_ROWS,
    *_OFFER_ROWS,
    *_MONEY_ROWS,
    *_START_ROWS,
    *_VALIDATION_ROWS,
    *_MISSING_ROWS,
)
"""In the order in which they are tried: the first that fits speaks."""

_LACKS = (
    re.compile(r"lacks the ([\w./ -]{1,80}?) (permission group|route access)", re.IGNORECASE),
    re.compile(r"(constraint) on (\w{1,40})", re.IGNORECASE),
)


def find(status: int, code: str, text: str, *, page: bool = False) -> Row | None:
    """The row that knows this answer; None: it is not known to be a refusal.

    `code` is the reply's `error`, `text` its message, both as they came; `page`: it is HTML.
    """
    return next((row for row in TABLE if row.fits(status, code, text, page=page)), None)


def permission_named(text: str) -> str:
    """The permission that a refusal says is lacking: `user_read permission group`; else empty."""
    for pattern in _LACKS:
        found = pattern.search(text)
        if found is not None:
            joint = " on " if pattern is _LACKS[1] else " "
            return joint.join(found.groups())
    return ""
