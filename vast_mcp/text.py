"""Text that others wrote, made safe to show; and secrets taken out of everything that leaves.

Labels, logs, status messages, template names and vendor errors are foreign: they may carry terminal
escapes, invisible characters that hide instructions, or text that reverses the reading order. All
of it passes `clean` before a reader, human or model, can meet it.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import NewType

from vast_mcp.masking import MASK, SHORTEST, Needles

Untrusted = NewType("Untrusted", str)
"""Foreign text that has been cleaned and capped. Data, never instructions."""

LABEL_LIMIT = 200
MESSAGE_LIMIT = 300

_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor moves
    r"|\x9b[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c|$)"  # OSC, DCS …
    r"|\x1b[ -/]*[0-~]?"
)
_ZWJ = "\u200d"
_EMOJI_VARIATION = "\ufe0f"
_KEYCAP = "\u20e3"
_CUT = " …[cut]"
_GAP = " …[cut]… "
_LONGEST_END = 32_768
"""Characters at either end of a foreign text beyond which its middle is not even looked at."""


def clean(text: object, limit: int = MESSAGE_LIMIT) -> Untrusted:
    """Foreign text without escapes, control, bidi and invisible characters, cut at `limit`.

    Newlines and tabs stay. Emoji keep their joiners and variation selectors, ideographs theirs.
    Cleaning twice changes nothing more.
    """
    raw = _ESCAPES.sub("", str(text).replace("\r\n", "\n").replace("\r", "\n"))
    kept = _all_visible(raw)
    if len(kept) > limit:
        room = max(0, limit - len(_CUT))
        # The cut may leave half an emoji: its joiner has nothing to join any more.
        kept = _all_visible(kept[:room]) + _CUT[:limit]
    return Untrusted(kept)


def clean_line(text: object, limit: int = LABEL_LIMIT) -> Untrusted:
    """As `clean`, on one line: for labels, names and anything put inside a sentence."""
    return clean(" ".join(str(clean(text, limit * 4)).split()), limit)


def folded(name: object) -> str:
    """A name by which things are told apart: the same for what looks the same to a person.

    Compatibility forms, invisible characters, case and repeated spaces make no other name.
    """
    plain = unicodedata.normalize("NFKC", str(clean_line(name, LABEL_LIMIT)))
    return unicodedata.normalize("NFKC", " ".join(str(clean_line(plain)).split()).casefold())


def clean_ends(text: object, limit: int = MESSAGE_LIMIT) -> Untrusted:
    """As `clean_line`, but of a text that is too long the head and the tail are both kept.

    For what a host says when something fails: the decisive words stand at the end of a long text.
    """
    whole = str(text)
    if len(whole) > 2 * _LONGEST_END:
        whole = f"{whole[:_LONGEST_END]}{_GAP}{whole[-_LONGEST_END:]}"
    line = " ".join(str(clean(whole, len(whole) + len(_CUT))).split())
    if len(line) > limit:
        room = max(0, limit - len(_GAP))
        head = room // 3
        line = f"{line[:head]}{_GAP}{line[len(line) - (room - head) :]}"
    return clean_line(line, limit)


def _all_visible(raw: str) -> str:
    # Most foreign text is plain; looking at each of its characters took a quarter of a call.
    if raw.isascii() and raw.replace("\n", " ").replace("\t", " ").isprintable():
        return raw
    return "".join(_visible(raw))


def _visible(raw: str) -> Iterator[str]:
    previous = ""
    for position, char in enumerate(raw):
        following = raw[position + 1] if position + 1 < len(raw) else ""
        if _keeps(char, previous, following):
            yield char
            previous = char


def _keeps(char: str, previous: str, following: str) -> bool:
    if char in {"\n", "\t"}:
        return True
    if char == _ZWJ:
        return _is_symbol(previous) and _is_symbol(following)
    if char == _EMOJI_VARIATION:
        return _is_symbol(previous) or following == _KEYCAP
    if 0xE0100 <= ord(char) <= 0xE01EF:
        return bool(previous) and unicodedata.name(previous, "").startswith("CJK ")
    if 0xFE00 <= ord(char) <= 0xFE0E or char in "\u2028\u2029\u00ad\u034f\u115f\u1160\u3164\uffa0":
        return False
    return unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Co", "Cn"}


def _is_symbol(char: str) -> bool:
    return bool(char) and (
        unicodedata.category(char) in {"So", "Sk", "Sm", "Po"} or char == _EMOJI_VARIATION
    )


class Redactor:
    """Takes known secret values out of any text, at the last writer before a reader.

    Also encoded ones, and the halves that a cut left: `masking` says which.
    """

    MASK = MASK.decode()

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._secrets = Needles()
        self._known: dict[str, bool] = {}
        self._needles = Needles()
        for value in values:
            self.learn(value)

    def learn(self, value: str) -> None:
        """Remember a value that must never leave; one under six characters is left alone."""
        self._remember(value.strip(), secret=True)

    def hide(self, value: str) -> None:
        """Keep a value out of answers that may be no secret: a variable of a job or command."""
        self._remember(value.strip(), secret=False)

    def _remember(self, value: str, *, secret: bool) -> None:
        known = self._known.get(value)
        if len(value) < SHORTEST or known or known is secret:
            return
        self._known[value] = secret
        self._needles = Needles(self._known)
        self._secrets = Needles(known for known, sure in self._known.items() if sure)

    @property
    def needles(self) -> Needles:
        """All that is known by now, to be taken out of bytes as they are written."""
        return self._needles

    def finds_in(self, text: str) -> bool:
        """Whether a known value stands in this text."""
        return self._needles.finds_in(text)

    def scrub(self, text: str) -> str:
        """The text with every known value replaced."""
        return self._needles.scrubbed(text)

    def scrub_secrets(self, text: str) -> str:
        """As `scrub`, but only of what is surely a secret: for records that must stay readable."""
        return self._secrets.scrubbed(text)
