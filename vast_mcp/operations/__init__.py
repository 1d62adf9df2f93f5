"""Every vendor operation we use, declared once."""

from vast_mcp.operations import account, copying, declared, instances, market, serverless
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

OPERATIONS: tuple[Operation, ...] = tuple(
    dict.fromkeys(
        (
            *market.OPERATIONS,
            *instances.OPERATIONS,
            *copying.OPERATIONS,
            *account.OPERATIONS,
            *serverless.OPERATIONS,
            *declared.operations(),
        )
    )
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
    "copying",
    "digest_of",
    "encode",
    "in_query",
    "instances",
    "market",
    "serverless",
]
