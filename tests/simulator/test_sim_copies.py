"""Copies between the vendor's machines, on the wire and in the machines' own directories.

See docs/vendor-api.md#copying.
"""

import os
from pathlib import Path
from typing import Any

import pytest

from tests.simulator.console import Console, console

_PATH = "commands/copy_direct/"


async def _copy(vendor: Console, source: str, target: str, **more: Any) -> Any:  # noqa: ANN401  JSON
    """Ask as the official client does; the reply."""
    src_id, _, src_path = source.partition(":")
    dst_id, _, dst_path = target.partition(":")
    body = {"client_id": "me", "src_id": src_id, "dst_id": dst_id, "src_path": src_path}
    return await vendor.call("PUT", _PATH, json={**body, "dst_path": dst_path, **more})


async def _volume(vendor: Console, size: int = 20) -> int:
    """A volume somewhere; its id."""
    offers = (await vendor.call("POST", "volumes/search/", json={})).json()["offers"]
    body = {"id": offers[0]["id"], "size": size}
    rented = await vendor.call("PUT", "volumes/", json=body)
    return int(rented.json()["volume_name"].removeprefix("V."))


def _put(disk: Path, name: str, content: bytes) -> None:
    where = disk / name
    where.parent.mkdir(parents=True, exist_ok=True)
    where.write_bytes(content)


async def test_a_copy_begins_late_tells_its_share_and_never_its_end() -> None:
    """The reply, the half minute, progress in `status_msg` only; both sides pay."""
    async with console() as vendor:
        one, two = await vendor.running(), await vendor.running()
        vendor.simulator.put_file(one, "/workspace/a/x.bin", 3_000_000_000)
        vendor.simulator.put_file(one, "/workspace/a/y.bin", 5_000_000_000)
        before = (await vendor.show(two))["status_msg"]
        reply = await _copy(vendor, f"C.{one}:/workspace/a", f"{two}:/workspace/b/")
        files = vendor.simulator.world.instances[two].files
        seen: list[str] = []
        for _ in range(10_000):
            vendor.clock.move(10)
            text = (await vendor.show(two))["status_msg"]
            seen.append(text)
            if "/workspace/b/a/y.bin" in files:
                break
    assert reply.json() == {
        "success": True,
        "msg": "Remote to Remote copy initiated - check instance status bar for progress updates"
        " (~30 seconds delayed).",
    }
    assert seen[:2] == [before, before]
    assert any(text.startswith("Copying ") for text in seen)
    assert seen[-1] == before
    assert files == {"/workspace/b/a/x.bin": 3_000_000_000, "/workspace/b/a/y.bin": 5_000_000_000}
    assert vendor.simulator.books.spent_by(one)["traffic"] > 0.01


async def test_a_slash_at_the_end_means_the_content_and_a_file_takes_the_new_name() -> None:
    """The operation is `initiateRemoteRsync` (vendor's OpenAPI file): rsync's reading of paths."""
    async with console() as vendor:
        one, two = await vendor.running(), await vendor.running()
        vendor.simulator.put_file(one, "/w/a/x", 10)
        for source, target in (
            ("/w/a/", "/c"), ("/w/a", "/d"), ("/w/a/x", "/e"), ("/w/a/x", "/f/"),
        ):  # fmt: skip
            await _copy(vendor, f"C.{one}:{source}", f"C.{two}:{target}")
        vendor.clock.move(120)
        await vendor.show(two)
        found = sorted(vendor.simulator.world.instances[two].files)
    assert found == ["/c/x", "/d/a/x", "/e", "/f/x"]


@pytest.mark.parametrize(
    ("source", "target", "more", "status", "error"),
    [
        ("C.1:/a", "C.{id}:/b", {}, 404, "no_such_user"),
        ("C.{id}:/a", "C.1:/b", {}, 404, "no_such_user"),
        ("V.1:/a", "C.{id}:/b", {}, 404, "no_such_user"),
        ("X.{id}:/a", "C.{id}:/b", {}, 404, "no_such_user"),
        ("C.{id}:/a", "C.{id}:/b", {"src_path": None}, 400, "invalid_args"),
        ("C.{id}:/a", "C.{id}:/b", {"dst_path": ""}, 400, "invalid_args"),
    ],
)
async def test_what_cannot_be_copied_is_refused_in_the_vendors_words(
    source: str, target: str, more: dict[str, Any], status: int, error: str
) -> None:
    """Vendor's OpenAPI file, `initiateRemoteRsync`: 400 `invalid_args`, 404 `no_such_user`."""
    async with console() as vendor:
        one = await vendor.running()
        answer = await _copy(vendor, source.format(id=one), target.format(id=one), **more)
    assert (answer.status_code, answer.json()["error"]) == (status, error)


async def test_a_cancelled_copy_leaves_what_is_whole() -> None:
    """Cancelled by destination; success also without one under way."""
    async with console() as vendor:
        one, two = await vendor.running(), await vendor.running()
        for number in range(10):
            vendor.simulator.put_file(one, f"/w/{number}", 2_000_000_000)
        await _copy(vendor, f"C.{one}:/w/", f"C.{two}:/w/")
        files = vendor.simulator.world.instances[two].files
        while not files:
            vendor.clock.move(10)
            await vendor.show(two)
        cancelled = await vendor.call("DELETE", _PATH, json={"client_id": "me", "dst_id": f"{two}"})
        there = len(files)
        vendor.clock.move(100_000)
        shown = await vendor.show(two)
        again = await vendor.call("DELETE", _PATH, json={"dst_id": f"C.{two}"})
        unknown = await vendor.call("DELETE", _PATH, json={"dst_id": "C.5"})
        empty = await vendor.call("DELETE", _PATH, json={})
    assert cancelled.json() == again.json() == {"success": True}
    assert 0 < there == len(files) < 10
    assert not shown["status_msg"].startswith("Copying")
    assert (unknown.status_code, empty.status_code) == (404, 400)


async def test_a_silent_host_does_not_copy_and_a_destroyed_one_never_will() -> None:
    """Nothing is moved that no host can move."""
    async with console() as vendor:
        one, two, three = [await vendor.running() for _ in range(3)]
        vendor.simulator.put_file(one, "/w/a", 10)
        vendor.simulator.take_offline(two)
        await _copy(vendor, f"C.{one}:/w/a", f"C.{two}:/w/b")
        await _copy(vendor, f"C.{one}:/w/a", f"C.{three}:/w/b")
        await vendor.call("DELETE", f"instances/{three}/", json={})
        vendor.clock.move(600)
        await vendor.show(two)
        world = vendor.simulator.world
        assert world.instances[two].files == {}
        assert len(world.copies.running) == 1
        assert world.contract_ever(three).files == {}  # type: ignore[union-attr]  # it was there


async def test_bytes_really_move_between_machines_and_volumes(tmp_path: Path) -> None:
    """With SSH on, files lie in private directories; stopped machines take part."""
    async with console() as vendor, vendor.simulator.ssh_servers() as servers:
        one, two = await vendor.running(), await vendor.running()
        volume = await _volume(vendor)
        data = os.urandom(100_000)
        disk = servers.machine(one).disk
        _put(disk.root, "workspace/a/deep/x", data)
        (disk.root / "workspace/a/link").symlink_to("/etc/passwd")
        secret = tmp_path / "secret"
        secret.write_text("of the host")
        (disk.root / "workspace/a/out").symlink_to(secret)
        _put(servers.machine(two).disk.root, "workspace/keep", b"k")
        (servers.machine(two).disk.root / "workspace/trap").symlink_to(tmp_path)
        await vendor.call("PUT", f"instances/{two}/", json={"state": "stopped"})
        vendor.clock.move(60)
        await _copy(vendor, f"C.{one}:/workspace/a", f"C.{two}:/workspace/b/")
        await _copy(vendor, f"C.{one}:/workspace/a/", f"C.{two}:/workspace/trap/")
        await _copy(vendor, f"C.{one}:/workspace/a/", f"V.{volume}:/data")
        vendor.clock.move(120)
        await vendor.show(two)
        await _copy(vendor, f"V.{volume}:/data/deep/x", f"C.{two}:/workspace/y")
        vendor.clock.move(120)
        await vendor.show(two)
        there = servers.machine(two).disk.root / "workspace"
        assert (there / "b/a/deep/x").read_bytes() == data
        assert (there / "y").read_bytes() == data
        assert (there / "keep").read_bytes() == b"k"
        assert (there / "b/a/link").is_symlink()
        assert (there / "b/a/out").is_symlink()
    assert os.listdir(tmp_path) == ["secret"]  # noqa: PTH208


async def test_a_copy_onto_root_locks_everybody_out() -> None:
    """`/` and `/root` break the machine's SSH."""
    async with console() as vendor:
        one, two = await vendor.running(), await vendor.running()
        key = {"id": 7, "public_key": "ssh-ed25519 AAAA"}
        vendor.simulator.world.instances[two].keys.append(key)
        vendor.simulator.put_file(one, "/w/a", 10)
        await _copy(vendor, f"C.{one}:/w/", f"C.{two}:/root")
        vendor.clock.move(120)
        await vendor.show(two)
        usable_us = vendor.simulator.world.instances[two].keys_usable_us[7]
        assert usable_us > vendor.clock.utc_us()
