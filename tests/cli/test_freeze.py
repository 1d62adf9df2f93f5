"""`freeze`: a person closes all spending of the account, for every process, and only one opens it.

Safety: whatever limits are left, nothing is rented, started, extended or raised while it stands.

See docs/design.md#money.
"""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from tests.cli.shell import Shell, at_terminal, shell
from tests.database import break_ledgers
from tests.guard.at_once import Held
from tests.notices.receiver import rented
from tests.promises.things import serve_elsewhere
from tests.world import ToolFailed, World, report
from vast_mcp.account.freezing import freeze, unfreeze
from vast_mcp.actions import ExtendLease
from vast_mcp.cli.freeze import stopped_all
from vast_mcp.config import Settings
from vast_mcp.errors import PolicyDenied
from vast_mcp.guard.act import Ready
from vast_mcp.keeper.tick import look_once
from vast_mcp.models import Offer
from vast_mcp.runtime import Runtime
from vast_mcp.store import Transaction

WIDE = (
    "[limits]\nmax_running = 80\nmax_total_usd_per_hour = 90\n"
    "max_usd_per_day = 500\nmax_usd_per_month = 500\n"
)
SAYS = "all spending is frozen by a person at 20"


async def frozen(world: World) -> None:
    """Frozen by another process of the account."""
    async with world.runtime() as other:
        await freeze(other.session.account.ledger, other.session.account.clock)


async def test_while_frozen_nothing_is_rented_started_extended_or_raised(tmp_path: Path) -> None:
    """Every spending act is refused, with what lifts it; stop and destroy stay open."""
    world = World(tmp_path)
    async with world.connect() as client:
        running = await world.rent(client)
        resting = await world.rent(client, request_key="second")
        world.run_until_ready()
        await world.call(client, "stop_instance", instance_id=resting)
        offer = (await world.offers())[2]
        await frozen(world)
        before = len(world.simulator.mutations())
        for tool, arguments in (
            ("create_instance", {"offer_id": offer.offer_id, "max_price_usd_per_hour": 1.0}),
            ("start_instance", {"instance_id": resting}),
            ("extend_lease", {"instance_id": running, "hours": 1}),
            ("create_endpoint", {"endpoint_name": "e", "max_usd_per_worker_hour": 0.2}),
        ):
            with pytest.raises(ToolFailed) as caught:
                await world.call(client, tool, **arguments)
            assert SAYS in str(caught.value)
            assert "vast-mcp unfreeze" in str(caught.value)
        assert len(world.simulator.mutations()) == before
        stopped = await world.call(client, "stop_instance", instance_id=running)
        gone = await world.call(client, "destroy_instance", instance_id=resting)
    assert (stopped["status"], gone["status"]) == ("stopped", "destroyed")


async def test_a_raised_bid_is_refused_and_a_lowered_one_is_not(tmp_path: Path) -> None:
    """What only lowers the bill goes on."""
    world = World(tmp_path)
    offer = (await world.offers(rental="interruptible"))[0]
    least = offer.min_bid.dollars if offer.min_bid else 0.1
    async with world.connect() as client:
        number = await world.rent(client, offer, bid_usd_per_hour=round(least * 2, 4))
        world.run_until_ready()
        await frozen(world)
        with pytest.raises(ToolFailed, match="frozen"):
            await world.call(
                client, "change_bid", instance_id=number, bid_usd_per_hour=round(least * 3, 4)
            )
        lower = await world.call(
            client, "change_bid", instance_id=number, bid_usd_per_hour=round(least * 1.5, 4)
        )
    assert lower["status"] == "bid_changed"


async def test_a_yes_given_before_the_freeze_is_void(tmp_path: Path) -> None:
    """The person froze after the question: the freeze is the later word."""
    world = World(tmp_path)
    offer = await world.dear_offer()
    async with world.connect(answer=None) as client:
        waiting = await world.call(
            client, "create_instance", offer_id=offer.offer_id, max_price_usd_per_hour=3.0
        )
        await frozen(world)
        with pytest.raises(ToolFailed, match="frozen"):
            await world.call(client, "confirm_plan", plan_id=waiting["plan_id"])
    assert world.simulator.world.instances == {}


async def test_a_freeze_between_the_first_decision_and_the_second_holds(tmp_path: Path) -> None:
    """Inside the deciding transaction: an act that was allowed a moment ago is refused."""
    world = World(tmp_path)
    number = await rented(world)
    async with world.runtime() as runtime, world.runtime() as other:
        guard, caller = runtime.session.guard, runtime.session.caller
        ready = await guard.propose(ExtendLease(number, 1), caller)
        assert isinstance(ready, Ready)
        before = len(world.simulator.mutations())
        await freeze(other.session.account.ledger, other.session.account.clock)
        with pytest.raises(PolicyDenied) as caught:
            await guard.perform(ready, caller)
    assert caught.value.rules == ("frozen",)
    assert len(world.simulator.mutations()) == before


async def test_of_racing_rents_none_is_reserved_after_the_freeze(tmp_path: Path) -> None:
    """Each rent stands in the books when the freeze is written, or is refused: nothing between."""
    made = refused = 0
    for booked in (1, 4):
        place = tmp_path / str(booked)
        place.mkdir()
        before, after, outcomes = await _race(World(place, policy=WIDE), booked)
        assert after <= before, f"frozen once {booked} stood in the books"
        made += outcomes.count("rented")
        refused += sum("frozen" in outcome for outcome in outcomes)
        assert all(outcome == "rented" or "frozen" in outcome for outcome in outcomes)
    report(f"{made} rented before their freeze, {refused} refused by it")
    assert made
    assert refused


async def _race(world: World, booked: int) -> tuple[set[str], set[str], list[str]]:
    """Eight that rent on until they are refused, a freeze in another process meanwhile.

    Answers the intents at the freeze and at the end, and how each rent ended.
    """
    offers = (await world.offers())[:64]

    def freeze_and_count(tx: Transaction) -> set[str]:
        tx.freeze(world.clock.utc_us(), "a person")
        return {one.intent_id for one in tx.live_rentals()}

    async with world.connect() as client, world.runtime() as other:

        async def rent(offer: Offer) -> str:
            try:
                answer = await world.call(
                    client,
                    "create_instance",
                    offer_id=offer.offer_id,
                    max_price_usd_per_hour=3.0,
                    request_key=str(offer.offer_id),
                )
            except ToolFailed as failed:
                return str(failed)
            return str(answer["status"])

        async def switch() -> set[str]:
            while (
                len(await other.session.account.ledger.read(lambda tx: tx.live_rentals())) < booked
            ):
                pass
            return await other.session.account.ledger.write(freeze_and_count)

        async def rent_on(share: list[Offer]) -> list[str]:
            said: list[str] = []
            for one in share:
                said.append(await rent(one))
                if said[-1] != "rented":
                    break
            return said

        rents = asyncio.gather(*(rent_on(offers[number::8]) for number in range(8)))
        at_freeze, told = await asyncio.gather(switch(), rents)
        outcomes = [one for said in told for one in said]
        live = await other.session.account.ledger.read(lambda tx: tx.live_rentals())
    return at_freeze, {one.intent_id for one in live}, outcomes


async def test_both_tools_tell_that_it_is_frozen_until_it_is_lifted(tmp_path: Path) -> None:
    """A model that reads either knows why, and that only the person can change it."""
    world = World(tmp_path)
    async with world.connect() as client:
        await frozen(world)
        for tool in ("show_policy", "show_account"):
            assert "only `vast-mcp unfreeze` lifts it" in (await world.call(client, tool))["frozen"]
        async with world.runtime() as other:
            await unfreeze(other.session.account.ledger, other.session.account.clock)
        for tool in ("show_policy", "show_account"):
            assert "frozen" not in await world.call(client, tool)
        await world.rent(client)


async def test_leases_still_end_while_frozen(tmp_path: Path) -> None:
    """A freeze must not keep a machine running."""
    world = World(tmp_path)
    number = await rented(world)
    await frozen(world)
    world.clock.move(4 * 3600)
    async with world.runtime() as runtime:
        await look_once(runtime.session.guard)
    world.simulator.catch_up()
    assert not world.simulator.world.instances[number].wants_to_run


# -- the commands ------------------------------------------------------------------------------


async def test_freeze_needs_no_terminal_and_unfreeze_needs_a_persons_yes(tmp_path: Path) -> None:
    """Spending less is open to any script; more is a person's word alone."""
    async with shell(tmp_path) as at:
        assert (await at.run("freeze")).code == 0
        again = await at.run("freeze")
        piped = await at.run("unfreeze")
        kept = await at_terminal(at, "unfreeze", types="no")
        listed = await at.run("leases")
        lifted = await at_terminal(at, "unfreeze", types="yes")
        after = await at.run("leases")
    assert again.out.startswith("Frozen by a person at ")
    assert (piped.code, kept[0], lifted[0]) == (1, 1, 0)
    assert "only a person at a terminal" in piped.err
    assert "It stays frozen" in kept[1]
    assert "frozen by a person" in listed.out
    assert "frozen" not in after.out


def answering(word: str, asked: list[str]) -> Callable[[str], str]:
    """A person who answers every prompt with this word."""

    def ask(prompt: str) -> str:
        asked.append(prompt)
        return word

    return ask


@pytest.mark.parametrize(("word", "code"), [("yes", 0), ("y", 1)])
async def test_stop_all_lists_asks_and_stops_what_is_ours(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], word: str, code: int
) -> None:
    """Through the guard, machine by machine; a stranger's is not touched."""
    async with shell(tmp_path, hours_ago=1) as at:
        at.world.simulator.catch_up()
        first = await rented_at(at, "first")
        second = await rented_at(at, "second")
        stranger = at.world.simulator.add_foreign_instance(label="theirs")
        at.world.run_until_ready()
        asked: list[str] = []
        ended = await stopped_all(at.settings, answering(word, asked))
        at.world.simulator.catch_up()
        wants = {n: one.wants_to_run for n, one in at.world.simulator.world.instances.items()}
    said = capsys.readouterr().out
    assert ended == code
    assert len(asked) == 1
    assert f"instance {first}" in said
    assert str(stranger) not in said
    assert wants == {first: code == 1, second: code == 1, stranger: True}


def opening(world: World) -> Callable[[Settings], AbstractAsyncContextManager[Runtime]]:
    """What opens the account for a command, on this world's clock and vendor."""
    return lambda _: world.runtime()


async def test_stop_all_does_not_say_that_nothing_runs_while_a_rent_is_on_its_way(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sent before the freeze, it comes up after the list was made, and bills to its lease's end."""
    world = World(tmp_path)
    offer = await world.cheap_offer()
    own = world.transport
    monkeypatch.setattr("vast_mcp.cli.freeze.opened", opening(world))
    world.transport = held = Held(world, "PUT", "/asks/")
    async with world.connect() as client:
        world.transport = own
        codes: list[int] = []

        async def freezes() -> None:
            codes.append(await stopped_all(world.settings, answering("yes", [])))

        number = await held.meanwhile(world.rent(client, offer), freezes())
        said = capsys.readouterr().out
        await freezes()
    world.simulator.catch_up()
    assert "STILL STARTING, not stopped: instance, rented at" in said
    assert "No machine of vast-mcp is running." not in said
    assert codes == [1, 0]
    assert not world.simulator.world.instances[number].wants_to_run


async def test_stop_all_tells_of_a_start_that_is_on_its_way(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list shows the machine stopped, and in a moment it runs."""
    world = World(tmp_path)
    number = await rented(world)
    own = world.transport
    monkeypatch.setattr("vast_mcp.cli.freeze.opened", opening(world))
    world.transport = held = Held(world, "PUT", f"/instances/{number}", body="running")
    async with world.connect() as client:
        world.transport = own
        await world.call(client, "stop_instance", instance_id=number)
        code = 0

        async def freezes() -> None:
            nonlocal code
            code = await stopped_all(world.settings, answering("yes", []))

        start = world.call(client, "start_instance", instance_id=number)
        await held.meanwhile(start, freezes())
    assert f"STILL STARTING, not stopped: instance {number}, started at" in capsys.readouterr().out
    assert code == 1


async def test_stop_all_stops_what_runs_when_the_ledger_is_broken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No broken ledger blocks a stop. It cannot hold the freeze, and that is said."""
    world = World(tmp_path)
    number = await rented(world)
    break_ledgers(tmp_path / "state")
    monkeypatch.setattr("vast_mcp.cli.freeze.opened", opening(world))
    code = await stopped_all(world.settings, answering("yes", []))
    world.simulator.catch_up()
    said = capsys.readouterr().out
    assert not world.simulator.world.instances[number].wants_to_run
    assert said.startswith("NOT frozen: The ledger ")
    assert "The freeze remains" not in said
    assert code == 1


async def test_stop_all_ends_what_an_endpoint_rents(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An endpoint of ours rents nothing any more; a stranger's goes on."""
    async with shell(tmp_path, hours_ago=1) as at:
        number = await served_at(at, "serving")
        endpoints = at.world.simulator.world.serverless.endpoints
        await serve_elsewhere(at.world, "theirs")
        ended = await stopped_all(at.settings, answering("yes", []))
        states = {
            one.fields["endpoint_name"].partition("-vm1-")[0]: one.fields
            for one in endpoints.values()
        }
        async with at.runtime() as opened:
            live = await opened.session.account.ledger.read(lambda tx: tx.live_rentals())
        again = await stopped_all(at.settings, answering("yes", []))
    said = capsys.readouterr().out
    assert (ended, again) == (0, 0)
    assert f"endpoint {number}: The endpoint is stopped" in said
    assert states["serving"]["endpoint_state"] == "stopped"
    assert states["theirs"].get("endpoint_state") != "stopped"
    assert live == []
    assert said.endswith("No machine of vast-mcp is running.\n")


async def served_at(at: Shell, name: str) -> int:
    """An endpoint of ours; its id."""
    from mcp import Client  # noqa: PLC0415

    from tests.world import SEAL_KEY  # noqa: PLC0415
    from vast_mcp.server import create_server  # noqa: PLC0415

    person = at.world.asked("accept")
    async with Client(create_server(at.runtime, SEAL_KEY), elicitation_callback=person) as client:
        made = await at.world.call(
            client, "create_endpoint", endpoint_name=name, max_usd_per_worker_hour=0.2
        )
    return int(made["endpoint_id"])


async def rented_at(at: Shell, key: str) -> int:
    """A machine under a lease, on the shell's own account."""
    from mcp import Client  # noqa: PLC0415

    from tests.world import SEAL_KEY  # noqa: PLC0415
    from vast_mcp.server import create_server  # noqa: PLC0415

    async with Client(create_server(at.runtime, SEAL_KEY)) as client:
        async with at.runtime() as opened:
            offer = (await at.world.offers(opened))[0]
        return await at.world.rent(client, offer, lease_hours=12, request_key=key, label=key)
