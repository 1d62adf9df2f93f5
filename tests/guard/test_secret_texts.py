"""Text that the vendor stores in plain sight holds no key and no secret."""

from pathlib import Path

import pytest

from tests.world import Json, ToolFailed, World

KEY = "canary-account-key-0123456789abcdef"
TOKEN = "hf_canary-2b7e151628aed2a6"
POLICY = '[secrets]\nallow = ["HF_TOKEN"]\n'


@pytest.mark.parametrize("secret", [KEY, TOKEN])
async def test_a_text_with_a_secret_in_it_is_refused_by_its_field(
    tmp_path: Path, secret: str
) -> None:
    """Named, never repeated, and nothing is sent (docs/hazards.md#agents)."""
    world = World(
        tmp_path, policy=POLICY, toolsets="all", api_key=KEY, environment={"HF_TOKEN": TOKEN}
    )
    world.simulator.world.account_key = KEY
    async with world.connect() as client:
        instance_id = await world.rent(client, label="mine")
        await world.call(
            client, "create_endpoint", endpoint_name="serving", max_usd_per_worker_hour=0.2
        )
        offer = (await world.offers())[1]
        template = str(world.simulator.world.templates[0]["hash_id"])
        before = len(world.simulator.mutations())
        calls: list[tuple[str, str, Json]] = [
            ("create_instance", "label", {"offer_id": offer.offer_id, "label": f"a {secret}"}),
            ("create_instance", "image", {"offer_id": offer.offer_id, "image": f"x/{secret}"}),
            ("label_instance", "label", {"instance_id": instance_id, "label": secret}),
            (
                "create_endpoint",
                "endpoint_name",
                {"endpoint_name": f"e-{secret}", "max_usd_per_worker_hour": 0.2},
            ),
            (
                "create_workergroup",
                "search_query",
                {
                    "endpoint_name": "serving",
                    "template_hash": template,
                    "search_query": f"gpu_name={secret}",
                },
            ),
        ]
        for tool, field, arguments in calls:
            with pytest.raises(ToolFailed) as caught:
                await world.call(client, tool, **arguments)
            assert f"{field}: holds the API key or the value" in str(caught.value)
            assert secret not in str(caught.value)
        await world.call(client, "label_instance", instance_id=instance_id, label="another")
    assert [one.method for one in world.simulator.mutations()[before:]] == ["PUT"]
