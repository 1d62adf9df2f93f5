"""What can be put for an argument of a prompt or a resource: ids, GPU names, templates."""

from vast_mcp.errors import VastMcpError
from vast_mcp.session import Session

MOST = 100
_TEMPLATES = 50


async def complete(session: Session, argument: str, typed: str) -> list[str]:
    """Values for this argument that fit what was typed; none when they cannot be read."""
    try:
        found = await _values(session, argument, typed)
    except VastMcpError:
        return []
    return [session.account.redactor.scrub(value) for value in found[:MOST]]


async def _values(session: Session, argument: str, typed: str) -> list[str]:
    match argument:
        case "id" | "instance_id":
            return [number for number in await _ids(session) if number.startswith(typed.strip())]
        case "source" | "destination":
            places = ["local:", *(f"C.{number}:/workspace/" for number in await _ids(session))]
            return [place for place in places if place.startswith(typed.strip())]
        case "gpu_name":
            wanted = typed.strip().replace("_", " ").casefold()
            names = await session.account.reads.gpu_names()
            return sorted(name for name in set(names) if wanted in name.casefold())
        case "template_hash":
            return await _templates(session, typed.strip())
        case _:
            return []


async def _ids(session: Session) -> list[str]:
    facts = await session.account.cache.seen()
    return sorted(str(instance.instance_id) for instance in facts.instances)


async def _templates(session: Session, typed: str) -> list[str]:
    """Hashes of templates whose name contains what was typed, or whose hash begins with it."""
    found = await session.account.reads.templates(name=typed or None, limit=_TEMPLATES)
    hashes = [template.hash_id for template in found]
    if typed and not hashes:
        everything = await session.account.reads.templates(limit=_TEMPLATES)
        hashes = [entry.hash_id for entry in everything if entry.hash_id.startswith(typed)]
    return list(dict.fromkeys(hashes))
