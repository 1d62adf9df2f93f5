"""Known secret values found in bytes, whole or in pieces, plain or encoded.

A value is found as it stands, percent-encoded in any mixture, in base64 at each of the three
alignments (either alphabet, lines broken anywhere), as JSON writes it, and line by line where it
has several lines. Values under six characters would match by chance and are left alone.
"""

import base64
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

MASK = b"[secret]"
SHORTEST = 6
_SHORTEST_LINE = 16
_EDGE = 4
"""So many characters of a value beside a cut are taken for a piece of it."""
_ESCAPE = re.compile(rb"%[0-9A-Fa-f]{2}")
_BEGUN_ESCAPE = re.compile(rb"%[0-9A-Fa-f]?\Z")
_CUT = re.compile(
    r"(?:\\n|\s)*(?:…|\\u2026)(?: ?\[[^\]\n]{0,60}\](?: ?(?:…|\\u2026))?)?(?:\\n|\s)*"
)
_BREAK = re.compile(rb"[\r\n]|\\[rn]")
"""Also as JSON writes it."""
_PLAIN_ALPHABET = bytes.maketrans(b"-_", b"+/")


@dataclass(frozen=True, slots=True)
class _View:
    """Bytes as read in one way, and where each of them lies in the bytes as they came."""

    data: bytes
    at: list[int] | None
    """Index of each byte, and the length at the end; None where nothing moved."""

    def place(self, index: int) -> int:
        return index if self.at is None else self.at[index]

    def end(self, index: int) -> int:
        """Behind the last byte before this index."""
        return index if self.at is None else self.at[index - 1] + 1


class Needles:
    """The forms of a set of values, to be found in a text or in a stream of bytes."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        plain: set[bytes] = set()
        encoded: set[bytes] = set()
        for value in {value.strip() for value in values}:
            for text in _forms(value):
                raw = text.encode("utf-8", "surrogatepass")
                plain.add(raw)
                encoded.update(_in_base64(raw))
        self._plain = tuple(plain)
        self._encoded = tuple(encoded)
        self._spaced = any(b" " in raw for raw in plain)

    def __bool__(self) -> bool:
        """Whether there is anything to look for."""
        return bool(self._plain)

    def spans(self, data: bytes) -> list[tuple[int, int]]:
        """Where values stand, joined where they overlap, in order."""
        found: list[tuple[int, int]] = []
        for view, needles in self._views(data):
            for needle in needles:
                start = view.data.find(needle)
                while start >= 0:
                    end = start + len(needle)
                    found.append((view.place(start), _whole_end(view, end, data)))
                    start = view.data.find(needle, start + 1)
        return _joined(found)

    def settled(self, data: bytes) -> int:
        """How many bytes can be judged: what follows may be the beginning of a value."""
        cut = self._begun_at(data)
        if cut < len(data):
            cut = next((start for start, end in self.spans(data) if start < cut < end), cut)
        return cut

    def _begun_at(self, data: bytes) -> int:
        cut = len(data)
        for view, needles in self._views(data):
            begun = view.data
            length = max((_begun(begun, needle) for needle in needles), default=0)
            if length:
                cut = min(cut, view.place(len(begun) - length))
        if self._plain and (half := _BEGUN_ESCAPE.search(data)):
            cut = min(cut, self._begun_at(data[: half.start()]), half.start())
        return cut

    def masked(self, data: bytes) -> bytes:
        """The same number of bytes, every value overwritten."""
        return _replaced(data, self.spans(data), lambda size: MASK.ljust(size, b"*")[:size])

    def closed(self, data: bytes) -> bytes:
        """As `masked`, of the end of a stream: a value that breaks off there goes as well."""
        cut = self._begun_at(data)
        spans = self.spans(data)
        if len(data) - cut >= _EDGE:
            spans = _joined([*spans, (cut, len(data))])
        return _replaced(data, spans, lambda size: MASK.ljust(size, b"*")[:size])

    def scrubbed(self, text: str) -> str:
        """The text with each value replaced by a mask; pieces beside a cut too."""
        if not self._plain:
            return text
        data = text.encode("utf-8", "surrogatepass")
        spans = _joined([*self.spans(data), *self._pieces(text)])
        if not spans:
            return text
        return _replaced(data, spans, lambda _: MASK).decode("utf-8", "surrogatepass")

    def finds_in(self, text: str) -> bool:
        """Whether a value stands there in any form."""
        return bool(self._plain) and bool(self.spans(text.encode("utf-8", "surrogatepass")))

    def _pieces(self, text: str) -> Iterator[tuple[int, int]]:
        """Halves of values that a cut marked with an ellipsis left standing."""
        if "…" not in text and "\\u2026" not in text:
            return
        for mark in _CUT.finditer(text):
            before = text[: mark.start()].encode("utf-8", "surrogatepass")
            after = text[mark.end() :].encode("utf-8", "surrogatepass")
            left = max(_begun(before, needle) for needle in self._plain)
            right = max(_ended(after, needle) for needle in self._plain)
            if left >= _EDGE:
                yield len(before) - left, len(before)
            if right:
                start = len(text[: mark.end()].encode("utf-8", "surrogatepass"))
                yield start, start + right

    def _views(self, data: bytes) -> Iterator[tuple[_View, tuple[bytes, ...]]]:
        yield _View(data, None), self._plain
        if b"%" in data:
            yield _decoded(data), self._plain
        if self._spaced and b"+" in data:
            yield _decoded(data.replace(b"+", b" ")), self._plain
        flat = data.translate(_PLAIN_ALPHABET)
        if _BREAK.search(flat):
            yield _without_breaks(flat), self._encoded
        else:
            yield _View(flat, None), self._encoded


def _forms(value: str) -> Iterator[str]:
    """The value, its lines if it has several, and each as JSON writes it."""
    lines = [line.strip() for line in value.splitlines()]
    long = [x for x in lines if len(x) >= _SHORTEST_LINE and not x.startswith("-----")]
    for text in (value, *long):
        if len(text) >= SHORTEST:
            yield from {text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}


def _in_base64(raw: bytes) -> Iterator[bytes]:
    """What is the same of it wherever it stands in a longer text that was encoded."""
    for shift in range(3):
        whole = base64.b64encode(b"\0" * shift + raw)
        loose = (0, 3, 2)[(shift + len(raw)) % 3]
        yield whole[(0, 2, 3)[shift] : len(whole) - loose]


def _decoded(data: bytes) -> _View:
    out, last = bytearray(), 0
    at: list[int] = []
    for found in _ESCAPE.finditer(data):
        out += data[last : found.start()]
        at += range(last, found.start())
        out.append(int(found[0][1:], 16))
        at.append(found.start())
        last = found.end()
    out += data[last:]
    at += [*range(last, len(data)), len(data)]
    return _View(bytes(out), at)


def _without_breaks(data: bytes) -> _View:
    at: list[int] = []
    last = 0
    for found in _BREAK.finditer(data):
        at += range(last, found.start())
        last = found.end()
    return _View(_BREAK.sub(b"", data), [*at, *range(last, len(data)), len(data)])


def _whole_end(view: _View, end: int, data: bytes) -> int:
    """Behind the last byte; of an escape all three belong to it."""
    last = view.end(end)
    if view.at is not None and data[last - 1 : last] == b"%" and _ESCAPE.match(data, last - 1):
        return last + 2
    return last


def _begun(data: bytes, needle: bytes) -> int:
    """How many bytes at the end are the beginning of the needle, but not all of it."""
    for length in range(min(len(data), len(needle) - 1), 0, -1):
        if data.endswith(needle[:length]):
            return length
    return 0


def _ended(data: bytes, needle: bytes) -> int:
    """How many bytes at the start are the end of the needle, if that is a piece of it."""
    for length in range(min(len(data), len(needle) - 1), _EDGE - 1, -1):
        if data.startswith(needle[-length:]):
            return length
    return 0


def _joined(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and start < joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    return joined


def _replaced(data: bytes, spans: list[tuple[int, int]], mask: Callable[[int], bytes]) -> bytes:
    out, last = bytearray(), 0
    for start, end in spans:
        out += data[last:start] + mask(end - start)
        last = end
    return bytes(out + data[last:])
