"""Fetching what a host uploaded: the text of a log or of a command's output.

The file lies on a storage host, is named by the vendor's reply, and is fetched without the key:
https on a known host only (or where the API itself is: its own host, loopback), no redirects,
a size cap.

See docs/vendor-api.md#logs-and-commands.
"""

import ipaddress
import re
from collections.abc import Sequence
from contextlib import AsyncExitStack
from itertools import cycle

import httpx2

from vast_mcp.api._fields import Row, unreadable
from vast_mcp.api.connection import Connection, Download
from vast_mcp.api.retry import Deadline
from vast_mcp.api.transport import origin
from vast_mcp.errors import VendorDown, VendorUnreadable
from vast_mcp.text import Untrusted, clean

DOWNLOAD_LIMIT = 2_000_000
"""Bytes kept of a file: its end."""
SHOWN_LIMIT = 120_000
"""Characters handed on: the end of what was kept."""
PATIENCE_S = 12.0
"""How long the host's upload is waited for; the official client gives up after 9 s."""
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.3, 2.0
_TRY_TIMEOUT_S = 10.0
_NO_TIME_S = 0.001
_NOT_YET = frozenset({403, 404, 408, 429})
"""What a storage says of a file that is not there yet."""
_ADDRESSES = ("temp_download_url", "result_url")
_HOSTS = re.compile(
    r"(?:[a-z0-9.-]+\.)?s3(?:[.-][a-z0-9-]+)?\.amazonaws\.com|(?:[a-z0-9-]+\.)*vast\.ai"
)


async def fetch_result(connection: Connection, answer: Row, deadline: Deadline) -> Untrusted:
    """The text behind a reply's file; without one the reply's own words.

    A reply can name two addresses of one file: `temp_download_url` is signed, while `result_url`
    is not and can stay refused for ever (reported by two operators, 2026-09; others read it). They
    are tried in turn, the signed one first. The host's own path prefix (`writeable_path`) is taken
    out, as the official client does.

    Raises:
        VendorUnreadable: the address is not one that is fetched, or the file was refused.
        VendorDown: the host has not uploaded it in time.
    """
    named = [url for name in _ADDRESSES if (url := answer.get(name)) not in (None, "")]
    if not named:
        return clean(answer.get("msg") or "", SHOWN_LIMIT)
    addresses = dict.fromkeys(_checked(url, connection.api_base) for url in named)
    async with AsyncExitStack() as opened:
        downloads = [
            await opened.enter_async_context(connection.download(address)) for address in addresses
        ]
        body = await _wait_for(downloads, connection, deadline)
    text = body.decode("utf-8", errors="replace")[-SHOWN_LIMIT:]
    prefix = answer.get("writeable_path")
    if isinstance(prefix, str) and len(prefix) > 1:
        text = text.replace(prefix, "")
    return clean(connection.scrub(text), SHOWN_LIMIT)


async def _wait_for(
    downloads: Sequence[Download], connection: Connection, deadline: Deadline
) -> bytes:
    patience = Deadline(connection.clock, min(PATIENCE_S, deadline.left_s))
    wait_s, told = _FIRST_WAIT_S, set[int]()
    for download in cycle(downloads):
        await connection.clock.sleep(min(wait_s, max(0.0, patience.left_s)))
        left_s = max(1.0, min(_TRY_TIMEOUT_S, patience.left_s))
        reply = await download.fetch(timeout_s=left_s, limit=DOWNLOAD_LIMIT)
        if reply is not None and reply.status == 200:
            return reply.body
        told.add(0 if reply is None else reply.status)
        if reply is not None and reply.status < 500 and reply.status not in _NOT_YET:
            raise VendorUnreadable(
                f"The result file was refused with {reply.status}.", status=reply.status
            )
        if patience.left_s <= _NO_TIME_S:
            break
        wait_s = min(_LONGEST_WAIT_S, wait_s * 1.5)
    raise _not_there(told)


def _not_there(told: set[int]) -> VendorDown:
    """Why there is no file: a storage that only ever said 403 may go on doing so."""
    if told == {403}:
        return VendorDown(
            "The storage refuses the result file (403): the host has not uploaded it yet, or the"
            " file cannot be read without a login.",
            hint="Ask again in a minute; if it is still refused, run_command reads the log on a"
            " running machine.",
            status=403,
        )
    return VendorDown(
        "The host has not uploaded the result yet.", hint="Ask again in a few seconds."
    )


def _checked(url: object, api_base: str) -> str:
    try:
        address = httpx2.URL(url) if isinstance(url, str) and len(url) <= 4096 else None
    except (httpx2.InvalidURL, ValueError):
        address = None
    if address is None or address.userinfo or not _is_known(address, httpx2.URL(api_base)):
        raise unreadable("it names a result file on a host that is not known")
    return str(address)


def _is_known(address: httpx2.URL, base: httpx2.URL) -> bool:
    if origin(address) == origin(base):
        return True
    if _is_loopback(base.host):
        return address.scheme in {"http", "https"} and _is_loopback(address.host)
    secure = address.scheme == "https" and address.port in {None, 443}
    return secure and _HOSTS.fullmatch(address.host) is not None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
