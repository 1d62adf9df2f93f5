"""Every command a machine has, by name; options that a command does not list are ignored."""

from collections.abc import Mapping

from vast_mcp.simulator.inside import builtins, files, launch, reading, syncing, words
from vast_mcp.simulator.inside.pretence import NAMES, pretend
from vast_mcp.simulator.inside.python import python
from vast_mcp.simulator.inside.shell import Builtin

COMMANDS: Mapping[str, Builtin] = {
    **dict.fromkeys(NAMES, launch.as_child(pretend)),
    **builtins.COMMANDS,
    **files.COMMANDS,
    **reading.COMMANDS,
    **words.COMMANDS,
    **syncing.COMMANDS,
    **launch.COMMANDS,
    "python": launch.as_child(python),
    "python3": launch.as_child(python),
}
