"""What the vendor charged, as far as it was read: kept per machine and UTC day."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from vast_mcp.units import Usd


@dataclass(frozen=True, slots=True)
class Charged:
    """What the vendor charged for one machine on one day, up to when it was asked."""

    amount: Usd
    as_of_us: int = 0
    """0: of an older ledger that did not keep it; then it counts as of the day's end."""


@dataclass(frozen=True, slots=True)
class ChargeReading:
    """When charges were last asked for, and until when they were last read completely."""

    tried_us: int = 0
    read_us: int = 0


class ChargeRows:
    """The part of a transaction that keeps charges."""

    _connection: sqlite3.Connection
    _scope: Mapping[str, str]

    def record_charge(self, source: str, day: str, charged: Charged) -> None:
        """Keep what was charged for one machine on one day; a smaller sum changes nothing.

        The vendor's sums only grow. One that is smaller, or the same, was read from less or earlier
        and would take back money that is spent.
        """
        self._connection.execute(
            "INSERT INTO charged (source, day, micros, as_of_us, tenant, account)"
            " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (source, day) DO UPDATE"
            " SET micros = excluded.micros, as_of_us = excluded.as_of_us"
            " WHERE excluded.micros > micros",
            (
                source, day, charged.amount.micros, charged.as_of_us,
                self._scope["tenant"], self._scope["account"],
            ),
        )  # fmt: skip

    def charged_since(self, day: str) -> dict[tuple[str, str], Charged]:
        """Everything recorded from that day on, by source and day."""
        rows = self._connection.execute(
            "SELECT source, day, micros, as_of_us FROM charged WHERE day >= ?", (day,)
        )
        return {
            (str(row["source"]), str(row["day"])): Charged(Usd(row["micros"]), row["as_of_us"])
            for row in rows
        }

    def charge_reading(self) -> ChargeReading:
        """When charges were last asked for and read, by any process of the account."""
        row = self._connection.execute("SELECT tried_us, read_us FROM charge_readings").fetchone()
        return ChargeReading() if row is None else ChargeReading(row["tried_us"], row["read_us"])

    def claim_charge_reading(self, now_us: int, pause_us: int) -> bool:
        """Whether this process is to read them now: nobody asked within the last `pause_us`.

        A time of the future is of a clock that was set back, and keeps nobody from reading.
        """
        known = self.charge_reading()
        if 0 <= now_us - known.tried_us < pause_us:
            return False
        self._keep(ChargeReading(now_us, known.read_us))
        return True

    def charges_read(self, until_us: int) -> None:
        """They were read completely up to this instant."""
        self._keep(ChargeReading(max(until_us, self.charge_reading().tried_us), until_us))

    def _keep(self, reading: ChargeReading) -> None:
        self._connection.execute("DELETE FROM charge_readings")
        self._connection.execute(
            "INSERT INTO charge_readings (tried_us, read_us, tenant, account) VALUES (?, ?, ?, ?)",
            (reading.tried_us, reading.read_us, self._scope["tenant"], self._scope["account"]),
        )
