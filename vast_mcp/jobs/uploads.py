"""What a job sends: measured before the question, and held to it when it is sent."""

import posixpath
from collections.abc import Sequence

from vast_mcp.errors import InputInvalid
from vast_mcp.remote.paths import LocalRoots, remote_path
from vast_mcp.remote.plan import CopyPlan, plan_upload
from vast_mcp.remote.threads import in_thread
from vast_mcp.store import Upload
from vast_mcp.text import clean_line

MOST_TEXT = 64 * 1024
MOST_FILES = 50


async def measure(roots: LocalRoots, paths: Sequence[str]) -> tuple[Upload, ...]:
    """Count files and bytes of each path.

    Raises:
        PathRefused: one of them must not be read.
        InputInvalid: two have the same name.
    """
    plans = [(path, await plan_for(roots, path, "/workspace/job")) for path in paths]
    names = [posixpath.basename(plan.remote) for _, plan in plans]
    if len(set(names)) < len(names):
        raise InputInvalid("upload", "two have the same name", hint="Rename one.")
    return tuple(
        Upload(path, len(plan.files), plan.total_bytes, plan.doubt) for path, plan in plans
    )


async def plan_for(roots: LocalRoots, path: str, folder: str) -> CopyPlan:
    """The upload of one path into a folder of the machine."""
    place = roots.place(path, allow_secrets=True)
    return await in_thread(lambda: plan_upload(place, f"{folder}/"))


def check_files(files: dict[str, str]) -> None:
    """Names below the working directory, short texts.

    Raises:
        InputInvalid: one of them cannot be.
        PathRefused: a name that leads elsewhere.
    """
    if len(files) > MOST_FILES:
        raise InputInvalid("files", f"more than {MOST_FILES}", hint="Upload a directory.")
    for name, text in files.items():
        shown = clean_line(name, 60)
        if name.startswith(("/", "~")) or not remote_path(name).strip("."):
            raise InputInvalid("files", f"{shown!r} must be relative to the working directory")
        if len(text.encode()) > MOST_TEXT:
            raise InputInvalid("files", f"{shown!r} is larger than 64 KB", hint="Use upload.")


def check_outputs(outputs: Sequence[str]) -> None:
    """Paths on the machine that can be fetched.

    Raises:
        InputInvalid: the working directory itself, or two of one name.
        PathRefused: malformed.
    """
    names = [posixpath.basename(remote_path(path)) for path in outputs]
    if any(remote_path(path) in {".", "/"} for path in outputs):
        raise InputInvalid("outputs", "name a file or directory under the working directory")
    if len(set(names)) < len(names):
        raise InputInvalid("outputs", "two have the same name")
