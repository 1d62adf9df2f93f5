"""What can be put for an argument of a prompt or a resource: ids, GPU names, templates."""

from vast_mcp.errors import VastMcpError
from vast_mcp.services import Services

MOST = 100
_TEMPLATES = 50


async def complete(services: Services, argument: str, typed: str) -> list[str]:
    """Values for this argument that fit what was typed; none when they cannot be read."""
    try:
        found = await _values(services, argument, typed)
    except VastMcpError:
        return []
    return [services.redactor.scrub(value) for value in found[:MOST]]


async def _values(services: Services, argument: str, typed: str) -> list[str]:
    match argument:
        case "id" | "instance_id":
            return [number for number in await _ids(services) if number.startswith(typed.strip())]
        case "source" | "destination":
            places = ["local:", *(f"C.{number}:/workspace/" for number in await _ids(services))]
            return [place for place in places if place.startswith(typed.strip())]
        case "gpu_name":
            wanted = typed.strip().replace("_", " ").casefold()
            names = await services.reads.gpu_names()
            return sorted(name for name in set(names) if wanted in name.casefold())
        case "template_hash":
            return await _templates(services, typed.strip())
        case _:
            return []


async def _ids(services: Services) -> list[str]:
    facts = await services.view.seen()
    return sorted(str(one.instance_id) for one in facts.instances)


async def _templates(services: Services, typed: str) -> list[str]:
    """Hashes of templates whose name contains what was typed, or whose hash begins with it."""
    found = await services.reads.templates(name=typed or None, limit=_TEMPLATES)
    hashes = [one.hash_id for one in found]
    if typed and not hashes:
        everything = await services.reads.templates(limit=_TEMPLATES)
        hashes = [one.hash_id for one in everything if one.hash_id.startswith(typed)]
    return list(dict.fromkeys(hashes))
