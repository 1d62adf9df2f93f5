"""A vendor that does not answer is left alone for a while, except by what must not wait.

Per host: five reads in a row without an answer (or with a 5xx) within a minute open it. While it
is open, reads for showing fail at once and say when it is tried again; one of them is let through
after 10 s, then after 20, 40, 60 s, and any answer closes it. Writes, and the reads that stop,
destroy and the books stand on, are never held up; they are only no longer repeated.
"""

from collections import deque
from dataclasses import dataclass, field

from vast_mcp.clock import Clock
from vast_mcp.errors import VendorDown
from vast_mcp.operations import Host

FAILURES = 5
WITHIN_S = 60.0
FIRST_PAUSE_S = 10.0
LONGEST_PAUSE_S = 60.0
REPEATS_PER_MINUTE = 3
"""Of all reads together while nothing is answered: an outage is not met with more requests."""


@dataclass(slots=True)
class _Host:
    failed_s: deque[float] = field(default_factory=lambda: deque(maxlen=FAILURES))
    repeated_s: deque[float] = field(default_factory=lambda: deque(maxlen=REPEATS_PER_MINUTE))
    pause_s: float = 0.0
    """Zero while closed."""
    tried_again_s: float = 0.0


class Breaker:
    """Watches the answers of one connection. `clock` counts the pauses."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._hosts: dict[Host, _Host] = {}

    def check(self, host: Host) -> None:
        """Let a read for showing pass.

        Raises:
            VendorDown: not now; the hint says when.
        """
        state = self._of(host)
        if not state.pause_s:
            return
        left_s = state.tried_again_s - self._clock.monotonic_s()
        # A longer one than it ever sets is a clock that was set back.
        if 0 < left_s <= LONGEST_PAUSE_S + 1:
            raise VendorDown(
                f"Vast.ai did not answer the last {FAILURES} requests; no request is sent for now.",
                hint=f"It is tried again in {left_s:.0f} s. Stop and destroy still go through.",
                code="breaker_open",
            )
        # This one tries. The next may only after a longer pause, whatever becomes of this one: it
        # could be cancelled and never report.
        state.pause_s = min(LONGEST_PAUSE_S, 2 * state.pause_s)
        state.tried_again_s = self._clock.monotonic_s() + state.pause_s

    def failed(self, host: Host) -> None:
        """A read got no answer, or a 5xx."""
        state, now_s = self._of(host), self._clock.monotonic_s()
        state.failed_s.append(now_s)
        in_a_row = len(state.failed_s) == FAILURES and now_s - state.failed_s[0] <= WITHIN_S
        if in_a_row and not state.pause_s:
            state.pause_s = FIRST_PAUSE_S
            state.tried_again_s = now_s + FIRST_PAUSE_S

    def answered(self, host: Host) -> None:
        """Anything else came back, a refusal included: the host lives."""
        self._hosts.pop(host, None)

    def may_repeat(self, host: Host) -> bool:
        """Whether a failed read may be sent once more; if so, that is counted."""
        state, now_s = self._of(host), self._clock.monotonic_s()
        spent = len(state.repeated_s) == REPEATS_PER_MINUTE
        if state.pause_s or (spent and 0 <= now_s - state.repeated_s[0] <= WITHIN_S):
            return False
        state.repeated_s.append(now_s)
        return True

    def _of(self, host: Host) -> _Host:
        return self._hosts.setdefault(host, _Host())
