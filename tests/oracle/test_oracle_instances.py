import pytest

from tests.oracle.client import OpenClient

pytestmark = pytest.mark.oracle


async def test_the_client_finds_offers(official: OpenClient) -> None:
    """`search offers` of vastai 1.9.1: texts, units and order as it sends them."""
    async with official() as client:
        words = "gpu_name=RTX_4090 num_gpus=1 gpu_ram>=24 duration>3"
        offers = await client.raw("search", "offers", words, "-o", "dph", "--storage", "50")
        table = await client.run("search", "offers", words, "--limit", "2")

    assert offers
    assert {offer["gpu_name"] for offer in offers} == {"RTX 4090"}
    assert all(offer["duration"] > 3 * 86400 for offer in offers)
    prices = [offer["dph_total"] for offer in offers]
    assert prices == sorted(prices)
    assert "RTX_4090" in table


async def test_the_client_rents_reads_and_destroys(official: OpenClient) -> None:
    """`create`, `show`, `label`, `destroy` of vastai 1.9.1."""
    async with official() as client:
        contract = await client.rented("--label", "train-a", "--env", "-e A=1 -p 8000:8000")
        listed = await client.raw("show", "instances")
        shown = await client.raw("show", "instance", str(contract.id))
        await client.run("label", "instance", str(contract.id), "train-b")
        address = await client.run("ssh-url", str(contract.id))
        relabelled = contract.label
        destroyed = await client.run("destroy", "instance", str(contract.id), "-y")

    rows = listed["instances"] if isinstance(listed, dict) else listed
    assert [row["id"] for row in rows] == [contract.id]
    assert (shown["actual_status"], shown["label"]) == ("running", "train-a")
    assert contract.order.env == [("A", "1"), ("-p 8000:8000", "1")]
    assert relabelled == "train-b"
    assert address.startswith("ssh://root@203.0.113.")
    assert "destroying" in destroyed
    assert client.simulator.world.instances == {}


async def test_the_client_stops_starts_and_reboots(official: OpenClient) -> None:
    """`stop`, `start`, `reboot` of vastai 1.9.1."""
    async with official() as client:
        contract = await client.rented()
        number = str(contract.id)
        stages = []
        for verb in ("stop", "start", "reboot"):
            await client.run(verb, "instance", number)
            stages.append(contract.stage)
            client.clock.move(120)
            client.simulator.catch_up()

    assert stages == ["stopping", "resuming", "rebooting"]
    assert contract.stage == "running"


async def test_the_client_reads_logs_and_runs_a_disk_command(official: OpenClient) -> None:
    """`logs`, `execute` of 1.9.1: no key goes to a result URL; `execute` then crashes."""
    async with official() as client:
        contract = await client.rented()
        client.simulator.write_log(contract.id, "epoch 7 done")
        logs = await client.run("logs", str(contract.id), "--tail", "10")
        await client.run("stop", "instance", str(contract.id))
        client.clock.move(20)
        client.simulator.put_file(contract.id, "/workspace/a.bin", 10)
        await client.run("execute", str(contract.id), "ls /workspace")

    fetched = [r for r in client.simulator.requests if r.path.startswith("/simulator/results/")]
    assert "epoch 7 done" in logs
    assert [r.status for r in fetched] == [404, 404, 200, 404, 404, 200]
    assert client.simulator.leaked_authorization == []


async def test_the_client_changes_a_bid(official: OpenClient) -> None:
    """`create --bid_price` and `change bid` of vastai 1.9.1."""
    async with official() as client:
        contract = await client.rented("--bid_price", "0.9")
        await client.run("change", "bid", str(contract.id), "--price", "0.95")

    assert contract.order.bid_usd_per_hour == 0.95


async def test_a_refusal_is_printed_although_the_client_exits_as_if_well(
    official: OpenClient,
) -> None:
    """A wrong key and an unknown offer: only text tells (docs/vendor-api.md#transport)."""
    async with official() as client:
        wrong = await client.run("show", "user", key="nobody")
        gone = await client.run("create", "instance", "12345678", "--image", "x/y")

    assert "Invalid user key" in wrong
    assert "no_such_ask" in gone
    assert client.simulator.world.instances == {}
