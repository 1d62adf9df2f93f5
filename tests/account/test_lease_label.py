"""A mark in a label is ours only with our key's proof, and fits whatever a person wrote.

See docs/design.md#leases.
"""

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vast_mcp.account.lease_label import (
    USER_TEXT_LIMIT,
    Marker,
    check_label,
    endpoint_intent,
    endpoint_name,
    floor_minute_us,
    user_part,
)
from vast_mcp.errors import InputInvalid

MARKER = Marker(b"k" * 32)
OTHER = Marker(b"o" * 32)
UNTIL_US = 1_795_192_200_000_000
letters = string.ascii_lowercase + string.digits
intents = st.text(letters, min_size=11, max_size=11)


def _fits(text: str) -> bool:
    try:
        check_label(text)
    except InputInvalid:
        return False
    return True


plain = st.text(string.printable.strip() + " äöü日本👍", max_size=USER_TEXT_LIMIT).filter(_fits)


@given(plain, intents, st.integers(0, 4_000_000_000))
def test_a_mark_is_read_as_it_was_written(text: str, intent: str, seconds: int) -> None:
    """Whose, which intent, until when; ≤ 256 characters in all."""
    until_us = floor_minute_us(seconds * 1_000_000)
    label = MARKER.label(text, intent, until_us)
    mark = MARKER.read(label)
    assert mark is not None
    assert (mark.intent_id, mark.until_us) == (intent, until_us)
    assert len(label) <= 256
    assert user_part(label) == text.strip()
    assert OTHER.read(label) is None


@given(plain, plain, intents)
def test_relabelling_changes_only_the_users_part(old: str, new: str, intent: str) -> None:
    """The mark behind the text stays."""
    label = MARKER.relabel(MARKER.label(old, intent, UNTIL_US), new)
    assert MARKER.read(label) is not None
    assert user_part(label) == new.strip()


@given(intents, st.integers(0, 60), st.characters())
def test_a_mark_with_any_character_changed_is_not_ours(intent: str, at: int, char: str) -> None:
    """Ours = the MAC verifies; a forged or stretched one counts for nothing."""
    label = MARKER.label("", intent, UNTIL_US)
    at %= len(label)
    forged = label[:at] + char + label[at + 1 :]
    if forged != label:
        assert MARKER.read(forged) is None


def test_the_grammar_is_the_designs() -> None:
    """`<user text> vm1.<owner7>.<intent11>.until-YYYYMMDDHHMMZ.m<mac8>`."""
    label = MARKER.label("train a", "abcdefghij1", UNTIL_US)
    assert re.fullmatch(
        r"train a vm1\.[a-z0-9]{7}\.abcdefghij1\.until-202611201630Z\.m[0-9a-f]{8}", label
    ), label


@pytest.mark.parametrize(
    "text",
    [
        "x" * 201,
        "a vm1.b",
        "vm1.abcdefg.abcdefghij1.until-209901010000Z.m00000000",
        "two\nlines",
        "\x1b[31mred",
        "rtl\u202eevil",
        "zero\u200bwidth",
    ],
)
def test_a_text_that_imitates_a_mark_or_hides_something_is_refused(text: str) -> None:
    """User text that contains ' vm1.' is refused; so is what cannot be seen."""
    with pytest.raises(InputInvalid, match="label"):
        check_label(text)


@given(st.text(letters + "-_.", min_size=1, max_size=80), intents)
def test_an_endpoints_mark_names_its_intent(name: str, intent: str) -> None:
    """Endpoints have no label; the name carries `-vm1-<intent11>`."""
    assert endpoint_intent(endpoint_name(name, intent)) == intent


@pytest.mark.parametrize("after", ["x", "0", " b", "\n", ".", " vm1.", "\u200b"])
def test_a_mark_with_anything_behind_it_is_not_ours(after: str) -> None:
    """A mark ends its label: what somebody put behind it is not what we wrote."""
    label = MARKER.label("train-a", "abcdefghij1", UNTIL_US)
    assert MARKER.read(label) is not None
    assert MARKER.read(label + after) is None


@pytest.mark.parametrize("after", ["x", "0", "-vm1-", "\n", " b"])
def test_an_endpoints_mark_with_anything_behind_it_names_no_intent(after: str) -> None:
    """An endpoint's name ends with its mark, or it is not the name that we gave."""
    name = endpoint_name("chat", "abcdefghij1")
    assert endpoint_intent(name) == "abcdefghij1"
    assert endpoint_intent(name + after) is None
