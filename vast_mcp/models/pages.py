"""A machine's own web pages: the vendor's Jupyter, and the portal that its images serve.

Both want the machine's token, which no tool has: a person opens them by `vast-mcp open ID`.
"""

from collections.abc import Iterable

from vast_mcp.models.instance import Instance
from vast_mcp.models.ports import JUPYTER

JUPYTER_PORT = int(JUPYTER)
PORTAL_PORT = 1111
_TLS_PORTS = frozenset({443, 8443})


def is_jupyter(instance: Instance) -> bool:
    """Whether the vendor started Jupyter on it."""
    return "jupyter" in instance.runtype


def scheme_of(instance: Instance, inside: int) -> str:
    """How a TCP port is spoken to; the vendor's Jupyter has a certificate of its own making."""
    own = is_jupyter(instance) and inside == JUPYTER_PORT
    return "https" if own or inside in _TLS_PORTS else "http"


def page_port(instance: Instance) -> int | None:
    """The port inside of the page that a person would open; None: it has none that is reached."""
    mapped = {port.inside for port in instance.ports if port.protocol == "tcp"}
    if instance.actual_status != "running" or not instance.public_ip:
        return None
    if is_jupyter(instance) and JUPYTER_PORT in mapped:
        return JUPYTER_PORT
    return PORTAL_PORT if PORTAL_PORT in mapped else None


def page_words(port: int | None, instance_id: int) -> str:
    """How a person comes to it; empty without one."""
    if port is None:
        return ""
    name = "Jupyter" if port == JUPYTER_PORT else "page"
    return f"`vast-mcp open {instance_id}` in a terminal opens its {name}, signed in."


def promised_page(ports: Iterable[str], *, jupyter: bool) -> int | None:
    """The same of a rent whose open ports are these, before anything of it runs."""
    if jupyter:
        return JUPYTER_PORT
    return PORTAL_PORT if str(PORTAL_PORT) in set(ports) else None
