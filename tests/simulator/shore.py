"""A simulator whose machines can be entered, and a client that enters them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncssh

from tests.simulator.console import Console, console
from vast_mcp.simulator.inside.sshd import SshServers

KEY = asyncssh.generate_private_key("ssh-ed25519")
PUBLIC = KEY.export_public_key("openssh").decode().strip()


class Shore:
    """The console, the machines, and one machine that runs with our key in it."""

    def __init__(self, vendor: Console, servers: SshServers) -> None:
        self.vendor = vendor
        self.servers = servers
        self.instance_id = 0

    async def address(self) -> tuple[str, int]:
        """Where SSH is, as the vendor shows it."""
        shown = await self.vendor.show(self.instance_id)
        return shown["public_ipaddr"].strip(), int(shown["ports"]["22/tcp"][0]["HostPort"])

    @asynccontextmanager
    async def entered(self, **options: Any) -> AsyncIterator[asyncssh.SSHClientConnection]:  # noqa: ANN401
        """A connection as root; any host key is taken."""
        host, port = await self.address()
        given = {"username": "root", "client_keys": [KEY], "known_hosts": None, **options}
        given |= {"config": None, "agent_path": None}
        async with asyncssh.connect(host, port, **given) as connection:
            yield connection

    async def run(self, text: str, **options: Any) -> tuple[int, str]:  # noqa: ANN401
        """Exit status and both outputs together."""
        async with self.entered() as connection:
            done = await asyncio.wait_for(
                connection.run(f"( {text}\n) 2>&1", check=False, **options), 20
            )
        return done.exit_status or 0, str(done.stdout)

    async def set_state(self, state: str, seconds: float = 60) -> None:
        """Stop or start it, and wait."""
        await self.vendor.call("PUT", f"instances/{self.instance_id}/", json={"state": state})
        self.vendor.clock.move(seconds)


@asynccontextmanager
async def shore(*, run_python: bool = False, **body: Any) -> AsyncIterator[Shore]:  # noqa: ANN401
    """A running machine, rented with our key in the account."""
    async with console() as vendor, vendor.simulator.ssh_servers(run_python=run_python) as servers:
        await vendor.call("POST", "ssh/", json={"ssh_key": PUBLIC})
        held = Shore(vendor, servers)
        offer = await vendor.cheapest(direct_port_count={"gte": 4})
        given = {"offer": offer, "runtype": "ssh_direc ssh_proxy", **body}
        held.instance_id = await vendor.running(**given)
        yield held
