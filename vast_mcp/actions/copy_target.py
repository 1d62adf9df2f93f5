"""Where a copy between machines lands, and how rsync is told so.

The destination names the copy itself; with a slash at its end, the directory that it goes into. A
directory moved into one of its own name is merged with it: nobody who moves /workspace to
/workspace/ means /workspace/workspace. rsync reads it otherwise: a directory without a slash at its
own end becomes one more directory below the destination.
"""

import posixpath
from dataclasses import dataclass

from vast_mcp.remote.errors import PathRefused
from vast_mcp.remote.paths import goes_into, remote_path
from vast_mcp.text import clean_line


@dataclass(frozen=True, slots=True)
class Landing:
    """What the vendor is asked for, and in words where the copy will be."""

    src_path: str
    dst_path: str
    words: str

    @property
    def place(self) -> str:
        """The name that the thing itself gets, where the source's kind is known."""
        return self.dst_path


def landing(path: str, destination: str, *, single: bool) -> Landing:
    """For a source that was seen to be a single file, or a directory.

    Raises:
        PathRefused: a target that breaks the machine.
    """
    into = goes_into(destination, _name(path), single=single)
    place = posixpath.join(destination, _name(path)) if into else destination
    place = remote_path(place, target=True)
    return Landing(path if single else f"{path.rstrip('/')}/", place, str(clean_line(place, 120)))


def unseen_landing(path: str, destination: str) -> Landing:
    """For a source of which nobody knows whether it is a file or a directory.

    Where both have one name, the copy goes into the directory above, which is right for both.

    Raises:
        PathRefused: a target that breaks the machine.
    """
    if path.endswith("/"):
        return landing(path.rstrip("/"), destination, single=False)
    name = _name(path)
    if _name(destination) == name:
        place = destination.rstrip("/")
        above = posixpath.dirname(place)
        try:
            remote_path(above, target=True)
        except PathRefused:  # above it nothing may be written: taken for a directory
            return landing(path, place, single=False)
        return Landing(path, f"{above}/", str(clean_line(place, 120)))
    if destination.endswith("/"):
        return Landing(path, destination, str(clean_line(posixpath.join(destination, name), 120)))
    lands = f"{destination} if it is a file, {destination}/{name} if it is a directory"
    return Landing(path, destination, str(clean_line(lands, 300)))


def kind_in(listing: str, name: str) -> bool | None:
    """Whether a name in an `ls -l` is a single file; None where it is not listed."""
    for line in listing.splitlines():
        if line.endswith(f" {name}") and line[:1] in {"d", "-"}:
            return line.startswith("-")
    return None


def _name(path: str) -> str:
    return posixpath.basename(path.rstrip("/"))
