"""SQL as every supported Python takes it."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NUMBERED = re.compile(r"[=(,<>]\s*\?\d")


@pytest.mark.parametrize(
    "path", sorted((ROOT / "vast_mcp").rglob("*.py")), ids=lambda path: path.stem
)
def test_no_statement_numbers_its_placeholders(path: Path) -> None:
    """Python 3.12 warns of `?1` with a sequence of values, and 3.14 was announced to refuse it."""
    if "execute" in (text := path.read_text(encoding="utf-8")) or "SELECT" in text:
        assert NUMBERED.findall(text) == []
