"""Finding and renting: prices, images, ports, secrets, budgets."""

from tests.requests.catalogue import request
from tests.requests.conversation import Conversation, Ending

CANARY = "hf_abcdefghijklmnopqrstuvwxyz12345678"


@request(7, "H100 or A100 for 8 GPUs: which is cheaper?", seed=10)
async def which_is_cheaper(talk: Conversation) -> None:
    """Both are beyond the limits, and their prices are told all the same."""
    found = await talk.call("search_offers", gpu_names=["H100", "A100"], num_gpus=8)
    told = {name: found["compared"][name]["cheapest"] for name in ("H100", "A100")}
    for name, price in told.items():
        real = [
            one.view(0, kind="on-demand", disk_gb=found["disk_gb"])
            for one in talk.world.simulator.world.market.listings(talk.world.clock.utc_us())
            if name in str(one.machine.facts["gpu_name"]) and one.machine.num_gpus == 8
        ]
        verified = [one["dph_total"] for one in real if one["verification"] == "verified"]
        talk.tells(f"8x {name} from ${price}/h", abs(price - min(verified)) < 0.001)
    talk.tells("A100 is the cheaper", told["A100"] < told["H100"])
    talk.names(found["next"], "limits", "hidden_by_policy")


@request(8, "the cheapest with 48 GB in Europe and a fast network")
async def cheap_and_fast_in_europe(talk: Conversation) -> None:
    """What was asked for is shown in each row, the speed too."""
    found = await talk.call(
        "search_offers", min_gpu_ram_gb=48, countries=["EU"], query="inet_down>=1000", limit=3,
        order_by="usd_per_hour",
    )  # fmt: skip
    prices = [row["usd_per_hour"] for row in found["offers"]]
    talk.tells("the first is the cheapest", prices == sorted(prices))
    talk.tells("it is the cheapest of all", found["cheapest"] == prices[0])
    for row in found["offers"]:
        talk.tells(f"{row['offer_id']} is fast", row["columns"]["inet_down"] >= 1000)


@request(18, "rent three machines")
async def three_machines(talk: Conversation) -> None:
    """One search, three rents: each another machine."""
    found = await talk.call("search_offers", gpu_names=["RTX 4090"], num_gpus=1, limit=3)
    rented = [
        await talk.call("create_instance", offer_id=row["offer_id"], label=f"worker-{at}")
        for at, row in enumerate(found["offers"], 1)
    ]
    numbers = {one["instance_id"] for one in rented}
    assert len(numbers) == 3
    assert talk.books.alive() == numbers


@request(19, "here is my HF token, use it")
async def a_token_in_the_chat(talk: Conversation) -> None:
    """It belongs into no argument; the person sets it, and the machine gets it by its name."""
    offer = await talk.offer(gpu_names=["RTX 4090"])
    talk.names(talk.client.instructions or "", "never put one into an argument")
    missing = await talk.refused("create_instance", offer_id=offer, secrets=["HF_TOKEN"])
    talk.names(missing, "vast-mcp secrets set HF_TOKEN")
    talk.world.environment = {"HF_TOKEN": CANARY}
    talk.world.write_policy('[secrets]\nallow = ["HF_TOKEN"]\n')
    async with talk.world.connect(answer=talk.person.answer) as client:
        talk.client = client
        rented = await talk.call("create_instance", offer_id=offer, secrets=["HF_TOKEN"])
    order = talk.books.contract(rented["instance_id"]).order
    assert ("HF_TOKEN", CANARY) in order.env
    assert CANARY not in "".join(talk.heard)


@request(20, "use my private image")
async def a_private_image(talk: Conversation) -> None:
    """No tool takes a registry login; where the image cannot be had, what else there is is told."""
    offer = await talk.offer(gpu_names=["RTX 4090"])
    no_such = await talk.refused(
        "create_instance", offer_id=offer, image="ghcr.io/me/private:1", registry_login="me:pass"
    )
    talk.names(no_such, "Not rented, nothing charged", "registry_login")
    talk.world.simulator.fail_next_creates("login_needed")
    rented = await talk.call("create_instance", offer_id=offer, image="ghcr.io/me/private:1")
    await talk.wait(rented["instance_id"])
    talk.world.clock.move(600)  # "tell the estimate and end the turn"
    told = await talk.wait(rented["instance_id"])
    talk.names(told["said"] + told["next"], "login", "template", "console", "public")
    assert told["verdict"] == "dead"
    await talk.call("destroy_instance", instance_id=rented["instance_id"])
    assert not talk.books.alive()
    talk.ending = Ending.HANDED_OVER


@request(21, "this image, these variables, these ports")
async def image_variables_ports(talk: Conversation) -> None:
    """A host with that many open ports; the addresses are told once it runs."""
    found = await talk.call("search_offers", ports=2, limit=1)
    rented = await talk.call(
        "create_instance", offer_id=found["offers"][0]["offer_id"], image="nginx:1.27",
        env={"MODE": "test"}, ports=["8080", "9000-9001/tcp"],
    )  # fmt: skip
    number = rented["instance_id"]
    await talk.wait(number)
    shown = await talk.call("show_instances", instance_id=number)
    order = talk.books.contract(number).order
    assert order.image == "nginx:1.27"
    assert ("MODE", "test") in order.env
    opened = {str(line).partition(" -> ")[0] for line in shown["instances"][0]["ports"]}
    talk.tells("all three ports are open", {"8080", "9000", "9001"} <= opened)
    talk.names("".join(rented["warnings"]), "8080", "9000", "9001", "open to the whole internet")


@request(25, "ComfyUI, please")
async def comfy_ui(talk: Conversation) -> None:
    """A template, a machine that fits it, its page."""
    found = await talk.call("search_templates", query="comfyui")
    template = found["templates"][0]["template_hash"]
    offers = await talk.call("search_offers", template_hash=template, min_gpu_ram_gb=16, limit=3)
    rented = await talk.call(
        "create_instance", offer_id=offers["offers"][0]["offer_id"], template_hash=template
    )
    number = rented["instance_id"]
    told = await talk.wait(number)
    assert told["reached"]
    shown = await talk.call("show_instances", instance_id=number)
    assert "comfy" in shown["instances"][0]["untrusted_image"]
    assert shown["instances"][0]["ports"]
    talk.names("".join(talk.heard), f"vast-mcp open {number}")


@request(26, "at most $20 for this project")
async def a_budget(talk: Conversation) -> None:
    """What is left is told with each rent, and a refusal's hours satisfy every rule."""
    found = await talk.call("search_offers", gpu_names=["RTX 4090"], num_gpus=1, limit=2)
    first, second = (row["offer_id"] for row in found["offers"])
    terms = {"task": "project", "max_cost_usd": 20}
    rented = await talk.call("create_instance", offer_id=first, lease_hours=24, **terms)
    account = await talk.call("show_account")
    (budget,) = account["budgets"]
    talk.tells(
        f"${rented['left_usd']} is left", abs(budget["left_usd"] - rented["left_usd"]) < 0.02
    )
    whole = budget["spent_usd"] + budget["reserved_usd"] + budget["left_usd"]
    talk.tells("spent, reserved and left make $20", abs(whole - 20) < 0.01)
    refusal = await talk.refused("create_instance", offer_id=second, lease_hours=120, **terms)
    talk.names(refusal, "Not rented, nothing charged", "project", "lease_hours=")
    hours = int(refusal.partition("lease_hours=")[2].split(",")[0].split(".")[0])
    again = await talk.call("create_instance", offer_id=second, lease_hours=hours, **terms)
    talk.tells(f"{hours} h fit", again["status"] == "rented")
    assert rented["max_cost_usd"] + again["max_cost_usd"] <= 20


REQUESTS = (
    which_is_cheaper, cheap_and_fast_in_europe, three_machines, a_token_in_the_chat,
    a_private_image, image_variables_ports, comfy_ui, a_budget,
)  # fmt: skip
