"""The table of `docs/requests.md`: `python -m tests.requests.table FILE` plays all thirty anew."""

import asyncio
import logging
import os
import re
import statistics
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.requests import renting, running, serving, working
from tests.requests.catalogue import played
from tests.requests.conversation import Conversation

REQUESTS = tuple(
    sorted(
        (*working.REQUESTS, *serving.REQUESTS, *running.REQUESTS, *renting.REQUESTS),
        key=lambda one: one.number,
    )
)
_HEAD = (
    "| # | the person says | then | calls | questions | tokens of each answer |\n"
    "|---|---|---|---|---|---|"
)
_ROW = re.compile(r"^\| (\d+) \| (.+) \| (.+) \| (\d+) \| (\d+) \| ([\d ]+) \|$", re.MULTILINE)
_PART = re.compile(r"(<!-- generated: requests -->\n).*?(<!-- end -->)", re.DOTALL)


@dataclass(frozen=True)
class Row:
    """How one request went."""

    number: int
    sentence: str
    ending: str
    calls: int
    questions: int
    tokens: tuple[int, ...]

    @classmethod
    def of(cls, number: int, sentence: str, talk: Conversation) -> "Row":
        """Its figures; a request that was missed, or told an untruth, says so."""
        ending = str(talk.ending)
        if talk.failure is not None:
            ending = "not reached"
        elif talk.untrue:
            ending += ", with an untrue sentence"
        return cls(number, sentence, ending, talk.calls, len(talk.questions), tuple(talk.tokens))

    def text(self) -> str:
        """As it stands in the table."""
        tokens = " ".join(map(str, self.tokens))
        return (
            f"| {self.number} | {self.sentence} | {self.ending} | {self.calls} | {self.questions}"
            f" | {tokens} |"
        )


def rows_of(text: str) -> list[Row]:
    """The rows of a written table."""
    return [
        Row(int(n), says, then, int(calls), int(asked), tuple(map(int, tokens.split())))
        for n, says, then, calls, asked, tokens in _ROW.findall(text)
    ]


def summary(rows: Sequence[Row]) -> str:
    """The figures of all of them in a line."""
    tokens = [one for row in rows for one in row.tokens]
    bad = [row for row in rows if row.ending.startswith("not") or "untrue" in row.ending]
    return (
        f"{len(rows) - len(bad)} of {len(rows)} reached, rightly refused or handed over truly;"
        f" {sum(row.calls for row in rows)} calls, {sum(row.questions for row in rows)} questions;"
        f" median of an answer {statistics.median(tokens):g} tokens, the longest {max(tokens)}."
    )


def table(rows: Iterable[Row]) -> str:
    """The generated part of the page."""
    kept = list(rows)
    return "\n".join([summary(kept), "", _HEAD, *(row.text() for row in kept)])


async def _played_rows(tmp: Path) -> list[Row]:
    rows = []
    for one in REQUESTS:
        place = tmp / str(one.number)
        os.environ["HOME"] = str(place / "home")
        (place / "home").mkdir(parents=True)
        talk = await played(one, place)
        rows.append(Row.of(one.number, one.sentence, talk))
    return rows


def main() -> int:
    """Write the table into the page named on the command line."""
    logging.disable(logging.INFO)  # the servers speak on stderr as they work
    page = Path(sys.argv[1])
    for name in [one for one in os.environ if one.startswith("VAST_")]:
        del os.environ[name]
    with tempfile.TemporaryDirectory() as tmp:
        rows = asyncio.run(_played_rows(Path(tmp)))
    text = page.read_text(encoding="utf-8")
    page.write_text(_PART.sub(rf"\g<1>{table(rows)}\n\g<2>", text), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
