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


EQUIVALENTS: tuple[Equivalent, ...] = ()
