"""Work on a machine: run commands, copy files, reach its ports."""

from typing import Annotated

from pydantic import Field

from vast_mcp.actions import CopyFiles, ForwardPort, RunCommand
from vast_mcp.guard.act import Act
from vast_mcp.market.terms import check_env
from vast_mcp.session import Session
from vast_mcp.tools._ask import asking
from vast_mcp.tools._instance_rows import InstanceId
from vast_mcp.tools._spec import ToolSpec
from vast_mcp.views.jobs_asked import background_act

_Patterns = Annotated[list[str] | None, Field(max_length=100, description='such as "*.py"')]


@asking
def run_command(
    session: Session,
    instance_id: InstanceId,
    command: Annotated[str, Field(min_length=1, max_length=32_000, description="for the command")],
    directory: Annotated[str, Field(max_length=1000, description="default: home")] = "",
    env: Annotated[dict[str, str] | None, Field(description="no secrets")] = None,
    timeout_seconds: Annotated[float, Field(gt=0, le=45)] = 30,
    background: Annotated[bool, Field(description="as a job: returns its job_id at once")] = False,
) -> Act:
    """Run a shell command on a running instance; returns output and exit code.

    It is killed at the time limit. Long output shows both ends. On a stopped instance only
    `ls PATH` and `du PATH` work.
    """
    variables = env or {}
    check_env(variables)
    if background:
        return background_act(session, instance_id, command, directory, variables)
    return RunCommand(instance_id, command, directory, tuple(variables.items()), timeout_seconds)


@asking
def copy_files(
    source: Annotated[
        str, Field(max_length=4200, description="local:PATH or C.<instance_id>:PATH")
    ],
    destination: Annotated[
        str, Field(max_length=4200, description="same form; a trailing slash means into it")
    ],
    include: _Patterns = None,
    exclude: _Patterns = None,
) -> Act:
    """Copy a file or directory to or from an instance, or between instances and V.<volume_id>.

    Local paths are under ~/vast-mcp or a directory the user opened; links and secrets are
    skipped. `verified` says if checksums were compared. The first upload to an instance asks the
    user. After 40 s it continues by itself (`copying`): the same call shows progress, or resumes
    it. Traffic costs.
    """
    return CopyFiles(source, destination, tuple(include or ()), tuple(exclude or ()))


@asking
def forward_port(
    instance_id: InstanceId,
    port: Annotated[int, Field(ge=1, le=65_535, description="on the instance")],
) -> Act:
    """Reach an instance's port at http://127.0.0.1:N while this server runs. Free."""
    return ForwardPort(instance_id, port)


_SET = "work"
TOOLS = (
    ToolSpec(run_command, "Run a command", _SET, destroys=True),
    ToolSpec(copy_files, "Copy files", _SET, destroys=True, repeatable=True),
    ToolSpec(forward_port, "Forward a port", _SET, repeatable=True),
)
