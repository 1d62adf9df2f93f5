"""The wire: every simulated operation, by noun. What stands in no table answers `not simulated`."""

from vast_mcp.simulator.routes import (
    account,
    billing,
    copies,
    endpoints,
    instances,
    offers,
    volumes,
    work,
)
from vast_mcp.simulator.routes.table import Route, Router


def all_routes() -> tuple[Route, ...]:
    """Every simulated operation of the console host and of the serverless host."""
    nouns = (offers, instances, account, work, copies, billing, volumes, endpoints)
    return tuple(route for noun in nouns for route in noun.ROUTES)


def build_router() -> Router:
    """All routes, on one port."""
    return Router(all_routes())
