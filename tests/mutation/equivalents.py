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
)
