"""`vast-mcp policy …`, with the policy that this environment names."""

import argparse

from vast_mcp.cli import policy
from vast_mcp.cli.account import settings_of
from vast_mcp.clock import SystemClock
from vast_mcp.policy.source import policy_source


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which file, and the four commands below."""
    parser.add_argument(
        "--policy",
        metavar="FILE",
        help="policy file to use instead of the default (VAST_MCP_POLICY)",
    )
    policy.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Run one of them on the policy in force."""
    return policy.run(args, policy_source(settings_of(args)), SystemClock())
