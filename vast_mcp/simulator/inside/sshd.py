"""The way in: a loopback SSH server per running machine, following the life of its contract.

Import this module only when machines shall be reachable: it brings `asyncssh`.
"""

import asyncio
import contextlib
import posixpath
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import asyncssh
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from vast_mcp.clock import Clock, SystemClock
from vast_mcp.simulator.contract import Contract
from vast_mcp.simulator.door import REFUSED_LINE, keys_in
from vast_mcp.simulator.inside.disk import Disk
from vast_mcp.simulator.inside.machine import Machine
from vast_mcp.simulator.inside.processes import Process
from vast_mcp.simulator.inside.python import PythonLimits
from vast_mcp.simulator.inside.session import Guest, converse
from vast_mcp.simulator.inside.sftp import DiskServer

if TYPE_CHECKING:
    from vast_mcp.simulator.simulator import Simulator

_SSH_PORT = "22/tcp"
_LOOK_AGAIN_S = 0.05
_OPEN = frozenset({"running", "stopping", "frozen"})


@dataclass(slots=True)
class Lodging:
    """One machine with its server, as far as they have followed the contract."""

    machine: Machine
    boots: int
    edition: int
    acceptor: asyncssh.SSHAcceptor | None = None
    guests: set[Guest] = field(default_factory=set)
    warned: bool = False
    entry: int = -1
    """The boot for which the entry point was started."""


class SshServers:
    """All machines of a simulator that can be entered. Made by `Simulator.ssh_servers`."""

    def __init__(
        self, simulator: "Simulator", clock: Clock, directory: Path, python: PythonLimits | None
    ) -> None:
        self._simulator = simulator
        self._clock = clock
        self._directory = directory
        self._python = python
        self._turn = asyncio.Lock()
        self._following: set[asyncio.Task[None]] = set()
        self._entries: set[asyncio.Task[None]] = set()
        self.lodgings: dict[int, Lodging] = {}

    def machine(self, instance_id: int) -> Machine:
        """The inside of an instance, for tests: its disk, its processes."""
        return self.lodgings[instance_id].machine

    async def follow(self) -> None:
        """Open, close, wipe and remove as the contracts ask; a cancelled caller breaks nothing."""
        task = asyncio.get_running_loop().create_task(self._follow())
        self._following.add(task)
        task.add_done_callback(self._following.discard)
        await asyncio.shield(task)

    async def _follow(self) -> None:
        async with self._turn:
            alive = self._simulator.world.instances
            for number in [x for x in self.lodgings if x not in alive]:
                await self._remove(number)
            for contract in list(alive.values()):
                if contract.order.runtype != "args":
                    await self._attend(contract)
                else:
                    await self._act_out(contract)
            self._shelve()

    def _shelve(self) -> None:
        """Each volume has a directory, also before a machine mounts it."""
        for volume in self._simulator.world.volumes.values():
            if volume.disk is None:
                root = self._directory / "volumes" / str(volume.id)
                root.mkdir(parents=True, exist_ok=True)
                volume.disk = Disk(root)
                for path, size in volume.files.items():
                    volume.disk.put(path, size)

    async def _attend(self, contract: Contract) -> None:
        lodging = self.lodgings.get(contract.id)
        if lodging is None:
            lodging = self._move_in(contract)
        if lodging.boots != contract.boots:
            lodging.boots, lodging.warned = contract.boots, False
            await self._close(lodging)
            await lodging.machine.processes.end_all()
        if lodging.edition != contract.editions:
            lodging.edition = contract.editions
            lodging.machine.disk.wipe()
        if contract.stage not in _OPEN:
            await self._close(lodging)
        elif lodging.acceptor is None:
            await self._open(lodging)
        if contract.stage == "stopping" and not lodging.warned:
            lodging.warned = True
            lodging.machine.processes.ask_all_to_end()
        contract.gpu_busy = lodging.machine.processes.busy()

    async def _act_out(self, contract: Contract) -> None:
        """Run the entry point of a machine in `args` mode, once for each start."""
        lodging = self.lodgings.get(contract.id)
        if lodging is not None and lodging.boots != contract.boots:
            lodging.boots = contract.boots
            await lodging.machine.processes.end_all()
        if contract.stage != "running" or (lodging and lodging.entry == contract.boots):
            return
        lodging = lodging or self._move_in(contract)
        lodging.entry = contract.boots
        if not lodging.machine.entry_point():
            return
        contract.executes, contract.due_us = True, None
        lodging.machine.boot()

        def say(text: str) -> None:
            contract.log += text

        entry = lodging.machine.run_entry_point(say)
        task = asyncio.get_running_loop().create_task(self._ended(contract, entry, contract.boots))
        self._entries.add(task)
        task.add_done_callback(self._entries.discard)

    async def _ended(self, contract: Contract, entry: Process, boot: int) -> None:
        """The container ends with its first process; its status is nowhere but in its output."""
        await entry.wait()
        alive = contract.id in self._simulator.world.instances
        if alive and contract.boots == boot and contract.stage == "running":
            self._simulator.catch_up()
            self._simulator.world.fleet.enter(contract, "ended", self._simulator.world.now_us)

    def _move_in(self, contract: Contract) -> Lodging:
        root = self._directory / str(contract.id)
        root.mkdir(mode=0o700)
        disk = Disk(root, self._mounts(contract))
        disk.prepare()
        for path, size in contract.files.items():
            disk.put(path, size)
        contract.disk = disk
        machine = Machine(contract, disk, self._clock, self._python)
        lodging = Lodging(machine, contract.boots, contract.editions)
        self.lodgings[contract.id] = lodging
        return lodging

    def _mounts(self, contract: Contract) -> dict[str, Path]:
        """Where volumes lie: `volume_info`, or `-v V.<id>:/path` in the environment."""
        info = contract.order.volume_info or {}
        named = [(info.get("volume_id"), info.get("mount_path"))]
        for name, _ in contract.order.env:
            if name.startswith("-v V."):
                number, _, path = name.removeprefix("-v V.").partition(":")
                named.append((number, path))
        volumes = self._directory / "volumes"
        return {
            inside: volumes / str(int(str(number)))
            for number, path in named
            if str(number).isascii() and str(number).isdigit()
            # `..` ends at the root, as it does inside a container.
            if (inside := posixpath.normpath(f"/{str(path or '').strip('/')}")) != "/"
        }

    async def _open(self, lodging: Lodging) -> None:
        contract = lodging.machine.contract
        seed = self._simulator.world.chance.hexadecimal(
            64, "host key", contract.id, contract.editions + contract.host_key_changes
        )
        lodging.acceptor = await asyncssh.listen(
            "127.0.0.1",
            0,
            server_factory=lambda: Guest(lodging.guests, self._admits(contract), contract.mapped),
            server_host_keys=[_host_key(seed)],
            process_factory=lambda process: converse(lodging.machine, process),
            sftp_factory=lambda channel: DiskServer(lodging.machine.disk, channel),
            allow_scp=True,
            encoding=None,
            line_editor=False,
            agent_forwarding=False,
            password_auth=False,
            kbdint_auth=False,
        )
        contract.mapped[_SSH_PORT] = lodging.acceptor.get_port()
        lodging.machine.boot()

    def _admits(self, contract: Contract) -> Callable[[asyncssh.SSHKey], bool]:
        def admits(key: asyncssh.SSHKey) -> bool:
            self._simulator.catch_up()
            now_us, script = self._simulator.world.now_us, contract.order.onstart
            arrivals = list(contract.keys_usable_us.values())
            if contract.door.refuses(script, contract.running_since_us or 0, arrivals, now_us):
                contract.log += f"{REFUSED_LINE}\n"
                return False
            usable = [
                str(known["public_key"])
                for known in contract.keys
                if contract.keys_usable_us.get(known["id"], 0) <= now_us
            ]
            return any(_same_key(text, key) for text in (*usable, *keys_in(script)))

        return admits

    async def _close(self, lodging: Lodging) -> None:
        acceptor, lodging.acceptor = lodging.acceptor, None
        if acceptor is None:
            return
        lodging.machine.contract.mapped.pop(_SSH_PORT, None)
        acceptor.close()
        for guest in list(lodging.guests):
            guest.leave()
        await acceptor.wait_closed()

    async def _remove(self, number: int) -> None:
        lodging = self.lodgings.pop(number)
        await self._close(lodging)
        await lodging.machine.processes.end_all()
        lodging.machine.contract.disk = None
        shutil.rmtree(lodging.machine.disk.root, ignore_errors=True)

    async def close(self) -> None:
        """Close everything and remove every directory."""
        for task in list(self._following):
            await task
        async with self._turn:
            for number in list(self.lodgings):
                await self._remove(number)
            for volume in self._simulator.world.volumes.values():
                volume.disk = None


def _same_key(text: str, key: asyncssh.SSHKey) -> bool:
    with contextlib.suppress(asyncssh.KeyImportError, ValueError):
        return asyncssh.import_public_key(text).public_data == key.public_data
    return False


def _host_key(seed: str) -> asyncssh.SSHKey:
    """An Ed25519 key out of 32 bytes: the same machine of the same seed has the same key."""
    private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed))
    text = private.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    return asyncssh.import_private_key(text)


@asynccontextmanager
async def open_ssh_servers(
    simulator: "Simulator", clock: Clock, python: PythonLimits | None
) -> AsyncIterator[SshServers]:
    """Machines can be entered as long as this is open.

    They are looked after at each request, and twenty times a second between requests.
    """
    directory = Path(tempfile.mkdtemp(prefix="vast-mcp-machines-"))
    servers = SshServers(simulator, clock, directory, python)
    real = SystemClock()

    async def watch() -> None:
        while True:
            simulator.catch_up()
            await servers.follow()
            await real.sleep(_LOOK_AGAIN_S)

    attend: Callable[[], Awaitable[None]] = servers.follow
    simulator.attendants.append(attend)
    watching = asyncio.get_running_loop().create_task(watch())
    try:
        yield servers
    finally:
        simulator.attendants.remove(attend)
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching
        await servers.close()
        shutil.rmtree(directory, ignore_errors=True)
