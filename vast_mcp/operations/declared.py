"""Every declared operation, by the name of its tool."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

from vast_mcp.operations._declare import Operation
from vast_mcp.operations.declaration import DeclaredRead, DeclaredWrite
from vast_mcp.operations.keys import ON_KEYS
from vast_mcp.operations.on_instances import ON_INSTANCES

Declared: TypeAlias = DeclaredRead[Any] | DeclaredWrite[Any]

DECLARED: tuple[Declared, ...] = (*ON_INSTANCES, *ON_KEYS)
WRITES: Mapping[str, DeclaredWrite[Any]] = MappingProxyType(
    {
        declaration.name: declaration
        for declaration in DECLARED
        if isinstance(declaration, DeclaredWrite)
    }
)
READS: Mapping[str, DeclaredRead[Any]] = MappingProxyType(
    {declared.name: declared for declared in DECLARED if isinstance(declared, DeclaredRead)}
)


def operations() -> tuple[Operation, ...]:
    """What the wall must know of them."""
    return tuple(operation for declaration in DECLARED for operation in declaration.operations())
