"""`vast-mcp open ID`: a machine's jupyter or portal page in the person's browser, signed in.

The link holds a token, so it goes to a person at a terminal only: no tool ever has it.
"""

import argparse
import webbrowser
from collections.abc import Callable
from urllib.parse import quote

import anyio
import httpx2

from vast_mcp import __version__
from vast_mcp.api.connection import Connection, network_transport
from vast_mcp.api.keyring import KeyRing
from vast_mcp.api.reads import Reads
from vast_mcp.api.tokens import page_token
from vast_mcp.cli.account import settings_of
from vast_mcp.cli.by_hand import at_a_terminal, no_instance
from vast_mcp.cli.codes import Exit
from vast_mcp.cli.places import add_place_arguments
from vast_mcp.clock import Clock, SystemClock
from vast_mcp.config import Settings
from vast_mcp.errors import VastMcpError
from vast_mcp.models import Instance
from vast_mcp.models.pages import page_port
from vast_mcp.rate_limit.pace import SharedPace
from vast_mcp.remote.address import port_urls


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which machine, and whether its link is only printed."""
    parser.add_argument("instance_id", metavar="ID", type=int, help="as `vast-mcp leases` shows it")
    parser.add_argument("--print", action="store_true", help="print the link; it contains a token")
    add_place_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Open it, or print it."""
    if not at_a_terminal("open"):
        return Exit.FAILED
    show = print if args.print else webbrowser.open
    return anyio.run(opened_page, settings_of(args), args.instance_id, show, network_transport())


async def opened_page(
    settings: Settings,
    instance_id: int,
    show: Callable[[str], object],
    transport: httpx2.AsyncBaseTransport,
    clock: Clock | None = None,
) -> int:
    """Read the machine and its token, and hand the link to `show`."""
    clock = clock or SystemClock()
    connection = Connection(
        api_key=KeyRing.among(settings.find_keys),
        transport=transport,
        clock=clock,
        api_base=settings.api_base,
        serverless_base=settings.serverless_base,
        user_agent=f"vast-mcp/{__version__}",
        pace=SharedPace(None, clock.vendor()),
    )
    async with connection:
        look = await Reads(connection).look(instance_id)
        instance = look.instance
        if instance is None:
            raise look.trouble or no_instance(instance_id)
        link = page_of(instance, await page_token(connection, instance_id))
    if show(link) is False:
        print("No browser could be opened here; --print shows the link.")
        return Exit.FAILED
    return Exit.FINE


def page_of(instance: Instance, token: str) -> str:
    """The address of its page, signed in.

    Raises:
        VastMcpError: it has no open page.
    """
    inside = page_port(instance)
    urls = {found.inside: found.url for found in port_urls(instance) if "udp:" not in found.url}
    if inside is None or inside not in urls:
        raise VastMcpError(
            f"Instance {instance.instance_id} has no jupyter or portal page now.",
            hint='Rent with connect="jupyter", or reach another port with forward_port.',
        )
    url = urls[inside]
    return f"{url}/?token={quote(token, safe='')}" if token else url
