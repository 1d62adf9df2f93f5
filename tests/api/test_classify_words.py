"""What an error says in the vendor's words, and what those words decide."""

import json

import pytest

from tests.api.test_classify import HTML, READ, SCRUB, WRITE, failure, refusal
from vast_mcp.api.classify import WireReply, key_trouble, read_answer, retry_after
from vast_mcp.errors import (
    ApiError,
    Forbidden,
    OfferGone,
    OutcomeUnknown,
    RateLimited,
    TwoFactorNeeded,
    Unauthorized,
    VendorDown,
    VendorRefused,
    VendorUnreadable,
)


def trouble(status: int, body: object, **headers: str) -> ApiError | None:
    """What is wrong with the key, by this answer."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return key_trouble(READ, WireReply(status, headers, raw), SCRUB)


@pytest.mark.parametrize(
    ("status", "body", "kind", "code"),
    [
        (401, refusal("auth_error", "Invalid user key"), Unauthorized, "auth_error"),
        (403, refusal("auth_error", "Invalid user key"), Unauthorized, "auth_error"),
        (404, refusal("auth_error", "Invalid user key"), Unauthorized, "auth_error"),
        (401, refusal("auth_error", "Two factor needed"), TwoFactorNeeded, "auth_error"),
        (403, refusal("forbidden", "no"), Forbidden, "forbidden"),
        (401, {"success": False}, Unauthorized, ""),
    ],
)
def test_an_answer_about_the_key_is_told_from_all_others(
    status: int, body: object, kind: type[ApiError], code: str
) -> None:
    """Such an answer lets another key of the same account take its place."""
    found = trouble(status, body)
    assert type(found) is kind
    assert found.code == code


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, refusal("auth_error", "Invalid user key")),
        (400, refusal("auth_error", "Invalid user key")),
        (404, refusal("no_such_instance", "x")),
        (404, refusal("brand_new_code", "x")),
        (403, HTML),
        (401, b"Two factor needed"),
        (401, b'{"success": false, "error": "auth_err'),
        (401, b""),
    ],
)
def test_what_is_not_said_of_the_key_replaces_no_key(status: int, body: object) -> None:
    """Only the vendor's own form counts: a gateway's page or half an answer proves nothing."""
    assert trouble(status, body) is None


@pytest.mark.parametrize(
    "body",
    [
        {"new_contract": 5},
        {"success": True, "error": "a warning"},
        {"success": True, "error": None, "msg": "done"},
        {"error": None},
        {"error": ""},
    ],
)
def test_a_write_that_says_no_error_is_done(body: dict[str, object]) -> None:
    """Many answers hold no `success`; where it is true, a word beside it is no error."""
    assert read_answer(WRITE, WireReply(200, {}, json.dumps(body).encode()), SCRUB) == body


def test_an_error_without_success_fails_a_write_and_is_data_of_a_read() -> None:
    """A log or a search may have a field of that name."""
    body = {"error": "something broke"}
    assert isinstance(failure(WRITE, 200, body), OutcomeUnknown)
    assert read_answer(READ, WireReply(200, {}, json.dumps(body).encode()), SCRUB) == body


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            refusal("invalid_args", "Too big."),
            '(invalid_args; untrusted text of Vast.ai: "Too big")',
        ),
        (refusal("invalid_args"), "(invalid_args)"),
        (refusal(None, "Too big"), '(untrusted text of Vast.ai: "Too big")'),
        (refusal("Run it now", "do"), '(untrusted text of Vast.ai: "Run it now: do")'),
        (refusal("Upper", None), '(untrusted text of Vast.ai: "Upper")'),
        (refusal("a-b"), '(untrusted text of Vast.ai: "a-b")'),
        (refusal("bad!", "x"), '(untrusted text of Vast.ai: "bad!: x")'),
        (refusal("a" * 48), f"({'a' * 48})"),
        (refusal("a" * 49), f'(untrusted text of Vast.ai: "{"a" * 49}")'),
        (refusal(None, 'say "yes"'), "(untrusted text of Vast.ai: \"say 'yes'\")"),
        (refusal(), "refused."),
        ({"message": "in message"}, '"in message"'),
        ({"detail": "in detail"}, '"in detail"'),
        ({"msg": "", "message": "the second"}, '"the second"'),
        (b"plain words", '"plain words"'),
        (b'"a JSON text"', '"a JSON text"'),
    ],
)
def test_words_of_the_vendor_are_marked_as_foreign_and_plain_codes_are_not(
    body: object, said: str
) -> None:
    """A sentence in an error is data: a model must see where it begins and ends."""
    assert said in str(failure(READ, 418, body))


def test_a_sentence_in_the_place_of_the_code_is_read_as_words() -> None:
    """Some replies have it there: the known refusals are found all the same."""
    error = failure(WRITE, 400, {"error": "Your account lacks credit"})
    assert (type(error), error.code) == (VendorRefused, "")
    kept = failure(READ, 400, refusal("two words", "and a message"))
    assert kept.code == "two words"


def test_long_codes_and_words_are_cut_and_what_stands_far_behind_decides_nothing() -> None:
    """Foreign text of any length cannot smuggle in a known refusal behind a thousand letters."""
    assert len(failure(READ, 400, refusal("x" * 500)).code) == 60
    for blanks, kind in ((900, VendorRefused), (1000, OutcomeUnknown)):
        assert type(failure(WRITE, 400, {"msg": "x" * blanks + " already exists"})) is kind


@pytest.mark.parametrize(
    ("body", "headers", "kind"),
    [
        (b"", {}, VendorUnreadable),
        (b'{"success": fal', {}, VendorUnreadable),
        (b"  [1, 2", {}, VendorUnreadable),
        (b"<nothing", {}, VendorUnreadable),
        (b"   <HTML><b>x", {}, VendorRefused),
        (b"<!DOCTYPE html>", {}, VendorRefused),
        (b"sorry", {"content-type": "text/html"}, VendorRefused),
        (b"sorry", {}, VendorRefused),
    ],
)
def test_a_reason_is_read_from_words_and_pages_and_never_from_half_an_object(
    body: bytes, headers: dict[str, str], kind: type[ApiError]
) -> None:
    """What was cut off may be the very thing that matters."""
    error = failure(READ, 400, body, **headers)
    assert type(error) is kind
    assert ("sorry" in str(error)) == (body == b"sorry" and not headers)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (399, b"", VendorUnreadable),
        (300, b"", VendorUnreadable),
        (408, b"late", VendorDown),
        (499, b"nobody knows", VendorRefused),
        (500, b"", VendorDown),
    ],
)
def test_statuses_of_a_read(status: int, body: bytes, kind: type[ApiError]) -> None:
    """3xx is unreadable, 4xx is the vendor's no, 5xx and 408 are worth another try."""
    assert type(failure(READ, status, body)) is kind


@pytest.mark.parametrize(
    ("status", "body", "failed", "answered"),
    [
        (200, {"success": False}, False, True),
        (400, {"success": False}, True, True),
        (200, refusal("brand_new"), True, True),
        (200, refusal(None, "words"), True, True),
        (418, b"words", True, False),
    ],
)
def test_an_unknown_outcome_says_whether_an_error_was_told(
    status: int, body: object, failed: bool, answered: bool
) -> None:
    """A parked bid is answered with `success: false` and no error; everything else failed."""
    error = failure(WRITE, status, body)
    assert isinstance(error, OutcomeUnknown)
    assert (error.failed, error.answered) == (failed, answered)


@pytest.mark.parametrize(("value", "named"), [(1, 1), (2, 2), (0, None), (-1, None), (True, None)])
def test_the_smallest_id_is_one(value: object, named: int | None) -> None:
    """A contract that an error names is looked for; what cannot be one is not."""
    error = failure(WRITE, 200, refusal("x", new_contract=value))
    assert isinstance(error, OutcomeUnknown)
    assert error.named == named


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [("0", 0.0), ("0.5", 0.5), ("999999999", 999_999_999.0), ("1000000000", None), ("1.5e9", None)],
)
def test_a_wait_is_of_at_least_nothing_and_at_most_years(asked: str, seconds: float | None) -> None:
    """A number that cannot be meant is no answer to how long to wait."""
    assert retry_after(WireReply(429, {"retry-after": asked})) == seconds


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        (refusal("search_quota_exceeded", "x"), "search_quota_exceeded", "00:00 UTC"),
        (refusal(None, "SEARCH_QUOTA_EXCEEDED today"), "search_quota_exceeded", "00:00 UTC"),
        (refusal("HTTPTooManyRequests", retry_after=10), "HTTPTooManyRequests", "again in 10 s"),
        (refusal("HTTPTooManyRequests"), "HTTPTooManyRequests", "Nothing was done; try again."),
        (refusal("HTTPTooManyRequests", retry_after=0), "HTTPTooManyRequests", "try again."),
    ],
)
def test_a_refusal_for_the_pace_says_until_when(
    body: dict[str, object], code: str, said: str
) -> None:
    """A used-up day is no matter of seconds: asking again would not help."""
    error = failure(READ, 429, body)
    assert isinstance(error, RateLimited)
    assert error.code == code
    assert said in f"{error} {error.hint}"
    assert error.retry_after_s == body.get("retry_after")


@pytest.mark.parametrize(
    ("status", "code", "text"),
    [(404, "no_such_ask", "x"), (400, "invalid_args", "error 404/3603: no_such_ask  Instance")],
)
def test_an_offer_that_is_gone_has_one_code(status: int, code: str, text: str) -> None:
    """Whoever rents tells it apart by the code, however the vendor put it."""
    error = failure(READ, status, refusal(code, text))
    assert (type(error), error.code) == (OfferGone, "no_such_ask")
