"""One member of a JSON text comes, changes and goes; comments and every other byte stay."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vast_mcp.mcp_clients import json_text
from vast_mcp.mcp_clients.jsonc import DEEPEST, Malformed, parse

PATH = ("servers", "vast")
ENTRY = {"command": "/opt/vast-mcp", "args": ["serve"]}

COMMENTED = """\
// Mine. "servers": {
{
  /* a block
     of two lines */
  "theme": "dark", // why: {"x": 1}
  "servers": {
    "other": { "command": "x", "url": "http://a//b" } // the last
  }
}
"""


@pytest.mark.parametrize(
    "text",
    [
        COMMENTED,
        COMMENTED.replace("\n", "\r\n"),
        COMMENTED.replace("  ", "\t"),
        '\ufeff{\n    "servers": {\n        "a": 1,\n    },\n}',
        '{"servers":{"a":{"b":[1,2]}}}',
        '{"servers":{"a":1,},}',
        '{ "servers": { "a": 1 } }',
        '{\n  "servers": {\n    "a": 1 /* one\n two */\n  }\n}\n',
        '{\n  "servers": {\n    "a": 1 }}\n',
        '{\n  "servers": { // none yet\n    // still none\n    "b": {}\n  }\n}',
    ],
)
def test_what_is_put_in_and_taken_out_leaves_the_text_as_it_was(text: str) -> None:
    """Comments, order, indentation, line ends and trailing commas."""
    there = json_text.put(text, PATH, ENTRY)
    assert json_text.value_at(there, PATH) == ENTRY
    assert json_text.put(there, PATH, ENTRY) == there
    assert json_text.take(there, PATH) == text
    assert _comments(there) == _comments(text)
    if "\r\n" in text:
        assert there.count("\n") == there.count("\r\n")


def _comments(text: str) -> list[str]:
    return [part for part in ("Mine", "why", "a block", "the last", "none yet") if part in text]


def test_a_new_entry_stands_behind_the_last_in_the_manner_of_the_file() -> None:
    """As a person would have written it: the comment behind the last entry stays with it."""
    text = json_text.put(COMMENTED, PATH, ENTRY)
    assert text.endswith(
        """\
    "other": { "command": "x", "url": "http://a//b" }, // the last
    "vast": {
      "command": "/opt/vast-mcp",
      "args": ["serve"]
    }
  }
}
"""
    )


@pytest.mark.parametrize("text", ["", "\n", "  \n", "\ufeff", "// nothing yet\n", "/* */"])
def test_an_empty_file_becomes_a_whole_one(text: str) -> None:
    """Some clients make an empty file, some a comment."""
    there = json_text.put(text, PATH, ENTRY)
    assert json_text.value_at(there, ()) == {"servers": {"vast": ENTRY}}
    assert there.endswith("}\n")


@pytest.mark.parametrize("text", ["{}", "{ }", "{\n}\n", '{"servers":{}}', "{\n  // none\n}\n"])
def test_an_empty_object_is_filled(text: str) -> None:
    """With what stood in it kept."""
    there = json_text.put(text, PATH, ENTRY)
    assert json_text.value_at(there, PATH) == ENTRY
    assert ("// none" in there) == ("// none" in text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"a": 1', r"line 1, column 8: a comma or '}'"),
        ('{\n  "a" 1}', "line 2, column 7: a colon is missing"),
        ('{"a": 1,, "b": 2}', "line 1, column 9: a name in quotes"),
        ("{a: 1}", "a name in quotes"),
        ("{\"a\": 'x'}", "no value begins like this"),
        ('{"a": 1} {', "the document has ended"),
        ('{"a": NaN}', "no value begins like this"),
        ('{"a": "x\ny"}', "a string that never ends"),
        ('{"a": "\\q"}', "unknown escape"),
        ("/* for ever", "a comment that never ends"),
        ('{"servers": {}, "servers": {"x": 1}}', "'servers' stands twice"),
        ('{"servers": []}', "line 1: servers should be an object"),
        ('\n{"servers": null}', "line 2: servers should be an object"),
        ("[]", "the document should be an object"),
        ("[" * (DEEPEST + 1), "nested deeper"),
        ("{" * 5000, "a name in quotes"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(text: str, told: str) -> None:
    """Nobody's file is mended by guessing."""
    with pytest.raises(Malformed, match=told):
        json_text.put(text, PATH, ENTRY)


_names = st.text("ab/", max_size=2)
_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(alphabet='a"\\/*{},é', max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_names, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60)
@given(
    st.dictionaries(st.text("abc", max_size=3), _values, max_size=4),
    st.sampled_from([None, 1, 2, "\t"]),
)
def test_any_document_keeps_its_other_values(others: dict[str, Any], indent: Any) -> None:  # noqa: ANN401  as json.dumps takes it
    """Whatever stands there: ours comes and goes, the rest is the same."""
    text = json.dumps({**others, "servers": others}, indent=indent)
    node = parse(text)
    assert node is not None
    assert node.value == {**others, "servers": others}
    there = json_text.put(text, PATH, ENTRY)
    assert json.loads(there) == {**others, "servers": {**others, "vast": ENTRY}}
    assert json.loads(json_text.take(there, PATH)) == json.loads(text)
    if others:
        assert json_text.take(there, PATH) == text
    for key in others:
        assert key not in json.loads(json_text.take(text, ("servers", key)))["servers"]
