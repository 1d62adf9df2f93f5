"""Who asks: one principal without a token, one per verified token; plans never cross.

See docs/design.md#key-and-account.
"""

import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings
from pydantic import AnyHttpUrl

from tests.world import Mode, ToolFailed, World
from vast_mcp.server import create_server


class TwoTokens:
    """A verifier that knows two people."""

    async def verify_token(self, token: str) -> AccessToken | None:
        """The token's owner."""
        for name in ("ada", "bob"):
            if hmac.compare_digest(token, f"token-of-{name}"):
                return AccessToken(token=token, client_id="test", scopes=[], subject=name)
        return None


@asynccontextmanager
async def over_http(
    world: World, *, verified: bool, toolsets: str | None = None
) -> AsyncIterator[httpx2.ASGITransport]:
    """The server behind HTTP in this process, with or without tokens."""
    auth = AuthSettings(issuer_url=AnyHttpUrl("https://unused.invalid"), resource_server_url=None)
    options: dict[str, Any] = {"token_verifier": TwoTokens(), "auth": auth} if verified else {}
    options |= {"toolsets": toolsets} if toolsets else {}
    server = create_server(world.runtime, b"k" * 32, **options)
    app = server.streamable_http_app(host="testserver")
    async with app.router.lifespan_context(app):
        yield httpx2.ASGITransport(app=app)


@asynccontextmanager
async def client_over(
    transport: httpx2.ASGITransport, mode: Mode, token: str = ""
) -> AsyncIterator[Client]:
    """A client that sends this token."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with (
        httpx2.AsyncClient(
            transport=transport, base_url="http://testserver", headers=headers
        ) as http,
        Client(
            streamable_http_client("http://testserver/mcp", http_client=http), mode=mode
        ) as client,
    ):
        yield client


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_plan_belongs_to_the_token_that_made_it(tmp_path: Path, mode: Mode) -> None:
    """The principal is the token's subject; plans are theirs alone."""
    world = World(tmp_path)
    async with over_http(world, verified=True) as transport:
        async with client_over(transport, mode, "token-of-ada") as ada:
            instance_id = await world.rent(ada)
            asked = await world.call(ada, "stop_instance", instance_id=instance_id)
            assert (await world.call(ada, "show_policy"))["pending"]
        async with client_over(transport, mode, "token-of-bob") as bob:
            assert (await world.call(bob, "show_policy"))["pending"] == []
            with pytest.raises(ToolFailed, match="no such plan"):
                await world.call(bob, "confirm_plan", plan_id=asked["plan_id"])
            assert "pending" in (await bob.read_resource("vast://policy")).contents[0].text  # type: ignore[union-attr]  # text, as its type says
        async with client_over(transport, mode, "token-of-ada") as ada:
            done = await world.call(ada, "confirm_plan", plan_id=asked["plan_id"])
    assert done["status"] in {"stopped", "stopping"}


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_without_a_token_http_and_memory_are_the_same_principal(
    tmp_path: Path, mode: Mode
) -> None:
    """`local` for stdio and loopback HTTP, the same across processes."""
    world = World(tmp_path)
    async with (
        over_http(world, verified=False) as transport,
        client_over(transport, mode) as web,
    ):
        instance_id = await world.rent(web)
        asked = await world.call(web, "stop_instance", instance_id=instance_id)
    async with world.connect(mode, answer=None) as client:
        (plan,) = (await world.call(client, "show_policy"))["pending"]
    assert plan["plan_id"] == asked["plan_id"]


async def test_a_token_called_local_is_not_the_local_principal(tmp_path: Path) -> None:
    """A subject is chosen by whoever issues tokens; it must not reach the terminal's plans."""

    class Impostor:
        async def verify_token(self, token: str) -> AccessToken | None:
            return AccessToken(token=token, client_id="test", scopes=[], subject="local")

    world = World(tmp_path)
    async with world.connect(answer=None) as client:
        instance_id = await world.rent(client)
        await world.call(client, "stop_instance", instance_id=instance_id)
    auth = AuthSettings(issuer_url=AnyHttpUrl("https://unused.invalid"), resource_server_url=None)
    server = create_server(world.runtime, b"k" * 32, token_verifier=Impostor(), auth=auth)
    app = server.streamable_http_app(host="testserver")
    async with app.router.lifespan_context(app):
        transport = httpx2.ASGITransport(app=app)
        async with client_over(transport, "auto", "any-token-at-all") as client:
            assert (await world.call(client, "show_policy"))["pending"] == []


async def test_a_job_is_shown_to_and_stopped_by_the_token_that_started_it_alone(
    tmp_path: Path,
) -> None:
    """Jobs hold a person's commands and logs: another token sees none and ends none."""
    world = World(tmp_path)
    given: dict[str, Any] = {"command": "true", "gpu_names": ["RTX 4090"], "max_cost_usd": 2}
    async with over_http(world, verified=True, toolsets="all") as transport:
        async with client_over(transport, "auto", "token-of-ada") as ada:
            asked = await world.call(ada, "run_job", **given)
            started = await world.call(ada, "confirm_plan", plan_id=asked["plan_id"])
            job_id = started["job_id"]
        async with client_over(transport, "auto", "token-of-bob") as bob:
            assert (await world.call(bob, "show_jobs"))["jobs"] == []
            listed = (await bob.read_resource("vast://jobs")).contents[0]
            assert job_id not in listed.model_dump_json()
            with pytest.raises(ToolFailed, match="no such job"):
                await world.call(bob, "show_jobs", job_id=job_id)
            with pytest.raises(ToolFailed, match="no such job"):
                await world.call(bob, "stop_job", job_id=job_id)
        async with client_over(transport, "auto", "token-of-ada") as ada:
            (shown,) = (await world.call(ada, "show_jobs"))["jobs"]
            assert shown["job_id"] == job_id
            assert (await world.call(ada, "show_jobs", job_id=job_id))["jobs"] != []
