"""What a rent may be asked with: checked before anything is looked up, each fault by its field."""

import re
from collections.abc import Mapping, Sequence

from vast_mcp.account.reserved_names import check_names
from vast_mcp.account.secrets import split
from vast_mcp.api.query import parse_query
from vast_mcp.errors import InputInvalid
from vast_mcp.models.places import countries_of, country_of
from vast_mcp.models.ports import MOST_PORTS, expand, outside_chosen
from vast_mcp.text import clean_line, folded

MOST_VARIABLES = 64
_VALUE_LIMIT = 8_000
_ARGS_LIMIT = 16_384
"""The vendor refuses a create with more ("len(args) > 16384", recorded 2026-07-25)."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_WORD = re.compile(r"\w+", re.ASCII)
_IMAGE_LIMIT = 255
_DOMAIN = r"(?:(?=[^/]*[.:]|localhost/)[A-Za-z0-9][A-Za-z0-9.-]*(?::\d{1,5})?/)?"
_PATH = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_TAG = (
    r"(?::(?:@[a-z0-9-]{1,60}|[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@[a-z0-9]+:[0-9a-f]{1,128})?"
)
_IMAGE = re.compile(rf"{_DOMAIN}{_PATH}(?:/{_PATH})*{_TAG}")
"""docker's rules for a reference; the vendor's own tags begin with @."""
_URL = re.compile(
    r"[a-z]+://(?:(?:hub\.docker\.com|registry\.hub\.docker\.com)/(?:r|_)/)?", re.IGNORECASE
)
_SCRIPT = re.compile(r"[\s;&|<>$`'\"(){}#=]")
"""What a path to a program does not hold, and shell text does."""


def check_task(task: str) -> str:
    """The name under which this task's money is counted: what looks the same is the same.

    Raises:
        InputInvalid: there are only invisible characters in it.
    """
    name = folded(task)
    if task.strip() and not name:
        raise InputInvalid("task", "must have at least one visible character")
    return name


def check_image(image: str | None) -> None:
    """Refuse what is no image name, such as one with options behind it.

    Raises:
        InputInvalid: it is not `repository[:tag]`.
    """
    if image is None or (len(image) <= _IMAGE_LIMIT and _IMAGE.fullmatch(image)):
        return
    shown = clean_line(image, 60)
    url = _URL.match(image)
    bare = image[url.end() :].strip("/") if url else image
    name, colon, tag = bare.partition(":")
    meant = f"{name.lower()}{colon}{tag}"
    hint = f"Perhaps {meant}." if meant != image and _IMAGE.fullmatch(meant) else ""
    if url:
        raise InputInvalid("image", f"{shown!r} is a URL; an image is repository:tag", hint=hint)
    if hint:
        raise InputInvalid("image", f"{shown!r}: repository names are lowercase", hint=hint)
    raise InputInvalid("image", f"{shown!r} is not repository:tag")


def check_env(env: Mapping[str, str], *, container: bool = False) -> None:
    """Refuse names that no shell knows: the vendor reads such keys as docker options.

    `container`: it is a machine's whole environment, which the guard inside lives in as well.

    Raises:
        InputInvalid: names the variable; its value is never repeated.
    """
    if len(env) > MOST_VARIABLES:
        raise InputInvalid("env", f"at most {MOST_VARIABLES} variables")
    for name, value in env.items():
        if not _NAME.fullmatch(name):
            raise InputInvalid(
                "env",
                f"{clean_line(name, 40)!r} is not a variable name",
                hint="Use letters, digits and _; ports go in `ports`.",
            )
        if "\x00" in value or len(value) > _VALUE_LIMIT:
            raise InputInvalid("env", f"the value of {name} is too long or contains a NUL byte")
    check_names("env", tuple(env), container=container)


def check_secrets(names: Sequence[str], env: Mapping[str, str]) -> tuple[str, ...]:
    """Names of secrets, each once; no value may stand among them.

    Raises:
        InputInvalid: one is no name, or is set twice.
    """
    taken = set(env)
    for given in names:
        name, _ = split(given)
        if not _NAME.fullmatch(name):
            raise InputInvalid("secrets", "takes variable names only, or NAME=generate")
        if name in taken:
            raise InputInvalid("secrets", f"{name} is set twice")
        taken.add(name)
    check_names("secrets", tuple(split(given)[0] for given in names), container=True)
    return tuple(names)


def check_ports(ports: Sequence[str]) -> tuple[str, ...]:
    """The ports in one spelling, each once: `8080`, `53/udp`; a range as its ports.

    Raises:
        InputInvalid: one is no port, or there are too many.
    """
    kept: dict[str, None] = {}
    for port in ports:
        shown = clean_line(port, 40)
        try:
            kept |= dict.fromkeys(expand(port))
        except ValueError as error:
            raise InputInvalid("ports", f"{shown!r} {error}") from error
        if outside_chosen(port):
            raise InputInvalid(
                "ports",
                f"{shown!r}: Vast.ai chooses the outside port",
                hint="Name the inside port, or one from 70000 up: it is the same outside.",
            )
    if len(kept) > MOST_PORTS:
        raise InputInvalid("ports", f"at most {MOST_PORTS}")
    return tuple(kept)


def check_args(connect: str | None, args: Sequence[str], onstart: str | None = None) -> None:
    """Refuse arguments that would be ignored, more than the vendor takes, or a script as program.

    With `args` the vendor runs `onstart` as the image's entry point (its documents): shell text
    there is no program, and the machine would end at once, paid for.

    Raises:
        InputInvalid: names the field.
    """
    if args and connect != "args":
        raise InputInvalid("args", 'work only with connect="args"')
    if len(" ".join(args)) > _ARGS_LIMIT:
        raise InputInvalid("args", f"at most {_ARGS_LIMIT} characters in total")
    if connect == "args" and onstart and _SCRIPT.search(onstart.strip()):
        raise InputInvalid(
            "onstart",
            'with connect="args" it is the image\'s program, not a shell script',
            hint='Put it in args: ["bash", "-c", "…"]; or connect="ssh" with this onstart.',
        )


def check_search(search: str) -> None:
    """Refuse a workergroup's search that the vendor takes and that finds nothing, ever.

    It goes out as the text it is: what `api.query` would translate for an offer search, such as a
    region, nobody translates there.

    Raises:
        InputInvalid: no such column, a value that is none, a region or a country by its name.
    """
    try:
        asked = parse_query(search)
    except InputInvalid as error:
        raise InputInvalid("search_query", error.message.partition(": ")[2]) from error
    if "ask_contract_id" in asked:
        raise InputInvalid(
            "search_query",
            "a single offer is gone in minutes, while workers are rented for days",
            hint="Name a kind of machine: gpu_name, num_gpus, geolocation.",
        )
    for word in _WORD.findall(search):
        codes = countries_of(word)
        if codes is not None:
            raise InputInvalid(
                "search_query",
                f"Vast.ai knows no place `{word}`",
                hint=f"Name the countries: geolocation in [{','.join(codes[:3])},…].",
            )
        country = country_of(word) if len(word) > 2 else ""  # `in` is no India
        if country:
            raise InputInvalid(
                "search_query",
                f"Vast.ai knows no place `{word}`",
                hint=f"Use the country code: geolocation={country}.",
            )
