"""`vast-mcp ssh-config`: our running machines as hosts in the person's SSH configuration.

Only what stands between our two marks is ever written; all else in the file stays, byte for byte.
"""

import argparse
import contextlib
import stat
from pathlib import Path

import anyio

from vast_mcp.cli.account import opened, settings_of
from vast_mcp.cli.by_hand import Ask, at_a_terminal, says_yes
from vast_mcp.cli.codes import Exit
from vast_mcp.cli.places import add_place_arguments
from vast_mcp.config import Settings
from vast_mcp.errors import ConfigInvalid
from vast_mcp.instances.fleet import show_fleet
from vast_mcp.remote.address import addresses, host_block
from vast_mcp.remote.errors import RemoteError
from vast_mcp.session import Session
from vast_mcp.whole_files import replace_whole

BEGIN = "# >>> vast-mcp: written anew by `vast-mcp ssh-config`; edit outside these marks"
END = "# <<< vast-mcp"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Whether the block is written or taken out."""
    parser.add_argument("--remove", action="store_true", help="remove our block")
    add_place_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Show what would change, take the yes, write."""
    if not at_a_terminal("ssh-config"):
        return Exit.FAILED
    path = Path.home() / ".ssh" / "config"
    return anyio.run(written, settings_of(args), path, args.remove, input)


async def written(settings: Settings, path: Path, remove: bool, ask: Ask) -> int:
    """The conversation with the person; `ask` puts a prompt and returns a line.

    Raises:
        ConfigInvalid: the file is damaged, foreign, or cannot be written.
    """
    block = ""
    if not remove:
        async with opened(settings) as runtime:
            block = await hosts_block(runtime.session)
    before = read(path)
    after = replaced(before, block)
    if after == before:
        print("Nothing to change.")
        return Exit.FINE
    print(block or f"Our block was removed from {path}.")
    if not await says_yes(ask, f"Write {path}?"):
        print("Not written; nothing changed.")
        return Exit.FAILED
    if read(path) != before:
        raise ConfigInvalid(f"{path} changed meanwhile; nothing was written.", hint="Try again.")
    write(path, after)
    print("Written." if remove else "Written. Log in by Host name, as in `ssh vast-ID`.")
    return Exit.FINE


async def hosts_block(session: Session) -> str:
    """Our running machines between the marks; empty when none runs."""
    blocks: list[str] = []
    known_hosts = session.account.remote.pool.known_hosts
    for held in (await show_fleet(session.account)).held:
        one = held.instance
        if not held.ours or one.actual_status != "running":
            continue
        with contextlib.suppress(RemoteError):  # an address that is none is left out
            blocks.extend(
                host_block(
                    one.instance_id,
                    where,
                    key=session.account.remote.key,
                    known_hosts=known_hosts.path(one.instance_id),
                )
                for where in addresses(one)[:1]
            )
    return "\n".join([BEGIN, *blocks, "Host *", END, ""]) if blocks else ""


def replaced(text: str, block: str) -> str:
    """The file with this block in place of the present one, or at its head.

    At the head, because the first value found is the one that counts. It ends with `Host *`, so
    that the lines after it, which stood before any `Host`, go on to hold for all hosts.

    Raises:
        ConfigInvalid: a mark stands alone or twice.
    """
    lines = text.splitlines(keepends=True)
    begins = [at for at, line in enumerate(lines) if line.rstrip("\r\n") == BEGIN]
    ends = [at for at, line in enumerate(lines) if line.rstrip("\r\n") == END]
    if not begins and not ends:
        return block + text
    if len(begins) != 1 or len(ends) != 1 or ends[0] < begins[0]:
        raise ConfigInvalid(
            "The markers of our block are damaged, so nothing was written.",
            hint=f"Remove the lines {BEGIN!r} and {END!r} and everything between them.",
        )
    return "".join([*lines[: begins[0]], block, *lines[ends[0] + 1 :]])


def read(path: Path) -> str:
    """The file; empty when there is none.

    Raises:
        ConfigInvalid: it is a link, no text, or cannot be read.
    """
    try:
        if path.is_symlink():
            raise ConfigInvalid(
                f"{path} is a link, so it was not changed.", hint="Edit it by hand."
            )
        with path.open(encoding="utf-8", newline="") as file:
            return file.read()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigInvalid(f"{path} cannot be read: {error}.") from error


def write(path: Path, text: str) -> None:
    """Whole or not at all, with the file's own permissions.

    Raises:
        ConfigInvalid: it cannot be written; the old file is still there.
    """
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o600
        replace_whole(path, text.encode(), mode)
    except OSError as error:
        raise ConfigInvalid(f"{path} cannot be written: {error}.") from error
