"""The buttons that add the server to a client, and the block for all others.

The links are those that the clients document: they carry the configuration in themselves, and the
client asks before it takes it. The pictures are drawn here: no page of ours loads one from
elsewhere. `python -m release.buttons` writes them.
"""

import base64
import json
from collections.abc import Callable, Mapping
from html import escape
from types import MappingProxyType
from urllib.parse import quote

from release.facts import ARGUMENTS, COMMAND, ROOT, SERVER

_SERVE = {"command": COMMAND, "args": list(ARGUMENTS)}


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def _base64() -> str:
    return quote(base64.b64encode(_compact(_SERVE).encode()).decode())


def cursor() -> str:
    """Cursor: name, and the entry in base64."""
    return f"https://cursor.com/en/install-mcp?name={SERVER}&config={_base64()}"


def vscode() -> str:
    """VS Code: name, and the entry as JSON."""
    config = quote(_compact({"type": "stdio"} | _SERVE))
    return f"https://insiders.vscode.dev/redirect/mcp/install?name={SERVER}&config={config}"


def lm_studio() -> str:
    """LM Studio: as Cursor."""
    return f"https://lmstudio.ai/install-mcp?name={SERVER}&config={_base64()}"


BUTTONS: Mapping[str, tuple[str, Callable[[], str]]] = MappingProxyType(
    {
        "cursor": ("Add to Cursor", cursor),
        "vscode": ("Add to VS Code", vscode),
        "lm-studio": ("Add to LM Studio", lm_studio),
    }
)


def buttons() -> str:
    """A line of pictures that are links."""
    return "\n".join(
        f"[![{words}](docs/images/add-{name}.svg)]({link()})"
        for name, (words, link) in BUTTONS.items()
    )


def block() -> str:
    """The entry of every client that reads `mcpServers`."""
    return f'```json\n{{ "mcpServers": {{ "{SERVER}": {json.dumps(_SERVE)} }} }}\n```'


def picture(words: str) -> str:
    """A button."""
    words_width = round(7.8 * len(words))
    width = 46 + words_width
    font = "system-ui,-apple-system,Segoe UI,Roboto,sans-serif"
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="32" role="img" \
aria-label="{escape(words)}" font-family="{font}" font-size="14" font-weight="600">
  <rect width="{width}" height="32" rx="6" fill="#111827"/>
  <rect x="10" y="8" width="16" height="16" rx="4" fill="#7c8cff"/>
  <path d="M18 12v8M14 16h8" stroke="#111827" stroke-width="2" stroke-linecap="round"/>
  <text x="34" y="21" fill="#fff" textLength="{words_width}">{escape(words)}</text>
</svg>
"""


def main() -> int:
    """Write the pictures."""
    for name, (words, _) in BUTTONS.items():
        path = ROOT / "docs" / "images" / f"add-{name}.svg"
        path.write_text(picture(words), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
