"""A Vast.ai that costs nothing: market, machines and money, on any clock, behind the real wire."""

from vast_mcp.simulator.faults import PROFILES, Fault, Faults, Severed
from vast_mcp.simulator.http_server import serve_http
from vast_mcp.simulator.limits import RateLimits
from vast_mcp.simulator.simulator import Recorded, Simulator
from vast_mcp.simulator.transport import SimulatorTransport
from vast_mcp.simulator.wire import Request, Response
from vast_mcp.simulator.world import ACCOUNT_KEY, Choices

__all__ = [
    "ACCOUNT_KEY",
    "PROFILES",
    "Choices",
    "Fault",
    "Faults",
    "RateLimits",
    "Recorded",
    "Request",
    "Response",
    "Severed",
    "Simulator",
    "SimulatorTransport",
    "serve_http",
]
