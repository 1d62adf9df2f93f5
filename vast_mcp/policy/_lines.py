"""Where in a TOML text a table or a key stands: tomllib tells it of malformed text only."""

import re

_HEADER = re.compile(r"\s*\[{1,2}\s*([^\]#]+?)\s*\]{1,2}\s*(?:#.*)?$")
_KEY = re.compile(r"""\s*((?:"[^"]*"|'[^']*'|[\w-]+)(?:\s*\.\s*(?:"[^"]*"|'[^']*'|[\w-]+))*)\s*=""")
_PART = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'|([\w-]+))\s*(?:\.|$)""")


def line_of(text: str, *path: str) -> int:
    """The line, from 1, of the deepest table or key on this path that is found; 0 for none."""
    best, depth = 0, 0
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            here = table = _parts(header[1])
        elif key := _KEY.match(line):
            here = (*table, *_parts(key[1]))
        else:
            continue
        shared = _shared(here, path)
        if shared > depth:
            best, depth = number, shared
    return best


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple("".join(found) for found in _PART.findall(dotted))


def _shared(here: tuple[str, ...], path: tuple[str, ...]) -> int:
    """How far a place leads along the path; one beside it leads nowhere."""
    together = min(len(here), len(path))
    return together if here[:together] == path[:together] else 0
