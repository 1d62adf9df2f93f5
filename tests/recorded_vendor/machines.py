"""Rented machines of the recorded vendor: the words of the recordings, one after another."""

from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from tests.recorded.replies import ROWS
from tests.recorded_vendor.market import Row

Phase: TypeAlias = Literal[
    "unlisted", "placed", "pulling", "running", "stopping", "stopped", "queued", "outbid",
    "parked", "leaving",
]  # fmt: skip
RAN = "success, running ubuntu_22.04/ssh"
_WORDS: dict[Phase, tuple[str | None, str, str, str | None]] = {
    "unlisted": (None, "running", "running", None),
    "placed": (None, "running", "running", None),
    "pulling": ("loading", "running", "running", "8b1a2c3d: Download complete\n"),
    "running": ("running", "running", "running", RAN),
    "stopping": ("running", "running", "stopped", RAN),
    "stopped": ("exited", "stopped", "stopped", RAN),
    "queued": ("exited", "stopped", "running", RAN),
    "outbid": ("exited", "stopped", "stopped", RAN),
    "parked": (None, "stopped", "stopped", None),
    "leaving": ("exited", "stopped", "stopped", RAN),
}
"""`actual_status`, `cur_state`, `intended_status` and `status_msg`. The message of a machine that
was stopped or outbid still says that it runs (recorded 2026-09-05, seen 2026-10-01)."""
_NEXT: dict[Phase, tuple[Phase, float]] = {
    "unlisted": ("placed", 12.0),
    "placed": ("pulling", 9.0),
    "pulling": ("running", 60.0),
    "stopping": ("stopped", 6.0),
}
"""What follows by itself, and after how many seconds."""
LEAVES_AFTER_S = 6.0
"""A destroyed machine stands in the list a little longer."""


@dataclass
class Machine:
    """One contract. `phase` is where it stands since `since_s`; `pace` shortens every wait."""

    row: Row
    phase: Phase
    since_s: float
    pace: float = 1.0
    nulls: int = 0
    """How often it is still told as null although it runs."""

    def catch_up(self, now_s: float) -> None:
        """Go on to where it stands now."""
        while self.phase in _NEXT:
            then, after_s = _NEXT[self.phase]
            if now_s < self.since_s + after_s * self.pace:
                return
            self.enter(then, self.since_s + after_s * self.pace)

    def enter(self, phase: Phase, now_s: float) -> None:
        """Another phase, from now on."""
        self.phase, self.since_s = phase, now_s

    def listed(self, now_s: float) -> bool:
        """Whether the list has it: not in the first seconds, and not long after its end."""
        if self.phase == "leaving":
            return now_s < self.since_s + LEAVES_AFTER_S * self.pace
        return self.phase != "unlisted"

    @property
    def gone(self) -> bool:
        """Whether it was destroyed."""
        return self.phase == "leaving"

    def shown(self) -> Row:
        """The row in the recorded shape; zeros and 65535/-1 once it does not run."""
        actual, current, intended, message = _WORDS[self.phase]
        runs = self.phase in ("running", "stopping")
        rests: Row = {"gpu_util": 0.0, "gpu_temp": 0.0, "cpu_util": 12.234, "mem_usage": 0.0085}
        return self.row | {
            "actual_status": actual,
            "cur_state": current,
            "intended_status": intended,
            "next_state": intended,
            "status_msg": message,
            "public_ipaddr": "127.0.0.1" if runs else None,
            "ports": {"22/tcp": [{"HostIp": "0.0.0.0", "HostPort": "9"}]} if runs else None,
            "direct_port_start": 9 if runs else 65_535,
            "direct_port_end": 9 if runs else -1,
            **({} if runs else rests),
        }


@dataclass
class Machines:
    """All contracts of the account, by id."""

    pace: float = 1.0
    next_id: int = 53_710_757
    held: dict[int, Machine] = field(default_factory=dict)

    def rent(self, offer: Row, sent: Row, now_s: float, *, bid: bool, parked: bool) -> int:
        """A contract on an offer as it is priced."""
        self.next_id += 3
        row: Row = ROWS["instance"] | {key: offer[key] for key in offer if key in ROWS["instance"]}
        row |= {
            "id": self.next_id,
            "label": sent.get("label"),
            "image_uuid": sent.get("image"),
            "image_runtype": "ssh",
            "onstart": sent.get("onstart"),
            "extra_env": [[name, value] for name, value in (sent.get("env") or {}).items()],
            "is_bid": bid,
            "disk_space": float(sent.get("disk") or 8.0),
            "disk_usage": 0.046,
            "start_date": now_s,
            "end_date": now_s + offer["duration"],
            "ssh_host": "127.0.0.1",
            "ssh_port": 9,
        }
        phase: Phase = "parked" if parked else "unlisted"
        self.held[self.next_id] = Machine(row, phase, now_s, self.pace)
        return self.next_id

    def at(self, now_s: float) -> dict[int, Machine]:
        """Everything that the list has, caught up."""
        for one in self.held.values():
            one.catch_up(now_s)
        return {number: one for number, one in self.held.items() if one.listed(now_s)}

    def living(self, number: int, now_s: float) -> Machine | None:
        """A machine that was not destroyed; None for any other."""
        one = self.held.get(number)
        if one is None or one.gone:
            return None
        one.catch_up(now_s)
        return one

    def page(self, now_s: float, after: int, most: int, filters: Row) -> tuple[list[Row], int, int]:
        """Rows after an id, how many there are in all, and the id to go on from (0: no more)."""
        rows = [one.shown() for _, one in sorted(self.at(now_s).items())]
        rows = [row for row in rows if all(_fits(row.get(k), v) for k, v in filters.items())]
        rest = [row for row in rows if row["id"] > after]
        page = rest[:most]
        return page, len(rows), page[-1]["id"] if len(rest) > most else 0


def _fits(own: Any, tests: Row) -> bool:  # noqa: ANN401  a value of any column
    return all(own == v if way == "eq" else own in v for way, v in tests.items())
