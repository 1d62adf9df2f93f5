"""One guard removed, and where it must be noticed."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Weakening:
    """One guard removed. `tests` are pytest arguments, of which at least one must fail."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    sizes: tuple[tuple[str, str], ...] = ()
    """Environment for the tests: enough runs to notice."""
