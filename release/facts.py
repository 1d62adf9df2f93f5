"""What every manifest says of this project, each fact read from the one place that decides it.

The version is `vast_mcp.__version__`; name, description, authors and addresses are pyproject's.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from vast_mcp import __version__

ROOT = Path(__file__).parents[1]
SERVER = "vast"
"""The name under which clients list the server, `mcp__vast__search_offers`."""
DISPLAY = "Vast.ai GPUs"
COMMAND = "uvx"
ARGUMENTS = ("vast-mcp", "serve")


@dataclass(frozen=True, slots=True)
class Facts:
    """Name, words and addresses."""

    name: str
    version: str
    description: str
    author: str
    licence: str
    python: str
    keywords: tuple[str, ...]
    repository: str
    documentation: str
    issues: str

    @property
    def registry_name(self) -> str:
        """The name in the MCP registry: the reversed host of the repository, and the package."""
        host, owner = self.repository.removeprefix("https://").split("/")[:2]
        reversed_host = ".".join(reversed(host.replace(".com", ".io").split(".")))
        return f"{reversed_host}.{owner}/{self.name}"


@cache
def facts() -> Facts:
    """Read from pyproject and the package."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return Facts(
        name=project["name"],
        version=__version__,
        description=project["description"],
        author=project["authors"][0]["name"],
        licence=project["license"],
        python=project["requires-python"],
        keywords=tuple(project["keywords"]),
        repository=project["urls"]["Repository"],
        documentation=project["urls"]["Documentation"],
        issues=project["urls"]["Issues"],
    )
