"""Reads what a person wrote. Anything it does not understand is a fault, never ignored."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from difflib import get_close_matches
from pathlib import PurePosixPath, PureWindowsPath
from types import MappingProxyType

from vast_mcp.policy._address import address_of
from vast_mcp.policy._fault import Fault, Faults
from vast_mcp.policy._lines import line_of
from vast_mcp.policy.keys import DANGEROUS_WORDS, KEYS, TABLES, Key, Value, ValueKind, keys_of
from vast_mcp.policy.layers import Layer, tighter
from vast_mcp.policy.limits import Level
from vast_mcp.policy.variables import BUDGET, LEVELS, SETTINGS, by_variable, policy_variables
from vast_mcp.text import clean_line
from vast_mcp.units import Usd, UsdPerHour

_LARGEST = 1_000_000_000
_ENTRIES = 500
_TEXT = 200
_DAY_MINUTES = 1_440
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_STRICTER = (Level.ASK, Level.PERSON, Level.DENY)


@dataclass(slots=True)
class _Found:
    """What has been read so far."""

    values: dict[str, Value] = field(default_factory=dict)
    budgets: dict[str, Usd] = field(default_factory=dict)
    levels: dict[str, Level] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)

    def layer(self, origin: str) -> Layer:
        self.faults.insist()
        return Layer(origin, self.values, self.budgets, self.levels, self.origins)


def read_toml(text: str, origin: str) -> Layer:
    """The layer that a file states.

    Raises:
        Fault: malformed, or anything in it is unknown, of the wrong type or out of range.
    """
    try:
        document = tomllib.loads(text, parse_float=Decimal)
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise Fault(f"not readable as TOML: {str(error) or type(error).__name__}") from error
    found = _Found()
    for table, content in document.items():
        with found.faults.noting(line_of(text, table)):
            if table not in TABLES:
                raise Fault(f"{_said(table)}: unknown table{_nearest(table, _all_names())}")
            if not isinstance(content, dict):
                raise Fault(f"{table}: must be a table, written [{table}]")
            for name, raw in content.items():
                with found.faults.noting(line_of(text, table, name)):
                    _read_key(table, name, raw, found)
    return found.layer(origin)


def read_environment(variables: Mapping[str, str]) -> Layer:
    """The layer that `VAST_MCP_<KEY>` variables state; an empty one counts as not set.

    Raises:
        Fault: a variable of the policy is unknown or cannot be read.
    """
    found = _Found()
    by_name = by_variable()
    for variable, text in sorted(policy_variables(variables).items()):
        with found.faults.noting():
            _read_variable(variable, text, by_name.get(variable), found)
    return found.layer("environment")


def _read_variable(variable: str, text: str, key: Key | None, found: _Found) -> None:
    if key is not None:
        asked = _checked(variable, key, _from_text(variable, key, text))
        value = tighter(key, found.values.get(key.dotted), asked)
        if found.values.get(key.dotted) != value:
            found.origins[key.dotted] = variable
        found.values[key.dotted] = value
    elif variable == LEVELS:
        for name, level in _pairs(variable, text):
            _read_level(name, level, found)
            found.origins[f"levels.{name}"] = variable
    elif variable.startswith(BUDGET) and variable != BUDGET:
        task = variable.removeprefix(BUDGET).lower()
        found.budgets[task] = Usd.of(_number(variable, _decimal(variable, text)))
        found.origins[f"budget.{task}"] = variable
    else:
        known = (*by_variable(), *SETTINGS)
        raise Fault(f"{_said(variable)}: unknown variable{_nearest(variable, known)}")


def _read_key(table: str, name: str, raw: object, found: _Found) -> None:
    if table == "budget":
        _read_budget(name, raw, found)
        return
    if table == "levels":
        _read_level(name, raw, found)
        return
    known = keys_of(table)
    if name not in known:
        near = _nearest(name, known) or _nearest(name, _all_names())
        raise Fault(f"[{table}] {_said(name)}: unknown key{near}")
    key = known[name]
    found.values[key.dotted] = _checked(f"[{table}] {name}", key, raw)


def _read_budget(task: str, entry: object, found: _Found) -> None:
    where = f"[budget.{_said(task)}]"
    if not isinstance(entry, dict):
        raise Fault(f"[budget] {_said(task)}: must be a table, written [budget.<task>]")
    if not task.strip() or len(task) > _TEXT or clean_line(task) != task:
        raise Fault(f"{where}: a task's name is one plain line of at most {_TEXT} characters")
    for name in entry:
        if name != "max_cost_usd":
            raise Fault(f"{where} {_said(name)}: unknown key; the nearest is max_cost_usd")
    if "max_cost_usd" not in entry:
        raise Fault(f"{where} max_cost_usd: missing")
    found.budgets[task] = Usd.of(_number(f"{where} max_cost_usd", entry["max_cost_usd"]))


def _read_level(action: str, raw: object, found: _Found) -> None:
    from vast_mcp.policy.actions import ACTS  # noqa: PLC0415  read at every start, needed by few

    if action != "*" and action not in ACTS:
        raise Fault(f"[levels] {_said(action)}: unknown action{_nearest(action, ACTS)}")
    words = {str(level): level for level in _STRICTER}
    if not isinstance(raw, str) or raw not in words:
        raise Fault(f'[levels] {action}: must be "ask", "person" or "deny", not {_type(raw)}')
    found.levels[action] = words[raw]


def _checked(where: str, key: Key, raw: object) -> Value:
    match key.kind:
        case ValueKind.MONEY:
            return Usd.of(_number(where, raw))
        case ValueKind.RATE:
            return UsdPerHour.of(_number(where, raw))
        case ValueKind.NUMBER:
            return float(_number(where, raw))
        case ValueKind.COUNT:
            return _count(where, raw)
        case ValueKind.SWITCH:
            if not isinstance(raw, bool):
                raise Fault(f"{where}: must be true or false, not {_type(raw)}")
            return raw
        case ValueKind.PERCENT:
            return _between(where, raw, 1, 100)
        case ValueKind.ADDRESS:
            return address_of(where, raw)
        case ValueKind.WORDS | ValueKind.IDS | ValueKind.MINUTES:
            return _checked_list(where, key, raw)


def _checked_list(where: str, key: Key, raw: object) -> Value:
    if key.kind is ValueKind.WORDS:
        return tuple(_words(where, key, raw))
    if key.kind is ValueKind.IDS:
        return tuple(_count(where, entry) for entry in _entries(where, raw))
    return tuple(_between(where, entry, 1, _DAY_MINUTES) for entry in _entries(where, raw))


def _number(where: str, raw: object) -> Decimal:
    if isinstance(raw, bool) or not isinstance(raw, int | Decimal):
        raise Fault(f"{where}: must be a number, not {_type(raw)}")
    number = Decimal(raw)
    if not number.is_finite():
        raise Fault(f"{where}: must be a finite number")
    if not 0 <= number <= _LARGEST:
        raise Fault(f"{where}: must be between 0 and {_LARGEST}")
    return number


def _count(where: str, raw: object) -> int:
    if isinstance(raw, bool) or not isinstance(raw, int):
        raise Fault(f"{where}: must be a whole number, not {_type(raw)}")
    return int(_number(where, raw))


def _between(where: str, raw: object, least: int, most: int) -> int:
    number = _count(where, raw)
    if not least <= number <= most:
        raise Fault(f"{where}: must be between {least} and {most}")
    return number


def _words(where: str, key: Key, raw: object) -> Iterator[str]:
    for entry in _entries(where, raw):
        if not isinstance(entry, str):
            raise Fault(f"{where}: must hold texts only, not {_type(entry)}")
        if not entry.strip() or len(entry) > _TEXT or clean_line(entry) != entry:
            raise Fault(f"{where}: each entry is one plain line of at most {_TEXT} characters")
        if key.dotted == "dangerous.allow" and entry not in DANGEROUS_WORDS:
            near = _nearest(entry, DANGEROUS_WORDS) or f"; known are {', '.join(DANGEROUS_WORDS)}"
            raise Fault(f"{where} {_said(entry)}: unknown word{near}")
        if key.dotted == "files.roots":
            _check_folder(where, entry)
        if key.dotted == "secrets.allow" and not _NAME.fullmatch(entry):
            raise Fault(f"{where} {_said(entry)}: must be the whole name of one variable")
        yield entry


def _entries(where: str, raw: object) -> list[object]:
    if not isinstance(raw, list):
        raise Fault(f"{where}: must be a list, not {_type(raw)}")
    if len(raw) > _ENTRIES:
        raise Fault(f"{where}: holds more than {_ENTRIES} entries")
    return raw


def _check_folder(where: str, entry: str) -> None:
    if not _is_plain_folder(entry):
        raise Fault(f'{where} {_said(entry)}: must be an absolute path without ".."')
    if _is_everything(entry):
        raise Fault(
            f"{where} {_said(entry)}: opens the whole disk or home directory; name a folder in it"
        )


def _is_everything(entry: str) -> bool:
    """Whether nothing is left once root, drive, home and empty steps are taken away."""
    if entry.startswith("~"):
        return not PurePosixPath(entry).parts[1:]
    windows, posix = PureWindowsPath(entry), PurePosixPath(entry)
    return not posix.parts[1:] if posix.is_absolute() else not windows.parts[1:]


def _is_plain_folder(entry: str) -> bool:
    for flavour in (PurePosixPath(entry), PureWindowsPath(entry)):
        if flavour.is_absolute() and ".." not in flavour.parts:
            return True
    return entry.startswith("~/") and ".." not in PurePosixPath(entry).parts


def _from_text(variable: str, key: Key, text: str) -> object:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    match key.kind:
        case ValueKind.MONEY | ValueKind.RATE | ValueKind.NUMBER:
            return _decimal(variable, text)
        case ValueKind.COUNT | ValueKind.PERCENT:
            return _whole(variable, text)
        case ValueKind.ADDRESS:
            return text
        case ValueKind.SWITCH:
            return _switch(variable, text)
        case ValueKind.IDS | ValueKind.MINUTES:
            return [_whole(variable, part) for part in parts]
        case ValueKind.WORDS:
            return parts


def _decimal(variable: str, text: str) -> Decimal:
    try:
        return Decimal(text)
    except ArithmeticError as error:
        raise Fault(f"{variable}: must be a number, not {_said(text)}") from error


def _whole(variable: str, text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 12:
        raise Fault(f"{variable}: must be a whole number, not {_said(text)}")
    return int(text)


def _switch(variable: str, text: str) -> bool:
    words = {"1": True, "true": True, "yes": True, "on": True,
             "0": False, "false": False, "no": False, "off": False}  # fmt: skip
    if text.lower() not in words:
        raise Fault(f"{variable}: must be true or false, not {_said(text)}")
    return words[text.lower()]


def _pairs(variable: str, text: str) -> Iterator[tuple[str, str]]:
    for part in text.split(","):
        name, equals, level = part.partition("=")
        if not equals:
            raise Fault(f"{variable}: must be action=level, … not {_said(part)}")
        yield name.strip(), level.strip()


def _all_names() -> tuple[str, ...]:
    return (*TABLES, *(key.name for key in KEYS))


def _nearest(name: str, known: Mapping[str, object] | tuple[str, ...]) -> str:
    near = get_close_matches(name[:_TEXT], list(known), n=1, cutoff=0.5)
    if not near:
        return ""
    table = next((key.table for key in KEYS if key.name == near[0] and near[0] not in TABLES), "")
    return f"; the nearest is {f'[{table}] ' if table else ''}{near[0]}"


def _said(text: str) -> str:
    return str(clean_line(text, 60))


def _type(raw: object) -> str:
    names = MappingProxyType({bool: "true or false", str: "a text", int: "a number",
                              Decimal: "a number", list: "a list", dict: "a table"})  # fmt: skip
    if isinstance(raw, str):
        return f'the text "{_said(raw)}"'
    return names.get(type(raw), "a date or time")
