"""The one error of a policy's readers, and how all faults of a file are gathered."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


class Fault(Exception):
    """What in a policy cannot be used; each text names the key and the trouble.

    `str()` is the first of them, and how many more there are; `every` holds all.
    """

    def __init__(self, text: str, *, every: tuple[str, ...] = ()) -> None:
        more = f" (and {len(every) - 1} more)" if len(every) > 1 else ""
        super().__init__(f"{text}{more}")
        self.every = every or (text,)


@dataclass(slots=True)
class Faults:
    """Faults that are gathered while the rest is read on."""

    found: list[str] = field(default_factory=list)

    @contextmanager
    def noting(self, line: int = 0) -> Iterator[None]:
        """Go on after a fault in here; `line` is where it stands, 0 where there are no lines."""
        try:
            yield
        except Fault as fault:
            place = f"line {line}: " if line else ""
            self.found += [f"{place}{text}" for text in fault.every]

    def insist(self) -> None:
        """Raise what was found.

        Raises:
            Fault: anything was.
        """
        if self.found:
            raise Fault(self.found[0], every=tuple(self.found))
