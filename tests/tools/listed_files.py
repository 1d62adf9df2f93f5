"""The files of `vast_mcp/tools/listed/` as the code says them; `make listed` writes them."""

import json
import sys
from collections.abc import Mapping

from mcp_types import Tool

from vast_mcp.served import TOOLS, strict_tools
from vast_mcp.tools.listing import INDEX, PLACE


def expected() -> dict[str, str]:
    """By name of the file, its text: one per tool, and an index in the order of the list."""
    files = {INDEX: _text([_row(name) for name in _SPECS])}
    for tool in strict_tools(TOOLS):
        listed = Tool(
            name=tool.name,
            title=tool.title,
            description=tool.description,
            input_schema=tool.parameters,
            output_schema=tool.output_schema,
            annotations=tool.annotations,
        )
        files[f"{tool.name}.json"] = _text(listed.model_dump(by_alias=True, exclude_none=True))
    return files


_SPECS = {spec.name: spec for spec in TOOLS}


def _row(name: str) -> Mapping[str, object]:
    spec = _SPECS[name]
    return {"name": name, "toolset": spec.toolset, "reads": spec.reads, "extra": spec.extra}


def _text(value: object) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def main() -> int:
    """Write them, and remove those of tools that are gone."""
    files = expected()
    PLACE.mkdir(exist_ok=True)
    for path in PLACE.glob("*.json"):
        if path.name not in files:
            path.unlink()
    for name, text in files.items():
        (PLACE / name).write_text(text, encoding="utf-8")
    sys.stdout.write(f"{len(files) - 1} tools listed\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
