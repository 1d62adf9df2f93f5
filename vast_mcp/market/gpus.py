"""Card names as people write them, in the vendor's spelling: an unknown one matches nothing."""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from vast_mcp.errors import InputInvalid
from vast_mcp.models.places import REGIONS, countries_of, country_of
from vast_mcp.operations import JsonObject
from vast_mcp.text import clean_line
from vast_mcp.units import NOMINAL

_SEPARATORS = re.compile(r"[\s_-]+")
_BRANDS = re.compile(r"^(?:(?:nvidia|geforce|amd)\s+)+(?=\S)")
_KIND = re.compile(r"(?<=\S) (?:gpus?|cards?)$")
_SUPER = re.compile(r"(\d)( ?ti)? ?(?:super|(?<=ti) ?s)\b")
"""The vendor writes `RTX 4070S Ti`, its maker `RTX 4070 Ti Super`."""
_MEMORY = re.compile(r"(?<=\S) ?\b(\d{1,3}) ?gi?b\b")

_WORKSTATION = re.compile(r"(?:rtx |q |q rtx )?(\d[05]00)")
"""`RTX 6000`: the number of a card of each generation; a letter or a word tells them apart."""


@dataclass(frozen=True, slots=True)
class Meant:
    """What a name as somebody wrote it means in the vendor's spelling."""

    asked: str
    cards: tuple[str, ...]
    ambiguous: bool = False
    """Cards of several generations have this name: no kinds of the same card, as with `H100`."""


def resolve_gpu_names(wanted: Sequence[str], known: Sequence[str]) -> tuple[Meant, ...]:
    """The vendor's names of each wanted one: `4090`, `rtx_4090` and `H100` (all of them).

    Raises:
        InputInvalid: one of them means no card; names the nearest.
    """
    return tuple(_meant_by(name, known) for name in dict.fromkeys(wanted))


def all_cards(meant: Sequence[Meant]) -> tuple[str, ...]:
    """Every card once, in the order in which they were asked for."""
    return tuple(dict.fromkeys(card for name in meant for card in name.cards))


def as_sold(query: JsonObject) -> JsonObject:
    """A query's memory as cards are sold: `gpu_ram>=24` finds 23,034 MB too, `=24` finds 24,564."""
    wide = dict(query)
    for column in ("gpu_ram", "gpu_total_ram"):
        condition = query.get(column)
        if not isinstance(condition, dict):
            continue
        bounds = dict(condition)
        least, exact = bounds.get("gte"), bounds.pop("eq", None)
        if isinstance(exact, float):
            bounds |= {"gte": exact * NOMINAL, "lte": exact * (2 - NOMINAL)}
        elif isinstance(least, float):
            bounds["gte"] = least * NOMINAL
        wide[column] = bounds
    return wide


def names_in(query: JsonObject) -> tuple[str, ...]:
    """The cards that a query asks for by name, as they were written."""
    condition = query.get("gpu_name")
    if not isinstance(condition, dict):
        return ()
    listed = condition.get("in", condition.get("eq"))
    names = listed if isinstance(listed, list) else [listed]
    return tuple(name for name in names if isinstance(name, str))


def _meant_by(name: str, known: Sequence[str]) -> Meant:
    asked = str(clean_line(name, 40))
    plain = _plain(name)
    joined = plain.replace(" ", "")
    same = [card for card in known if joined and _plain(card).replace(" ", "") == joined]
    if same:
        return Meant(asked, tuple(same))
    generations = _generations(plain, known)
    if generations:
        return Meant(asked, generations, ambiguous=len(generations) > 1)
    ending = [card for card in known if joined in _endings(card)]
    inside = [card for card in known if f" {plain} " in f" {_plain(card)} "]
    matches = (ending or inside) if plain else []
    if not matches:
        memory = _MEMORY.search(plain)
        hint = _nearest(_MEMORY.sub("", plain).replace(" ", ""), known)
        if memory is not None:
            hint = f"GPU names do not include memory: pass min_gpu_ram_gb={memory[1]}. {hint}"
        raise InputInvalid("gpu_names", f"Vast.ai has no GPU {asked!r}", hint=hint)
    return Meant(asked, tuple(matches))


def _generations(plain: str, known: Sequence[str]) -> tuple[str, ...]:
    """Every card that a workstation's number alone may mean: 6000Ada, A6000, PRO 6000."""
    number = _WORKSTATION.fullmatch(plain)
    if number is None:
        return ()
    own = re.compile(rf"(?<!\d){number[1]}(?!\d)")
    return tuple(card for card in known if own.search(_plain(card)) and "rtx" in _plain(card))


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
    plain = re.sub(r"^quadro\b", "q", _KIND.sub("", _BRANDS.sub("", words)))
    return _SUPER.sub(lambda found: f"{found[1]}s{found[2] or ''}", plain)


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
                f"{clean_line(word, 40)!r} is not a two-letter code such as SE",
                hint=f"Regions: {', '.join(REGIONS)}.",
            )
        codes += [code for code in region or (country,) if code not in codes]
    return tuple(codes)
