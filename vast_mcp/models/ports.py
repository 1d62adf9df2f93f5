"""Ports inside a machine, in one spelling: `8080`, `53/udp`.

A host gives a rental as many of its open ports as it has, each under a number of its own choice;
a container's port from 70000 on is an identity port, mapped to one number inside and outside
(the vendor's documents).
"""

import re
from collections.abc import Iterable

MOST_PORTS = 64
"""The vendor opens no more for one machine (its documents)."""
IDENTITY_FROM = 70_000
TOP_PORT = 99_999
_LAST_PLAIN = 65_535
_PORT = re.compile(
    r"(?:(?P<outside>\d{1,5})(?:-(?P<outside_to>\d{1,5}))?:)?"
    r"(?P<first>\d{1,5})(?:-(?P<last>\d{1,5}))?(?:/(?P<kind>tcp|udp))?"
)
JUPYTER = "8080"
"""What the vendor's Jupyter answers on."""
_SSH = "22"


def expand(text: str) -> tuple[str, ...]:
    """The ports that `8080`, `53/udp`, `8000-8003` or docker's `8080:8080` name, in one spelling.

    A number outside is not kept: the vendor chooses it.

    Raises:
        ValueError: says what is wrong with it, in a few words.
    """
    found = _PORT.fullmatch(text.strip().lower())
    if found is None:
        raise ValueError("is not like 8080, 53/udp or 8000-8003")
    first = int(found["first"])
    last = int(found["last"] or first)
    if not (_is_port(first) and _is_port(last)):
        raise ValueError(f"is not a port: 1 to {_LAST_PLAIN}, or {IDENTITY_FROM} to {TOP_PORT}")
    if last < first or (first < IDENTITY_FROM <= last):
        raise ValueError("ends below its beginning, or mixes plain and identity ports")
    if last - first >= MOST_PORTS:
        raise ValueError(f"has more than {MOST_PORTS} ports")
    kind = "/udp" if found["kind"] == "udp" else ""
    return tuple(f"{number}{kind}" for number in range(first, last + 1))


def outside_chosen(text: str) -> bool:
    """Whether a number outside is asked for that is not the one inside: no host keeps to it."""
    found = _PORT.fullmatch(text.strip().lower())
    return found is not None and found["outside"] not in {None, found["first"]}


def _is_port(number: int) -> bool:
    return 0 < number <= _LAST_PLAIN or IDENTITY_FROM <= number <= TOP_PORT


def identity(port: str) -> bool:
    """Whether it is one that gets the same number inside and outside."""
    return int(port.partition("/")[0]) >= IDENTITY_FROM


def needed(asked: Iterable[str], *, jupyter: bool) -> int:
    """How many open ports a host must have, so that everything asked for is reached.

    SSH is not counted: where no port is left for it, the vendor's proxy leads there.
    """
    ports = {port for port in asked if port != _SSH}
    return len(ports | {JUPYTER} if jupyter else ports)
