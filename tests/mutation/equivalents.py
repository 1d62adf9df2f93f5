"""Changes that no test can notice, each with the reason; read by a person, checked to exist.

The key is (file, function, change) as the run prints it. A change belongs here only if no caller
can see a difference in money, data, secrets or words; "hard to test" is no reason.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Equivalent:
    """A change and why it makes no difference."""

    file: str
    function: str
    change: str
    reason: str

    @property
    def key(self) -> str:
        """As `Change.key`."""
        return f"{self.file}::{self.function}::{self.change}"


EQUIVALENTS: tuple[Equivalent, ...] = (
    Equivalent(
        "vast_mcp/units.py",
        "_show",
        "amount >= Decimal(\"0.1\") -> (amount > Decimal('0.1'))",
        "ten cents are $0.10 in both forms: four digits lose their zeros and are filled up to two",
    ),
    Equivalent(
        "vast_mcp/remote/secret_names.py",
        "secret_inside",
        "2 -> (3)",
        "the second portion begins a little earlier and still reaches the end: it looks at no less",
    ),
    Equivalent(
        "vast_mcp/remote/command.py",
        "HeadTail.add",
        "room > 0 -> (room >= 0)",
        "with no room left the head takes an empty slice and the tail all, as without the step",
    ),
    Equivalent(
        "vast_mcp/policy/caps.py",
        "_shown",
        "10 -> (11)",
        "a day as YYYY-MM-DD has ten characters and a month fewer: neither is ever cut",
    ),
    Equivalent(
        "vast_mcp/served.py",
        "strict_tool",
        "False -> (True)",
        "the SDK's own schema of results, made or not, is replaced by ours a few lines below",
    ),
    Equivalent(
        "vast_mcp/text.py",
        "_all_visible",
        'raw.isascii() and raw.replace("\\n", " ").replace("\\t", " ").isprintable() -> (False)',
        "a shortcut for plain text, of which looking at each character keeps every one",
    ),
    Equivalent(
        "vast_mcp/masking.py",
        "Needles._pieces",
        '"…" not in text and "\\\\u2026" not in text -> (False)',
        "a shortcut: without a mark of a cut the loop over the marks has nothing to do",
    ),
    Equivalent(
        "vast_mcp/masking.py",
        "Needles._views",
        "_BREAK.search(flat) -> (True)",
        "a shortcut: taking breaks out of a text that has none gives the text at its own places",
    ),
    Equivalent(
        "vast_mcp/keeper/worker_watch.py",
        "_refused",
        "0 -> (1) #2",
        "from a microsecond later to the same end: no time at no price, and no rule read here asks",
    ),
    Equivalent(
        "vast_mcp/keeper/worker_watch.py",
        "_refused",
        "0 -> (1) #3",
        "a microsecond at no price costs nothing, and no rule that is read here asks about time",
    ),
)
