"""Programs of other people, run to their end."""

import subprocess
from pathlib import Path

LONGEST_S = 120


def run(*words: str | Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    """One program; its environment is this process's with what is given."""
    return subprocess.run(
        [str(word) for word in words],
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
        check=False,
        env=environment or None,
    )
