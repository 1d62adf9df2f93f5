"""Every vendor operation we use, declared once."""

from vast_mcp.operations import account, instances, market, serverless
from vast_mcp.operations._declare import (
    Call,
    Data,
    Host,
    Json,
    JsonObject,
    Money,
    Operation,
    digest_of,
    encode,
    in_query,
)

OPERATIONS: tuple[Operation, ...] = (
    *market.OPERATIONS,
    *instances.OPERATIONS,
    *account.OPERATIONS,
    *serverless.OPERATIONS,
)

__all__ = [
    "OPERATIONS",
    "Call",
    "Data",
    "Host",
    "Json",
    "JsonObject",
    "Money",
    "Operation",
    "account",
    "digest_of",
    "encode",
    "in_query",
    "instances",
    "market",
    "serverless",
]
