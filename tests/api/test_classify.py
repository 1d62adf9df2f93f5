"""What an answer means, in every form that is known.

See docs/design.md#foreign-text-and-secrets, docs/design.md#sending-once,
docs/hazards.md#lost-answers, docs/vendor-api.md#rate-limits.
"""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vast_mcp.api.classify import WireReply, lost, read_answer, retry_after
from vast_mcp.errors import (
    ApiError,
    BurstBlocked,
    Forbidden,
    NeverSent,
    NotFound,
    OfferGone,
    OutcomeUnknown,
    RateLimited,
    SessionEnded,
    StartQueued,
    Unauthorized,
    VendorDown,
    VendorRefused,
    VendorUnreadable,
)
from vast_mcp.operations import Operation
from vast_mcp.operations.instances import CREATE_INSTANCE, SHOW_INSTANCE
from vast_mcp.text import Redactor

KEY = "k3y-that-must-never-be-seen"
SCRUB = Redactor([KEY]).scrub
READ, WRITE = SHOW_INSTANCE, CREATE_INSTANCE
HTML = b"<html><body>502 Bad Gateway</body></html>"


def failure(operation: Operation, status: int, body: object, **headers: str) -> ApiError:
    """The error that this answer is."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(ApiError) as raised:
        read_answer(operation, WireReply(status, headers, raw), SCRUB)
    return raised.value


def refusal(code: str | None = None, msg: str | None = None, **more: object) -> dict[str, object]:
    """The vendor's common error body."""
    return {"success": False, "error": code, "msg": msg, **more}


@pytest.mark.parametrize("operation", [READ, WRITE], ids=["read", "write"])
@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (429, b"API requests too frequent", RateLimited),
        (429, b"API requests too frequent: endpoint threshold=5.5", RateLimited),
        (429, {"detail": "API requests too frequent endpoint threshold=4.5"}, RateLimited),
        (429, {"msg": "API requests too frequent"}, RateLimited),
        (429, {"error": "HTTPTooManyRequests", "retry_after": 10, "remaining": 0}, RateLimited),
        (429, HTML, RateLimited),
        (429, b"", RateLimited),
        (429, {"error": "search_quota_exceeded"}, RateLimited),
        (401, refusal("auth_error", "Invalid user key"), Unauthorized),
        (401, b"Unauthorized", Unauthorized),
        (401, {"success": False}, Unauthorized),
        (404, refusal("auth_error", "Invalid user key"), Unauthorized),
        (404, {"error": None, "msg": "Invalid user key"}, Unauthorized),
        (404, {"msg": "Session expired. Please log in again."}, SessionEnded),
        (404, {"error": "auth_error", "msg": "Session expired. Log in again."}, SessionEnded),
        (403, refusal("auth_error", "Invalid user key"), Unauthorized),
        (403, b"This action requires login.", Unauthorized),
        (403, refusal("forbidden", "no"), Forbidden),
        (401, refusal("auth_error", "Your key lacks the user_read permission group"), Forbidden),
        (404, refusal("no_such_ask", "gone"), OfferGone),
        (410, refusal("no_such_ask", "error 410/3907"), OfferGone),
        (410, refusal("no_such_ask", ask_id=7), OfferGone),
        (400, refusal("invalid_args", "error 404/3603: no_such_ask  Instance type by id 7"),
         OfferGone),
        (404, refusal("invalid_args", "error 404/3603: no_such_ask 5 is gone"), OfferGone),
        (404, refusal("no_such_instance", "x"), NotFound),
        (404, refusal("not_found", "Instance not found"), NotFound),
        (404, refusal("no_such_workergroup", "x"), NotFound),
        (411, {"msg": "Insufficient credit"}, VendorRefused),
        (400, refusal("insufficient_credit", "Your account lacks credit"), VendorRefused),
        (400, refusal("spend_rate_limit", "x"), VendorRefused),
        (400, refusal("invalid_args", "bad filter"), VendorRefused),
        (400, {"error": "invalid_args", "msg": "x", "new_contract": None}, VendorRefused),
        (410, refusal("deprecated_endpoint", "x"), VendorRefused),
        (483, refusal("invalid_args", "Invalid json_body"), VendorRefused),
        (200, refusal("resources_unavailable", "state change queued."), StartQueued),
    ],
)  # fmt: skip
def test_a_definite_refusal_has_one_type(
    operation: Operation, status: int, body: object, kind: type[ApiError]
) -> None:
    """Every known refusal, the same for reads and writes."""
    assert type(failure(operation, status, body)) is kind


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, {"success": False}),
        (200, {"success": False, "new_contract": None}),
        (200, refusal(None, "Something new went wrong")),
        (200, refusal("brand_new_code", "no")),
        (200, refusal("auth_error", "Invalid user key")),
        (200, refusal(None, "Insufficient credit")),
        (200, refusal("resources_unavailable", "try later")),
        (400, {"success": False}),
        (400, refusal(None, "Something new went wrong")),
        (400, refusal("brand_new_code", "no")),
        (401, refusal("brand_new_code", "no")),
        (409, {"message": "exists"}),
        (418, refusal("invalid_args", "x")),
        (404, {"msg": "nothing here"}),
    ],
)
def test_an_error_that_nobody_knows_is_unknown_for_a_write(status: int, body: object) -> None:
    """`success: false` is no proof: rents exist that were answered so. A read has no effect."""
    assert isinstance(failure(READ, status, body), ApiError)
    error = failure(WRITE, status, body)
    assert isinstance(error, OutcomeUnknown)
    assert error.answered
    assert "not a known refusal" in error.message


def test_a_web_page_with_403_is_a_burst_and_no_permission() -> None:
    """Reported: nginx turns bursts away so; a write that met it is not proven undone."""
    error = failure(READ, 403, HTML)
    assert type(error) is BurstBlocked
    write = failure(WRITE, 403, HTML)
    assert isinstance(write, OutcomeUnknown)
    for said in (str(error), str(write)):
        assert "bursts" in said
        assert "VAST_API_KEY" not in said
        assert "give it this permission" not in said


@pytest.mark.parametrize(
    ("status", "body", "for_read"),
    [
        (500, {"success": False, "error": "server"}, VendorDown),
        (502, HTML, VendorDown),
        (503, b"", VendorDown),
        (504, b"upstream timeout", VendorDown),
        (200, HTML, VendorUnreadable),
        (200, b"", VendorUnreadable),
        (200, b"ok", VendorUnreadable),
        (200, b'{"success": true, "new_con', VendorUnreadable),
        (200, b'{"success": true, "price": NaN}', VendorUnreadable),
        (200, b'{"success": true, "price": -Infinity}', VendorUnreadable),
        (200, b"\xff\xfe", VendorUnreadable),
        (200, b"[" * 100_000, VendorUnreadable),
        (200, {"success": "yes"}, VendorUnreadable),
        (200, {"success": None}, VendorUnreadable),
        (302, b"", VendorUnreadable),
        (307, b"", VendorUnreadable),
        (408, b"Request Timeout", VendorDown),
    ],
)
def test_what_proves_nothing_is_unknown_for_a_write(
    status: int, body: object, for_read: type[ApiError]
) -> None:
    """5xx, non-JSON 2xx and half answers leave a write's outcome unknown."""
    assert type(failure(READ, status, body)) is for_read
    assert type(failure(WRITE, status, body)) is OutcomeUnknown


@pytest.mark.parametrize("body", [b'{"success": false, "new_con', HTML, b"", b"[1, 2"])
def test_half_a_refusal_of_a_write_is_unknown(body: bytes) -> None:
    """What was cut off a 400 may be the contract that exists all the same."""
    assert type(failure(WRITE, 400, body)) is OutcomeUnknown


@pytest.mark.parametrize("body", [b"[]", b'"done"', b"5", b"null"])
def test_a_write_must_be_answered_with_an_object(body: bytes) -> None:
    """A 200 of a wrong type proves nothing about a write."""
    assert type(failure(WRITE, 200, body)) is OutcomeUnknown


@pytest.mark.parametrize("status", [200, 400, 404, 410, 429, 500, 502])
def test_an_error_that_names_a_contract_is_no_refusal(status: int) -> None:
    """`success: false` with `new_contract`: the instance may exist; its id is only a claim."""
    error = failure(WRITE, status, refusal("invalid_price", "bid too low", new_contract=123))
    assert isinstance(error, OutcomeUnknown)
    assert (error.answered, error.named, error.failed) == (True, 123, True)


@pytest.mark.parametrize("value", ["abc", "123", 0, -4, True, [], 1.5])
def test_a_contract_that_is_no_id_is_not_made_up(value: object) -> None:
    """Only a positive whole number can be an instance id; the outcome is unknown all the same."""
    error = failure(WRITE, 400, refusal("invalid_args", "x", new_contract=value))
    assert isinstance(error, OutcomeUnknown)
    assert error.named is None


def test_a_parked_bid_is_told_from_an_error() -> None:
    """Pasted, 2026-07: `success: false` with a contract and no error is no failure."""
    error = failure(WRITE, 200, {"success": False, "new_contract": 9, "instance_api_key": "k"})
    assert isinstance(error, OutcomeUnknown)
    assert (error.named, error.failed) == (9, False)


def test_a_success_is_handed_on_as_it_is() -> None:
    """new_contract is the id (docs/vendor-api.md#creating-an-instance)."""
    body = b'{"success": true, "new_contract": 5}'
    assert read_answer(WRITE, WireReply(200, {}, body), SCRUB) == {
        "success": True,
        "new_contract": 5,
    }
    assert read_answer(READ, WireReply(200, {}, b"[1]"), SCRUB) == [1]


def test_an_answer_that_was_cut_is_not_read() -> None:
    """The size cap makes an answer unreadable, never shorter."""
    for operation, kind in ((READ, VendorUnreadable), (WRITE, OutcomeUnknown)):
        with pytest.raises(kind):
            read_answer(operation, WireReply(200, {}, b"{}", cut=True), SCRUB)


@pytest.mark.parametrize(
    ("headers", "body", "seconds"),
    [
        ({"retry-after": "2"}, b"x", 2.0),
        ({}, b'{"retry_after": 10}', 10.0),
        ({"retry-after": "3"}, b'{"retry_after": 10}', 3.0),
        ({"retry-after": "Fri, 20 Nov 2026 10:00:00 GMT"}, b'{"retry_after": 7}', 7.0),
        ({"retry-after": "nan"}, b"x", None),
        ({"retry-after": "-1"}, b"x", None),
        ({}, b"too frequent", None),
        ({}, b'{"retry_after": true}', None),
    ],
)
def test_the_wait_comes_from_the_header_then_the_body(
    headers: dict[str, str], body: bytes, seconds: float | None
) -> None:
    """Wait = header Retry-After, else body retry_after, else our own."""
    assert retry_after(WireReply(429, headers, body)) == seconds


@pytest.mark.parametrize("operation", [READ, WRITE])
@pytest.mark.parametrize("status", [200, 400, 401, 404, 429, 500])
def test_the_key_never_stands_in_an_error(operation: Operation, status: int) -> None:
    """Keys never appear; not plain, not across a cut, not under control characters."""
    torn = f"{KEY[:9]}\x00\x1b[0m{KEY[9:]}"
    for text in (KEY, "x" * 225 + KEY, torn, f"Bearer {KEY}\n"):
        for body in (text.encode(), json.dumps(refusal(text, text)).encode()):
            error = failure(operation, status, body)
            for shown in (str(error), repr(error), error.code):
                assert KEY not in shown
                assert KEY[:20] not in shown


def test_vendor_text_is_cleaned_and_capped() -> None:
    """Foreign text in an error is one short line without escapes."""
    error = failure(WRITE, 400, refusal("x\x1b[31m", "a\n\u202eb" + "c" * 5000))
    assert "\x1b" not in str(error)
    assert "\n" not in str(error)
    assert "\u202e" not in str(error)
    assert len(str(error)) < 450


def test_a_lost_request_is_told_by_what_may_have_left() -> None:
    """Before a byte left nothing happened; after, a write is unknown, a read is not."""
    assert type(lost(WRITE, left=False, cause="x")) is NeverSent
    assert type(lost(WRITE, left=True, cause="x")) is OutcomeUnknown
    assert type(lost(READ, left=True, cause="x")) is VendorDown


@given(st.integers(100, 599), st.binary(max_size=80) | st.text(max_size=80).map(str.encode))
def test_no_answer_makes_a_write_look_done_that_was_not(status: int, body: bytes) -> None:
    """Fuzz: an object with a 2xx and no refusal in it, or a typed error; nothing else."""
    try:
        answer = read_answer(WRITE, WireReply(status, {}, body), SCRUB)
    except ApiError:
        return
    assert 200 <= status < 300
    assert isinstance(answer, dict)
    assert answer.get("success", True) is True


@pytest.mark.parametrize("again", [b'"success": false', b'"new_contract": 8', b'"msg": "no"'])
def test_an_answer_to_a_write_that_says_a_field_twice_is_unknown(again: bytes) -> None:
    """Neither a success nor a refusal: the money stays reserved and it is looked for."""
    body = b'{"success": true, "new_contract": 7, "msg": "", %s}' % again
    assert isinstance(failure(WRITE, 200, body), OutcomeUnknown)
