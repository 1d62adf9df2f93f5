"""The icons are what the script draws."""

import struct
import zlib

from release.facts import ROOT
from release.icon import SIZE, pixel, svg

PNG = (ROOT / "docs" / "images" / "icon.png").read_bytes()


def test_the_icons_are_current() -> None:
    """The SVG exactly, the PNG at every 37th pixel: drawing it whole takes seconds."""
    assert (ROOT / "docs" / "images" / "icon.svg").read_text(encoding="utf-8") == svg()
    width, height = struct.unpack(">II", PNG[16:24])
    assert (width, height) == (SIZE, SIZE)
    begins = PNG.index(b"IDAT") + 4
    rows = zlib.decompressobj().decompress(PNG[begins:])
    line = 1 + 4 * SIZE
    for number in range(0, SIZE * SIZE, 37):
        y, x = divmod(number, SIZE)
        at = y * line + 1 + 4 * x
        assert tuple(rows[at : at + 4]) == pixel(x + 0.5, y + 0.5), "run `make manifests`"


def test_the_plugins_show_the_same_icon() -> None:
    """They are copied with their folder alone."""
    assert (ROOT / "plugins" / "vast" / "icon.png").read_bytes() == PNG
