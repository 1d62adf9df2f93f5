"""The vendor's templates as our model. Pure.

Variables and registry logins are left behind; a template's own `onstart` is kept, out of sight of
any repr, because a request's replaces it.
"""

import json
import re
import shlex
from collections.abc import Mapping

from vast_mcp.api import _fields as f
from vast_mcp.models import Template
from vast_mcp.models.ports import expand
from vast_mcp.text import MESSAGE_LIMIT, clean_line

_PORT_WORD = re.compile(r"-p\d[\d:/a-z-]*")
"""`-p8080:8080`, written as one word."""


def decode_template(value: object) -> Template:
    """One template; its variables and registry login are left behind.

    Raises:
        VendorUnreadable: not an object, or without id and hash.
    """
    fields = f.row(value, "a template")
    hash_id = f.word(fields, "hash_id")
    if not hash_id:
        raise f.unreadable("a template without hash_id")
    return Template(
        template_id=f.identifier(fields, "id"),
        hash_id=hash_id,
        name=f.label(fields, "name"),
        image=f.label(fields, "image"),
        tag=f.label(fields, "tag", "default_tag"),
        recommended_disk_gb=_above_zero(fields.get("recommended_disk_space")),
        runtype=f.word(fields, "runtype"),
        ssh=f.flag(fields, "use_ssh") or f.flag(fields, "ssh_direct"),
        jupyter=f.flag(fields, "jup_direct") or "jupyter" in f.word(fields, "runtype"),
        private=f.flag(fields, "private"),
        created_count=f.count(fields, "count_created"),
        description=clean_line(fields.get("desc") or "", MESSAGE_LIMIT),
        has_onstart=bool(fields.get("onstart")),
        onstart=_script(fields),
        docker_options=_option_names(fields.get("env")),
        extra_filters=_filters(fields.get("extra_filters")),
        ports=_opened(fields.get("env")),
    )


def _filters(value: object) -> Mapping[str, object] | None:
    """A template's own search filters; recorded as the JSON text of an object."""
    if isinstance(value, str):
        try:
            value = json.loads(value) if value.strip() else {}
        except ValueError:
            return None
    if value is None:
        return {}
    return value if isinstance(value, dict) else None


def _option_names(env: object) -> tuple[str, ...]:
    """Flags and variables of a template's docker options; values may be secrets and are dropped.

    Recorded as one text, `-p 1111:1111 -e DATA_DIRECTORY="/workspace/"`; the vendor's documents
    also have an object. A text that no shell could split counts as one unknown option.
    """
    if isinstance(env, Mapping):
        return tuple(name if name.startswith("-") else f"-e {name}" for name in map(str, env))
    try:
        words = shlex.split(env) if isinstance(env, str) else []
    except ValueError:
        return ("?",)
    found: list[str] = []
    for word, following in zip(words, [*words, ""][1:], strict=True):
        flag, equals, value = word.partition("=")
        if flag in ("-e", "--env"):
            found.append(f"-e {(value if equals else following).partition('=')[0]}")
        elif word.startswith("-e") and not word.startswith("--"):
            found.append(f"-e {word[2:].partition('=')[0]}")
        elif word.startswith("-"):
            found.append(flag)
    return tuple(found)


def _opened(env: object) -> tuple[str, ...]:
    """The ports inside that docker options open: `-p 80:8080`, `-p 53:53/udp`, each once.

    The same two forms as `_option_names`. A range counts by its ends; what cannot be read opens
    nothing here, and the vendor decides.
    """
    if isinstance(env, Mapping):
        words = [name for key in env for name in str(key).split()]
    else:
        try:
            words = shlex.split(env) if isinstance(env, str) else []
        except ValueError:
            words = []
    found: list[str] = []
    for word, following in zip(words, [*words, ""][1:], strict=True):
        flag, equals, value = word.partition("=")
        if flag in ("-p", "--publish"):
            found += _ports(value if equals else following)
        elif _PORT_WORD.fullmatch(word):
            found += _ports(word[2:])
    return tuple(dict.fromkeys(found))


def _ports(text: str) -> tuple[str, ...]:
    try:
        return expand(text)
    except ValueError:
        return ()


def _script(fields: f.Row) -> str | None:
    """The start script; empty when it has none, None when the vendor leaves that open."""
    found = fields.get("onstart", 0)
    return "" if found is None else found if isinstance(found, str) else None


def _above_zero(value: object) -> float | None:
    found = f.number(value)
    return found if found is not None and found > 0 else None
