"""What a caller or a template can do to a guard inside a machine, seen before it is claimed.

Root in a container can end anything in it. So the guard is claimed only where nothing in sight
could end, starve or blind it; where something could, the machine is rented all the same, and the
answer says that its lease ends only while this server or `vast-mcp watch` runs.
"""

import re
import shlex

from vast_mcp.account.reserved_names import is_reserved
from vast_mcp.models import Template

_SHEBANG = re.compile(r"#![ \t]*(\S+)([^\n]*)")
_PLAIN_FLAGS = re.compile(r"-[aefhlux]+|-o|pipefail|-e?u?x?o")
_SHELL_NAMES = ("sh", "bash", "dash", "ash")
_TAKES_OVER = ("--entrypoint", "--pid", "--read-only", "--network", "--net", "--user", "-u",
               "--dns", "--add-host", "--env-file", "?")  # fmt: skip
_SHELLLESS = re.compile(r"(?i)(?:^|[/:_-])(?:distroless|scratch|chainguard)(?:[/:_-]|$)")
_ENDS = re.compile(
    r"(?m)\b(pkill|killall|killall5|skill|kill\s+(?:-\w+\s+)*-1\b|reboot|poweroff|shutdown|halt"
    r"|telinit|unshare|chroot|nsenter|fuser\s+-k|xargs\s+(?:-\S+\s+)*kill|setenforce)\b"
)
_BLINDS = re.compile(
    r"(iptables|nft\s|ufw\s|/etc/hosts|/etc/resolv\.conf|/etc/nsswitch|/etc/ld\.so|/etc/environment\s*<"
    r"|ip\s+(?:link|route)\s|ifconfig\s|vmcp-guard|\.vmcp\b|/\.curlrc|/\.wgetrc|CONTAINER_API_KEY\s*="
    r"|CONTAINER_ID\s*=|date\s+(?:-s|--set)|\bfaketime\b|vast\.ai/api/v0/instances)"
)
_REMOVES = re.compile(
    r"(?m)\brm\s+(?:-\w+\s+)*(?:/usr|/bin|/sbin|/\*|/root/?(?:\s|$)|~/?(?:\s|$|\*)|\$HOME/?(?:\s|$|\*)|/\s*$)"
    r"|\b(?:mv|rm|chmod)\b[^\n;|&]*/(?:curl|wget|python3|sh|dash|busybox|sleep|date|sed|grep|setsid)\b"
)


def hazard(image: str, template: Template | None, onstart: str | None) -> str:
    """Why the guard inside cannot be relied on; empty if nothing in sight speaks against it."""
    if _SHELLLESS.search(image):
        return "its image has no shell"
    for option in template.docker_options if template is not None else ():
        if option in _TAKES_OVER:
            return f"the template's docker options have {_said(option)}"
        if option.startswith("-e ") and is_reserved(option[3:]):
            return f"the template sets {option[3:]}"
    whose = "its start script" if onstart else "the template's start script"
    script = onstart or (template.onstart if template is not None else "") or ""
    why = _hazard_of(script)
    return f"{whose} {why}" if why else ""


def _said(option: str) -> str:
    return "an unreadable form" if option == "?" else option


def _hazard_of(script: str) -> str:
    if why := _hazard_of_first_line(script):
        return why
    text = "\n".join(line.partition(" #")[0] for line in script.splitlines()
                     if not line.lstrip().startswith("#"))  # fmt: skip
    for pattern in (_ENDS, _BLINDS, _REMOVES):
        if found := pattern.search(text):
            return f"has `{' '.join(found[0].split())[:40]}`, which could end or hide it"
    return ""


def _hazard_of_first_line(script: str) -> str:
    """A shell that is told not to run what it reads, or to be another, runs no guard either."""
    found = _SHEBANG.match(script)
    if found is None:
        return ""
    try:
        words = [found[1], *shlex.split(found[2])]
    except ValueError:
        return "begins with a line that cannot be read"
    if words[0].endswith("/env"):
        words = [word for word in words[1:] if word != "-S"] or [""]
    shell, *flags = words
    if shell.rpartition("/")[2] in _SHELL_NAMES:
        strange = [flag for flag in flags if not _PLAIN_FLAGS.fullmatch(flag)]
        return f"runs its shell with {strange[0]}" if strange else ""
    return ""
