"""What a person should know of this computer's clock."""

from vast_mcp.clock import SECOND_US, Clock
from vast_mcp.vendor_clock import DECIDES_US, WARNS_US


def clock_warnings(clock: Clock) -> list[str]:
    """Nothing while it is within a minute of the vendor's."""
    if doubt := clock.doubt():
        return [doubt]
    skew_s = clock.skew_s()
    if skew_s is None or abs(skew_s) * SECOND_US <= WARNS_US:
        return []
    way = "ahead of" if skew_s > 0 else "behind"
    whose = (
        "leases follow Vast.ai's" if abs(skew_s) * SECOND_US > DECIDES_US else "lease ends are off"
    )
    return [f"This computer's clock is {_span(abs(skew_s))} {way} Vast.ai's; {whose}. Set it."]


def _span(seconds: float) -> str:
    if seconds < 2 * 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h"
