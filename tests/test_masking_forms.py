"""Each form in which a known value is found, to the byte: what is masked and what is left."""

import base64
import json
from urllib.parse import quote, quote_plus

import pytest

from vast_mcp.masking import MASK, Needles

VALUE = "hf_Zq8+x/W3v=pL 0tY%7m"
NEEDLES = Needles([VALUE])


def wrapped(text: str, width: int, end: str) -> str:
    """In lines of this width."""
    return end.join(text[at : at + width] for at in range(0, len(text), width))


def in_base64(lead: int, raw: bytes = VALUE.encode()) -> str:
    """Inside of a longer text that was encoded, so many bytes behind its beginning."""
    return base64.b64encode(b"abcdef"[:lead] + raw + b"ghi").decode()


FORMS = {
    "plain": VALUE,
    "json": json.dumps(VALUE)[1:-1],
    "quoted": quote(VALUE),
    "quoted whole": quote(VALUE, safe=""),
    "quoted plus": quote_plus(VALUE),
    "every byte": "".join(f"%{byte:02x}" for byte in VALUE.encode()),
    "every second byte": "".join(
        f"%{byte:02X}" if at % 2 else chr(byte) for at, byte in enumerate(VALUE.encode())
    ),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_value_goes_as_a_whole_in_every_form(form: str) -> None:
    """Nothing of it is left, and nothing beside it is taken."""
    assert NEEDLES.scrubbed(f"a{form}b") == "a[secret]b"
    assert NEEDLES.scrubbed(f"{form} and {form}") == "[secret] and [secret]"
    assert NEEDLES.finds_in(form)
    assert NEEDLES.spans(f"é{form}!".encode()) == [(2, 2 + len(form))]


@pytest.mark.parametrize("lead", range(6))
@pytest.mark.parametrize(
    "shape",
    [
        lambda text: text,
        lambda text: text.replace("+", "-").replace("/", "_"),
        lambda text: wrapped(text, 7, "\n"),
        lambda text: wrapped(text, 7, "\r\n"),
        lambda text: wrapped(text, 7, "\\n"),
        lambda text: wrapped(text, 1, "\n"),
    ],
    ids=["plain", "url", "lines", "windows", "json", "letters"],
)
def test_base64_of_a_value_is_found_at_every_place_of_a_longer_text(
    lead: int, shape: object
) -> None:
    """Either alphabet, lines broken anywhere: all letters that hold nothing else, and no more."""
    assert callable(shape)
    text = str(shape(in_base64(lead)))
    first, last = -(-8 * lead // 6), 8 * (lead + len(VALUE)) // 6  # letters that are its own alone
    at = [place for place, letter in enumerate(text) if letter.isalnum() or letter in "+/-_="]
    if "\\n" in text:
        at = [place for place in at if text[place - 1 : place + 1] != "\\n"]
    begins, ends = at[first], at[last - 1] + 1
    assert NEEDLES.scrubbed(f"x {text} y") == f"x {text[:begins]}[secret]{text[ends:]} y"


@pytest.mark.parametrize(
    ("value", "hidden"), [("12345", False), ("123456", True), ("  1234  ", False)]
)
def test_values_of_six_characters_and_more_are_looked_for(value: str, hidden: bool) -> None:
    """Shorter ones would match by chance."""
    needles = Needles([value])
    assert bool(needles) is hidden
    assert (needles.scrubbed(f"<{value}>") == "<[secret]>") is hidden


@pytest.mark.parametrize(
    ("line", "hidden"),
    [
        ("a" * 15 + "b", True),
        ("a" * 14 + "b", False),
        ("-----BEGIN A KEY-----", False),
        ("-----BEGIN A KEY, 123456789", False),
        ("BEGIN A KEY 1234567-----", True),
    ],
)
def test_of_a_value_with_lines_each_long_line_is_one_too(line: str, hidden: bool) -> None:
    """A key is printed with other line ends, or in part; its frame is no secret."""
    needles = Needles([f"first line of some length\n  {line}  \nlast line of some length"])
    assert (needles.scrubbed(f"> {line} <") == "> [secret] <") is hidden
    assert needles.scrubbed("> first line of some length <") == "> [secret] <"


def test_a_single_line_is_found_whole_only() -> None:
    """Its words are everybody's."""
    assert Needles(["one line of some length here"]).scrubbed("one line of some") == (
        "one line of some"
    )


@pytest.mark.parametrize(
    ("text", "settled"),
    [
        ("plain", 5),
        ("", 0),
        ("abc h", 4),
        ("abc " + VALUE[:-1], 4),
        ("abc " + VALUE, 4 + len(VALUE)),
        ("abc " + VALUE + "h", 4 + len(VALUE)),
        ("abc %", 4),
        ("abc %4", 4),
        ("abc %68", 4),
        ("abc %68%6", 4),
        ("abc %z", 6),
        ("%41", 3),
    ],
)
def test_what_may_be_the_beginning_of_a_value_is_not_judged_yet(text: str, settled: int) -> None:
    """The next bytes of a stream decide; half an escape is the beginning of one."""
    assert NEEDLES.settled(text.encode()) == settled


def test_without_values_everything_is_settled_and_stays() -> None:
    """A job that has no secret loses no byte of its output."""
    none = Needles()
    assert not none
    for text in ("abc %4", "aGVsbG8=", "", "…"):
        assert none.settled(text.encode()) == len(text.encode())
        assert none.masked(text.encode()) == text.encode()
        assert none.closed(text.encode()) == text.encode()
        assert none.scrubbed(text) == text
        assert not none.finds_in(text)


def test_a_value_that_ends_within_another_one_is_kept_back_from_its_beginning() -> None:
    """A cut through the second would show the rest of the first."""
    needles = Needles(["abcdefgh", "ghijkl"])
    assert needles.settled(b"x abcdefgh") == 2


@pytest.mark.parametrize(
    ("form", "mask"),
    [("secret", b"[secret"[:6]), ("secrets1", b"[secret]"), ("secrets-12", b"[secret]**")],
)
def test_a_mask_has_as_many_bytes_as_the_value(form: str, mask: bytes) -> None:
    """A byte of the log here is a byte of the machine's file."""
    assert Needles([form]).masked(b"a" + form.encode() + b"b") == b"a" + mask + b"b"


@pytest.mark.parametrize(
    ("end", "hidden"), [(VALUE[:3], False), (VALUE[:4], True), (VALUE[:-1], True), (VALUE, True)]
)
def test_the_end_of_a_stream_shows_three_letters_of_a_value_at_most(end: str, hidden: bool) -> None:
    """What breaks off there is taken for a value from its fourth letter on."""
    text = f"> {end}".encode()
    closed = NEEDLES.closed(text)
    assert len(closed) == len(text)
    assert (end.encode() not in closed) is hidden
    assert closed[:2] == b"> "


@pytest.mark.parametrize("mark", ["…", " …[cut]", "\n… [9 bytes left out] …\n", "\\u2026"])
@pytest.mark.parametrize(("length", "hidden"), [(3, False), (4, True), (len(VALUE) - 1, True)])
def test_four_letters_beside_a_cut_are_a_piece_of_a_value(
    mark: str, length: int, hidden: bool
) -> None:
    """On both sides of it; the mark and all the rest stay."""
    before, after = VALUE[:length], VALUE[-length:]
    shown = NEEDLES.scrubbed(f"said {before}{mark}{after} on")
    assert (before not in shown) is hidden
    assert (after not in shown) is hidden
    assert shown == (
        f"said [secret]{mark}[secret] on" if hidden else f"said {before}{mark}{after} on"
    )


def test_letters_that_are_not_beside_the_cut_are_no_piece() -> None:
    """They are words like any other."""
    text = f"said {VALUE[:8]} and … then {VALUE[-8:]} on"
    assert NEEDLES.scrubbed(text) == text


def test_values_side_by_side_have_a_mask_each_and_overlapping_ones_share_one() -> None:
    """The order of the text stays."""
    needles = Needles(["first-value", "value-second"])
    assert needles.scrubbed("first-valuefirst-value") == "[secret][secret]"
    assert needles.scrubbed("first-value-second") == "[secret]"
    assert needles.spans(b"value-second first-value") == [(0, 12), (13, 24)]
    assert needles.spans(b"aaa") == []


def test_a_value_that_repeats_itself_is_found_at_every_place() -> None:
    """Overlapping itself, to its last letter."""
    assert Needles(["aaaaaa"]).spans(b"aaaaaaaa") == [(0, 8)]
    assert Needles(["abcabc"]).scrubbed("abcabcabc!") == "[secret]!"


def test_letters_beyond_ascii_are_found_and_kept() -> None:
    """Plain, as JSON writes them either way, and half a surrogate beside them."""
    needles = Needles(["pässwörd"])
    for form in ("pässwörd", "p\\u00e4ssw\\u00f6rd", quote("pässwörd")):
        assert needles.scrubbed(f"é {form} …é\ud800") == "é [secret] …é\ud800"
    quoted = Needles(['"pässwörd"'])
    for ascii_only in (True, False):
        written = json.dumps('"pässwörd"', ensure_ascii=ascii_only)
        assert quoted.scrubbed(f"[{written}]") == '["[secret]"]'


def test_a_plus_is_a_blank_only_where_a_value_has_one() -> None:
    """Sums stay readable."""
    assert Needles(["one two three"]).scrubbed("one+two+three") == MASK.decode()
    assert Needles(["onetwothree"]).scrubbed("one+two+three") == "one+two+three"
    both = Needles(["one two three", "without-a-blank"])
    assert both.scrubbed("one+two+three without-a-blank") == "[secret] [secret]"


def test_pieces_of_any_value_are_found_beside_a_cut_and_whole_values_stay_whole() -> None:
    """The longest piece counts; what follows a value behind a cut is none of it."""
    needles = Needles(["alphabet-soup", "alphorn-music"])
    assert needles.scrubbed("said alpho… on") == "said [secret]… on"
    assert needles.scrubbed("said …soup on") == "said …[secret] on"
    assert needles.scrubbed("said …alphabet-soup on") == "said …[secret] on"
    assert needles.scrubbed("said alphabet-soup… on") == "said [secret]… on"


def test_a_percent_sign_at_the_end_of_a_value_is_no_escape() -> None:
    """What stands behind it stays, though an escape follows somewhere."""
    assert Needles(["secret-100%"]).scrubbed("secret-100% %41") == "[secret] %41"
    assert Needles(["secret-100%"]).scrubbed("secret-100%25 %41") == "[secret] %41"
