"""Foreign text comes out clean and whole; secrets come out not at all.

See docs/hazards.md#agents.
"""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vast_mcp.text import Redactor, clean, clean_ends, clean_line, folded

HIDDEN = (
    "\x00\x07\x08\x1b\x7f\x80\x9b\u00ad\u200b\u200e\u202a\u202e\u2066\u2069\u2028\ufeff\U000e0041"
)
anything = st.text(
    st.one_of(st.characters(), st.sampled_from(HIDDEN + "[]m;0\u200d\ufe0f\U000e0100"))
)
WHOLE = (
    "plain ASCII, tabs\tand\nlines",
    "Grüße, naïve café, Ελληνικά, עברית, العربية",
    "日本語 漢字 한국어",
    "葛\U000e0100 and 辻\U000e0101",
    "👍 🚀 ❤️ ☀️",
    "👨‍👩‍👧‍👦 👩‍💻 🏳️‍🌈 👩🏽‍🔬 🧑🏿‍🚀",
    "1️⃣ #️⃣ *️⃣",
    "🇸🇪 🇳🇴",
    "e\u0301 combining",
)


def invisible(char: str) -> bool:
    """Control, format, surrogate, private, unassigned, line and paragraph separators."""
    return unicodedata.category(char) in {"Cc", "Cs", "Co", "Cn", "Zl", "Zp"}


@given(anything)
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    """The filter is idempotent, so no second pass reveals anything."""
    once = clean(text, 500)
    assert clean(once, 500) == once
    line = clean_line(text)
    assert clean_line(line) == line


@given(anything)
def test_nothing_invisible_is_left(text: str) -> None:
    """No C0/C1 but newline and tab, no bidi, no zero-width but an emoji's joiner."""
    for cleaned in (clean(text, 10_000), clean_line(text, 500)):
        for char in cleaned:
            assert char in "\n\t" or not invisible(char)
            if unicodedata.category(char) == "Cf":
                assert char == "\u200d"
    assert "\n" not in clean_line(text)


@given(anything, st.integers(0, 60))
def test_a_limit_holds(text: str, limit: int) -> None:
    """Foreign text is capped (docs/design.md#foreign-text-and-secrets)."""
    assert len(clean(text, limit)) <= max(limit, 0)


@given(anything)
def test_no_character_is_added_but_the_cut(text: str) -> None:
    """A fuzzed input gains no character."""
    assert set(clean(text, 100_000)) <= set(text) | {"\n"}


@pytest.mark.parametrize("text", WHOLE)
def test_legitimate_writing_comes_through_whole(text: str) -> None:
    """Emoji, CJK and ideographic variants round-trip."""
    assert clean(text, 1000) == text


@pytest.mark.parametrize(
    ("raw", "left"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x9b31mred", "red"),
        ("a\u202eb\u202cc", "abc"),
        ("a\u2066b\u2069c", "abc"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("tag\U000e0041\U000e0042\U000e007f", "tag"),
        ("soft\u00adhyphen", "softhyphen"),
        ("a\ufe0fb", "ab"),
        ("a\u200db", "ab"),
        ("line\r\nnext\rlast", "line\nnext\nlast"),
        ("hangul\u3164filler", "hangulfiller"),
        ("half\ud800", "half"),
    ],
)
def test_each_kind_of_trick_is_taken_out(raw: str, left: str) -> None:
    """ANSI, OSC, bidi, zero-width, tags, orphan selectors, surrogates."""
    assert clean(raw) == left


def test_known_secrets_are_masked_the_longest_first() -> None:
    """Known secret values are removed at the last writer."""
    redactor = Redactor(["secret-1", "secret-1-and-more"])
    assert redactor.scrub("x secret-1-and-more y secret-1 z") == "x [secret] y [secret] z"
    redactor.learn("  padded-secret\n")
    assert redactor.scrub("padded-secret") == "[secret]"
    redactor.learn("")
    assert redactor.scrub("abc") == "abc"


def test_a_text_of_just_the_limit_is_left_whole_and_a_longer_one_keeps_both_ends() -> None:
    """The decisive words stand at the end."""
    exact = "a" * 90 + "the end"
    assert str(clean_ends(exact, len(exact))) == exact
    cut = str(clean_ends("begins " + exact, 60))
    assert cut.startswith("begins")
    assert cut.endswith("the end")
    assert len(cut) <= 60


@pytest.mark.parametrize(
    ("value", "masked"), [("12345", False), ("123456", True), (" 12345 ", False)]
)
def test_a_value_of_six_characters_is_a_secret(value: str, masked: bool) -> None:
    """Shorter ones would match by chance, in every number."""
    assert (Redactor([value]).scrub(f"x {value.strip()} y") == "x [secret] y") is masked


def test_a_variable_is_hidden_in_answers_and_stays_readable_in_records() -> None:
    """Unless it is surely a secret; once it is, it stays one, whichever was told first."""
    redactor = Redactor()
    redactor.hide("variable-1")
    redactor.learn("secret-2")
    text = "variable-1 secret-2"
    assert redactor.scrub(text) == "[secret] [secret]"
    assert redactor.scrub_secrets(text) == "variable-1 [secret]"
    redactor.hide("secret-2")
    redactor.learn("variable-1")
    assert redactor.scrub_secrets(text) == "[secret] [secret]"
    assert (redactor.finds_in("a secret-2"), redactor.finds_in("none")) == (True, False)


@pytest.mark.parametrize(
    ("raw", "left"),
    [
        ("é\n\tb", "é\n\tb"),
        ("é~", "é~"),
        ("👍\u200da", "👍a"),
        ("a\u200d👍", "a👍"),
        ("👍\u200d👍", "👍\u200d👍"),
        ("漢\U000e0100", "漢\U000e0100"),
        ("漢\U000e01ef", "漢\U000e01ef"),
        ("漢\U000e01f0", "漢"),
        ("漢\U000e00ff", "漢"),
        ("a\U000e0100", "a"),
        ("\U000e0100é", "é"),
        ("é\ufe00", "é"),
        ("é\ufe0e", "é"),
        ("é\ufe10", "é\ufe10"),
        ("é\ufdfd", "é\ufdfd"),
        ("é\u2028\u2029\u00ad\u034f\u115f\u1160\u3164\uffa0!", "é!"),
        ("\u203c\ufe0f", "\u203c\ufe0f"),
        ("a\ufe0f", "a"),
        ("1\ufe0f\u20e3", "1\ufe0f\u20e3"),
        ("\ue000\u0378é", "é"),
    ],
)
def test_what_hides_goes_and_what_belongs_to_writing_stays(raw: str, left: str) -> None:
    """Each sign by itself, with what stands beside it."""
    assert clean(raw) == left


@pytest.mark.parametrize(
    ("text", "limit", "shown"),
    [
        ("x" * 10, 10, "x" * 10),
        ("x" * 11, 10, "xxx …[cut]"),
        ("x" * 11, 7, " …[cut]"),
        ("x" * 11, 3, " …["),
        ("x" * 11, 0, ""),
    ],
)
def test_a_cut_is_marked_as_far_as_there_is_room(text: str, limit: int, shown: str) -> None:
    """To the letter."""
    assert clean(text, limit) == shown


def test_labels_messages_and_long_texts_have_their_own_lengths() -> None:
    """200, 300; of a very long text the middle is not even looked at."""
    assert (len(clean("x" * 999)), len(clean_line("x" * 999))) == (300, 200)
    assert clean_line(" " * 799 + "x", 200) == "x"
    assert "x" not in clean_line(" " * 900 + "x", 200)
    whole = "x" * 65_536
    assert clean_ends(whole, 10**6) == whole
    cut = clean_ends(f"{whole}y", 10**6)
    assert cut == f"{'x' * 32_768} …[cut]… {'x' * 32_767}y"


@pytest.mark.parametrize("limit", [15, 30, 31, 32])
def test_of_both_ends_the_tail_has_two_thirds(limit: int) -> None:
    """The decisive words stand at the end."""
    shown = clean_ends("a" * 100 + "z" * 100, limit)
    assert len(shown) == limit
    room = limit - len(" …[cut]… ")
    assert shown == f"{'a' * (room // 3)} …[cut]… {'z' * (room - room // 3)}"


def test_names_that_look_the_same_are_the_same() -> None:
    """Case, width, invisible signs and blanks make no other name."""
    for name in ("Train A", " train  a ", "TRAIN\u200b A", "\uff34rain a"):
        assert folded(name) == "train a"
    assert Redactor().scrub_secrets("x") == "x"
