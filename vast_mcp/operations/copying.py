"""Copies that the vendor carries out between its own machines (docs/vendor-api.md#copying)."""

from vast_mcp.operations._declare import Call, Data, Operation

COPY_DIRECT = Operation(
    "copy_direct", "PUT", "/api/v0/commands/copy_direct/", "work", data=Data.CHANGES, interval_s=3.5
)
CANCEL_COPY = Operation(
    "cancel_copy",
    "DELETE",
    "/api/v0/commands/copy_direct/",
    "work",
    data=Data.CHANGES,
    interval_s=3.5,
)
OPERATIONS = (COPY_DIRECT, CANCEL_COPY)


def copy_direct(src_id: str, src_path: str, dst_id: str, dst_path: str) -> Call:
    """Copy between two places such as `C.123` and `V.45`; it begins about 30 s later."""
    return COPY_DIRECT.call(
        {
            "client_id": "me",
            "src_id": src_id,
            "dst_id": dst_id,
            "src_path": src_path,
            "dst_path": dst_path,
        }
    )


def cancel_copy(dst_id: int) -> Call:
    """End every copy onto an instance, whoever began it; also without one it succeeds."""
    return CANCEL_COPY.call({"client_id": "me", "dst_id": str(dst_id)})
