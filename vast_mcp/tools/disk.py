"""Look at a stopped machine's disk, and clear it."""

from typing import Annotated

from pydantic import BaseModel, Field

from vast_mcp.actions import DeleteDiskFiles
from vast_mcp.errors import InputInvalid, VendorRefused
from vast_mcp.guard.act import Act
from vast_mcp.instances.fleet import gone
from vast_mcp.instances.logs import excerpt
from vast_mcp.tools._ask import Svc, asking
from vast_mcp.tools._instance_rows import InstanceId
from vast_mcp.tools._spec import ToolSpec


class Listing(BaseModel):
    """What lies in a folder."""

    instance_id: int
    untrusted_listing: str
    cut: str | None = None


async def list_disk(
    session: Svc,
    instance_id: InstanceId,
    path: Annotated[str, Field(max_length=300, description="absolute")] = "/workspace",
) -> Listing:
    """List a folder on a stopped instance's disk, without starting it.

    Use it before deleting files or destroying. A running instance is read over ssh. Free.
    """
    if not path.startswith("/"):
        raise InputInvalid("path", "must be absolute, such as /workspace")
    quoted = f"'{path}'" if " " in path else path
    try:
        shown = excerpt(await session.account.reads.list_disk(instance_id, f"ls -l {quoted}"))
    except VendorRefused as error:
        if error.code == "invalid_container_id":  # the vendor's word for no such instance
            raise await gone(session.account, instance_id) from error
        raise
    cut = "Only the end is shown; list a subfolder." if shown.cut else None
    return Listing(instance_id=instance_id, untrusted_listing=shown.text, cut=cut)


@asking
def delete_disk_files(
    instance_id: InstanceId,
    paths: Annotated[
        list[str], Field(min_length=1, description="absolute; folders with their contents")
    ],
) -> Act:
    """Delete files or folders on a stopped instance's disk for good.

    Asks the user first. The disk's price stays: it is billed by its size.
    """
    return DeleteDiskFiles(instance_id, tuple(paths))


TOOLS = (
    ToolSpec(list_disk, "List a stopped disk", "instances", reads=True, extra=True),
    ToolSpec(
        delete_disk_files, "Delete files on a stopped disk", "instances", destroys=True, extra=True
    ),
)
