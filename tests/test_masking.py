"""Promise: a known secret is written nowhere, however it is encoded and wherever it is cut."""

import base64
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vast_mcp.masking import Needles
from vast_mcp.text import Redactor

VALUE = "hf_Zq8+x/W3v=pL 0tY%7m"
OTHER = "0tY%7mAAAA-bbbb_CCCC"
VALUES = (VALUE, OTHER, "aaaaaa", "line one of it is long\nline two of it is long\n", "short")
NEEDLES = Needles(VALUES)


def _wrapped(text: str, width: int) -> str:
    return "\n".join(text[at : at + width] for at in range(0, len(text), width))


def _encoded(value: str, lead: int, width: int) -> dict[str, str]:
    raw = b"xyz"[:lead] + value.encode() + b"!"
    plain = base64.b64encode(raw).decode()
    return {
        "plain": value,
        "base64": plain,
        "base64url": base64.urlsafe_b64encode(raw).decode(),
        "wrapped": _wrapped(plain, width),
        "wrapped crlf": _wrapped(plain, width).replace("\n", "\r\n"),
        "quoted": quote(value),
        "quoted whole": quote(value, safe=""),
        "quoted lower": quote(value, safe="").lower() if value.islower() else quote(value, safe=""),
        "quoted plus": quote_plus(value),
        "every byte": "".join(f"%{byte:02x}" for byte in value.encode()),
        "json": json.dumps(value),
    }


FORMS = st.builds(
    lambda value, lead, width, form: _encoded(value, lead, width)[form],
    st.sampled_from(VALUES[:2]),
    st.integers(0, 2),
    st.integers(4, 76),
    st.sampled_from(sorted(_encoded(VALUE, 0, 76))),
)
NOISE = st.sampled_from(["h", "hf_Zq8", "aaa", "%", "%7", "==", "\n", " plain\n", "aGZf", "…", "é"])
TEXTS = st.lists(st.one_of(FORMS, NOISE, st.sampled_from(VALUES[:3])), max_size=6).map("".join)


def _leaks(data: bytes) -> list[str]:
    """Which values somebody who knows all encodings finds; not by the code under test."""
    shown = data.decode("utf-8", "replace")
    flat = shown.replace("\n", "").replace("\r", "")
    seen = [shown, shown.replace("+", " ")]
    for text in (shown, shown.replace("+", " ")):
        out, at = bytearray(), 0
        while at < len(text):
            if text[at] == "%" and at + 2 < len(text) + 1:
                try:
                    out.append(int(text[at + 1 : at + 3], 16))
                    at += 3
                    continue
                except ValueError:
                    pass
            out += text[at].encode()
            at += 1
        seen.append(out.decode("utf-8", "replace"))
    found = [value for value in VALUES[:3] if any(value in text for text in seen)]
    letters = flat.replace("-", "+").replace("_", "/")
    for value in VALUES[:2]:
        for lead in range(3):
            raw = b"xyz"[:lead] + value.encode()
            whole = base64.b64encode(raw).decode().rstrip("=")
            core = whole[4 if lead else 0 : len(whole) - 2]
            found += [f"base64 of {value}"] if core in letters else []
    return found


@given(text=TEXTS, cuts=st.lists(st.integers(0, 400), max_size=8))
def test_no_value_is_written_however_a_stream_is_cut(text: str, cuts: list[int]) -> None:
    """Any chunking writes as many bytes as came, and no value in any encoding."""
    data = text.encode()
    written = b""
    for end in [*sorted(min(cut, len(data)) for cut in cuts), len(data)]:
        piece = data[len(written) : end]
        if end == len(data):
            written += NEEDLES.closed(piece)
        else:
            written += NEEDLES.masked(piece[: NEEDLES.settled(piece)])

    assert len(written) == len(data)
    assert _leaks(written) == []


@given(text=TEXTS)
def test_no_value_is_answered_in_any_encoding(text: str) -> None:
    """The last writer before a reader; scrubbing twice changes nothing more."""
    once = Redactor(VALUES).scrub(text)
    assert _leaks(once.encode()) == []
    assert Redactor(VALUES).scrub(once) == once


@given(text=st.text(alphabet="bcdehilmnorstu .,;:%+=/\n", max_size=200))
def test_text_without_a_value_stays_as_it_is(text: str) -> None:
    """What only resembles an encoding is nobody's secret."""
    needles = Needles([VALUE, OTHER])
    assert needles.scrubbed(text) == text
    assert needles.masked(text.encode()) == text.encode()


@pytest.mark.parametrize("size", range(4, len(VALUE)))
@pytest.mark.parametrize(
    "mark", [" …[cut]", "\n… [812 bytes left out] …\n", "…", "\\n… [8 characters left out] …\\n"]
)
def test_half_a_value_beside_a_cut_is_a_value(size: int, mark: str) -> None:
    """Both ends of a long text are shown; a cut in the middle of a value shows neither half."""
    redactor = Redactor([VALUE])
    before = redactor.scrub(f"said {VALUE[:size]}{mark}and on")
    after = redactor.scrub(f"said{mark}{VALUE[-size:]} and on")

    assert VALUE[:size] not in before
    assert before.startswith("said ")
    assert VALUE[-size:] not in after
    assert after.endswith(" and on")


def test_a_stream_that_breaks_off_within_a_value_shows_nothing_of_it() -> None:
    """The end of what is kept of an output may fall anywhere."""
    for size in range(4, len(VALUE)):
        assert VALUE[:size].encode() not in NEEDLES.closed(b"x " + VALUE[:size].encode())


def test_values_that_overlap_are_both_gone() -> None:
    """One begins in the other: what is left of the second is a piece of a secret."""
    joined = VALUE + OTHER[6:]
    assert NEEDLES.masked(joined.encode()) == b"[secret]".ljust(len(joined), b"*")
    assert Redactor(VALUES).scrub(joined) == "[secret]"


def test_each_long_line_of_a_value_with_lines_is_hidden() -> None:
    """A key in lines is printed with other line ends, indented, or in part."""
    key = (
        "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA\nAAAABG5vbmUAAAAEbm9u\n-----END"
    )
    shown = Redactor([key]).scrub("  b3BlbnNzaC1rZXktdjEA\r\n  AAAABG5vbmUAAAAEbm9u\r\n")
    assert shown == "  [secret]\r\n  [secret]\r\n"
