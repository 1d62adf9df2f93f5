"""How far a copy is, and what it came to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from vast_mcp.clock import Clock

_EVERY_S = 0.5

Phase = Literal["comparing", "moving", "verifying", "placing", "done"]
Verified = Literal["sha256", "re-read"]


@dataclass(frozen=True, slots=True)
class CopyProgress:
    """Where a copy stands. Bytes that were there already count as done, not towards the rate."""

    phase: Phase
    done_bytes: int
    total_bytes: int
    done_files: int
    total_files: int
    bytes_per_s: float


@dataclass(frozen=True, slots=True)
class CopyReport:
    """What a copy came to. Every file counted here was compared by SHA-256 on both ends."""

    files: int
    """Put in place by this copy."""
    unchanged: int
    """Already there with the same content."""
    moved_bytes: int
    """Sent over the network this time."""
    resumed_bytes: int
    """Not sent again, because an interrupted copy had left them."""
    moving_s: float
    elapsed_s: float
    digests: Mapping[str, str]
    """SHA-256 by path below the source."""
    changed: tuple[str, ...]
    """Not copied: they changed meanwhile."""
    verified: Verified
    place: str = ""
    """Where it is now: on this computer the whole path, else the path on the machine."""
    empty: int = 0
    """Files without content among them."""
    skipped: tuple[str, ...] = ()
    """Some of what was left out, and why."""
    skipped_count: int = 0


Report = Callable[[CopyProgress], None]


class Meter:
    """Counts, and tells at most twice a second."""

    def __init__(
        self, clock: Clock, report: Report | None, *, total_bytes: int, files: int
    ) -> None:
        self._clock = clock
        self._report = report
        self._total_bytes = total_bytes
        self._total_files = files
        self._began_s = clock.monotonic_s()
        self._moving_since_s = self._began_s
        self._told_s = -_EVERY_S
        self._phase: Phase = "comparing"
        self._there = 0
        self._files = 0
        self.moved = 0
        self.resumed = 0
        self.moving_s = 0.0

    @property
    def elapsed_s(self) -> float:
        """Since the copy began."""
        return self._clock.monotonic_s() - self._began_s

    def phase(self, phase: Phase) -> None:
        """Enter the next part of the work."""
        now_s = self._clock.monotonic_s()
        if self._phase == "moving":
            self.moving_s += now_s - self._moving_since_s
        self._phase, self._moving_since_s = phase, now_s
        self._tell(now_s)

    def add(self, count: int) -> None:
        """Bytes moved."""
        self.moved += count
        now_s = self._clock.monotonic_s()
        if now_s - self._told_s >= _EVERY_S:
            self._tell(now_s)

    def there(self, count: int, *, resumed: bool = False) -> None:
        """Bytes that need not be moved."""
        self._there += count
        if resumed:
            self.resumed += count

    def file_done(self) -> None:
        """One more file is whole."""
        self._files += 1

    def _tell(self, now_s: float) -> None:
        self._told_s = now_s
        if not self._report:
            return
        spent_s = self.moving_s + (now_s - self._moving_since_s) * (self._phase == "moving")
        self._report(
            CopyProgress(
                phase=self._phase,
                done_bytes=min(self.moved + self._there, self._total_bytes),
                total_bytes=self._total_bytes,
                done_files=min(self._files, self._total_files),
                total_files=self._total_files,
                bytes_per_s=self.moved / spent_s if spent_s > 0 else 0.0,
            )
        )
