"""One table of a TOML text put in, changed or taken out; comments and all else stay."""

import re
import tomllib
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

from vast_mcp.mcp_clients.jsonc import Malformed

_PLACE = re.compile(r"\(at (?:line (\d+), column (\d+)|end of document)\)")


def put(text: str, path: Sequence[str], value: Mapping[str, object]) -> str:
    """The text with this table under this path.

    Raises:
        Malformed: it is no TOML, or something else than a table stands on the way.
    """
    import tomlkit  # noqa: PLC0415  only whoever installs needs it

    value_at(text, ())
    table: Any
    table = document = tomlkit.parse(text)
    for depth, key in enumerate(path[:-1]):
        if key not in table:
            table[key] = tomlkit.table(is_super_table=True)
        table = table[key]
        if not isinstance(table, MutableMapping):
            raise Malformed(f"{'.'.join(path[: depth + 1])} should be a table", _line(text, key))
    entry = table.get(path[-1])
    if isinstance(entry, MutableMapping):
        for key in [key for key in entry if key not in value]:
            del entry[key]
        for key, one in value.items():
            if entry.get(key) != one:
                entry[key] = one
    else:
        inline = isinstance(table, tomlkit.items.InlineTable)
        fresh = tomlkit.inline_table() if inline else tomlkit.table()
        fresh.update(value)
        table[path[-1]] = fresh
    return tomlkit.dumps(document)


def take(text: str, path: Sequence[str]) -> str:
    """The text without the table under this path; unchanged where there is none.

    Raises:
        Malformed: it is no TOML.
    """
    import tomlkit  # noqa: PLC0415  as above

    if value_at(text, path) is None:
        return text
    table: Any
    table = document = tomlkit.parse(text)
    for key in path[:-1]:
        table = table[key]
    del table[path[-1]]
    left = tomlkit.dumps(document)
    # The blank line above the last table was its own.
    return f"{left.rstrip()}\n" if text.startswith(left.rstrip()) and left.strip() else left


def value_at(text: str, path: Sequence[str]) -> Any:  # noqa: ANN401  whatever TOML holds
    """What stands under this path; None where nothing does.

    Raises:
        Malformed: it is no TOML.
    """
    try:
        value: Any = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = _PLACE.search(str(error))
        what = _PLACE.sub("", str(error)).strip()
        line = int(place[1]) if place and place[1] else text.count("\n") + 1
        raise Malformed(what, line, int(place[2]) if place and place[2] else 0) from None
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _line(text: str, key: str) -> int:
    before, found, _ = text.partition(key)
    return before.count("\n") + 1 if found else 1
