"""Logs as a reader can take them: the end kept, secrets a container prints taken out."""

import json
import re
from dataclasses import dataclass

SHOWN_BYTES = 7_400
"""About 1,850 tokens of JSON: with the rest of the answer it stays under 2,000."""
_PRINTED_SECRETS = re.compile(
    r"(?i)((?:token|password|passwd|secret|api[_-]?key)[\"']?\s*[=:]\s*[\"']?)[^\s\"'&]{8,}"
)


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The end of a text, and how much of it that is."""

    text: str
    lines: int
    cut: bool


def excerpt(log: str, limit: int = SHOWN_BYTES) -> Excerpt:
    """As many whole last lines as fit into `limit` bytes of JSON; of one long line its end."""
    lines = _PRINTED_SECRETS.sub(r"\1[secret]", log).rstrip("\n").split("\n")
    kept: list[str] = []
    room = limit
    for line in reversed(lines):
        size = _size(line) + 2
        if size > room:
            break
        kept.append(line)
        room -= size
    if not kept:
        kept = [_end_of(lines[-1], limit)]
        return Excerpt(kept[0], 1, cut=True)
    kept.reverse()
    shown = len(kept) if any(kept) else 0
    return Excerpt("\n".join(kept), shown, cut=len(kept) < len(lines))


def _end_of(line: str, limit: int) -> str:
    end = line[-limit:]
    while _size(end) > limit:
        end = end[len(end) // 8 + 1 :]
    return f"…{end}"


def _size(text: str) -> int:
    return len(json.dumps(text, ensure_ascii=False).encode()) - 2
