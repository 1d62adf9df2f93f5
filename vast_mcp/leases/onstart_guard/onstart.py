"""The guard and the user's start script as one text that the vendor takes.

The user's script is not to notice: its shebang, options, arguments, standard input, line of
`exit`s and exit status are what they would be without us.
"""

import base64
import gzip
import re
import shlex

from vast_mcp.errors import InputInvalid

ONSTART_LIMIT = 16_384
"""The most characters that the vendor takes: above it a create is refused ("len(args) > 16384",
recorded 2026-07-25; its documentation says 4048). Counted in bytes, since nobody says how it counts
other letters."""
_SHORTER = "Have it download the longer script and run that."
_SHELL = re.compile(r"#![ \t]*(?:/usr)?(?:/bin/env[ \t]+|/bin/)(?:ba|da|a)?sh(?=\s|\Z)[^\n]*\n?")
_SHEBANG = re.compile(r"#![ \t]*(\S+)(?:[ \t]+([^\n]*\S))?[^\n]*")


def wrap_onstart(snippet: str, user_onstart: str) -> str:
    """The snippet first, then the user's script; gzipped where it would be too long.

    A script for another interpreter than a shell is handed to that one by its shebang.

    Raises:
        InputInvalid: too long even so.
    """
    if not user_onstart.strip():
        return snippet
    shell = _SHELL.match(user_onstart)
    shebang = _SHEBANG.match(user_onstart)
    if shell is None and shebang is not None:
        text = snippet + _by_interpreter(shebang, user_onstart)
    else:
        # A shebang counts on the first line only, so the user's one goes above the guard.
        first = shell.group().rstrip() + "\n" if shell else ""
        rest = user_onstart[shell.end() :] if shell else user_onstart
        text = first + snippet + rest
        if not _fits(text):
            text = first + snippet + _unpacked(rest)
    if not _fits(text):
        raise InputInvalid(
            "onstart",
            f"too long: {ONSTART_LIMIT} bytes fit. Its {len(user_onstart.encode())} are"
            f" {len(_packed(user_onstart))} compressed, and with the lease guard"
            f" {len(text.encode())}.",
            hint=_SHORTER,
        )
    return text


def check_bare(user_onstart: str) -> None:
    """For a machine that carries no guard, where nothing would unpack it.

    Raises:
        InputInvalid: too long as it is.
    """
    if not _fits(user_onstart):
        raise InputInvalid(
            "onstart",
            f"too long: {ONSTART_LIMIT} bytes fit, it has {len(user_onstart.encode())}.",
            hint=_SHORTER,
        )


def _fits(text: str) -> bool:
    return len(text.encode()) <= ONSTART_LIMIT


def _packed(script: str) -> str:
    # The time stamp is left out, so that the same script always gives the same text.
    return base64.b64encode(gzip.compress(script.encode(), 9, mtime=0)).decode()


def _unpacked(script: str) -> str:
    """Run it in the same shell: piped into a new one it would read itself as its input."""
    return f'VMCP_S=$(echo {_packed(script)}|base64 -d|gunzip)||exit 1\neval "$VMCP_S"\n'


def _by_interpreter(shebang: re.Match[str], script: str) -> str:
    """Written to a file and run as the kernel would: interpreter, one argument, file."""
    words = " ".join(shlex.quote(word) for word in shebang.groups() if word)
    return (
        f"VMCP_S=$(mktemp)&&echo {_packed(script)}|base64 -d|gunzip>$VMCP_S||exit 1\n"
        f'exec {words} $VMCP_S "$@"\n'
    )
