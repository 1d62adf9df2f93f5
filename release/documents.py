"""Writes the generated parts of every document: `python -m release.documents`.

Each stands between `<!-- generated: NAME -->` and `<!-- end -->`; a test fails when one is stale.
"""

import argparse
import re
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

from release.buttons import block, buttons
from release.entries import entry, places_table
from release.facts import ROOT
from release.refusal_tables import policy_table, vendor_table
from vast_mcp.cli.codes import MEANING
from vast_mcp.cli.main import COMMANDS, parser_for
from vast_mcp.cli.simulate import FAULTS
from vast_mcp.policy.table import limits_table
from vast_mcp.policy.variables import variables_table
from vast_mcp.prompts import PROMPTS
from vast_mcp.resources.catalogue import FIXED, OF_INSTANCE
from vast_mcp.served import TOOLS
from vast_mcp.tools._spec import ToolSpec
from vast_mcp.vendor_shapes import SHAPES, Source, all_fields

_PART = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
_PLAYED = "docs/requests.md"
"""Its one table is made by playing all requests: `tests/requests/table.py`."""


def documents() -> list[Path]:
    """Every page that has a generated part which is written here."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [
        page
        for page in pages
        if page != ROOT / _PLAYED and _PART.search(page.read_text(encoding="utf-8"))
    ]


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
        "commands": commands_block,
        "resources": resources_table,
        "buttons": buttons,
        "block": block,
        "places": places_table,
        "seen": seen_table,
        "unseen": unseen_table,
        "vendor_refusals": vendor_table,
        "policy_refusals": policy_table,
    }

    def write(found: re.Match[str]) -> str:
        name = found[2]
        made = parts[name]() if name in parts else entry(name.removeprefix("entry_"))
        return f"{found[1]}{made}\n{found[3]}"

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


def resources_table() -> str:
    """One row per resource."""
    rows = ["| resource | what it holds |", "|---|---|"]
    rows += [f"| `{one.uri}` | {one.description} |" for one in FIXED]
    rows += [f"| `{one.uri_template}` | {one.description} |" for one in OF_INSTANCE]
    return "\n".join(rows)


def limits_section() -> str:
    """Every key of the policy with its built-in value."""
    rows = ["| key | default | meaning |", "|---|---|---|"]
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
    return _printed(parser_for())


def commands_block() -> str:
    """What each command says of itself."""
    parts = []
    for name, (_, line) in COMMANDS.items():
        parser = _of_command(parser_for([name]), name)
        parts.append(f"### {name}\n\n{line[0].upper()}{line[1:]}.\n\n{_printed(parser)}")
    return "\n\n".join(parts)


def _of_command(parser: argparse.ArgumentParser, name: str) -> argparse.ArgumentParser:
    for action in parser._actions:  # noqa: SLF001  argparse has no public way to its subparsers
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            found: argparse.ArgumentParser = action.choices[name]
            return found
    raise LookupError(name)


def _printed(parser: argparse.ArgumentParser) -> str:
    parser.formatter_class = _FixedWidth
    return f"```text\n{parser.format_help().rstrip()}\n```"


class _FixedWidth(argparse.HelpFormatter):
    """The same on every terminal."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=88, max_help_position=16)


def main() -> int:
    """Rewrite them."""
    for path in documents():
        path.write_text(renewed(path.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
