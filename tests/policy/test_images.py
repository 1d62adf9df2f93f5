"""Image names: one image in all its spellings, and no spelling that passes as another."""

from pathlib import Path

import pytest

from tests.world import Json, ToolFailed, World
from vast_mcp.policy.images import allowed_image

HASH = "sha256:" + "ab" * 32


@pytest.mark.parametrize(
    ("image", "pattern"),
    [
        ("vastai/pytorch:2.4", "vastai/*"),
        ("docker.io/vastai/pytorch:2.4", "vastai/*"),
        ("Docker.IO/Vastai/PyTorch:2.4", "vastai/pytorch:*"),
        ("index.docker.io/vastai/pytorch", "vastai/pytorch"),
        ("registry-1.docker.io/vastai/pytorch", "docker.io/vastai/pytorch:latest"),
        ("vastai/pytorch", "docker.io/vastai/*"),
        ("vastai/pytorch:@vastai-automatic-tag", "vastai/*"),
        ("ubuntu", "ubuntu:latest"),
        ("library/ubuntu:22.04", "ubuntu:22.04"),
        ("docker.io/ubuntu:22.04", "ubuntu:*"),
        ("ubuntu:22.04", "library/ubuntu:22.04"),
        ("ghcr.io/someone/tool:1", "ghcr.io/someone/*"),
        (f"vastai/pytorch@{HASH}", f"vastai/pytorch@{HASH}"),
        (f"vastai/pytorch:2.4@{HASH}", f"vastai/pytorch@{HASH}"),
        (f"vastai/pytorch:2.4@{HASH}", "vastai/*"),
        ("anything/at:all", "*"),
    ],
)
def test_one_image_is_the_same_in_every_spelling(image: str, pattern: str) -> None:
    """A registry's aliases, its default, capitals, a tag that is left out, a digest."""
    assert allowed_image(image, (pattern,))


@pytest.mark.parametrize(
    ("image", "pattern"),
    [
        ("ghcr.io/vastai/pytorch:2.4", "vastai/*"),
        ("evil.example/vastai/pytorch", "vastai/pytorch"),
        ("localhost/vastai/pytorch", "vastai/*"),
        ("docker.io/ghcr.io/someone/tool", "ghcr.io/*"),
        ("ghcr.io/someone/tool", "docker.io/*"),
        ("someone/ubuntu:22.04", "ubuntu:22.04"),
        ("vastai/pytorch:evil", "vastai/pytorch"),
        ("vastai/pytorch:latest-evil", "vastai/pytorch:latest"),
        (f"vastai/pytorch:2.4@{HASH}", "vastai/pytorch:2.4"),
        (f"vastai/pytorch:2.4@{HASH}", "vastai/pytorch:2.4*"),
        (f"vastai/pytorch@{HASH}", "vastai/pytorch:latest"),
        ("", "*"),
    ],
)
def test_no_other_image_passes(image: str, pattern: str) -> None:
    """Another registry, owner or tag is another image; of tag and digest the digest decides."""
    assert not allowed_image(image, (pattern,))


async def test_a_templates_image_is_judged_with_its_tag(tmp_path: Path) -> None:
    """The vendor keeps image and tag apart: another tag of an allowed image is another image."""
    world = World(tmp_path, policy='[allow]\nimages = ["someone/tool:good"]\n')
    template = world.simulator.world.templates[0]
    template.update({"image": "someone/tool", "tag": "evil"})
    given: Json = {
        "offer_id": (await world.cheap_offer()).offer_id,
        "template_hash": template["hash_id"],
        "max_price_usd_per_hour": 1.0,
    }
    async with world.connect() as client:
        with pytest.raises(ToolFailed, match=r"allow\.images"):
            await world.call(client, "create_instance", **given)
        assert not world.simulator.mutations()
        template["tag"] = "good"
        answer = await world.call(client, "create_instance", **given)
        assert answer["status"] == "rented"


@pytest.mark.parametrize("option", ["--privileged", "-v /:/host", "--gpus all", "--device=/dev/x"])
async def test_a_template_that_reaches_beyond_its_container_is_asked_about(
    tmp_path: Path, option: str
) -> None:
    """No limit knows docker options; whoever rents sees them, however cheap the machine is."""
    world = World(tmp_path)
    template = world.simulator.world.templates[0]
    template["env"] = f"-e A=1 -p 8080:8080 {option}"
    given: Json = {
        "offer_id": (await world.cheap_offer()).offer_id,
        "template_hash": template["hash_id"],
        "max_price_usd_per_hour": 1.0,
    }
    async with world.connect(answer="decline") as client:
        answer = await world.call(client, "create_instance", **given)
    assert answer["status"] == "declined"
    assert option.partition(" ")[0].partition("=")[0] in world.questions[0]
    assert not world.simulator.mutations()
