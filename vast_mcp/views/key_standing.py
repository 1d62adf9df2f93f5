"""What a person should know of the key in use: when its session ends, and what it may do."""

from collections.abc import Sequence

from vast_mcp.config import ApiKey, KeyKind
from vast_mcp.session import Session
from vast_mcp.units import minute
from vast_mcp.views.billable_items import Holding

LOGIN = "The user runs `vastai tfa login` before that; no restart is needed."


def key_warnings(session: Session, held: Sequence[Holding]) -> list[str]:
    """Sentences for an answer about the account; empty while nothing is wrong."""
    key = session.account.keys.current
    if key is None:
        return []
    said = [
        change.says
        for change in session.account.keys.changes[-1:]
        if key.kind is not KeyKind.SESSION
    ]
    known = session.rights.latest
    if known is not None and known.may_end is False:
        said.append(f"This key may not end machines, so no lease can be enforced: {known.says}")
    leases = [
        (f"{machine.kind} {machine.target_id}", machine.lease_ends_us)
        for machine in held
        if machine.runs and machine.lease_ends_us is not None
    ]
    outlived = session_outlived(key, leases, session.account.clock.utc_us())
    return [*said, outlived] if outlived else said


def session_outlived(key: ApiKey, leases: Sequence[tuple[str, int]], now_us: int) -> str:
    """Which of these leases (a name, and its end) end after the session does; empty if none."""
    if key.ends_us is None:
        return ""
    later = [f"{what} ({minute(ends_us)})" for what, ends_us in leases if ends_us > key.ends_us]
    if not later:
        return ""
    more = f" and {len(later) - 3} more" if len(later) > 3 else ""
    tense = "ends about" if key.ends_us > now_us else "should have ended about"
    return (
        f"The two-factor session {tense} {minute(key.ends_us)}, before the leases of"
        f" {', '.join(later[:3])}{more}: after that, this computer may be unable to end them."
        f" {LOGIN}"
    )
