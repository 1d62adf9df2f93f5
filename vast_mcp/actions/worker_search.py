"""The search that an endpoint rents its workers by: read, held against the policy, written again.

The vendor keeps it and rents by it for days, unasked. So nothing of the caller's text is sent: it
is parsed, every limit of the policy is put into what came out, and the text is made from that. A
condition that contradicts a limit is refused, never overridden in silence.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from vast_mcp.errors import InputInvalid, PolicyDenied
from vast_mcp.operations import Json, JsonObject
from vast_mcp.policy import Limits
from vast_mcp.policy.caps import codes, plain
from vast_mcp.text import clean_line
from vast_mcp.units import DAY_S, MB_PER_GB, UsdPerHour

Condition = Mapping[str, Json]
_SYMBOLS = {"eq": "=", "neq": "!=", "lt": "<", "lte": "<=", "gt": ">", "gte": ">="}
_IN_GB = frozenset({"cpu_ram", "gpu_ram", "gpu_total_ram"})
_LAST = ("verified", "rentable", "rented")
"""Written last and as the official client writes them."""
_PLAIN = re.compile(r"[A-Za-z0-9_.+:/()-]+")


class Bound(Protocol):
    """What the policy says about one column."""

    @property
    def column(self) -> str:
        """Its name in the search language."""
        ...

    def kept(self, asked: Condition | None, *, stated: bool) -> Condition | None:
        """The condition that is sent; `asked` is None for `column=any`, or where it is not stated.

        Raises:
            PolicyDenied: what was asked contradicts the policy.
        """
        ...


@dataclass(frozen=True, slots=True)
class Exactly:
    """One value; with `open_` another may be asked for, and this is only the default."""

    column: str
    value: Json
    rule: str
    open_: bool = False
    silent: bool = False
    """Not written where nobody asked for the column."""

    def kept(self, asked: Condition | None, *, stated: bool) -> Condition | None:
        """The value, unless something else was asked."""
        if not stated:
            return None if self.silent else {"eq": self.value}
        if self.open_:
            return asked
        if asked is None or not all(self._means_it(op, value) for op, value in asked.items()):
            raise _denied(self.rule, self.column, f"must be {_text(self.column, self.value)}")
        return {"eq": self.value}

    def _means_it(self, op: str, value: Json) -> bool:
        if op == "eq":
            return value == self.value and type(value) is type(self.value)
        if op == "in":
            return isinstance(value, list) and value == [self.value]
        return isinstance(self.value, bool) and op == "neq" and value is (not self.value)


@dataclass(frozen=True, slots=True)
class Most:
    """A number that may not be higher."""

    column: str
    most: float
    rule: str

    def kept(self, asked: Condition | None, *, stated: bool) -> Condition | None:
        """The bound, or a lower one that was asked."""
        if stated and asked is None:
            raise self._refusal()
        conditions = dict(asked or {})
        for op, value in conditions.items():
            numbers = value if isinstance(value, list) else [value]
            if op in {"neq", "notin"}:
                continue
            if not all(_number(self.column, number) <= self.most for number in numbers):
                raise self._refusal()
        least = min((_number(self.column, conditions.get("lte", self.most)), self.most))
        return {**conditions, "lte": least}

    def _refusal(self) -> PolicyDenied:
        return _denied(self.rule, self.column, f"may be at most {_decimal(self.most)}")


@dataclass(frozen=True, slots=True)
class Among:
    """One of these words, as the vendor spells them."""

    column: str
    words: tuple[str, ...]
    rule: str

    def kept(self, asked: Condition | None, *, stated: bool) -> Condition | None:
        """The words that are left of those allowed."""
        if stated and asked is None:
            raise self._refusal()
        left = list(self.words)
        for op, value in (asked or {}).items():
            named = {plain(str(item)) for item in (value if isinstance(value, list) else [value])}
            if op in {"eq", "in"}:
                if not named <= {plain(word) for word in self.words}:
                    raise self._refusal()
                left = [text for text in left if plain(text) in named]
            elif op in {"neq", "notin"}:
                left = [text for text in left if plain(text) not in named]
            else:
                raise InputInvalid("search_query", f"`{self.column}` accepts only = and in")
        if not left:
            raise self._refusal()
        return {"in": list(left)}

    def _refusal(self) -> PolicyDenied:
        shown = ", ".join(str(clean_line(word, 40)) for word in self.words[:4]) or "nothing"
        return _denied(self.rule, self.column, f"may be: {shown}")


def bounds_of(
    limits: Limits, per_worker: UsdPerHour | None, gpu_names: Iterable[str]
) -> tuple[Bound, ...]:
    """Every limit that a search can state. `gpu_names` are all cards in the vendor's spelling."""
    allow = limits.allow
    rate = (
        limits.max_usd_per_hour if per_worker is None else min(per_worker, limits.max_usd_per_hour)
    )
    rule = "endpoint.max_usd_per_worker_hour" if rate == per_worker else "limits.max_usd_per_hour"
    traffic = limits.max_usd_per_gb.dollars
    bounds: list[Bound] = [
        Most("dph_total", rate.dollars, rule),
        Most("inet_up_cost", traffic, "limits.max_usd_per_gb"),
        Most("inet_down_cost", traffic, "limits.max_usd_per_gb"),
        Exactly("external", False, "search.external"),
        Exactly("rentable", True, "search.rentable"),
        Exactly("rented", False, "search.rented"),
        Exactly("verified", True, "limits.verified_only", open_=not limits.verified_only),
    ]
    if limits.verified_only:
        said = Exactly("verification", "verified", "limits.verified_only", silent=True)
        bounds.append(said)
    if allow.datacenter_only:
        bounds.append(Exactly("datacenter", True, "allow.datacenter_only"))
    if allow.max_gpus is not None:
        bounds.append(Most("num_gpus", allow.max_gpus, "allow.max_gpus"))
    if allow.gpu_names is not None:
        wanted = {plain(name) for name in allow.gpu_names}
        cards = tuple(name for name in gpu_names if plain(name) in wanted)
        bounds.append(Among("gpu_name", cards, "allow.gpu_names"))
    if allow.countries is not None:
        bounds.append(
            Among("geolocation", tuple(sorted(codes(allow.countries))), "allow.countries")
        )
    return tuple(bounds)


def bounded(filters: JsonObject, bounds: Iterable[Bound]) -> JsonObject:
    """What was asked, within every bound.

    Raises:
        PolicyDenied: a condition contradicts a bound; the reason names the limit.
        InputInvalid: a value that cannot be compared.
    """
    kept: JsonObject = {name: value for name, value in filters.items() if value is not None}
    for bound in bounds:
        asked = filters.get(bound.column)
        if asked is not None and not isinstance(asked, dict):
            asked = {"eq": asked}
        found = bound.kept(asked, stated=bound.column in filters)
        kept.pop(bound.column, None)
        if found is not None:
            kept[bound.column] = dict(found)
    return kept


def written(filters: JsonObject) -> str:
    """The filters as the text of the search language that gives them back when it is parsed.

    Raises:
        InputInvalid: a value that the language cannot hold.
    """
    words = [word for name in filters if name not in _LAST for word in _words(name, filters[name])]
    last = [word for name in _LAST if name in filters for word in _words(name, filters[name])]
    return " ".join([*words, *last])


def _words(column: str, condition: Json) -> list[str]:
    conditions = condition if isinstance(condition, dict) else {"eq": condition}
    found = []
    for op, value in conditions.items():
        if isinstance(value, list):
            listed = ",".join(_text(column, item) for item in value)
            found.append(f"{column} {op} [{listed}]")
        else:
            found.append(f"{column}{_SYMBOLS[op]}{_text(column, value)}")
    return found


def _text(column: str, value: Json) -> str:
    if isinstance(value, bool):
        return str(value) if column in _LAST else str(value).lower()
    if column == "driver_version" and isinstance(value, int):
        return f"{value // 1_000_000}.{value // 1000 % 1000:02}.{value % 1000:02}"
    if isinstance(value, int | float):
        factor = MB_PER_GB if column in _IN_GB else DAY_S if column == "duration" else 1
        return _decimal(value / factor)
    text = str(value).replace(" ", "_")
    if not _PLAIN.fullmatch(text):
        raise InputInvalid(
            "search_query", f"`{clean_line(column, 30)}` has a value with unusual characters"
        )
    return text


def _decimal(value: float) -> str:
    """Digits without an exponent, and none lost: a bound must not grow on its way."""
    text = repr(float(value))
    text = f"{value:.12f}".rstrip("0") if "e" in text else text
    return text.removesuffix(".0").rstrip(".")


def _number(column: str, value: Json) -> float:
    try:
        if isinstance(value, bool) or value is None:
            raise ValueError
        number = float(str(value))
    except ValueError as error:
        raise InputInvalid("search_query", f"`{column}` needs a number") from error
    if number != number:  # noqa: PLR0124  not a number
        raise InputInvalid("search_query", f"`{column}` needs a number")
    return number


def _denied(rule: str, column: str, must: str) -> PolicyDenied:
    return PolicyDenied(
        f"Not created, nothing charged. `{column}` {must} in a search that rents automatically."
        f" [rule: {rule}]",
        rules=(rule,),
        hint="Leave that condition out of search_query: the limits are added automatically. Only"
        " the user can change them.",
    )
