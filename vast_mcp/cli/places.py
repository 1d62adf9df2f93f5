"""Which policy and ledger a command works on, from its flags and the environment."""

import argparse
import os
from collections.abc import Mapping


def add_place_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags that say which policy and which ledger."""
    parser.add_argument(
        "--policy",
        metavar="FILE",
        help="policy file to use instead of the default (VAST_MCP_POLICY)",
    )
    parser.add_argument(
        "--ledger",
        metavar="FILE",
        help="ledger file to use instead of the account's (VAST_MCP_LEDGER)",
    )


def environment_of(
    args: argparse.Namespace, environ: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The environment with this command's flags laid over it: a flag wins over its twin."""
    merged = dict(os.environ if environ is None else environ)
    for flag, name in (
        ("policy", "VAST_MCP_POLICY"),
        ("ledger", "VAST_MCP_LEDGER"),
        ("toolsets", "VAST_MCP_TOOLSETS"),
        ("ask", "VAST_MCP_ASK"),
    ):
        if value := getattr(args, flag, None):
            merged[name] = value
    if getattr(args, "read_only", False):
        merged["VAST_MCP_READ_ONLY"] = "1"
    return merged
