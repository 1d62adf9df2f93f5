"""Why a machine that runs lets nobody in: what only its own log tells, and what to do about it."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from vast_mcp.remote.errors import Unavailable

LOG_LINES = 200
"""How much of the end of the log is looked at: sshd repeats its line with each login."""


class Ill(StrEnum):
    """A cause that waiting does not heal."""

    KEY_FILE = "key_file"
    TUNNEL = "tunnel"


_SIGNS = {
    # OpenSSH's own words with StrictModes on; the file or one of the directories above it.
    Ill.KEY_FILE: re.compile(r"bad ownership or modes for (?:file|directory) ([\w./-]{1,100})"),
    # OpenSSH's own words in a machine that opens its way out to the vendor's proxy.
    Ill.TUNNEL: re.compile(r"remote port forwarding failed"),
}


@dataclass(frozen=True, slots=True)
class Trouble:
    """A cause that the log proves."""

    ill: Ill
    where: str = ""
    """The file or directory at fault."""

    @classmethod
    def in_log(cls, log: str, reason: Unavailable) -> Self | None:
        """The cause that the log proves for a session that failed so; None: it proves none.

        A key file counts where our key is refused, a stuck tunnel where nobody answers: either
        line may also stand in the log of a machine that has long been let in.
        """
        ill = Ill.KEY_FILE if reason == "auth" else Ill.TUNNEL
        found = list(_SIGNS[ill].finditer(log))
        if not found:
            return None
        return cls(ill, found[-1][1] if ill is Ill.KEY_FILE else "")

    @property
    def said(self) -> str:
        """A sentence about it."""
        if self.ill is Ill.TUNNEL:
            return "Its tunnel to the vendor's SSH proxy is stuck (remote port forwarding failed)."
        return (
            f"Its SSH server refuses every key: {self.where} has the wrong owner or modes."
            " Waiting does not help."
        )

    def next(self, instance_id: int, *, mends_itself: bool) -> str:
        """What to do, for a model or a person.

        Args:
            instance_id: the machine.
            mends_itself: whether our start script runs in it, which sets the modes right.
        """
        if self.ill is Ill.TUNNEL:
            return (
                f"A reboot fixes it: reboot_instance({instance_id}) (toolset all), or"
                " stop_instance and start_instance."
            )
        if mends_itself:
            return "Its start script fixes that within two minutes of a start; else rent another."
        return (
            f"stop_instance({instance_id}), delete {self.where} with delete_disk_files (toolset"
            " all), then start_instance: Vast.ai writes it again. Or rent another."
        )
