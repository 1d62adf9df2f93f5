import asyncio
import os
import subprocess
import sys
from pathlib import Path

import asyncssh
import pytest

from tests.simulator.console import console
from tests.simulator.shore import PUBLIC, shore


async def test_a_client_enters_by_the_address_the_vendor_shows() -> None:
    """Direct and proxy address are the same loopback server."""
    async with shore() as sea:
        shown = await sea.vendor.show(sea.instance_id)
        status, text = await sea.run("hostname; pwd; whoami")

        assert (status, text) == (0, f"C.{sea.instance_id}\n/root\nroot\n")
        assert (shown["ssh_host"], shown["ssh_port"]) == await sea.address()
        assert (await sea.address())[0] == "127.0.0.1"


async def test_a_machine_whose_door_is_shut_shows_no_address_outside_of_this_host() -> None:
    """No public name is looked up for a simulated machine, also just before its door opens."""
    async with shore() as sea:
        sea.servers.machine(sea.instance_id).contract.mapped.clear()
        unready = await sea.vendor.show(sea.instance_id)
        await sea.set_state("stopped")
        stopped = await sea.vendor.show(sea.instance_id)

    assert unready["actual_status"] == "running"
    for shown in (unready, stopped):
        assert (shown["ssh_host"], shown["ssh_port"]) == (None, None)
        assert shown["public_ipaddr"].strip() == "127.0.0.1"
        assert "22/tcp" not in (shown["ports"] or {})


async def test_the_proxy_port_is_one_less_where_jupyter_is() -> None:
    """Clients add 1 (docs/vendor-api.md#ssh)."""
    async with shore(runtype="jupyter_direc ssh_direc ssh_proxy") as sea:
        shown = await sea.vendor.show(sea.instance_id)

        assert shown["ssh_port"] + 1 == (await sea.address())[1]


async def test_an_attached_key_takes_ten_to_fifteen_seconds() -> None:
    """After ten to fifteen seconds of the simulator's clock; a detached one is refused at once."""
    other = asyncssh.generate_private_key("ssh-ed25519")
    text = other.export_public_key("openssh").decode()
    async with shore() as sea:
        path = f"instances/{sea.instance_id}/ssh/"
        key = (await sea.vendor.call("POST", path, json={"ssh_key": text})).json()["key"]
        sea.vendor.clock.move(9.9)
        with pytest.raises(asyncssh.PermissionDenied):
            async with sea.entered(client_keys=[other]):
                pass
        sea.vendor.clock.move(5.2)
        async with sea.entered(client_keys=[other]) as connection:
            assert (await connection.run("true")).exit_status == 0
        await sea.vendor.call("DELETE", f"{path}{key['id']}/")
        with pytest.raises(asyncssh.PermissionDenied):
            async with sea.entered(client_keys=[other]):
                pass


async def test_only_root_enters_and_only_with_a_key() -> None:
    """A password prompt means the key is not attached (docs/vendor-api.md#ssh)."""
    async with shore() as sea:
        with pytest.raises(asyncssh.PermissionDenied):
            async with sea.entered(username="ubuntu"):
                pass
        with pytest.raises(asyncssh.PermissionDenied):
            async with sea.entered(client_keys=[], password="x"):
                pass


async def test_files_go_both_ways(tmp_path: Path) -> None:
    """SFTP put and get, directories, sizes."""
    data = bytes(range(256)) * 3000
    (tmp_path / "a.bin").write_bytes(data)
    async with shore() as sea, sea.entered() as connection:
        async with connection.start_sftp_client() as sftp:
            await sftp.mkdir("/workspace/in")
            await sftp.put(tmp_path / "a.bin", "/workspace/in/a.bin")
            await sftp.get("/workspace/in/a.bin", tmp_path / "back.bin")
            names = [str(x) for x in await sftp.listdir("/workspace/in")]
            await sftp.rename("/workspace/in/a.bin", "/workspace/b.bin")

            assert sorted(names) == [".", "..", "a.bin"] or names == ["a.bin"]
            assert (await sftp.stat("/workspace/b.bin")).size == len(data)
            assert await sftp.realpath(".") == "/root"
        disk = sea.servers.machine(sea.instance_id).disk
        assert (disk.root / "workspace" / "b.bin").read_bytes() == data
    assert (tmp_path / "back.bin").read_bytes() == data


async def test_nothing_leads_out_of_the_disk(tmp_path: Path) -> None:
    """Dots, absolute links, links to links: all stay below the private directory."""
    secret = tmp_path / "secret"
    secret.write_text("host", encoding="utf-8")
    up = "/".join([".."] * 30)
    async with shore() as sea, sea.entered() as connection, connection.start_sftp_client() as sftp:
        await sftp.symlink(str(tmp_path), "/workspace/out")
        await sftp.symlink(f"{up}{tmp_path}", "/workspace/dots")
        await sftp.symlink("/workspace/loop", "/workspace/loop")
        for path in (f"{up}{secret}", "/workspace/out/secret", "/workspace/dots/secret"):
            with pytest.raises(asyncssh.SFTPError):
                await sftp.open(path, "r")
            status, text = await sea.run(f"cat {path}; cp {path} /workspace/x")
            assert (status, "host" in text) == (1, False)
        with pytest.raises(asyncssh.SFTPError):
            await sftp.open("/workspace/loop", "r")
        with pytest.raises(asyncssh.SFTPError):
            await sftp.open("/workspace/out/new", "w")
        assert await sftp.readlink("/workspace/out") == str(tmp_path)
    assert os.listdir(tmp_path) == ["secret"]  # noqa: PTH208  pathlib would be an error here


async def test_a_stop_keeps_files_and_ends_processes() -> None:
    """Server closed, processes ended, files and host key kept; a start opens it again."""
    async with shore() as sea:
        await sea.run("echo kept > /workspace/f; sleep 100000 > /dev/null 2>&1 &")
        async with sea.entered() as connection:
            key = connection.get_server_host_key().public_data  # type: ignore[union-attr]
        host, port = await sea.address()
        await sea.set_state("stopped")
        assert (await sea.vendor.show(sea.instance_id))["ports"] is None
        with pytest.raises(OSError):  # noqa: PT011  which one, the system decides
            await asyncio.open_connection(host, port)
        assert sea.servers.machine(sea.instance_id).processes.living() == []
        await sea.set_state("running")
        async with sea.entered() as connection:
            again = connection.get_server_host_key().public_data  # type: ignore[union-attr]

        assert await sea.run("cat /workspace/f") == (0, "kept\n")
        assert again == key


async def test_the_vendors_disk_commands_see_the_same_files() -> None:
    """`execute` on a stopped machine (docs/vendor-api.md#logs-and-commands)."""
    async with shore() as sea:
        await sea.run("mkdir -p /workspace/d && echo 12345 > /workspace/d/a.txt")
        await sea.set_state("stopped")
        path = f"instances/command/{sea.instance_id}/"
        for text in ("ls -l /workspace/d", "rm -r /workspace/d/a.txt", "rm /workspace/none"):
            await sea.vendor.call("PUT", path, json={"command": text})
        said = [result.text for result in sea.vendor.simulator.world.results.values()]

        assert "-rw-r--r-- 1 root 6 a.txt" in said[0]
        assert (said[1], "No such file" in said[2]) == ("", True)
        assert (
            list(sea.servers.machine(sea.instance_id).disk.locate("/workspace/d").iterdir()) == []
        )


async def test_a_recycle_keeps_volumes_only_and_changes_the_host_key() -> None:
    """A fresh container (docs/vendor-api.md#instance-operations)."""
    async with shore(env={"-v V.77:/data": "1"}) as sea:
        await sea.run("echo a > /data/a; echo b > /workspace/b")
        async with sea.entered() as connection:
            key = connection.get_server_host_key().public_data  # type: ignore[union-attr]
        await sea.vendor.call("PUT", f"instances/recycle/{sea.instance_id}/", json={})
        sea.vendor.clock.move(600)
        async with sea.entered() as connection:
            again = connection.get_server_host_key().public_data  # type: ignore[union-attr]

        assert await sea.run("ls /data /workspace") == (0, "/data:\na\n/workspace:\n")
        assert again != key


async def test_a_destroy_removes_the_directory() -> None:
    """Gone with its data, and the connections of others with it."""
    async with shore() as sea:
        root = sea.servers.machine(sea.instance_id).disk.root
        async with sea.entered() as connection:
            await sea.vendor.call("DELETE", f"instances/{sea.instance_id}/")
            await asyncio.wait_for(connection.wait_closed(), 5)

        assert not root.exists()


async def test_a_changed_host_key_shows_after_the_next_start() -> None:
    """For clients that have to refuse it."""
    async with shore() as sea:
        async with sea.entered() as connection:
            key = connection.get_server_host_key()
        sea.vendor.simulator.change_host_key(sea.instance_id)
        await sea.set_state("stopped")
        await sea.set_state("running")
        host, port = await sea.address()
        text = key.export_public_key().decode()  # type: ignore[union-attr]
        known = asyncssh.import_known_hosts(f"[{host}]:{port} {text}")
        with pytest.raises(asyncssh.HostKeyNotVerifiable):
            async with sea.entered(known_hosts=known):
                pass


async def test_a_mapped_port_is_shown_and_forwarded() -> None:
    """`-L` reaches what the lever names, and nothing else of this host."""

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    real = server.sockets[0].getsockname()[1]
    async with server, shore(env={"-p 8000:8000": "1"}) as sea, sea.entered() as connection:
        sea.vendor.simulator.map_port(sea.instance_id, 8000, real)
        reader, writer = await connection.open_connection("127.0.0.1", 8000)
        shown = (await sea.vendor.show(sea.instance_id))["ports"]["8000/tcp"]

        assert await reader.read() == b"hello"
        assert shown[0]["HostPort"] == str(real)
        with pytest.raises(asyncssh.ChannelOpenError):
            await connection.open_connection("127.0.0.1", real)
        writer.close()


async def test_a_machine_without_ssh_has_no_server() -> None:
    """Run type `args`."""
    async with console() as vendor, vendor.simulator.ssh_servers():
        await vendor.call("POST", "ssh/", json={"ssh_key": PUBLIC})
        number = await vendor.running(runtype="args")

        assert (await vendor.show(number))["public_ipaddr"] != "127.0.0.1\n"


def test_the_simulator_is_imported_without_ssh() -> None:
    """Whoever needs no SSH does not pay for it."""
    code = "import sys, vast_mcp.simulator; print('asyncssh' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "False\n"
