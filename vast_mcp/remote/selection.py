"""Which files of a tree a copy takes, by patterns over their names."""

from dataclasses import dataclass
from fnmatch import fnmatchcase

Names = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Selection:
    """Which files of a tree: all, or those that match `include`; never those in `exclude`.

    A pattern without a slash is compared with the name and with each directory above it, one with
    a slash with the whole path below the source. `*` crosses slashes.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    allow_secrets: bool = False

    def excludes(self, parts: Names) -> bool:
        """Whether it is left out; for a directory, with all below it."""
        return any(_matches(parts, pattern) for pattern in self.exclude)

    def takes(self, parts: Names) -> bool:
        """Whether a file is wanted."""
        return not self.include or any(_matches(parts, pattern) for pattern in self.include)


def _matches(parts: Names, pattern: str) -> bool:
    pattern = pattern.removeprefix("./").rstrip("/")
    if "/" not in pattern:
        return any(fnmatchcase(part, pattern) for part in parts)
    path = "/".join(parts)
    return fnmatchcase(path, pattern.lstrip("/")) or path.startswith(pattern.lstrip("/") + "/")


WHOLE = Selection()
"""All files."""
