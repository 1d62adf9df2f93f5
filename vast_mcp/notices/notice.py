"""One thing a person should know now, in one or two sentences."""

from dataclasses import dataclass
from enum import StrEnum

from vast_mcp.text import clean_line

LONGEST = 240
_LABEL = 32
_UNFIT = str.maketrans({"<": None, ">": None, "&": None, '"': "'", "\\": "/"})
"""A desktop may read markup in a notice, `notify-send` makes it of octal escapes as well, and a
quote would end the label's own."""


class NoticeKind(StrEnum):
    """What it is about."""

    LEASE_ENDS = "lease_ends"
    LEASE_ENDED = "lease_ended"
    OUTBID = "outbid"
    RESUMED = "resumed"
    START_GIVEN_UP = "start_given_up"
    NOT_UP = "not_up"
    CONTRACT_ENDS = "contract_ends"
    SPEND = "spend"
    RUNWAY = "runway"
    NO_LEASE = "no_lease"
    UNRESOLVED = "unresolved"
    FAILED = "failed"
    HASTY_ANSWER = "hasty_answer"


@dataclass(frozen=True, slots=True)
class Notice:
    """`key` names the event, not the moment: of all processes one sends it, once."""

    kind: NoticeKind
    key: str
    text: str
    instance_id: int | None = None

    def __post_init__(self) -> None:
        if len(self.text) > LONGEST:
            object.__setattr__(self, "text", f"{self.text[: LONGEST - 1]}…")


def quoted(text: str) -> str:
    """Somebody else's text, cleaned, short and in quotes, with a space before; or nothing."""
    shown = str(clean_line(clean_line(text, 4 * _LABEL).translate(_UNFIT), _LABEL)).strip()
    return f' "{shown}"' if shown else ""
