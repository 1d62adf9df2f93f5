"""Writes the generated parts of documents: `python -m vast_mcp.cli.readme FILE…`.

Each stands between `<!-- generated: NAME -->` and `<!-- end -->`; a test fails when one is stale.
"""

import argparse
import re
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

from vast_mcp.cli.codes import MEANING
from vast_mcp.cli.main import parser_for
from vast_mcp.cli.refusal_tables import policy_table, vendor_table
from vast_mcp.cli.simulate import FAULTS
from vast_mcp.policy.table import limits_table
from vast_mcp.policy.variables import variables_table
from vast_mcp.prompts import PROMPTS
from vast_mcp.server import TOOLS
from vast_mcp.tools._spec import ToolSpec
from vast_mcp.vendor_shapes import SHAPES, Source, all_fields

_PART = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def renewed(text: str) -> str:
    """The document with every generated part as it is now."""
    parts: Mapping[str, Callable[[], str]] = {
        "tools": tools_table,
        "prompts": prompts_table,
        "limits": limits_section,
        "variables": variables_section,
        "codes": codes_table,
        "faults": faults_table,
        "help": help_block,
        "seen": seen_table,
        "unseen": unseen_table,
        "vendor_refusals": vendor_table,
        "policy_refusals": policy_table,
    }

    def write(found: re.Match[str]) -> str:
        return f"{found[1]}{parts[found[2]]()}\n{found[3]}"

    return _PART.sub(write, text)


def tools_table() -> str:
    """One row per tool, by set; what is not offered by default is marked."""
    rows = ["| set | tool | what it does | changes things |", "|---|---|---|---|"]
    rows += [
        f"| {spec.toolset} | `{spec.name}`{' *' if spec.extra else ''} | {_first_line(spec)} |"
        f" {_effect(spec)} |"
        for spec in TOOLS
    ]
    return "\n".join(rows)


def _first_line(spec: ToolSpec) -> str:
    text = (spec.function.__doc__ or "").strip().partition("\n")[0]
    return text.replace("|", "/")


def _effect(spec: ToolSpec) -> str:
    if spec.reads:
        return "no"
    return "yes; can end or delete" if spec.destroys else "yes"


def prompts_table() -> str:
    """One row per prompt; what must be given stands in bold."""
    rows = ["| prompt | what it does | asks for |", "|---|---|---|"]
    for spec in PROMPTS:
        named = [f"**{one.name}**" if one.needed else one.name for one in spec.arguments]
        rows.append(f"| `{spec.name}` | {spec.description} | {', '.join(named) or 'nothing'} |")
    return "\n".join(rows)


def limits_section() -> str:
    """Every key of the policy with its built-in value."""
    rows = ["| key | built in | meaning |", "|---|---|---|"]
    rows += [f"| `{key}` | {value} | {meaning} |" for key, value, meaning in limits_table()]
    return "\n".join(rows)


def variables_section() -> str:
    """Every environment variable that is read."""
    rows = ["| variable | what it does |", "|---|---|"]
    return "\n".join([*rows, *(f"| `{name}` | {text} |" for name, text in variables_table())])


def codes_table() -> str:
    """What the exit codes mean."""
    rows = ["| code | meaning |", "|---|---|"]
    return "\n".join([*rows, *(f"| {code.value} | {text} |" for code, text in MEANING.items())])


def seen_table() -> str:
    """One row per kind of answer: how many of its fields are known in which way."""
    rows = [f"| kind | {' | '.join(Source)} |", f"|---|{'---|' * len(Source)}"]
    for kind, shape in SHAPES.items():
        counts = Counter(field.source for _, field in all_fields(shape))
        rows.append(f"| {kind} | {' | '.join(str(counts[one] or '') for one in Source)} |")
    return "\n".join(rows)


def unseen_table() -> str:
    """One row per field that is known by documents or by a report alone."""
    rows = ["| kind | field | known by | note |", "|---|---|---|---|"]
    rows += [
        f"| {kind} | `{path}` | {field.source} | {field.note} |"
        for kind, shape in SHAPES.items()
        for path, field in all_fields(shape)
        if field.source in {Source.REPORTED, Source.DOCUMENTED}
    ]
    return "\n".join(rows)


def faults_table() -> str:
    """What can be made to go wrong in the simulator."""
    rows = ["| `--faults` | what goes wrong |", "|---|---|"]
    return "\n".join([*rows, *(f"| `{name}` | {means} |" for name, means in FAULTS.items())])


def help_block() -> str:
    """What `vast-mcp --help` prints, at a fixed width."""
    parser = parser_for()
    parser.formatter_class = _FixedWidth
    return f"```text\n{parser.format_help().rstrip()}\n```"


class _FixedWidth(argparse.HelpFormatter):
    """The same on every terminal."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=88, max_help_position=16)


def main() -> int:
    """Rewrite the files named on the command line."""
    for path in map(Path, sys.argv[1:]):
        path.write_text(renewed(path.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
