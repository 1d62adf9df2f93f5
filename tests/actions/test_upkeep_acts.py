"""Labels, keys and files on a disk: what is refused before anybody is asked, what is written."""

from pathlib import Path

import pytest

from tests.keeper.test_keeper import rented
from tests.suites.rig import carry
from tests.world import World
from vast_mcp.actions import DeclaredAct
from vast_mcp.actions.upkeep import DeleteDiskFiles
from vast_mcp.errors import InputInvalid
from vast_mcp.leases.books import note_key
from vast_mcp.operations.on_instances import (
    ATTACH_SSH_KEY,
    LABEL_INSTANCE,
    KeyToAttach,
    Relabelling,
    check_public_key,
)
from vast_mcp.store import KeyState, Transaction

KEY = "ssh-ed25519 " + "A" * 40


@pytest.mark.parametrize(
    ("text", "fine"),
    [
        (KEY, True),
        (f"  {KEY} me@home\n", True),
        (f"{KEY}==", True),
        ("ssh-rsa " + "A" * 40, True),
        ("ecdsa-sha2-nistp384 " + "A" * 40, True),
        ("ssh-ed25519 " + "A" * 39, False),
        (f"{KEY}\n{KEY}", False),
        (f"{KEY} " + "c" * 200, True),
        (f"{KEY} " + "c" * 201, False),
        ("ssh-dss " + "A" * 40, False),
        (f"x {KEY}", False),
        ("-----BEGIN OPENSSH PRIVATE KEY-----", False),
        ("", False),
    ],
)
def test_only_one_line_that_is_a_public_key_leaves_this_computer(text: str, *, fine: bool) -> None:
    """Refused before anything is looked at; a private key with a word of its own."""
    if fine:
        check_public_key(text)
        return
    with pytest.raises(InputInvalid, match="private key" if "PRIVATE" in text else "one line"):
        check_public_key(text)
    if text:
        with pytest.raises(InputInvalid, match="public_key"):
            KeyToAttach(1, text)


LONGEST = ("/" + "a" * 120 + "/" + "b" * 119,)


@pytest.mark.parametrize(
    ("paths", "fine"),
    [
        (("/workspace/a",), True),
        (("/workspace/a b", "/data/x.tar"), True),
        (("/workspace",), False),
        (("/workspace/",), False),
        (("/",), False),
        (("workspace/a",), False),
        (("/workspace/../etc/a",), False),
        (("/workspace/a;rm",), False),
        (("/workspace/a\n",), False),
        (("/workspace/a", "/x"), False),
        ((), False),
        (LONGEST, True),
        ((LONGEST[0] + "b",), False),
        (LONGEST * 2, True),
        ((*LONGEST, *LONGEST, "/workspace/" + "c" * 8), True),
        ((*LONGEST, *LONGEST, "/workspace/" + "c" * 9), False),
    ],
)
async def test_only_whole_paths_two_levels_deep_are_deleted(
    tmp_path: Path, paths: tuple[str, ...], *, fine: bool
) -> None:
    """In at most 512 characters; anything else is refused by the look, before a question."""
    act = DeleteDiskFiles(27_000_000, paths)
    if fine:
        assert act.command().startswith("rm -r -- ")
        assert len(act.command()) <= 512
        return
    async with World(tmp_path).account() as account:
        with pytest.raises(InputInvalid, match="paths"):
            await act.look(account)


@pytest.mark.parametrize("label", ["a vm1.b", "x" * 201, "a\nb"])
async def test_a_label_that_imitates_a_mark_is_refused_by_the_look(
    tmp_path: Path, label: str
) -> None:
    """Before a question that nobody could answer."""
    async with World(tmp_path).account() as account:
        with pytest.raises(InputInvalid, match="label"):
            await DeclaredAct(LABEL_INSTANCE, Relabelling(27_000_000, label)).look(account)


async def test_files_are_deleted_on_stopped_machines_only(tmp_path: Path) -> None:
    """The vendor deletes nowhere else: said before anybody is asked."""
    world = World(tmp_path)
    instance_id = await rented(world)
    async with world.account() as account:
        act = DeleteDiskFiles(instance_id, ("/workspace/a",))
        with pytest.raises(InputInvalid, match="not stopped"):
            await act.look(account)
        async with world.connect() as client:
            await world.call(client, "stop_instance", instance_id=instance_id)
        assert "/workspace/a?" in (await act.look(account)).question


async def test_a_machine_of_ours_whose_books_were_lost_is_extended_in_its_label(
    tmp_path: Path,
) -> None:
    """Its mark names its intent: the new end is written under it, where every layer reads it."""
    world = World(tmp_path)
    instance_id = await rented(world)
    before = world.simulator.world.instances[instance_id].label or ""
    lost = world.another_machine(tmp_path / "lost")
    (lost.tmp / "state").mkdir(parents=True)
    for key in (world.tmp / "state").glob("*.key"):
        (lost.tmp / "state" / key.name).write_bytes(key.read_bytes())
        (lost.tmp / "state" / key.name).chmod(0o600)
    async with lost.connect() as client:
        told = await lost.call(client, "extend_lease", instance_id=instance_id, hours=2)
    assert told["status"] == "extended"
    after = world.simulator.world.instances[instance_id].label or ""
    assert after != before
    assert after.split(".")[2] == before.split(".")[2]


@pytest.mark.parametrize(("given", "noted"), [("", KeyState.GIVEN), (KEY, KeyState.REFUSED)])
async def test_only_our_own_key_is_noted_as_given(
    tmp_path: Path, given: str, noted: KeyState
) -> None:
    """Somebody else's key lets us in no more than before."""
    world = World(tmp_path)
    instance_id = await rented(world)
    async with world.runtime() as runtime:

        def refuse(tx: Transaction) -> None:
            found = tx.rental_of("instance", instance_id)
            assert found is not None
            note_key(tx, found.intent_id, KeyState.REFUSED)

        await runtime.session.account.ledger.write(refuse)
        await carry(
            runtime.session.guard, DeclaredAct(ATTACH_SSH_KEY, KeyToAttach(instance_id, given))
        )
        found = await runtime.session.account.ledger.read(
            lambda tx: tx.rental_of("instance", instance_id)
        )
    assert found is not None
    assert found.facts.key is noted
