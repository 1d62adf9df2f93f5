"""An image and variables of which the vendor makes something else than was asked for. Pure."""

from collections.abc import Iterable

from vast_mcp.models import Template
from vast_mcp.text import clean_line

_VM_REPOSITORY = "vastai/kvm"
_REGISTRY = "docker.io"
_MOST_BYTES = 32_000
"""All variables together (one report: about 32 KB)."""
_NAMED = 3
_USUAL_OPTIONS = frozenset(
    {
        "-e", "--env", "-p", "--publish", "-P", "--publish-all", "--expose", "-h", "--hostname",
        "--name", "--ipc", "--shm-size", "--ulimit", "--entrypoint", "-w", "--workdir", "-l",
        "--label", "--restart", "--init", "-i", "-t", "-it", "-d", "--rm", "-u", "--user",
    }
)  # fmt: skip
"""What templates are full of; the vendor says that it obeys variables, ports and host names."""
Variables = Iterable[tuple[str, str]]


def qualified(image: str) -> str:
    """The image with the registry that it needs: a bare `vastai/kvm` comes as a container.

    Reported with a date (2026-07): only `docker.io/vastai/kvm` makes a virtual machine. Both names
    mean the same image; every other image stays as it is.
    """
    name, _, rest = image.partition(":")
    digest = "@" in name
    repository = name.partition("@")[0] if digest else name
    if repository != _VM_REPOSITORY:
        return image
    return f"{_REGISTRY}/{name}{':' if rest else ''}{rest}"


def lost_variables(variables: Variables) -> str:
    """A sentence about variables that will not arrive whole; empty when all of them do.

    A value with `;` is stored and left out of the container's environment (the vendor's own record,
    2026-10).
    """
    pairs = list(variables)
    lost = [str(clean_line(name, 40)) for name, value in pairs if ";" in value]
    said = []
    if lost:
        more = f" and {len(lost) - _NAMED} more" if len(lost) > _NAMED else ""
        said.append(
            "Not set inside the container, because its value has a ';':"
            f" {', '.join(lost[:_NAMED])}{more}."
        )
    size = _size(pairs)
    if size > _MOST_BYTES:
        said.append(f"Its variables need {-(-size // 1000)} kB; above 32 kB some may be lost.")
    return " ".join(said)


def _size(variables: Variables) -> int:
    """Bytes that all of them take in the container's environment."""
    return sum(len(name.encode()) + len(value.encode()) + 2 for name, value in variables)


def size_note(env: Variables) -> list[str]:
    """What to know of variables that are more than are known to arrive."""
    size = _size(env)
    if size <= _MOST_BYTES:
        return []
    told = f"All variables together are {size} bytes; above {_MOST_BYTES} the container may not"
    return [f"{told} start, or lack some. Upload a file instead."]


def odd_options(template: Template | None) -> str:
    """A sentence about docker options that reach beyond a container; empty where there are none.

    `--privileged`, `-v`, `--gpus`, `--device` …: the vendor is said to ignore them, no limit of the
    policy knows them, and whoever rents should see them.
    """
    found: list[str] = []
    for option in template.docker_options if template is not None else ():
        flag = option.partition(" ")[0]
        short = flag if flag.startswith("--") else flag[:2]
        if flag not in _USUAL_OPTIONS and short not in {"-e", "-p", "-h"} and flag not in found:
            found.append(flag)
    shown = ", ".join(str(clean_line(name, 24)) for name in found[:_NAMED])
    return f"Its template asks for {shown}." if found else ""
