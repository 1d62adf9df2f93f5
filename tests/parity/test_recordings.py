"""What the official client sent, as recorded by `make recordings`."""

import json
import re
from pathlib import Path

import pytest

from tests.parity.corpus import CASES, REQUESTS
from tests.parity.record import ORACLE, driven, record
from tests.parity.stand_in import StandIn

SAMPLE = 12
"""Every so many cases: enough to see a difference, few enough to be quick."""


def _rows(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_each_case_has_a_recording_and_each_recording_a_case() -> None:
    """A case without its requests would be compared with nothing."""
    assert [row["id"] for row in _rows(REQUESTS)] == [row["id"] for row in _rows(CASES)]


def test_the_recordings_hold_no_key_and_no_address_of_a_real_host() -> None:
    """The only bearer is a placeholder, the only server too; nothing can be fetched from here."""
    text = REQUESTS.read_text(encoding="utf-8")
    bearers = set(re.findall(r"Bearer [^\"]+", text))
    assert bearers == {"Bearer <API_KEY>", "Bearer <TFA_KEY>"}
    assert set(re.findall(r"https?://[^\"\\ ]+", text)) <= {"http://SERVER"}
    addresses = re.findall(r"\b\d{1,3}(?:\.\d{1,3}){3}\b", text)
    assert all(address.startswith(("10.", "127.", "203.0.113.")) for address in addresses)


@pytest.mark.oracle
def test_recording_again_gives_the_same_requests(tmp_path: Path) -> None:
    """The client on a stopped clock, behind the fence: nothing depends on when or where it ran."""
    if not ORACLE.exists():
        pytest.skip("the official client is not installed: run `make oracle`")
    recorded = {row["id"]: row for row in _rows(REQUESTS)}
    stand_in = StandIn()
    with driven(tmp_path, stand_in) as driver:
        again = [
            record(case, driver, stand_in) for case in _rows(CASES)[:: len(recorded) // SAMPLE]
        ]
    stand_in.close()
    assert not (tmp_path / "fence.log").exists(), "it looked beyond loopback"
    assert again == [recorded[row["id"]] for row in again]
