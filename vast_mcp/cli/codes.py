"""What the exit codes mean; the same for every command."""

from enum import IntEnum

from vast_mcp.errors import (
    ApiError,
    ConfigInvalid,
    InputInvalid,
    KeyMissing,
    NotFound,
    PolicyDenied,
    VastMcpError,
)


class Exit(IntEnum):
    """How a command ended."""

    FINE = 0
    FAILED = 1
    USAGE = 2
    REFUSED = 3
    VENDOR = 4


MEANING = {
    Exit.FINE: "fine",
    Exit.FAILED: "a check failed or an action was not done",
    Exit.USAGE: "wrong usage, or a setting that cannot be used",
    Exit.REFUSED: "refused by the policy",
    Exit.VENDOR: "the vendor or the network failed",
}


def code_for(error: VastMcpError) -> Exit:
    """The exit code of a command that ended with this."""
    match error:
        case ConfigInvalid() | InputInvalid() | KeyMissing():
            return Exit.USAGE
        case PolicyDenied():
            return Exit.REFUSED
        case NotFound():
            return Exit.FAILED  # the vendor is well: what was named is not there
        case ApiError():
            return Exit.VENDOR
        case _ if isinstance(error.__cause__, ApiError):
            return Exit.VENDOR  # the ledger cannot be found because the vendor is out of reach
        case _:
            return Exit.FAILED
