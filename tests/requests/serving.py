"""Pages, models and endpoints; the account's money; and what there is no tool for."""

from tests.requests.catalogue import request
from tests.requests.conversation import Conversation, Ending
from tests.requests.pages import page


@request(2, "give me a dev box with Jupyter")
async def a_dev_box(talk: Conversation) -> None:
    """It runs, its page has an address, and the person is told how to sign in."""
    found = await talk.call("search_offers", max_price_usd_per_hour=0.5, ports=1, limit=3)
    rented = await talk.call(
        "create_instance", offer_id=found["offers"][0]["offer_id"], connect="jupyter",
        label="dev box",
    )  # fmt: skip
    number = rented["instance_id"]
    told = await talk.wait(number)
    assert told["reached"]
    shown = await talk.call("show_instances", instance_id=number)
    ports = "".join(shown["instances"][0]["ports"])
    talk.names(ports, "8080 -> http")
    talk.names("".join(talk.heard), f"vast-mcp open {number}")


@request(3, "serve this model with vLLM on an open port and tell me the URL")
async def serve_a_model(talk: Conversation) -> None:
    """A host with open ports, and an address at which something answers."""
    async with page("ok") as port:
        found = await talk.call("search_templates", query="vllm")
        template = found["templates"][0]["template_hash"]
        offers = await talk.call(
            "search_offers", template_hash=template, min_gpu_ram_gb=24, ports=1, limit=3
        )
        rented = await talk.call(
            "create_instance", offer_id=offers["offers"][0]["offer_id"], template_hash=template,
            ports=["8000"], env={"VLLM_MODEL": "Qwen/Qwen3-8B"}, secrets=["VLLM_API_KEY=generate"],
        )  # fmt: skip
        number = rented["instance_id"]
        talk.names("".join(rented["warnings"]), "8000", "open to the whole internet")
        talk.world.simulator.map_port(number, 8000, port)
        told = await talk.wait(number, until="http", port=8000)
        talk.tells(f"it answers at {told.get('url')}", told["url"].endswith(f":{port}"))


@request(15, "an endpoint for this template, three workers, then delete it")
async def an_endpoint(talk: Conversation) -> None:
    """Asked once at its maximum; the name to call it by is told; deleted, nothing bills."""
    found = await talk.call("search_templates", query="vllm")
    made = await talk.call(
        "create_endpoint", endpoint_name="chat", max_usd_per_worker_hour=0.5, max_workers=3,
        cold_workers=3, lease_hours=6,
    )  # fmt: skip
    assert made["status"] == "created", made
    await talk.call(
        "create_workergroup", endpoint_name="chat",
        template_hash=found["templates"][0]["template_hash"], search_query="gpu_name=RTX_4090",
    )  # fmt: skip
    talk.world.run_until_ready()
    (shown,) = (await talk.call("show_endpoints"))["endpoints"]
    workers = talk.world.simulator.world.serverless.workers
    talk.tells(f"{shown['workers_billing']} bill", shown["workers_billing"] == len(workers) == 3)
    real = sum(sum(one.rates().values()) for one in workers.values())
    talk.tells(f"at most ${shown['usd_per_hour_now']}/h", real <= shown["usd_per_hour_now"])
    await talk.call("delete_endpoint", endpoint_name="chat")
    talk.world.run_until_ready()
    assert (await talk.call("show_endpoints"))["endpoints"] == []
    assert not talk.world.simulator.world.serverless.workers
    assert len(talk.questions) == 2


@request(16, "how much did I spend this week?")
async def this_week(talk: Conversation) -> None:
    """What the vendor really charged, by machine."""
    number = await talk.given_machine(lease_hours=10)
    await talk.later(hours=5)
    told = await talk.call("show_charges", period="week")
    (row,) = told["charged"]
    assert row["group"] == f"instance-{number}"


@request(23, "a volume to keep my data")
async def a_volume(talk: Conversation) -> None:
    """There is no tool for it, and the answer says so instead of naming another."""
    told = await talk.refused("create_volume", size_gb=100)
    talk.names(told, "no tool", "nothing was done")
    talk.tells("what it names is there", "Did you mean" not in told)
    talk.names(told, "cloud.vast.ai")
    talk.ending = Ending.HANDED_OVER


REQUESTS = (a_dev_box, serve_a_model, an_endpoint, this_week, a_volume)
