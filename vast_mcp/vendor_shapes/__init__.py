"""What the vendor's replies look like, as far as anybody has shown one.

A table of fields, not of decoders: `api` reads what it needs and is forgiving, this says exactly
what has been seen, so that `vast-mcp doctor --drift` can tell what has changed, and so that a test
can tell where the simulator is unlike the vendor.
"""

from vast_mcp.vendor_shapes.compare import Problem, ShapeDifference, all_fields, compare, fields_of
from vast_mcp.vendor_shapes.field import Field, Source, Type, Unit
from vast_mcp.vendor_shapes.kinds import SHAPES, ReplyKind

__all__ = [
    "SHAPES",
    "Field",
    "Problem",
    "ReplyKind",
    "ShapeDifference",
    "Source",
    "Type",
    "Unit",
    "all_fields",
    "compare",
    "fields_of",
]
