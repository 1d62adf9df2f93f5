"""Draws the icon, a chip with a clock for the lease in it: `python -m release.icon`.

One description of the shapes makes the SVG and, by signed distances, the PNG; nothing but the
standard library draws it.
"""

import math
import struct
import zlib
from collections.abc import Iterator

from release.facts import ROOT

SIZE = 512
_BOARD, _CHIP, _FACE, _HAND = (17, 24, 39), (124, 140, 255), (17, 24, 39), (94, 234, 212)
_PINS = (176, 229, 283, 336)
_LONG, _THICK = 40, 20
Colour = tuple[int, int, int]
Box = tuple[float, float, float, float, float]
"""Centre, half width, half height, radius of the corners."""


def boxes() -> Iterator[tuple[Box, Colour]]:
    """Rounded boxes from the back to the front."""
    yield (256, 256, 256, 256, 112), _BOARD
    for place in _PINS:
        for edge in (96, 416):
            yield (place, edge, _THICK / 2, _LONG, 10), _CHIP
            yield (edge, place, _LONG, _THICK / 2, 10), _CHIP
    yield (256, 256, 136, 136, 40), _CHIP
    yield (256, 256, 92, 92, 92), _FACE
    yield (256, 228, 9, 37, 9), _HAND
    yield (279, 256, 32, 9, 9), _HAND


def svg() -> str:
    """The icon as SVG."""
    rows = [
        f'  <rect x="{x - w:g}" y="{y - h:g}" width="{2 * w:g}" height="{2 * h:g}" rx="{r:g}"'
        f' fill="#{red:02x}{green:02x}{blue:02x}"/>'
        for (x, y, w, h, r), (red, green, blue) in boxes()
    ]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIZE} {SIZE}" role="img"'
        ' aria-label="vast-mcp">'
    )
    return "\n".join([head, *rows, "</svg>", ""])


def pixel(x: float, y: float) -> tuple[int, int, int, int]:
    """Colour and opacity at a point, smoothed over one pixel."""
    mixed, opacity = (0.0, 0.0, 0.0), 0.0
    for box, colour in boxes():
        cover = min(1.0, max(0.0, 0.5 - _distance(box, x, y)))
        if not cover:
            continue
        total = cover + opacity * (1 - cover)
        mixed = (
            (colour[0] * cover + mixed[0] * opacity * (1 - cover)) / total,
            (colour[1] * cover + mixed[1] * opacity * (1 - cover)) / total,
            (colour[2] * cover + mixed[2] * opacity * (1 - cover)) / total,
        )
        opacity = total
    return round(mixed[0]), round(mixed[1]), round(mixed[2]), round(255 * opacity)


def _distance(box: Box, x: float, y: float) -> float:
    centre_x, centre_y, width, height, radius = box
    across, down = abs(x - centre_x) - width + radius, abs(y - centre_y) - height + radius
    outside = math.hypot(max(across, 0), max(down, 0))
    return outside + min(max(across, down), 0) - radius


def png() -> bytes:
    """The icon as PNG, 512 pixels each way."""
    rows = bytearray()
    for y in range(SIZE):
        rows.append(0)  # no filter
        for x in range(SIZE):
            rows += bytes(pixel(x + 0.5, y + 0.5))
    header = struct.pack(">IIBBBBB", SIZE, SIZE, 8, 6, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(rows), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, body) for kind, body in parts)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def main() -> int:
    """Write both, and the copy that the plugins show."""
    images = ROOT / "docs" / "images"
    images.mkdir(parents=True, exist_ok=True)
    (images / "icon.svg").write_text(svg(), encoding="utf-8")
    drawn = png()
    (images / "icon.png").write_bytes(drawn)
    (ROOT / "plugins" / "vast" / "icon.png").write_bytes(drawn)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
