"""The shell text that ends a lease from inside the machine, with every computer of ours off.

`guard.sh` is plain POSIX sh for dash, bash and busybox, and says what its parts are for; here it is
made small and filled in.
"""

import re
from functools import cache
from pathlib import Path

from vast_mcp.account.lease_label import stamp
from vast_mcp.clock import MINUTE_US
from vast_mcp.config import fits_a_script
from vast_mcp.errors import ConfigInvalid

_OWNER = re.compile(r"[a-z0-9]{7}")
_INTENT = re.compile(r"[a-z0-9]{11}")
_KEY = re.compile(r"ssh-[a-z0-9-]+ [A-Za-z0-9+/]+={0,3}")


def lease_guard(
    *,
    api_base: str,
    intent_id: str,
    owner: str,
    created_us: int,
    until_us: int,
    ceiling_us: int,
    idle_minutes: int | None = None,
    ssh_key: str = "",
) -> str:
    """The text to put before a machine's start script; it ends in a line end.

    It holds no secret: the machine's own restricted key is in the machine's environment.

    Args:
        api_base: the vendor's address, as the machine reaches it.
        intent_id: the intent in the machine's mark; no other mark is believed.
        owner: the owner in the machine's mark.
        created_us: when the rent was booked.
        until_us: the lease's end until the label has been read.
        ceiling_us: what no label can pass; its distance from `created_us` counts from each start.
        idle_minutes: stop as well after so many idle minutes.
        ssh_key: a public key that is to be let in, as OpenSSH writes it; a comment is left out.
            Empty: only the vendor's own delivery counts.

    Raises:
        ConfigInvalid: the vendor's address is an odd one.
        ValueError: another part could be read as shell or as a pattern.
    """
    if not fits_a_script(api_base):  # not repeated: it may hold a password
        raise ConfigInvalid(
            "Not rented, nothing charged: VAST_URL cannot be used in a machine's start script.",
            hint="Use a plain one, https://host[:port][/path]; stop and destroy still work.",
        )
    if not _INTENT.fullmatch(intent_id) or not _OWNER.fullmatch(owner):
        raise ValueError("not an intent and owner that vast-mcp makes")
    if idle_minutes is not None and idle_minutes < 1:
        raise ValueError("idle_minutes must be at least 1")
    bare_key = " ".join(ssh_key.split()[:2])
    if bare_key and not _KEY.fullmatch(bare_key):
        raise ValueError("not a public key")
    idle = idle_minutes is not None
    parts = {
        "@IDLE_START@": " z=0" if idle else "",
        "@IDLE_LOOK@\n": _compact("idle.sh") if idle else "",
        "@IDLE_END@": f"||[ $z -ge {idle_minutes} ]" if idle else "",
        "@BASE@": api_base.rstrip("/"),
        "@INTENT@": intent_id,
        "@OWNER@": owner,
        "@KEY@": bare_key,
        "@UNTIL@": stamp(until_us)[:-1],
        "@CEILING@": stamp(ceiling_us)[:-1],
        "@SPAN@": str(max(1, (ceiling_us - created_us) // MINUTE_US)),
    }
    text = _compact("guard.sh")
    for name, value in parts.items():
        text = text.replace(name, value)
    return text


@cache
def _compact(name: str) -> str:
    """A shell file of this package without its comment lines and indentation."""
    lines = (Path(__file__).parent / name).read_text(encoding="utf-8").splitlines()
    stripped = (line.strip() for line in lines)
    return "".join(f"{line}\n" for line in stripped if line and not line.startswith("#"))
