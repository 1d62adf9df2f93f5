"""Where a copy starts and ends: `local:PATH`, `C.123:PATH` or `123:PATH`, `V.45:PATH`."""

import re
from dataclasses import dataclass
from typing import Literal

from vast_mcp.errors import InputInvalid
from vast_mcp.remote.paths import check_text, remote_path
from vast_mcp.text import clean_line

Kind = Literal["local", "instance", "volume"]
_MACHINE = re.compile(r"(?P<kind>[CV]\.)?(?P<number>[1-9][0-9]{0,14})")


@dataclass(frozen=True, slots=True)
class Place:
    """One end of a copy. The path's text has been checked."""

    kind: Kind
    path: str
    number: int = 0

    @property
    def vendor_id(self) -> str:
        """As the vendor's copy wants it."""
        return f"{'V' if self.kind == 'volume' else 'C'}.{self.number}"


def place(text: str, field: str, *, target: bool) -> Place:
    """The place that this text names.

    Raises:
        InputInvalid: not of the grammar.
        PathRefused: a path with `..` or control characters, or a target that breaks the machine.
    """
    head, colon, path = text.partition(":")
    if not colon or not path:
        raise InputInvalid(
            field,
            f"{clean_line(text, 80)!r} is not a place",
            hint="Write local:PATH, C.<instance_id>:PATH or V.<volume_id>:PATH.",
        )
    if head == "local":
        check_text(path)
        return Place("local", path)
    found = _MACHINE.fullmatch(head)
    if found is None:
        raise InputInvalid(
            field,
            f"{clean_line(head, 40)!r} is neither local, C.<instance_id> nor V.<volume_id>",
            hint="Cloud stores are not copied from or to here.",
        )
    # With a slash at its end a target is only named in full once the source is known.
    remote_path(path, target=target and not path.endswith("/"))
    kind: Kind = "volume" if found["kind"] == "V." else "instance"
    return Place(kind, path, int(found["number"]))
