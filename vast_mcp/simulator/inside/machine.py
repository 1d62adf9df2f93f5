"""One machine from inside: its disk, its processes, what it knows of itself."""

import contextlib
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import anyio.lowlevel

from vast_mcp.clock import Clock
from vast_mcp.simulator.contract import Contract, asked_ports
from vast_mcp.simulator.door import KEY_FILE, NO_TMUX, keys_in
from vast_mcp.simulator.inside.commands import COMMANDS
from vast_mcp.simulator.inside.disk import HOME, Disk
from vast_mcp.simulator.inside.processes import Process, Processes
from vast_mcp.simulator.inside.python import PythonLimits
from vast_mcp.simulator.inside.shell import Shell
from vast_mcp.simulator.inside.streams import File, Memory, Nothing, Streams, Told

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(slots=True)
class Machine:
    """The inside of one rental. `python` None: programs are not run."""

    contract: Contract
    disk: Disk
    clock: Clock
    python: PythonLimits | None = None
    processes: Processes = field(default_factory=Processes)

    def boot(self) -> None:
        """What the container start does that anything can see later."""
        self.disk.prepare()
        self._open_door()
        lines = "".join(f'{name}="{value}"\n' for name, value in self.own_environment().items())
        kept = "/etc/environment" in (self.contract.order.onstart or "")
        names = f"C.{self.contract.id}\n"
        for path, text in (("/etc/environment", lines if kept else ""), ("/etc/hostname", names)):
            with contextlib.suppress(OSError):  # a program put something else there: it stays
                self.disk.write(path, text)

    def _open_door(self) -> None:
        """The key file as the vendor writes it, and what the start script does about logins."""
        door, onstart = self.contract.door, self.contract.order.onstart or ""
        file = self.disk.locate(KEY_FILE)
        if door.key_file_written and not file.exists():
            door.spoils_key_file = False  # written new, with the right owner
        door.key_file_written = True
        keys = [str(key["public_key"]) for key in self.contract.keys] + keys_in(onstart)
        file.write_text("".join(f"{key}\n" for key in keys))
        if NO_TMUX.rpartition("/")[2] in onstart:
            self.disk.locate(NO_TMUX).touch()

    def own_environment(self) -> dict[str, str]:
        """What the container's first process has, and an SSH session has not.

        A value with `;` is stored and shown, and never arrives here (the vendor's own record).
        """
        contract = self.contract
        ports: dict[str, str] = {}
        for name, number in asked_ports(contract).items():
            inside, _, kind = name.partition("/")
            ports[f"VAST_{kind.upper()}_PORT_{inside}"] = str(number)
        given = {
            name: value
            for name, value in contract.order.env
            if not name.startswith("-") and ";" not in value
        }
        return {
            "CONTAINER_ID": str(contract.id),
            "CONTAINER_API_KEY": contract.api_key,
            "VAST_CONTAINERLABEL": f"C.{contract.id}",
            "GPU_COUNT": str(contract.listing.machine.num_gpus),
            "DATA_DIRECTORY": "/workspace/",
            "PUBLIC_IPADDR": contract.listing.machine.ip,
            **ports,
            **given,
        }

    def login_environment(self) -> dict[str, str]:
        """What an SSH session starts with."""
        written: dict[str, str] = {}
        path = self.disk.locate("/etc/environment")
        if path.is_file():
            for line in path.read_text("utf-8", "replace").splitlines():
                name, found, value = line.partition("=")
                if found and name.isidentifier():
                    written[name] = value.strip('"')
        own = {"HOME": HOME, "USER": "root", "LOGNAME": "root", "SHELL": "/bin/bash"}
        return {**written, **own, "PATH": _PATH}

    def execute(self, text: str, streams: Streams) -> Process:
        """Start a command line as a login of its own; the process carries its status."""
        environment = self.login_environment()

        async def act(process: Process) -> int:
            return await self._shell(process, environment).run(text, streams)

        return self.processes.start(act, text)

    def _shell(self, process: Process, environment: Mapping[str, str]) -> Shell:
        """A shell of a session of its own, with these variables, all of them exported."""
        return Shell(
            self,
            process,
            COMMANDS,
            variables=dict(environment),
            exported=set(environment),
            session=process.pid,
        )

    def entry_point(self) -> list[str]:
        """What `args` mode runs, as far as it can be acted out: empty for an image's own one.

        There the start script is the entry point, and the arguments follow it.
        """
        order = self.contract.order
        try:
            words = [*shlex.split(order.onstart or ""), *order.args]
        except ValueError:
            return []
        return words if words and words[0].rpartition("/")[2] in COMMANDS else []

    def run_entry_point(self, say: Callable[[str], None]) -> Process:
        """Start it with what the container's first process has; its output goes to `say`."""
        words = self.entry_point()
        environment = {**self.login_environment(), **self.own_environment()}
        streams = Streams(Nothing(), Told(say), Told(say))

        async def act(process: Process) -> int:
            return await self._shell(process, environment).call(
                [words[0].rpartition("/")[2], *words[1:]], streams
            )

        return self.processes.start(act, shlex.join(words))

    def is_session(self, streams: Streams) -> bool:
        """Whether any output of these goes to whoever is connected."""
        return any(not isinstance(x, File | Memory | Nothing) for x in (streams.out, streams.err))

    async def breathe(self) -> None:
        """Let others run, and a signal arrive, between two rounds of a loop."""
        await anyio.lowlevel.checkpoint()
