"""The second wall: what may leave, judged on the wire (docs/design.md#the-wall).

See docs/design.md#commands, docs/design.md#the-wall.
"""

import json
import re

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.api.vendor import Wire, ok
from vast_mcp.api.permit import Permit
from vast_mcp.api.transport import WallTransport, origin
from vast_mcp.errors import InputInvalid, PermitMissing
from vast_mcp.operations import OPERATIONS, Call, Host, Operation, encode, instances, serverless
from vast_mcp.operations.instances import CreateSpec

BASES = {Host.CONSOLE: "https://console.vast.ai", Host.SERVERLESS: "https://run.vast.ai"}
COMMAND = "/api/v0/instances/command/7/"
BODIES = {
    "start_instance": {"state": "running"},
    "stop_instance": {"state": "stopped"},
    "label_instance": {"label": "x"},
    "list_disk": {"command": "ls -l"},
    "delete_disk_files": {"command": "rm x"},
}
READS = [operation for operation in OPERATIONS if operation.reads]
WRITES = [operation for operation in OPERATIONS if not operation.reads]


async def send(
    method: str,
    url: str,
    body: bytes = b"",
    permit: object = None,
    headers: dict[str, str] | None = None,
    bases: dict[Host, str] = BASES,
) -> int:
    """How many requests came through the wall."""
    wire = Wire([ok({})])
    extensions = {"permit": permit} if permit is not None else {}
    request = httpx2.Request(method, url, content=body, headers=headers, extensions=extensions)
    await WallTransport(wire, bases).handle_async_request(request)
    return len(wire.seen)


async def send_call(call: Call, permit: Permit | None = None) -> int:
    """As `send`, for a call as it would be built."""
    url = BASES[call.operation.host] + call.path
    if call.query:
        url += "?" + "&".join(f"{name}={value}" for name, value in call.query)
    return await send(call.operation.method, url, encode(call.body), permit)


def sample(operation: Operation) -> Call:
    """A call of the operation with ids filled in."""
    names = re.findall(r"\{(\w+)\}", operation.path)
    body = None if operation.method == "GET" else dict(BODIES.get(operation.name, {}))
    return operation.call(body, **dict.fromkeys(names, 7))  # type: ignore[arg-type]


@pytest.mark.parametrize("operation", READS, ids=lambda operation: operation.name)
async def test_a_declared_read_passes_without_a_permit(operation: Operation) -> None:
    """A request is on the read allow-list, or carries a permit."""
    assert await send_call(sample(operation)) == 1


@pytest.mark.parametrize("operation", WRITES, ids=lambda operation: operation.name)
async def test_a_write_without_a_permit_never_leaves(operation: Operation) -> None:
    """No permit, no mutation, for every operation that changes money or data."""
    with pytest.raises(PermitMissing):
        await send_call(sample(operation))


@pytest.mark.parametrize("operation", WRITES, ids=lambda operation: operation.name)
async def test_a_write_passes_once_with_its_permit(operation: Operation) -> None:
    """The permit is single-use, for exactly that request."""
    call = sample(operation)
    permit = Permit.for_call(call)
    assert await send_call(call, permit) == 1
    with pytest.raises(PermitMissing, match="used before"):
        await send_call(call, permit)


_CREATE = instances.create_instance(5, CreateSpec("a/b", 50, "mine"))


@pytest.mark.parametrize(
    "other",
    [
        instances.create_instance(6, CreateSpec("a/b", 50, "mine")),
        instances.create_instance(5, CreateSpec("a/b", 51, "mine")),
        instances.create_instance(5, CreateSpec("a/b", 50, "mine", bid_usd_per_hour=1.0)),
        Call(_CREATE.operation, _CREATE.path, (("x", "1"),), _CREATE.body),
        instances.destroy_instance(5),
        serverless.delete_endpoint(5),
    ],
    ids=["other id", "other disk", "a price", "a query", "other operation", "other route"],
)
async def test_a_permit_for_one_request_opens_no_other(other: Call) -> None:
    """Bound to method, path and body digest, recomputed from the wire."""
    with pytest.raises(PermitMissing, match="another request"):
        await send_call(other, Permit.for_call(_CREATE))


@pytest.mark.parametrize(
    "command",
    [
        "ls; rm -rf /workspace", "ls && rm x", "ls || rm x", "ls | sh", "ls\nrm x", "ls\trm",
        "ls `rm x`", "ls $(rm x)", "ls ${IFS}x", "ls > /etc/passwd", "ls < x", "ls x&", "lsrm x",
        "ls '$(rm x)'", 'ls "`rm x`"', "ls 'a;b'", "ls 'unclosed", "rm x", "LS", "", " ls", "ls ",
        "ls *", "ls \\x", "du\u2028rm x", "ls " + "a" * 600, "ls\r", "ls\x00", "ls 'a''; rm b'",
    ],
)  # fmt: skip
async def test_a_command_that_smuggles_another_does_not_pass_as_a_read(command: str) -> None:
    """An entry may test the body: `ls`, never `rm`; and the builder refuses it too."""
    with pytest.raises(PermitMissing):
        await send("PUT", BASES[Host.CONSOLE] + COMMAND, json.dumps({"command": command}).encode())
    with pytest.raises(InputInvalid):
        instances.list_disk(7, command)


@pytest.mark.parametrize(
    "command",
    ["ls", "ls -l -o -r", "du -d2 -h", "ls '/work space/a'", 'du "a b" c', "ls --color=never ~/x"],
)
async def test_plain_listings_pass_as_reads(command: str) -> None:
    """`ls` and `du` are what the route reads with (docs/vendor-api.md#logs-and-commands)."""
    assert await send_call(instances.list_disk(7, command)) == 1


@given(st.text(alphabet="lsdurm -/.;&|$`'\"()\n\t\\><*?{}a", max_size=40))
def test_no_command_with_a_shell_character_is_ever_admitted(command: str) -> None:
    """The grammar of `list_disk` has no place for anything a shell would act on."""
    admits = instances.LIST_DISK.admits
    assert admits is not None
    if admits({"command": command}):
        assert re.match(r"(ls|du)( |$)", command)
        assert not re.search(r"[;&|$`()\n\t\\><*?{}]", command)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b'{"command": "ls", "command": "rm x"}', "a name twice: readers differ on which counts"),
        (b'{"command": "ls", "instance_id": 9}', "a field that the grammar does not know"),
        (b'["ls"]', "not an object"),
        (b'{"command": ["ls"]}', "not a text"),
        (b"{'command': 'ls'}", "not JSON"),
        (b'{"command": "ls", "x": NaN}', "not JSON either"),
        (b'\xff{"command": "ls"}', "not UTF-8"),
        (b"[" * 100_000, "nested without end"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_body_that_can_be_read_in_two_ways_is_refused(body: bytes, why: str) -> None:
    """The wall must understand what the vendor will: anything else does not leave."""
    assert why
    with pytest.raises(PermitMissing):
        await send("PUT", BASES[Host.CONSOLE] + COMMAND, body)


@pytest.mark.parametrize(
    ("method", "url"),
    [
        ("GET", "https://console.vast.ai/api/v0/subaccounts/"),
        ("DELETE", "https://console.vast.ai/api/v0/instances/"),
        ("GET", "https://console.vast.ai/api/v0/instances/filters/"),
        ("DELETE", "https://console.vast.ai/api/v0/instances/5,6/"),
        ("POST", "https://console.vast.ai/api/v0/asks/bulk/"),
        ("GET", "https://evil.example/api/v0/instances/7/"),
        ("GET", "http://console.vast.ai/api/v0/instances/7/"),
        ("GET", "https://console.vast.ai:8443/api/v0/instances/7/"),
        ("GET", "https://u:p@console.vast.ai/api/v0/instances/7/"),
        ("GET", "https://console.vast.ai/api/v0/instances/%2e%2e/"),
        ("GET", "https://console.vast.ai/api/v0/instances/7%2F..%2Fx/"),
        ("GET", "https://console.vast.ai//api/v0/instances/7/"),
        ("POST", "https://console.vast.ai/get_endpoint_workers/"),
        ("POST", "https://run.vast.ai/api/v0/bundles/"),
        ("PATCH", "https://console.vast.ai/api/v0/instances/7/"),
    ],
)
async def test_a_request_that_is_not_declared_is_refused_even_with_a_permit(
    method: str, url: str
) -> None:
    """Unknown routes, hosts and ports are closed; no permit opens them."""
    for permit in (None, Permit.for_call(_CREATE)):
        with pytest.raises(PermitMissing):
            await send(method, url, b"" if method == "GET" else b"{}", permit)


async def test_a_body_that_no_operation_admits_is_refused_even_with_its_own_digest() -> None:
    """One path starts, stops and labels: a body that is none of these has no operation."""
    body: dict[str, object] = {"state": "running", "label": "both at once"}
    call = Call(instances.STOP_INSTANCE, "/api/v0/instances/7/", (), body)  # type: ignore[arg-type]
    with pytest.raises(PermitMissing, match="not a declared operation"):
        await send_call(call, Permit.for_call(call))


async def test_both_hosts_may_be_one_address() -> None:
    """`vast-mcp simulate` serves the serverless routes on the same port."""
    both = dict.fromkeys(Host, "http://127.0.0.1:8900")
    for path in ("/get_endpoint_workers/", "/api/v0/bundles/"):
        assert await send("POST", f"http://127.0.0.1:8900{path}", b"{}", bases=both) == 1
    call = serverless.delete_endpoint(4)
    permit = Permit.for_call(call)
    url = f"http://127.0.0.1:8900{call.path}"
    assert await send("DELETE", url, encode(call.body), permit, bases=both) == 1


async def test_a_base_with_a_path_of_its_own_is_kept_to() -> None:
    """A VAST_URL behind a proxy path: what lies beside it is not the vendor's."""
    bases = {Host.CONSOLE: "https://proxy.example/vast"}
    assert await send("GET", "https://proxy.example/vast/api/v0/ssh/", bases=bases) == 1
    with pytest.raises(PermitMissing):
        await send("GET", "https://proxy.example/api/v0/ssh/", bases=bases)


async def test_a_download_passes_only_at_the_named_address_and_without_credentials() -> None:
    """Result files are fetched without the bearer header (docs/vendor-api.md#traps)."""
    wire = Wire(lambda _: ok({}))
    wall = WallTransport(wire, BASES)
    url = "https://s3.amazonaws.com/vast.ai/x.log"
    wall.allow_download(url)
    await wall.handle_async_request(httpx2.Request("GET", url))
    refused = [
        httpx2.Request("GET", url, headers={"authorization": "Bearer k"}),
        httpx2.Request("GET", url + "?a=1"),
        httpx2.Request("PUT", url),
        httpx2.Request("GET", url, content=b"x"),
    ]
    for request in refused:
        with pytest.raises(PermitMissing):
            await wall.handle_async_request(request)
    wall.end_download(url)
    with pytest.raises(PermitMissing):
        await wall.handle_async_request(httpx2.Request("GET", url))
    assert len(wire.seen) == 1


@pytest.mark.parametrize(("body", "passes"), [(b"", True), (b"{}", True), (b'{"a": 1}', False)])
async def test_a_read_by_get_says_nothing_in_a_body(body: bytes, passes: bool) -> None:
    """What no operation admits could mean something to a vendor that reads it."""
    url = f"https://console.vast.ai{instances.show_instance(7).path}"
    if not passes:
        with pytest.raises(PermitMissing):
            await send("GET", url, body)
        return
    assert await send("GET", url, body) == 1


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://vast.ai/x", ("https", "vast.ai", 443)),
        ("https://vast.ai:443/x", ("https", "vast.ai", 443)),
        ("https://vast.ai:8443/x", ("https", "vast.ai", 8443)),
        ("http://vast.ai/x", ("http", "vast.ai", 80)),
        ("ftp://vast.ai/x", ("ftp", "vast.ai", None)),
    ],
)
def test_an_origin_is_scheme_host_and_port(url: str, expected: tuple[str, str, int | None]) -> None:
    """Another port of the same host is another place: what listens there is not the vendor."""
    assert origin(httpx2.URL(url)) == expected
