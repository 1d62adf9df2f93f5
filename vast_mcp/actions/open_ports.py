"""The open ports of a rent: whether its host has them, and who can knock there."""

from collections.abc import Sequence

from vast_mcp.errors import PolicyDenied
from vast_mcp.models import Offer, Template
from vast_mcp.models.ports import JUPYTER, needed


def opened(ports: Sequence[str], template: Template | None) -> tuple[str, ...]:
    """Every port that will be open to the internet: those asked for, and the template's own."""
    return tuple(dict.fromkeys((*ports, *(template.ports if template is not None else ()))))


def check_room(offer: Offer, ports: Sequence[str], template: Template | None) -> None:
    """Refuse a host that has fewer open ports than are asked for: nobody could reach the rest.

    Raises:
        PolicyDenied: says how many it has and how to find another.
    """
    wanted = opened(ports, template)
    need, has = needed(wanted, jupyter=False), offer.direct_ports
    if need <= has:
        return
    whose = "" if ports else "the template's "
    shown = ", ".join(wanted[:6]) + (", …" if len(wanted) > 6 else "")
    have = "no open port" if has < 1 else f"{has} open port{'' if has == 1 else 's'}"
    instead = "" if not ports else "; or leave `ports` out and use forward_port afterwards"
    raise PolicyDenied(
        f"Not rented, nothing charged: the host of offer {offer.offer_id} has {have};"
        f" {need} needed for {whose}{shown}. The rest would be unreachable.",
        rules=("create.ports",),
        hint=f"search_offers(ports={need}) finds hosts that have them{instead}.",
    )


def notes(
    offer: Offer, ports: Sequence[str], template: Template | None, *, jupyter: bool
) -> list[str]:
    """What the person should know of ports, however the machine is connected to."""
    wanted = opened(ports, template)
    said = []
    if wanted:
        are = "is" if len(wanted) == 1 else "are"
        shown = ", ".join(wanted[:8]) + (", …" if len(wanted) > 8 else "")
        said.append(
            f"Port{'' if len(wanted) == 1 else 's'} {shown} {are} open to the whole internet: the"
            " program there must require its own key."
        )
    if jupyter and offer.direct_ports < 1:
        said.append(
            f"Its host has no open port: reach Jupyter with forward_port(instance_id, {JUPYTER})."
        )
    return said
