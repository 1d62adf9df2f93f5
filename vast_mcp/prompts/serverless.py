"""The prompt that sets up a serverless endpoint."""

from collections.abc import Mapping

from vast_mcp.errors import ApiError, InputInvalid
from vast_mcp.operations import Json
from vast_mcp.prompts._prompt import PromptField, PromptSpec, Told
from vast_mcp.prompts._words import call, number, steps
from vast_mcp.session import Session
from vast_mcp.showing import dollars
from vast_mcp.text import clean_line
from vast_mcp.views.endpoints import endpoints_seen
from vast_mcp.views.rules import policy_summary

_DISK_GB = 50.0
_OFFERS = 10


async def _deploy(session: Session, given: Mapping[str, str]) -> Told:
    facts: dict[str, Json] = {
        "endpoints": [endpoint.row() for endpoint in await endpoints_seen(session.account)],
        "limits": (await policy_summary(session))["limits"],
    }
    if given["template_hash"]:
        facts["template"] = await _template(session, given["template_hash"])
    if given["gpu_name"]:
        facts["cheapest_usd_per_hour"] = await _prices(session, given["gpu_name"])
    return Told("vast://endpoints", facts, _task(given))


def _task(given: Mapping[str, str]) -> str:
    template, gpu = given["template_hash"], given["gpu_name"]
    endpoint = call(
        "create_endpoint",
        "endpoint_name",
        max_usd_per_worker_hour=number(given["max_usd_per_worker_hour"]),
        max_workers=number(given["max_workers"]),
        cold_workers=0,
        lease_hours=number(given["lease_hours"]),
    )
    group = call(
        "create_workergroup",
        "endpoint_name",
        *([] if template else ["template_hash"]),
        template_hash=template,
        search_query=f"gpu_name={gpu.replace(' ', '_')}" if gpu else "",
    )
    most = given["max_workers"]
    workers = f"{most} worker" if most == "1" else f"{most} workers"
    return steps(
        f"Set up a Vast.ai serverless endpoint on {gpu or 'a GPU that fits the model'}, at most"
        f" {workers} at up to ${given['max_usd_per_worker_hour']}/h each,"
        f" for {given['lease_hours']} h.",
        "" if template else f"Choose a serverless template with me: {call('search_templates')}.",
        "Tell me the worst case: workers x price x hours.",
        f"{endpoint}; cold workers only if I want no cold starts. It asks me once for everything.",
        f"{group}.",
        f"{call('show_endpoints')} until a worker is ready, or it is clear that none will be.",
        f"Tell me how to end it: {call('delete_endpoint', 'endpoint_name')}.",
    )


async def _template(session: Session, hash_id: str) -> Json:
    found = await session.account.reads.template(hash_id)
    if found is None:
        raise InputInvalid("template_hash", "there is no such template")
    return {
        "template_hash": found.hash_id,
        "untrusted_name": str(clean_line(found.name, 80)),
        "untrusted_image": str(clean_line(f"{found.image}:{found.tag}", 120)),
        "recommended_disk_gb": found.recommended_disk_gb,
    }


async def _prices(session: Session, gpu_name: str) -> Json:
    try:
        page = await session.account.reads.search_offers(
            {"gpu_name": {"eq": gpu_name.replace("_", " ")}, "num_gpus": {"eq": 1}},
            disk_gb=_DISK_GB,
            order=(("dph_total", "asc"),),
            limit=_OFFERS,
        )
    except ApiError as error:
        return f"could not be read: {error}"
    return [dollars(offer.usd_per_hour) for offer in page.offers]


PROMPTS = (
    PromptSpec(
        "deploy_endpoint",
        "Deploy an endpoint",
        "Set up a serverless endpoint at a known worst case.",
        _deploy,
        (
            PromptField("template_hash", "the serverless template", default=""),
            PromptField("gpu_name", "such as RTX 4090", default=""),
            PromptField(
                "max_usd_per_worker_hour",
                "price ceiling of one worker, $/h",
                default="0.5",
                above=0,
                most=1000,
            ),
            PromptField(
                "max_workers",
                "maximum number of workers",
                default="1",
                above=0,
                most=100,
                whole=True,
            ),
            PromptField("lease_hours", "length of the lease", default="24", above=0, most=8760),
        ),
    ),
)
