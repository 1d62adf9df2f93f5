"""The table of refusals: every row speaks, and every recorded error means what it says."""

import json
from pathlib import Path
from typing import Any

import pytest

from vast_mcp.api.classify import WireReply, read_answer
from vast_mcp.api.refusals import TABLE, Row, find
from vast_mcp.errors import (
    ApiError,
    BurstBlocked,
    Forbidden,
    NotFound,
    OfferGone,
    OutcomeUnknown,
    RateLimited,
    SessionEnded,
    StartQueued,
    TwoFactorNeeded,
    Unauthorized,
    VendorRefused,
)
from vast_mcp.operations.instances import CREATE_INSTANCE, SHOW_INSTANCE

RECORDED = Path(__file__).parents[2].parent / "shared" / "recorded"
SET_A_KEY = "sets VAST_API_KEY"


def answer_of(row: Row) -> WireReply:
    """The least answer that this row is about."""
    status = min(row.statuses)
    if row.page:
        return WireReply(status, {"content-type": "text/html"}, b"<html>403 Forbidden</html>")
    body: dict[str, Any] = {"success": False}
    if row.code:
        body["error"] = row.code
    if row.text:
        body["msg"] = f"Well: {row.text.upper()}  it is."
    return WireReply(status, {}, json.dumps(body).encode())


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.code or '-'} {row.text or '-'}")
def test_every_row_names_its_source_and_settles_a_write(row: Row) -> None:
    """No row is shadowed by another, and each says where it is known from."""
    assert row.source.split(":")[0].split(",")[0].split(" ")[0] in {
        "recorded", "pasted", "reported", "stated", "documentation", "unproven",
    }  # fmt: skip
    with pytest.raises(ApiError) as raised:
        read_answer(CREATE_INSTANCE, answer_of(row), str)
    if row.settles_write:
        assert type(raised.value) is row.kind
    else:
        assert isinstance(raised.value, OutcomeUnknown)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.code or '-'} {row.text or '-'}")
def test_a_row_speaks_of_its_own_statuses_only(row: Row) -> None:
    """The same words under a status that nobody reported prove nothing about a write."""
    if row.page:
        return
    for status in (200, 202, 400, 402, 404, 410, 418, 500, 503):
        reply = answer_of(row)
        decoded = json.loads(reply.body)
        if find(status, str(decoded.get("error", "")), str(decoded.get("msg", ""))) is not None:
            continue
        with pytest.raises(OutcomeUnknown):
            read_answer(CREATE_INSTANCE, WireReply(status, {}, reply.body), str)


EXPECTED: dict[str, tuple[type[ApiError], str]] = {
    "bad_key_404": (Unauthorized, "does not accept the API key"),
    "bid_too_low_cancel_unavail_410": (OfferGone, "gone"),
    "cli_key_notification_types": (Forbidden, "api.notification-types route access"),
    "command_refused": (VendorRefused, "Invalid command given"),
    "container_key_create": (Forbidden, "api.ask route access"),
    "container_key_new_key": (Forbidden, "user_write permission group"),
    "container_key_other_instance": (Forbidden, "constraint on id"),
    "create_gpus_none": (OfferGone, "no free GPU"),
    "create_lacks_credit": (VendorRefused, "billing page"),
    "create_no_such_ask_400": (OfferGone, "gone"),
    "create_no_such_ask_410": (OfferGone, "gone"),
    "create_too_long_400": (VendorRefused, "16,384"),
    "destroy_gone": (NotFound, "no_such_instance"),
    "destroy_needs_2fa_401": (TwoFactorNeeded, "vastai tfa login"),
    "docs_GET__api_v0_charges_400_invalid_pagination_token": (VendorRefused, "pagination"),
    "docs_GET__api_v0_charges_400_missing_date_range": (VendorRefused, "gte and lte"),
    "docs_GET__api_v0_charges_401_schema": (Unauthorized, "gives no reason"),
    "docs_GET__api_v0_charges_403_example": (Unauthorized, "No API key reached"),
    "docs_GET__api_v0_charges_404_example": (Unauthorized, "does not accept"),
    "docs_GET__api_v0_charges_429_schema": (RateLimited, "too many requests"),
    "docs_GET__api_v0_users_current_401_schema": (Unauthorized, "gives no reason"),
    "docs_GET__api_v1_instances_400_schema": (VendorRefused, "dph_total"),
    "docs_GET__api_v1_instances_401_schema": (Unauthorized, "gives no reason"),
    "docs_GET__api_v1_instances_429_schema": (RateLimited, "too many requests"),
    "docs_GET__api_v1_invoices_400_example": (VendorRefused, "pagination"),
    "docs_GET__api_v1_invoices_401_schema": (Unauthorized, "gives no reason"),
    "docs_GET__api_v1_invoices_403_example": (Unauthorized, "No API key reached"),
    "docs_GET__api_v1_invoices_404_example": (Unauthorized, "does not accept"),
    "docs_GET__api_v1_invoices_429_schema": (RateLimited, "too many requests"),
    "err_400_validation": (VendorRefused, "valid integer"),
    "err_401_docs": (Unauthorized, "does not accept"),
    "err_403_html": (BurstBlocked, "bursts"),
    "err_404_session_expired": (SessionEnded, "vastai tfa login"),
    "err_410_deprecated": (VendorRefused, "update vast-mcp"),
    "err_429_bundles": (RateLimited, "10 s"),
    "execute_running_400": (VendorRefused, "stopped instances"),
    "request_logs_no_slash_400": (VendorRefused, "valid JSON"),
    "start_queued": (StartQueued, "another renter"),
}
"""What each recorded refusal is, written down by hand from its words."""
UNSETTLED = {
    "bid_too_low_no_cancel_parked",
    "create_bid_pending",
    "docs_GET__api_v0_users_current_500_schema",
}
"""Recorded answers that are neither a yes nor a known no."""
READ_ONLY = {"docs_GET__api_v1_invoices_200_invalid_date_range"}
"""A refusal of a read under 200; no write is answered so."""


def recorded() -> list[tuple[str, dict[str, Any]]]:
    """Every recorded error: status 400 and above, or `success: false`."""
    found = []
    for path in sorted(RECORDED.glob("*.json")):
        reply = json.loads(path.read_text())
        body = reply.get("body")
        failed = isinstance(body, dict) and body.get("success") is False
        if reply.get("status", 200) >= 400 or failed:
            found.append((path.stem, reply))
    return found


def reply_of(stored: dict[str, Any]) -> WireReply:
    """A recording as it came over the wire."""
    body = stored["body"]
    raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    return WireReply(stored["status"], stored.get("headers", {}), raw)


@pytest.mark.skipif(not RECORDED.is_dir(), reason="the recorded replies are not here")
def test_every_recorded_error_is_in_the_table() -> None:
    """None is left out; a new recording has to be given a meaning by hand."""
    names = {name for name, _ in recorded()}
    assert names == EXPECTED.keys() | UNSETTLED | READ_ONLY


@pytest.mark.skipif(not RECORDED.is_dir(), reason="the recorded replies are not here")
def test_every_recorded_error_is_told_as_what_it_is() -> None:
    """Its type and the words that matter; a right key is never told to be set."""
    for name, stored in recorded():
        if name not in EXPECTED:
            continue
        kind, words = EXPECTED[name]
        with pytest.raises(ApiError) as raised:
            read_answer(SHOW_INSTANCE, reply_of(stored), str)
        assert type(raised.value) is kind, name
        assert words in str(raised.value), name
        right_key = issubclass(kind, Forbidden | SessionEnded | BurstBlocked)
        assert not right_key or SET_A_KEY not in str(raised.value), name


@pytest.mark.skipif(not RECORDED.is_dir(), reason="the recorded replies are not here")
def test_every_recorded_refusal_settles_a_write_and_nothing_else_does() -> None:
    """As the answer to a rent: refused by its own type, or unknown."""
    for name, stored in recorded():
        with pytest.raises(ApiError) as raised:
            read_answer(CREATE_INSTANCE, reply_of(stored), str)
        if name in EXPECTED and name != "err_403_html":
            assert type(raised.value) is EXPECTED[name][0], name
        else:
            assert isinstance(raised.value, OutcomeUnknown), name


def test_the_missing_permission_is_named() -> None:
    """A restricted key says which of its permissions is lacking."""
    for text, named in (
        ("Your key lacks the user_read permission group", "user_read permission group"),
        ("Your key lacks the api.ask route access", "api.ask route access"),
        ("Your key lacks proper privileges for this due to a constraint on id", "constraint on id"),
        ("Your key lacks proper privileges", ""),
    ):
        body = json.dumps({"success": False, "error": "auth_error", "msg": text}).encode()
        with pytest.raises(Forbidden) as raised:
            read_answer(CREATE_INSTANCE, WireReply(401, {}, body), str)
        assert raised.value.permission == named
