"""What jobs are made with: the scout, the sessions, the seal, and the way to start one."""

from collections.abc import Callable
from dataclasses import dataclass

from vast_mcp.jobs.scout import Scout
from vast_mcp.jobs.sealing import Seal, Sealed
from vast_mcp.remote.station import Remote
from vast_mcp.text import Redactor


@dataclass(frozen=True, slots=True)
class Office:
    """Handed to acts and runners."""

    scout: Callable[[], Scout]
    remote: Remote
    seal: Seal
    redactor: Redactor
    """Told the environment values, so that no answer shows one that the command prints."""
    begin: Callable[[str], None]
    """Start working on this job in this server."""
    learn_secrets: Callable[[], None]
    """Tell the redactor every value that any machine may have been given."""

    def unsealed(self, text: str) -> Sealed:
        """What was sealed; its environment values are taken out of all answers from now on."""
        content = self.seal.open(text)
        for value in content.env.values():
            self.redactor.hide(value)
        return content
