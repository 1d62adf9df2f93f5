from pathlib import Path

import pytest

from tests.oracle.client import OpenClient

pytestmark = pytest.mark.oracle

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAITEST me@here"
TEMPLATE = "4e17788f74f075dd9aab7d0d4427968f"


async def test_the_client_shows_the_user_and_templates(official: OpenClient) -> None:
    """`show user`, `search templates` of vastai 1.9.1."""
    async with official() as client:
        user = await client.raw("show", "user")
        templates = await client.raw("search", "templates", f"hash_id={TEMPLATE}")

    assert user["credit"] == 100.0
    assert [row["hash_id"] for row in templates] == [TEMPLATE]


async def test_the_client_keeps_ssh_keys(official: OpenClient, tmp_path: Path) -> None:
    """`create ssh-key`, `show ssh-keys`, `attach ssh` of vastai 1.9.1."""
    file = tmp_path / "id.pub"
    file.write_text(KEY, encoding="utf-8")
    async with official() as client:
        number = client.simulator.add_foreign_instance()
        await client.run("create", "ssh-key", KEY)
        shown = await client.run("show", "ssh-keys")
        await client.run("attach", "ssh", str(number), str(file))

    attached = client.simulator.world.instances[number].keys
    assert KEY in shown
    assert [key["public_key"] for key in attached] == [KEY]


async def test_the_client_runs_an_endpoint_from_creation_to_deletion(official: OpenClient) -> None:
    """`create/show/delete endpoint` and `workergroup` of vastai 1.9.1; nothing left to bill."""
    async with official() as client:
        await client.run("create", "endpoint", "--endpoint_name", "e", "--cold_workers", "1")
        endpoint = (await client.raw("show", "endpoints"))[0]["id"]
        search = "gpu_name=RTX_4090 gpu_ram>=23"
        asked = ("--endpoint_name", "e", "--template_hash", TEMPLATE, "--search_params", search)
        await client.run("create", "workergroup", *asked)
        group = (await client.raw("show", "workergroups"))[0]["id"]
        client.clock.move(600)
        workers = await client.run("get", "endpt-workers", str(endpoint))
        logs = await client.run("get", "endpt-logs", str(endpoint))
        await client.run("delete", "workergroup", str(group))
        await client.run("delete", "endpoint", str(endpoint))
        client.clock.move(60)
        client.simulator.catch_up()

    assert "status=IDLE" in workers
    assert "1 workers" in logs
    world = client.simulator.world
    assert (world.serverless.endpoints, world.serverless.groups) == ({}, {})
    assert world.burn_usd_per_hour() == 0
    assert client.simulator.books.spent_usd > 0


async def test_the_client_shows_charges(official: OpenClient) -> None:
    """`show invoices-v1 --charges` of vastai 1.9.1; its window is the real week, so it is given."""
    async with official() as client:
        number = client.simulator.add_foreign_instance(label="theirs")
        client.clock.move(7200)
        days = ("--start-date", "2026-06-01", "--end-date", "2026-06-02")
        answer = await client.raw("show", "invoices-v1", "--charges", *days)

    assert [row["source"] for row in answer["results"]] == [f"instance-{number}"]
