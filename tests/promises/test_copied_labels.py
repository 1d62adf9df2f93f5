"""A copied label does not make a machine ours: nothing here ever touches it."""

import random  # noqa: TID251  seeded: a run is replayed from its number
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.promises.test_lost_answers import rent_under, rentals, tick
from tests.promises.test_unproven_answers import approved
from tests.world import Json, ToolFailed, World, report, scale

RUNS = scale("VAST_MCP_TEST_LABEL_RUNS", 12)


async def rented(world: World, key: str = "first", lease_hours: float = 4.0) -> int:
    """One of our machines that has come up."""
    async with world.connect() as client:
        number = await world.rent(client, request_key=key, label="train", lease_hours=lease_hours)
    world.run_until_ready()
    return number


def copy_of(world: World, original: int, *, environment: bool = False) -> int:
    """A stranger's machine to which somebody copied the label."""
    copy = world.simulator.add_foreign_instance()
    world.simulator.copy_label(original, copy, environment=environment)
    return copy


def lose_ledger(world: World) -> None:
    """The state directory keeps its keys."""
    for file in world.settings.state_dir.glob("*.db*"):
        file.unlink()


async def rows(world: World) -> dict[int, Json]:
    """What show_instances says of each."""
    async with world.connect() as client:
        shown = await world.call(client, "show_instances")
    return {row["instance_id"]: row for row in shown["instances"]}


async def held_ids(world: World) -> set[int | None]:
    """The machines that the books hold."""
    return {one.target_id for one in await rentals(world)}


def runs(world: World) -> dict[int, bool]:
    """Which machines are meant to run."""
    return {number: one.wants_to_run for number, one in world.simulator.world.instances.items()}


async def to_the_end(world: World) -> None:
    """Past every lease, with the keeper looking."""
    world.clock.move(6 * 3600)
    await tick(world, times=3)


@pytest.mark.parametrize("environment", [False, True])
async def test_a_second_bearer_of_a_mark_is_foreign(tmp_path: Path, environment: bool) -> None:
    """Not stopped at the lease's end, not in the books, shown as others' with a warning."""
    world = World(tmp_path, seed=5)
    ours = await rented(world)
    copy = copy_of(world, ours, environment=environment)
    await tick(world)
    shown = await rows(world)
    assert (shown[ours]["made_by"], shown[copy]["made_by"]) == ("us", "others")
    assert any("is a copy" in text for text in shown[copy]["warnings"])
    assert "lease_ends" not in shown[copy]
    assert await held_ids(world) == {ours}
    await to_the_end(world)
    assert runs(world) == {ours: False, copy: True}
    assert world.simulator.world.foreign_touched == set()


async def test_a_second_bearer_fills_no_cap_of_ours(tmp_path: Path) -> None:
    """What it bills is nobody's spending here, though the account's rate shows it."""
    world = World(tmp_path, seed=5)
    ours = await rented(world)
    async with world.runtime() as runtime:
        before = await runtime.session.account.ledger.read(
            lambda tx: tx.exposure(world.clock.lease_us())
        )
    copy_of(world, ours)
    await tick(world)
    async with world.runtime() as runtime:
        facts = await runtime.session.account.cache.facts()
        after = await runtime.session.account.ledger.read(
            lambda tx: tx.exposure(world.clock.lease_us(), outside=facts.bearers.outside(tx))
        )
    assert after.running == before.running == 1
    assert after.usd_per_hour == before.usd_per_hour


async def test_a_second_bearer_is_treated_as_any_other_strangers_machine(tmp_path: Path) -> None:
    """A stop is asked about and says what it is; to destroy it a person approves at a terminal."""
    world = World(tmp_path, seed=5)
    copy = copy_of(world, await rented(world))
    async with world.connect(answer="decline") as client:
        await world.call(client, "stop_instance", instance_id=copy)
    assert "not rented by this server, its lease mark is a copy" in world.questions[0]
    async with world.connect() as client:
        said = await world.call(client, "destroy_instance", instance_id=copy)
    assert said["status"] == "needs_confirmation", said
    assert "vast-mcp approve" in said["next"]
    assert world.simulator.world.foreign_touched == set()


async def test_the_copy_stays_foreign_when_the_original_is_gone(tmp_path: Path) -> None:
    """The rent became another machine, and that it ended makes no heir."""
    world = World(tmp_path, seed=5)
    ours = await rented(world)
    copy = copy_of(world, ours, environment=True)
    async with world.connect() as client:
        await world.call(client, "destroy_instance", instance_id=ours)
    await to_the_end(world)
    assert runs(world) == {copy: True}
    assert await held_ids(world) == set()


@pytest.mark.parametrize("label", [None, "mine now", "another of ours"])
async def test_our_machine_stays_ours_whatever_its_label_says_by_now(
    tmp_path: Path, label: str | None
) -> None:
    """Relabelled by hand, even with the mark of another of our machines: the books know its id."""
    world = World(tmp_path, seed=5)
    first, second = await rented(world), await rented(world, "second", lease_hours=1)
    if label == "another of ours":
        world.simulator.copy_label(second, first)
    else:
        world.simulator.set_label(first, label)
    shown = await rows(world)
    assert {row["made_by"] for row in shown.values()} == {"us"}
    world.clock.move(2 * 3600)
    await tick(world, times=2)
    assert runs(world) == {first: True, second: False}
    await to_the_end(world)
    assert runs(world) == {first: False, second: False}


@pytest.mark.parametrize("env", [None, [], [("VMCP_INTENT", "aaaaaaaaaaa")]])
async def test_a_recycled_machine_stays_ours(
    tmp_path: Path, env: list[tuple[str, str]] | None
) -> None:
    """A new container under the same id, with whatever variables: its lease still ends."""
    world = World(tmp_path, seed=5)
    ours = await rented(world)
    world.simulator.recycle(ours, env)
    await tick(world)
    assert (await rows(world))[ours]["made_by"] == "us"
    await to_the_end(world)
    assert runs(world) == {ours: False}


@pytest.mark.parametrize("environment", [False, True])
async def test_a_lost_ledger_takes_back_the_original_alone(
    tmp_path: Path, environment: bool
) -> None:
    """What was not rented with the mark does not bear it; of full copies the oldest is ours."""
    world = World(tmp_path, seed=5)
    ours = await rented(world)
    copy = copy_of(world, ours, environment=environment)
    lose_ledger(world)
    shown = await rows(world)
    assert (shown[ours]["made_by"], shown[copy]["made_by"]) == ("us", "others")
    await to_the_end(world)
    assert runs(world) == {ours: False, copy: True}
    assert world.simulator.world.foreign_touched == set()


async def test_a_label_copied_to_an_older_machine_takes_nothing_back(tmp_path: Path) -> None:
    """Ledger lost, original ended: the older machine was not rented with that mark."""
    world = World(tmp_path, seed=5)
    older = world.simulator.add_foreign_instance()
    world.clock.move(3600)
    ours = await rented(world)
    world.simulator.copy_label(ours, older)
    lose_ledger(world)
    await tick(world)
    assert await held_ids(world) == {ours}
    async with world.connect() as client:
        await world.call(client, "destroy_instance", instance_id=ours)
    lose_ledger(world)
    await to_the_end(world)
    assert runs(world) == {older: True}


async def test_a_machine_made_hours_after_a_rent_that_never_came_is_not_its_machine(
    tmp_path: Path,
) -> None:
    """With its label and its variables: a late execution comes within minutes, not hours."""
    world = World(tmp_path, seed=5)
    await rent_under(world, "request_lost")
    (rental,) = await rentals(world)
    async with world.runtime() as runtime:
        marker = runtime.session.account.marker
    label = marker.label("train", rental.intent_id, rental.lease_ends_us)
    await tick(world, times=18)
    assert await rentals(world) == []
    world.clock.move(4 * 3600)
    env = [("VMCP_INTENT", rental.intent_id)]
    copy = world.simulator.add_foreign_instance(label=label, env=env)
    await to_the_end(world)
    assert runs(world) == {copy: True}
    assert await rentals(world) == []


async def test_a_labelled_machine_without_our_variable_is_held_for_a_person(
    tmp_path: Path,
) -> None:
    """The answer was lost and a machine on the rented host has the label alone: not proven."""
    world = World(tmp_path, seed=5)
    said = await rent_under(world, "late_execution", seconds=60)
    assert said["status"] == "unknown"
    world.clock.move(60)
    world.simulator.catch_up()
    (one,) = world.simulator.world.instances.values()
    one.order.env = []
    did = await tick(world)
    assert any(f"vast-mcp extend {one.id} HOURS" in line for line in did)
    (rental,) = await rentals(world)
    assert (rental.target_id, rental.facts.unmarked_id) == (None, one.id)
    await to_the_end(world)
    assert runs(world) == {one.id: True}


async def test_a_relabelled_copy_loses_the_mark_that_is_not_its_own(tmp_path: Path) -> None:
    """A person approved another label: the copied mark does not stay behind it."""
    world = World(tmp_path, seed=5, toolsets="all")
    copy = copy_of(world, await rented(world))
    async with world.connect() as client:
        asked = await world.call(client, "label_instance", instance_id=copy, label="theirs")
    if asked["status"] == "needs_confirmation":
        await approved(world, asked["plan_id"])
    assert world.simulator.world.instances[copy].label == "theirs"


async def test_where_nothing_tells_the_original_neither_is_touched_and_both_are_told(
    tmp_path: Path,
) -> None:
    """Ledger lost, environments unread, two bearers: a label may be copied to an older machine."""
    world = World(tmp_path, seed=5)
    older = world.simulator.add_foreign_instance()
    world.clock.move(3600)
    ours = await rented(world)
    world.simulator.copy_label(ours, older)
    for number in (older, ours):
        world.simulator.hide_environment(number)
    lose_ledger(world)
    await to_the_end(world)
    assert runs(world) == {older: True, ours: True}
    shown = await rows(world)
    assert all("nothing shows which" in str(shown[n]["warnings"]) for n in (older, ours))


async def test_a_lost_ledger_takes_back_a_machine_whose_environment_is_not_shown(
    tmp_path: Path,
) -> None:
    """Rows with null there were recorded: alone with its mark it is ours."""
    world = World(tmp_path, seed=5)
    ours = await rented(world)
    world.simulator.hide_environment(ours)
    lose_ledger(world)
    await to_the_end(world)
    assert runs(world) == {ours: False}


async def test_an_old_ledger_takes_back_what_was_rented_since(tmp_path: Path) -> None:
    """Restored from a backup: the newer machine by its mark, copies of both not at all."""
    world = World(tmp_path, seed=5)
    first = await rented(world)
    kept = tmp_path / "backup"
    shutil.copytree(world.settings.state_dir, kept)
    second = await rented(world, "second")
    copies = {copy_of(world, one) for one in (first, second)}
    shutil.rmtree(world.settings.state_dir)
    shutil.copytree(kept, world.settings.state_dir)
    await tick(world)
    assert await held_ids(world) == {first, second}
    await to_the_end(world)
    assert runs(world) == {first: False, second: False, **dict.fromkeys(copies, True)}


async def test_two_computers_with_keys_of_their_own_leave_each_other_alone(tmp_path: Path) -> None:
    """Each has its own ledger and mark key on one account."""
    world = World(tmp_path / "a", seed=5)
    other = world.another_machine(tmp_path / "b")
    for one in (world, other):
        one.tmp.mkdir()
    ours, theirs = await rented(world), await rented(other, "second", lease_hours=1)
    copy = copy_of(world, theirs, environment=True)
    await tick(world)
    assert await held_ids(world) == {ours}
    world.clock.move(3600)
    await tick(world, times=2)
    assert runs(world) == {ours: True, theirs: True, copy: True}
    await tick(other, times=2)
    assert runs(world) == {ours: True, theirs: False, copy: True}


@pytest.mark.parametrize("whole", [False, True])
async def test_two_computers_with_one_key_keep_one_lease(tmp_path: Path, whole: bool) -> None:
    """The key was copied, or the whole state with it: an extension on one is kept by the other."""
    world = World(tmp_path / "a", seed=5)
    other = world.another_machine(tmp_path / "b")
    for one in (world, other):
        one.tmp.mkdir()
    ours = await rented(world, lease_hours=2)
    other.settings.state_dir.mkdir()
    for file in list(world.settings.state_dir.iterdir()):
        if file.is_file() and (whole or ".db" not in file.name):
            shutil.copy2(file, other.settings.state_dir)
    copy = copy_of(world, ours)
    await tick(other)
    assert await held_ids(other) == {ours}
    async with world.connect() as client:
        await world.call(client, "extend_lease", instance_id=ours, hours=2)
    await tick(other)
    world.clock.move(3 * 3600)
    await tick(other, times=2)
    assert runs(world) == {ours: True, copy: True}
    await to_the_end(other)
    assert runs(world) == {ours: False, copy: True}


# -- the vendor makes two machines of one request ------------------------------------------


async def test_of_two_machines_made_of_one_request_the_first_is_ours(tmp_path: Path) -> None:
    """The second is told with its price and how a person adopts or ends it; we touch it never."""
    world = World(tmp_path, seed=9)
    said = await rent_under(world, "made_twice", seconds=2.0)
    ours = int(said["instance_id"])
    await tick(world)
    (second,) = set(world.simulator.world.instances) - {ours}
    assert await held_ids(world) == {ours}
    warnings = " ".join((await rows(world))[second]["warnings"])
    assert "made two machines for one rent" in warnings
    assert f"vast-mcp extend {second} HOURS" in warnings
    await to_the_end(world)
    assert runs(world) == {ours: False, second: True}
    assert [one.path for one in world.simulator.mutations() if f"/{second}/" in one.path] == []


async def test_a_second_machine_of_a_lost_answer_is_left_to_a_person_too(tmp_path: Path) -> None:
    """The answer was lost and two machines came: one is found, the other told."""
    world = World(tmp_path, seed=9)
    world.simulator.faults.add("made_twice", "PUT", r"/asks/\d+", seconds=1.0)
    await rent_under(world, "answer_lost_after_commit")
    await tick(world, times=3)
    first, second = sorted(world.simulator.world.instances)
    assert await held_ids(world) == {first}
    await to_the_end(world)
    assert runs(world) == {first: False, second: True}


async def test_a_person_adopts_the_second_machine_by_extending_it(tmp_path: Path) -> None:
    """From then on it has a lease in the books that is kept; its label stays as it is."""
    world = World(tmp_path, seed=9)
    said = await rent_under(world, "made_twice", seconds=2.0)
    ours = int(said["instance_id"])
    await tick(world)
    (second,) = set(world.simulator.world.instances) - {ours}
    async with world.connect() as client:
        asked = await world.call(client, "extend_lease", instance_id=second, hours=1)
    assert asked["status"] == "needs_confirmation", asked
    await approved(world, asked["plan_id"])
    assert await held_ids(world) == {ours, second}
    assert (await rows(world))[second]["made_by"] == "us"
    await to_the_end(world)
    assert runs(world) == {ours: False, second: False}


# -- whatever strangers' labels say --------------------------------------------------------

Forge = Callable[[str, random.Random], str]


def _cut(label: str, dice: random.Random) -> str:
    return label[: dice.randrange(1, len(label))]


def _flipped(label: str, dice: random.Random) -> str:
    at = dice.randrange(len(label))
    return label[:at] + dice.choice("abcdef0123456789.-Z") + label[at + 1 :]


def _other_owner(label: str, dice: random.Random) -> str:
    text, _, mark = label.rpartition("vm1.")
    return f"{text}vm1.{dice.choice('abcxyz') * 7}{mark[7:]}"


def _later(label: str, dice: random.Random) -> str:
    return label.replace(".until-2", f".until-{dice.choice('13')}")


def _prefixed(label: str, dice: random.Random) -> str:
    return f"{dice.choice(['x', 'a b', '日本'])} {label}"


FORGERIES: tuple[Forge, ...] = (
    lambda label, _: label, _cut, _flipped, _other_owner, _later, _prefixed,
)  # fmt: skip


def marks_of(world: World) -> list[str]:
    """Every label and intent that this ledger ever had, its ended ones included."""
    fleet = world.simulator.world.fleet
    made = (*fleet.alive.values(), *fleet.destroyed.values())
    return [str(one.label) for one in made if one.label and not one.foreign]


@pytest.mark.parametrize("run", range(RUNS))
async def test_no_label_of_a_strangers_machine_ever_draws_an_act(tmp_path: Path, run: int) -> None:
    """Copied, cut, forged, of another owner or an older ledger; ledger kept, old or lost."""
    dice = random.Random(7_000 + run)
    report(f"seed {7_000 + run}")
    world = World(tmp_path, seed=20 + run, toolsets="all")
    older = world.simulator.add_foreign_instance()
    ended = await rented(world, "ended", lease_hours=1)
    async with world.connect() as client:
        await world.call(client, "destroy_instance", instance_id=ended)
    ours = await rented(world, "ours", lease_hours=2)
    labels = marks_of(world)
    envs = [list(one.order.env) for one in world.simulator.world.instances.values()]
    strangers = [older]
    world.simulator.set_label(older, dice.choice(FORGERIES)(dice.choice(labels), dice))
    for _ in range(4):
        label = dice.choice(FORGERIES)(dice.choice(labels), dice)
        env = dice.choice(envs) if dice.random() < 0.5 else []
        strangers.append(world.simulator.add_foreign_instance(label=label, env=env))
    if dice.random() < 0.4:
        lose_ledger(world)
    await attempts(world, dice, strangers)
    await to_the_end(world)
    assert world.simulator.world.foreign_touched == set()
    assert runs(world) == {ours: False, **dict.fromkeys(strangers, True)}
    assert await held_ids(world) == {ours}


CALLS: tuple[tuple[str, Json], ...] = (
    ("stop_instance", {}),
    ("destroy_instance", {}),
    ("extend_lease", {"hours": 1}),
    ("label_instance", {"label": "x"}),
    ("start_instance", {"lease_hours": 1}),
    ("reboot_instance", {}),
)


async def attempts(world: World, dice: random.Random, strangers: list[int]) -> None:
    """A client that cannot ask tries what it may do to them."""
    async with world.connect(answer=None) as client:
        for number in dice.sample(strangers, 3):
            tool, more = dice.choice(CALLS)
            try:
                said = await world.call(client, tool, instance_id=number, **more)
            except ToolFailed:
                continue
            assert said["status"] in {"needs_confirmation", "stopped"}, (tool, said)


async def test_an_intent_of_the_books_is_no_word_of_a_stranger(tmp_path: Path) -> None:
    """A machine rented as a copy, its variables included and its label its own, is foreign."""
    world = World(tmp_path, seed=5)
    ours = await rented(world)
    env = list(world.simulator.world.instances[ours].order.env)
    copy = world.simulator.add_foreign_instance(label="mine", env=env)
    await tick(world)
    shown = await rows(world)
    assert shown[copy]["made_by"] == "others"
    assert any("is a copy" in text for text in shown[copy]["warnings"])
    await to_the_end(world)
    assert runs(world) == {ours: False, copy: True}
