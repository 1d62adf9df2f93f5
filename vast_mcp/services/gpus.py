"""Card names as people write them, in the vendor's spelling: an unknown one matches nothing."""

import difflib
import re
from collections.abc import Sequence

from vast_mcp.errors import InputInvalid
from vast_mcp.models.places import REGIONS, countries_of, country_of
from vast_mcp.text import clean_line

_SEPARATORS = re.compile(r"[\s_-]+")
_BRANDS = re.compile(r"^(?:(?:nvidia|geforce|amd)\s+)+(?=\S)")
_KIND = re.compile(r"(?<=\S) (?:gpus?|cards?)$")
_MEMORY = re.compile(r"(?<=\S) ?\b(\d{1,3}) ?gi?b\b")


def resolve_gpu_names(wanted: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """Every vendor name that the wanted ones mean: `4090`, `rtx_4090` and `H100` (all of them).

    Raises:
        InputInvalid: one of them means no card; names the nearest.
    """
    found: list[str] = []
    for name in wanted:
        found += [match for match in _meant_by(name, known) if match not in found]
    return tuple(found)


def _meant_by(name: str, known: Sequence[str]) -> list[str]:
    plain = _plain(name)
    joined = plain.replace(" ", "")
    same = [card for card in known if joined and _plain(card).replace(" ", "") == joined]
    if same:
        return same
    ending = [card for card in known if joined in _endings(card)]
    inside = [card for card in known if f" {plain} " in f" {_plain(card)} "]
    matches = (ending or inside) if plain else []
    if not matches:
        memory = _MEMORY.search(plain)
        hint = _nearest(_MEMORY.sub("", plain).replace(" ", ""), known)
        if memory is not None:
            hint = f"Names hold no memory: search_offers takes min_gpu_ram_gb={memory[1]}. {hint}"
        raise InputInvalid(
            "gpu_names", f"the vendor has no GPU {clean_line(name, 40)!r}", hint=hint
        )
    return matches


def _endings(card: str) -> set[str]:
    """The last words of a name without the spaces: `3060 Ti` and `Ti` of `RTX 3060 Ti`."""
    words = _plain(card).split()
    return {"".join(words[at:]) for at in range(len(words))}


def _nearest(joined: str, known: Sequence[str]) -> str:
    by_plain = {_plain(card).replace(" ", ""): card for card in known}
    near = difflib.get_close_matches(joined, list(by_plain), n=4, cutoff=0.5)
    if not near:
        near = [
            plain
            for plain in by_plain
            if any(part in plain for part in re.findall(r"\d{3,}", joined))
        ]
    names = ", ".join(by_plain[plain] for plain in near[:4])
    return f"Near: {names}." if names else "Names look like: RTX 4090, H100 SXM, A100 PCIE."


def _plain(name: str) -> str:
    words = _SEPARATORS.sub(" ", name.casefold()).strip()
    return re.sub(r"(?<=\d) ?super\b", "s", _KIND.sub("", _BRANDS.sub("", words)))


def resolve_countries(wanted: Sequence[str]) -> tuple[str, ...]:
    """Two-letter codes of codes, names and region words: `SE`, `Sweden`, `EU`, `Asia`.

    Raises:
        InputInvalid: it is none of them.
    """
    codes: list[str] = []
    for word in wanted:
        region = countries_of(word.strip())
        country = country_of(word)
        if region is None and not country:
            raise InputInvalid(
                "countries",
                f"{clean_line(word, 40)!r} is no two-letter code such as SE",
                hint=f"Regions: {', '.join(REGIONS)}.",
            )
        codes += [code for code in region or (country,) if code not in codes]
    return tuple(codes)
