"""The official client's search language as filters: `gpu_name in [RTX_4090,H100_SXM] dph<0.5`.

Its rules: conditions separated by spaces and all of them required; `_` stands for a
space inside values; memory is GB, `duration` days; numbers go as the texts that were typed. Unlike
it, an unknown column is an error, a region word becomes its countries, and every error says where.
The text is read once from left to right: time is proportional to its length.

See docs/vendor-api.md#filter-language.
"""

import difflib
import math
import re
from dataclasses import dataclass
from typing import NoReturn

from vast_mcp.errors import InputInvalid
from vast_mcp.models.places import countries_of, country_of
from vast_mcp.operations import Json, JsonObject
from vast_mcp.text import clean_line
from vast_mcp.units import DAY_S, MB_PER_GB

LONGEST = 4000
"""Characters of a query that are read at all."""
_COLUMN_NAMES = """
    ask_contract_id bw_nvlink cluster_id compute_cap cpu_arch cpu_cores cpu_cores_effective cpu_ghz
    cpu_ram
    cuda_max_good datacenter direct_port_count disk_bw disk_space dlperf dlperf_per_dphtotal
    dph_total driver_version duration external flops_per_dphtotal geolocation gpu_arch
    gpu_display_active gpu_frac gpu_max_power gpu_max_temp gpu_mem_bw gpu_name gpu_ram
    gpu_total_ram has_avx host_id inet_down inet_down_cost inet_up inet_up_cost machine_id
    min_bid mobo_name num_gpus pci_gen pcie_bw reliability rentable rented static_ip storage_cost
    total_flops ubuntu_version verification verified vms_enabled
"""
COLUMNS = frozenset(_COLUMN_NAMES.split())
"""What the official client knows for offers, but for its `id`: see ALIASES."""
ALIASES = {
    "cuda_vers": "cuda_max_good",
    "display_active": "gpu_display_active",
    "dlperf_usd": "dlperf_per_dphtotal",
    "dph": "dph_total",
    "dphtotal": "dph_total",
    "flops_usd": "flops_per_dphtotal",
    "id": "ask_contract_id",
    "reliability2": "reliability",
}
"""`id` is what people write, and the vendor finds nothing by it (recorded 2026-09-05)."""
_SORTABLE = COLUMNS | {"score", "dph_base", "discounted_dph_total", "start_date", "end_date"}
_FACTORS = {
    "cpu_ram": float(MB_PER_GB),
    "gpu_ram": float(MB_PER_GB),
    "gpu_total_ram": float(MB_PER_GB),
    "duration": float(DAY_S),
}


@dataclass(frozen=True, slots=True)
class _Unit:
    """What a column counts in, and which numbers are certainly another unit."""

    said: str
    factor: float
    """From the unit that was probably meant."""
    most: float = math.inf
    least: float = 0

    def strange(self, number: float) -> bool:
        """Whether nobody means this number in this unit; zero is "any"."""
        return number > self.most or 0 < number < self.least


_UNITS = {
    "gpu_ram": _Unit("is in GB per GPU", 0.001, most=1_000),
    "gpu_total_ram": _Unit("is in GB", 0.001, most=7_000),
    "cpu_ram": _Unit("is in GB", 0.001, most=12_000),
    "duration": _Unit("is in days", 1 / DAY_S, most=20_000),
    "reliability": _Unit("ranges from 0 to 1", 0.01, most=1),
    "cuda_max_good": _Unit("is a version such as 12.4", 0.1, most=99),
    "compute_cap": _Unit("is in hundredths", 100, least=100),
}
_OPERATORS = {
    "=": "eq", "==": "eq", "eq": "eq",
    "!=": "neq", "neq": "neq", "noteq": "neq", "not eq": "neq",
    "<": "lt", "lt": "lt", "<=": "lte", "lte": "lte",
    ">": "gt", "gt": "gt", ">=": "gte", "gte": "gte",
    "in": "in", "notin": "notin", "nin": "notin", "not in": "notin",
}  # fmt: skip
_WORDS: dict[str, Json] = {
    "true": True, "True": True, "false": False, "False": False, "null": None, "None": None,
}  # fmt: skip
_TEXTS = frozenset({"geolocation", "gpu_name", "mobo_name", "cpu_arch", "gpu_arch"})
"""Columns whose values may hold a space."""
_WILDCARDS = frozenset({"any", "*", "?"})
_SPACE = re.compile(r"\s*")
_NAME = re.compile(r"\w+", re.ASCII)
_SYMBOL = re.compile(r"[=<>!]+")
_OPERATOR_WORD = re.compile(r"not\s+(?:eq|in)\b|[a-z]+\b", re.IGNORECASE)
_WORD = re.compile(r"[\w.-]+", re.ASCII)
_BARE = re.compile(r"[^\s]+")
_ITEM = re.compile(r"\"[^\"]*\"|'[^']*'|[^,]+")
_VERSION = re.compile(r"\d{1,4}(?:\.\d{1,3}){1,2}")


@dataclass(frozen=True, slots=True)
class _Condition:
    """One condition as typed, with where its column and its value begin."""

    column: str
    op: str
    items: tuple[str, ...]
    at: int
    value_at: int


def parse_query(text: str) -> JsonObject:
    """The filters a query asks for, in the wire's form; None where it says `column=any`.

    Raises:
        InputInvalid: it cannot be read; says at which character and what was expected.
    """
    if len(text) > LONGEST:
        raise InputInvalid("query", f"longer than {LONGEST} characters")
    filters: JsonObject = {}
    before: _Condition | None = None
    position = _skip(text, 0)
    while position < len(text):
        _check_quoted(text, position, before)
        before, position = _read_condition(text, position)
        _apply(filters, before)
        position = _skip(text, position)
    return filters


def in_query_units(column: str, value: float | bool | str) -> float | bool | str:
    """A value of the vendor's row as a query states it: memory in GB, `duration` in days."""
    factor = _FACTORS.get(column)
    if factor is None or isinstance(value, str | bool):
        return value
    return value / factor


def parse_order(text: str, *, own: frozenset[str] = frozenset()) -> tuple[tuple[str, str], ...]:
    """Columns to sort by from `dph,num_gpus-`: a leading or trailing `-` is descending.

    `own` are names that the vendor does not know and whoever asks sorts by.

    Raises:
        InputInvalid: no such column.
    """
    if len(text) > LONGEST:
        raise InputInvalid("order_by", f"longer than {LONGEST} characters")
    steps = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        name = part.strip("+-")
        column = ALIASES.get(name.lower(), name.lower())
        if column not in _SORTABLE | own:
            raise InputInvalid("order_by", f"no column `{_shown(name)}`{_nearest(name)}")
        steps.append((column, "desc" if part.strip("-") != part else "asc"))
    return tuple(steps)


def _check_quoted(text: str, start: int, before: _Condition | None) -> None:
    """Refuse `gpu_name=RTX 4090`: without an operator behind it, a word belongs to the value."""
    if before is None or before.column not in _TEXTS or len(before.items) != 1:
        return
    words: list[str] = []
    position = start
    while (word := _WORD.match(text, position)) and not _begins_condition(text, word.end()):
        words.append(word[0])
        position = _skip(text, word.end())
    if not words or (ALIASES.get(words[0].lower(), words[0].lower()) in COLUMNS):
        return
    whole = _shown(" ".join([*before.items, *words])[:60])
    joined = whole.replace(" ", "_")
    why = f'a value with a space needs quotes or _: {before.column}="{whole}" or {joined}'
    _fail(text, start, why)


def _begins_condition(text: str, end: int) -> bool:
    """Whether an operator follows the word that ends there."""
    position = _skip(text, end)
    if _SYMBOL.match(text, position):
        return True
    found = _OPERATOR_WORD.match(text, position)
    return found is not None and " ".join(found[0].lower().split()) in _OPERATORS


def _read_condition(text: str, start: int) -> tuple[_Condition, int]:
    name = _NAME.match(text, start)
    if name is None:
        _fail(text, start, "a column name is expected; conditions are separated by spaces")
    column = ALIASES.get(name[0].lower(), name[0].lower())
    if column not in COLUMNS:
        _fail(text, start, f"no such column{_nearest(name[0])}")
    op, position = _read_operator(text, _skip(text, name.end()))
    value_at = _skip(text, position)
    items, position = _read_value(text, value_at)
    if not items:
        _fail(text, value_at, f"a value is expected after `{name[0]}`")
    return _Condition(column, op, items, start, value_at), position


def _read_operator(text: str, start: int) -> tuple[str, int]:
    found = _SYMBOL.match(text, start) or _OPERATOR_WORD.match(text, start)
    op = _OPERATORS.get(" ".join(found[0].lower().split())) if found else None
    if found is None or op is None:
        _fail(text, start, "an operator is expected: = != < <= > >= in notin")
    return op, found.end()


def _read_value(text: str, start: int) -> tuple[tuple[str, ...], int]:
    """The value's items and where it ends; one item unless it is a list."""
    opening = text[start : start + 1]
    if opening == "[":
        return _read_list(text, start)
    if opening in {'"', "'"}:
        end = text.find(opening, start + 1)
        if end < 0:
            _fail(text, start, f"the closing {opening} is missing")
        return _kept([text[start + 1 : end]]), end + 1
    found = _BARE.match(text, start)
    if found is None:
        return (), start
    if _SYMBOL.search(found[0]):
        _fail(text, start, "a value is expected here, not the next condition; else quote it")
    return _kept(found[0].strip(",").split(",")), found.end()


def _read_list(text: str, start: int) -> tuple[tuple[str, ...], int]:
    end = text.find("]", start)
    if end < 0:
        _fail(text, start, "the closing ] is missing")
    items = [found.strip() for found in _ITEM.findall(text[start + 1 : end])]
    return _kept([item.strip("\"'") for item in items]), end + 1


def _kept(items: list[str]) -> tuple[str, ...]:
    return tuple(item.strip() for item in items if item.strip())


def _apply(filters: JsonObject, condition: _Condition) -> None:
    column, op, items = condition.column, condition.op, condition.items
    if len(items) == 1 and items[0] in _WILDCARDS:
        if op != "eq":
            _refuse(condition, f"`{items[0]}` means no restriction and works with = only")
        filters[column] = None
        return
    if op not in {"in", "notin"} and len(items) > 1:
        _refuse(condition, "several values need `in` or `notin`")
    value: Json
    if column == "geolocation" and op in {"eq", "neq", "in", "notin"}:
        op, value = _places(op, items)
    elif op in {"in", "notin"}:
        value = [_typed(condition, item) for item in items]
    else:
        value = _typed(condition, items[0])
    known = filters.get(column)
    operators: JsonObject = known if isinstance(known, dict) else {}
    if op in operators and operators[op] != value:
        _refuse(condition, f"`{column}` has this operator twice; use `in` for alternatives")
    filters[column] = {**operators, op: value}


def _typed(condition: _Condition, item: str) -> Json:
    """The value as the official client would send it: numbers stay texts but for the units."""
    factor = _FACTORS.get(condition.column)
    if factor is not None:
        return _scaled(condition, item, factor)
    if condition.column == "driver_version" and "." in item:
        return _driver(condition, item)
    _check_unit(condition, item)
    return _WORDS.get(item, item.replace("_", " "))


def _check_unit(condition: _Condition, item: str) -> None:
    """Refuse a number in another unit: it would find nothing, or everything, without a word."""
    unit = _UNITS.get(condition.column)
    try:
        number = float(item)
    except ValueError:
        return
    if unit is None or not math.isfinite(number) or not unit.strange(number):
        return
    meant = f"{number * unit.factor:g}"
    _refuse(condition, f"`{condition.column}` {unit.said}; {item} would be {meant}")


def _scaled(condition: _Condition, item: str, factor: float) -> float:
    try:
        number = float(item) * factor if "_" not in item else math.nan
    except ValueError:
        number = math.nan
    _check_unit(condition, item)
    if not math.isfinite(number):
        unit = "days" if condition.column == "duration" else "GB"
        _refuse(condition, f"`{condition.column}` needs a number of {unit}")
    return number


def _driver(condition: _Condition, item: str) -> int:
    """535.86.05 as 535086005; a part that is left out counts as 0."""
    if not _VERSION.fullmatch(item):
        _refuse(condition, "a driver version looks like 535.86.05")
    parts = [*item.split("."), "0"][:3]
    return int("".join(part.zfill(3) for part in parts))


def _places(op: str, items: tuple[str, ...]) -> tuple[str, Json]:
    """Country codes in capitals; regions become lists of them."""
    codes: list[Json] = []
    several = op in {"in", "notin"}
    for item in items:
        countries = countries_of(item)
        several = several or countries is not None
        plain = country_of(item) or item.replace("_", " ")
        codes += [code for code in countries or (plain,) if code not in codes]
    if not several:
        return op, codes[0]
    return {"eq": "in", "neq": "notin"}.get(op, op), codes


def _skip(text: str, start: int) -> int:
    found = _SPACE.match(text, start)
    return found.end() if found else start


def _nearest(name: str) -> str:
    known = sorted(_SORTABLE | set(ALIASES))
    close = difflib.get_close_matches(name.lower()[:40], known, 1, 0.5)
    return f"; the nearest is `{close[0]}`" if close else ""


def _shown(token: str) -> str:
    return str(clean_line(token, 40)).replace("`", "'")


def _fail(text: str, position: int, why: str) -> NoReturn:
    token = _BARE.match(text, position)
    what = f"`{_shown(token[0][:60])}`" if token else "the end"
    raise InputInvalid("query", f"at character {position + 1}, {what}: {why}")


def _refuse(condition: _Condition, why: str) -> NoReturn:
    shown = _shown(", ".join(condition.items)[:60])
    raise InputInvalid("query", f"at character {condition.value_at + 1}, `{shown}`: {why}")
