"""`make live` on the recorded vendor: what it rents it destroys, and it rents only after a yes."""

import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from tests.cli.test_drift import whole_replies
from tests.live.trial import Trial, run
from tests.recorded_vendor.doors import InMemory, on_loopback
from tests.recorded_vendor.vendor import KEY, RecordedVendor
from tests.world import World
from vast_mcp.api.connection import network_transport
from vast_mcp.clock import ManualClock


class Account:
    """The recorded vendor, a person who types `answer`, and what was written."""

    def __init__(self, tmp: Path, answer: str = "yes") -> None:
        self.world = World(tmp, api_key=KEY)
        self.vendor = RecordedVendor(lambda: self.world.clock.utc_us() / 1e6, burst=None)
        self.vendor.instead = whole_replies()
        self.asked: list[str] = []
        self.told: list[str] = []
        self.tmp = tmp
        self._answer = answer

    def ask(self, prompt: str) -> str:
        """What the person types."""
        self.asked.append(prompt)
        return self._answer

    async def run(self, price: float | None = None, record: Path | None = None) -> int:
        """The whole program over the vendor in memory."""
        trial = Trial(
            self.world.settings, self.world.clock, InMemory(self.vendor), self.ask,
            self.told.append, price, record,
        )  # fmt: skip
        return await run(trial)

    @property
    def said(self) -> str:
        """Everything that was printed."""
        return "".join(self.told)


async def test_without_a_price_nothing_is_rented_and_nobody_asked(tmp_path: Path) -> None:
    """The drift report alone."""
    account = Account(tmp_path)
    assert await account.run() == 0
    assert (account.asked, account.vendor.done) == ([], [])


async def test_without_the_typed_yes_nothing_is_rented(tmp_path: Path) -> None:
    """Anything but the word."""
    for answer in ("", "yes please"):
        account = Account(tmp_path / (answer or "nothing"), answer)
        assert await account.run(price=5.0) == 3
        assert len(account.asked) == 1
        assert account.vendor.done == []


async def test_an_offer_above_the_price_is_never_proposed(tmp_path: Path) -> None:
    """Nobody is even asked."""
    account = Account(tmp_path)
    assert await account.run(price=0.000001) == 3
    assert (account.asked, account.vendor.done) == ([], [])
    assert "nothing was rented" in account.said


async def test_what_was_rented_is_destroyed_and_compared_with_the_simulator(tmp_path: Path) -> None:
    """One machine, through the guard, gone at the end; the comparison names fields, no values."""
    account = Account(tmp_path)
    await account.run(price=5.0)
    rented, destroyed = account.vendor.done
    assert rented.startswith("rented ")
    assert destroyed == rented.replace("rented", "destroyed")
    assert "at most $" in account.asked[0]
    assert "Against the simulator:" in account.said
    assert "destroy: destroyed" in account.said
    assert rented.split()[1] not in account.said


async def test_an_interrupted_trial_still_destroys(tmp_path: Path) -> None:
    """Whatever breaks between the rent and the end."""
    account = Account(tmp_path)
    count = 0

    def broken(line: str) -> None:
        nonlocal count
        count += line.startswith("look:")
        if count == 2:
            raise KeyboardInterrupt

    trial = Trial(
        account.world.settings, account.world.clock, InMemory(account.vendor), account.ask, broken,
        5.0,
    )  # fmt: skip
    with suppress(KeyboardInterrupt, BaseExceptionGroup):
        await run(trial)
    assert [line.split()[0] for line in account.vendor.done] == ["rented", "destroyed"]


async def test_recorded_replies_hold_nothing_that_is_somebodys(tmp_path: Path) -> None:
    """Shapes and prices stay; ids, texts, keys and the account's money do not."""
    account = Account(tmp_path)
    await account.run(price=5.0, record=tmp_path / "out")
    files = sorted((tmp_path / "out").glob("*.json"))
    assert {"create_instance_200_01.json", "destroy_instance_200_01.json"} <= {
        x.name for x in files
    }
    text = "".join(path.read_text(encoding="utf-8") for path in files)
    number = account.vendor.done[0].split()[1]
    for secret in (KEY, number, "someone", "a@example.com", "made-up", "148201", "104.502", "vm1."):
        assert secret not in text
    shown = json.loads((tmp_path / "out" / "search_offers_200_01.json").read_text())
    assert shown["body"]["offers"][0]["gpu_name"].startswith("RTX")


async def test_the_drift_part_works_over_http(tmp_path: Path) -> None:
    """The real way out to a port of this machine."""
    account = Account(tmp_path)
    with on_loopback(account.vendor) as address:
        settings = replace(account.world.settings, api_base=address, serverless_base=address)
        trial = Trial(
            settings, ManualClock(auto_advance=True), network_transport(), account.ask,
            account.told.append,
        )  # fmt: skip
        assert await run(trial) == 0
