"""What copies never touch, whichever directory a person opened: limits, keys and our own code."""

from pathlib import Path

import vast_mcp
from vast_mcp.config import Settings


def held_of_ours(root: Path, settings: Settings) -> str:
    """What of ours lies in this resolved directory, or holds it; empty when nothing does.

    A download may write anywhere below its root, so such a root could rewrite the limits.
    """
    keys = (settings.logins.folder,) if settings.logins else ()
    for what, own in (
        ("this server's ledger and keys", settings.home.resolve()),
        *(("the keys of vast-mcp login", folder.resolve()) for folder in keys),
        ("the policy file", settings.user_policy.resolve()),
        ("the policy file", settings.system_policy.resolve()),
        ("this server's own code", Path(vast_mcp.__file__).resolve().parent),
    ):
        if own.is_relative_to(root) or (own.is_dir() and root.is_relative_to(own)):
            return what
    return ""
