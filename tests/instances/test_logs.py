"""Logs as they are shown: the end of them, small, and without printed secrets."""

import json

from hypothesis import given
from hypothesis import strategies as st

from vast_mcp.instances.logs import SHOWN_BYTES, excerpt


@given(st.text(max_size=40_000))
def test_an_excerpt_is_the_end_and_fits(log: str) -> None:
    """An answer stays under 2,000 tokens, and the tail is what is kept (docs/design.md#answers)."""
    shown = excerpt(log)
    assert len(json.dumps(shown.text, ensure_ascii=False).encode()) <= SHOWN_BYTES + 10
    if not shown.cut:
        assert shown.text == log.rstrip("\n")


def test_whole_lines_are_kept_from_the_end() -> None:
    """The first shown line is not half a line."""
    shown = excerpt("".join(f"line {number}\n" for number in range(5000)))
    assert shown.cut
    assert shown.text.endswith("line 4999")
    assert shown.text.startswith("line ")
    assert shown.lines == shown.text.count("\n") + 1


def test_of_one_endless_line_the_end_is_kept() -> None:
    """A progress bar without newlines."""
    shown = excerpt("x" * 100_000 + "END")
    assert shown.cut
    assert shown.text.endswith("END")


def test_a_token_a_container_prints_is_taken_out() -> None:
    """Jupyter prints its address with the token in it."""
    text = excerpt(
        "http://127.0.0.1:8888/lab?token=0123456789abcdef0123&x=1\napi_key: 'sk-12345678'"
    ).text
    assert "0123456789abcdef" not in text
    assert "sk-1234" not in text
    assert text.count("[secret]") == 2


def test_an_empty_log_has_no_lines() -> None:
    """Before the container starts."""
    assert excerpt("").lines == 0
    assert not excerpt("\n").cut
