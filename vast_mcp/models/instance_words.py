"""The vendor's words about one machine, which together make its state."""

from dataclasses import dataclass

KNOWN_WISHES = frozenset({"running", "stopped"})


@dataclass(frozen=True, slots=True)
class StatusWords:
    """What one row says: `actual` as the host reports it, the others as the contract stands.

    `actual` None: null or missing. Any other word may be empty: missing, or null.
    """

    actual: str | None
    cur: str
    intended: str
    next: str
    message: str
    is_bid: bool
    image: str = ""
    runtype: str = ""

    @property
    def all_stopped(self) -> bool:
        """The contract stands still and nothing says that it shall run."""
        return self.cur == "stopped" and self.intended == "stopped" and self.next != "running"

    @property
    def runs_command(self) -> bool:
        """In `args` mode the image's own entry point runs, without SSH, and may end."""
        return "args" in self.runtype.split()
