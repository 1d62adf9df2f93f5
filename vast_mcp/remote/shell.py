"""Whether a login runs what it is told: the vendor's images put each one into tmux.

`ssh host command` then prints "no sessions" and runs nothing, unless `~/.no_auto_tmux` exists.
Our start script makes that file; a machine without one gets it by SFTP, before its first
command.
"""

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from vast_mcp.remote.errors import RemoteFailed

if TYPE_CHECKING:
    from vast_mcp.remote.session import SshSession

MARK_FILE = ".no_auto_tmux"
_WORD = "vmcp-shell"
_SIGNS = ("no sessions", "tmux", "not a terminal")
_PATIENCE_S = 10.0


async def swallows(session: "SshSession") -> bool:
    """Whether its login shell runs tmux instead of a command; unknown counts as no."""
    import asyncssh  # noqa: PLC0415

    with suppress(OSError, asyncssh.Error, TimeoutError):
        async with asyncio.timeout(_PATIENCE_S):
            done = await session.connection.run(f"echo {_WORD}", check=False)
            told = f"{done.stdout!s} {done.stderr!s}"
            return _WORD not in told and any(sign in told for sign in _SIGNS)
    return False


async def free(session: "SshSession") -> None:
    """Turn the automatic tmux off, for this and later logins; nothing of the machine's is changed.

    Raises:
        RemoteFailed: it still swallows commands.
    """
    import asyncssh  # noqa: PLC0415

    with suppress(OSError, asyncssh.Error, TimeoutError):
        async with asyncio.timeout(_PATIENCE_S), session.connection.start_sftp_client() as sftp:
            await (await sftp.open(MARK_FILE, "a")).close()
    if await swallows(session):
        raise RemoteFailed(
            "Its login shell starts tmux and runs no command.",
            hint=f"Log in by hand and `touch ~/{MARK_FILE}`, or rent another machine.",
        )
