"""Facts to and from the JSON that the ledger stores: the one place that knows the stored names.

The stored form is what every earlier release reads and writes, so that two versions may share a
ledger: a field that has its default is left out, and keys that are not known here are kept.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, Generic, TypeVar, get_args, get_origin, get_type_hints

from vast_mcp.operations import Json, JsonObject
from vast_mcp.store.agreed import MachineIdentity, RentAgreement
from vast_mcp.store.facts import EndpointFacts, Gpus, LeaseFacts, LowStretch
from vast_mcp.store.job_facts import (
    JobAgreement,
    JobEnd,
    JobFacts,
    JobOutput,
    JobRent,
    JobSpec,
    Upload,
)
from vast_mcp.units import Usd, UsdPerHour

_T = TypeVar("_T")
_GPUS = re.compile(r"(\d+)x (.*)", re.DOTALL)
_CARRIED = "carried"
_Reader = Callable[[Json], Any]


@dataclass(frozen=True, slots=True)
class _Slot:
    """One field: its name here, its key in the file, what reads it, and what it is when absent."""

    name: str
    key: str
    read: _Reader
    default: Any
    codec: "FactsCodec[Any] | None" = None
    """Of facts that are an object of their own there, or a list of them."""


class FactsCodec(Generic[_T]):
    """One kind of facts.

    `keys` are the stored names that differ from the fields' own. `parts` are fields that are facts
    themselves and whose keys stand beside the others: one that may be None is absent where its
    required keys are. `inner` are fields that are stored as objects of their own. With `whole`
    a default is written as well: earlier releases index it.
    """

    def __init__(
        self,
        kind: type[_T],
        keys: Mapping[str, str] | None = None,
        parts: Mapping[str, "FactsCodec[Any]"] | None = None,
        inner: Mapping[str, "FactsCodec[Any]"] | None = None,
        *,
        whole: bool = False,
    ) -> None:
        assert is_dataclass(kind)
        hints = get_type_hints(kind, localns={"Json": object})  # what is kept is not looked into
        renamed, inside = keys or {}, inner or {}
        self._kind = kind
        self._parts = parts or {}
        self._optional = {name for name in self._parts if isinstance(hints[name], UnionType)}
        self._slots = tuple(
            _Slot(
                name=member.name,
                key=renamed.get(member.name, member.name),
                read=_reader(hints[member.name], inside.get(member.name)),
                default=MISSING if whole else member.default,
                codec=inside.get(member.name),
            )
            for member in fields(kind)
            if member.name != _CARRIED and member.name not in self._parts
        )
        self._required = {
            renamed.get(field.name, field.name)
            for field in fields(kind)
            if field.default is MISSING and field.default_factory is MISSING
        }
        self._keeps = _CARRIED in hints
        self.keys: frozenset[str] = frozenset(slot.key for slot in self._slots).union(
            *(part.keys for part in self._parts.values())
        )

    def decode(self, stored: Json) -> _T:
        """The facts that this JSON holds; a null is an absent one.

        Raises:
            ValueError: it holds something that was never written.
        """
        held = _typed(stored, dict)
        values = {
            slot.name: slot.read(held[slot.key])
            for slot in self._slots
            if held.get(slot.key) is not None
        }
        for name, part in self._parts.items():
            if name not in self._optional or any(held.get(key) for key in part._required):  # noqa: SLF001  its own kind
                values[name] = part.decode(held)
        if self._keeps:
            values[_CARRIED] = {k: v for k, v in held.items() if k not in self.keys}
        if missing := {key for key in self._required if held.get(key) is None}:
            raise ValueError(f"{sorted(missing)} of it is missing")
        return self._kind(**values)

    def read(self, stored: Json) -> _T | None:
        """The same; None where this JSON is no such thing."""
        try:
            return self.decode(stored)
        except ValueError:
            return None

    def encode(self, facts: _T) -> JsonObject:
        """What is written of them; what another version wrote stays beside it."""
        written: JsonObject = dict(getattr(facts, _CARRIED)) if self._keeps else {}
        for slot in self._slots:
            value = getattr(facts, slot.name)
            if slot.default is MISSING or value != slot.default:
                written[slot.key] = _written(value, slot.codec)
        for name, part in self._parts.items():
            if getattr(facts, name) is not None:
                written |= part.encode(getattr(facts, name))
        return written


def _reader(kind: Any, codec: FactsCodec[Any] | None) -> _Reader:  # noqa: ANN401  a field's type
    """What reads a field of this type: put together once, for a ledger is read all the time."""
    if isinstance(kind, UnionType):
        (kind,) = (member for member in get_args(kind) if member is not NoneType)
    if get_origin(kind) is tuple:
        read = _reader(get_args(kind)[0], codec)
        return lambda value: tuple(read(item) for item in _typed(value, list))
    if codec is not None:
        return codec.decode
    if get_origin(kind) is Mapping:
        return lambda value: {key: _typed(one, str) for key, one in _typed(value, dict).items()}
    if kind is Gpus:
        return lambda value: _gpus(_typed(value, str))
    if kind is LowStretch:
        return lambda value: LowStretch(*(_typed(entry, int) for entry in _typed(value, list)))
    if kind is float:
        return lambda value: float(_typed(value, int | float))
    if kind in (Usd, UsdPerHour):
        return lambda value: kind(_typed(value, int))
    if issubclass(kind, StrEnum):
        return lambda value: kind(_typed(value, str))
    return lambda value: _typed(value, kind)


def _typed(value: Json, kind: Any) -> Any:  # noqa: ANN401  the border to the file
    """The value, if it is of this kind; a flag is no number."""
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ValueError(f"{value!r} is no {kind}")
    return value


def _gpus(text: str) -> Gpus:
    found = _GPUS.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} names no GPUs")
    return Gpus(int(found[1]), found[2])


def _written(value: Any, codec: FactsCodec[Any] | None) -> Json:  # noqa: ANN401  the border to the file
    match value:
        case Usd() | UsdPerHour():
            return value.micros
        case Gpus():
            return str(value)
        case tuple():
            return [_written(item, codec) for item in value]
        case StrEnum():
            return value.value
        case Mapping():
            return dict(value)
    if codec is not None and value is not None:
        return codec.encode(value)
    written: Json = value
    return written


LEASE_FACTS = FactsCodec(
    LeaseFacts,
    keys={
        "gpus": "gpu",
        "is_bid": "bid",
        "guarded_inside": "inside",
        "named_id": "named",
        "unmarked_id": "unmarked",
        "rise_intent": "rise",
    },
    parts={"endpoint": FactsCodec(EndpointFacts, keys={"per_worker": "per_worker_micros"})},
)
"""The column `details` of a rental."""

JOB_AGREEMENT = FactsCodec(
    JobAgreement,
    keys={
        "gpus": "gpu",
        "rate": "rate_micros",
        "ceiling": "ceiling_micros",
        "at_most": "at_most_micros",
        "disk_per_day": "disk_usd_per_day_micros",
    },
    inner={"uploads": FactsCodec(Upload)},
)
"""What a plan keeps of a job's question; beside the rest in the column `spec` of a job."""

RENT_AGREEMENT = FactsCodec(RentAgreement, keys={"rate": "rate_micros"})
"""What a plan keeps of an offer."""

MACHINE_IDENTITY = FactsCodec(MachineIdentity, keys={"gpus": "gpu"})
"""What a plan keeps of a machine."""

JOB_SPEC = FactsCodec(JobSpec, parts={"agreed": JOB_AGREEMENT})
"""The column `spec` of a job."""

JOB_FACTS = FactsCodec(
    JobFacts,
    keys={"rent": "create"},
    inner={"rent": FactsCodec(JobRent), "outputs": FactsCodec(JobOutput, whole=True)},
)
"""The column `facts` of a job."""

JOB_END = FactsCodec(JobEnd, keys={"cost": "cost_micros"})
"""The column `said` of a job."""
