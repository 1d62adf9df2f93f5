"""What became of each mutant: JSON lines, so that an interrupted run goes on where it stood."""

import json
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.mutation.trial import Verdict


@dataclass(frozen=True)
class Row:
    """One mutant. `tests` of `covering` were run against it; `by` is the test that failed."""

    key: str
    room: str
    kind: str
    line: int
    verdict: Verdict
    by: str
    tests: int
    covering: int
    seconds: float
    said: str


def read(file: Path) -> dict[str, Row]:
    """The last row of each mutant."""
    if not file.is_file():
        return {}
    lines = file.read_text(encoding="utf-8").splitlines()
    return {row.key: row for row in (Row(**json.loads(line)) for line in lines if line)}


def append(file: Path, row: Row) -> None:
    """Add a row at the end."""
    with file.open("a", encoding="utf-8") as out:
        out.write(json.dumps(asdict(row)) + "\n")


def summary(rows: list[Row], equivalent: set[str]) -> str:
    """The figures: all drawn, and of those that are no equivalents how many were noticed."""
    counted = Counter(
        "equivalent" if row.verdict == "survived" and row.key in equivalent else row.verdict
        for row in rows
    )
    judged = len(rows) - counted["equivalent"] - counted["trouble"]
    noticed = counted["killed"] + counted["timed out"]
    share = f"{100 * noticed / judged:.1f} %" if judged else "none"
    figures = ", ".join(f"{count} {word}" for word, count in counted.most_common())
    return f"{len(rows)} drawn: {figures}; noticed {noticed} of {judged} = {share}"
