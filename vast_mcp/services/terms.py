"""What a rent may be asked with: checked before anything is looked up, each fault by its field."""

import re
from collections.abc import Mapping, Sequence

from vast_mcp.api.query import parse_query
from vast_mcp.errors import InputInvalid
from vast_mcp.guard.reserved import check_names
from vast_mcp.guard.vault import split
from vast_mcp.models.places import countries_of, country_of
from vast_mcp.text import clean_line, folded

MOST_PORTS = 64
MOST_VARIABLES = 64
_VALUE_LIMIT = 8_000
_ARGS_LIMIT = 16_384
"""The vendor refuses a create with more ("len(args) > 16384", recorded 2026-07-25)."""
_PORT = re.compile(r"(\d{1,5})(?:/(tcp|udp))?")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_WORD = re.compile(r"\w+", re.ASCII)
_IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@-]{0,254}")


def check_task(task: str) -> str:
    """The name under which this task's money is counted: what looks the same is the same.

    Raises:
        InputInvalid: there are only invisible characters in it.
    """
    name = folded(task)
    if task.strip() and not name:
        raise InputInvalid("task", "must hold at least one visible character")
    return name


def check_image(image: str | None) -> None:
    """Refuse what is no image name, such as one with options behind it.

    Raises:
        InputInvalid: it is not `repository[:tag]`.
    """
    if image is not None and not _IMAGE.fullmatch(image):
        raise InputInvalid("image", f"{clean_line(image, 60)!r} is not repository:tag")


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
                hint="Letters, digits and _; ports go into `ports`.",
            )
        if "\x00" in value or len(value) > _VALUE_LIMIT:
            raise InputInvalid("env", f"the value of {name} is too long or holds a zero byte")
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
    """The ports in one spelling, each once: `8080`, `53/udp`.

    Raises:
        InputInvalid: one is no port, or there are too many.
    """
    kept: list[str] = []
    for port in ports:
        found = _PORT.fullmatch(port.strip().lower())
        if found is None or not 0 < int(found[1]) <= 65_535:
            raise InputInvalid("ports", f"{clean_line(port, 40)!r} is not like 8080 or 53/udp")
        plain = f"{int(found[1])}/udp" if found[2] == "udp" else str(int(found[1]))
        if plain not in kept:
            kept.append(plain)
    if len(kept) > MOST_PORTS:
        raise InputInvalid("ports", f"at most {MOST_PORTS}")
    return tuple(kept)


def check_args(connect: str | None, args: Sequence[str]) -> None:
    """Refuse arguments that would be ignored, or more than the vendor takes.

    Raises:
        InputInvalid: names the field.
    """
    if args and connect != "args":
        raise InputInvalid("args", 'are used with connect="args" only')
    if len(" ".join(args)) > _ARGS_LIMIT:
        raise InputInvalid("args", f"at most {_ARGS_LIMIT} characters in all")


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
            "one offer is gone in minutes, and workers are rented for days",
            hint="Name a kind of machine: gpu_name, num_gpus, geolocation.",
        )
    for word in _WORD.findall(search):
        codes = countries_of(word)
        if codes is not None:
            raise InputInvalid(
                "search_query",
                f"the vendor knows no place `{word}`",
                hint=f"Name the countries: geolocation in [{','.join(codes[:3])},…].",
            )
        country = country_of(word) if len(word) > 2 else ""  # `in` is no India
        if country:
            raise InputInvalid(
                "search_query",
                f"the vendor knows no place `{word}`",
                hint=f"Countries are codes there: geolocation={country}.",
            )
