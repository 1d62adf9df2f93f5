"""Endpoints, workergroups, workers and volumes: known from the vendor's examples alone."""

from vast_mcp.vendor_shapes.field import (
    FRACTION,
    GB,
    ID,
    SECONDS,
    USD_PER_HOUR,
    Field,
    Fields,
    Source,
    Type,
    flag,
    integer,
    listed,
    number,
    record,
    rows,
    text,
)

_BARE_LIST = "the example is an object, the official client reads a bare list: both are taken"
_NOT_SHOWN = "decoded after the vendor's documents and official client; no reply shows it"


def _by_example(*fields: Field) -> Fields:
    return tuple(field.by(Source.EXAMPLE) for field in fields)


def _by_document(*fields: Field) -> Fields:
    return tuple(field.maybe.by(Source.DOCUMENTED, _NOT_SHOWN) for field in fields)


ENDPOINTS: Field = record(
    "",
    *_by_example(
        flag("success"),
        rows(
            "results",
            *_by_example(
                integer("id", ID).read,
                text("endpoint_name").read,
                text("endpoint_state", "active", "stopped", "suspended").read,
                number("min_load").read,
                number("target_util", FRACTION).read,
                number("cold_mult").read,
                integer("cold_workers").read,
                integer("max_workers").read,
                text("api_key"),
                integer("user_id", ID),
                Field("created_at", (Type.TEXT, Type.NUMBER)),
            ),
            *_by_document(
                number("max_queue_time", SECONDS).read.or_null,
                number("target_queue_time", SECONDS).or_null,
                number("inactivity_timeout", SECONDS).read.or_null,
            ),
        ).read,
    ),
)
ENDPOINT_CREATED: Field = record("", *_by_example(flag("success"), integer("result", ID)))

WORKERGROUPS: Field = record(
    "",
    *_by_example(
        flag("success"),
        rows(
            "results",
            *_by_example(
                integer("id", ID).read,
                integer("endpoint_id", ID).read,
                text("endpoint_name").read,
                text("template_hash").read.or_null,
                integer("template_id", ID).or_null,
                text("search_query").read,
                text("launch_args").or_null,
                number("gpu_ram"),
                number("min_load"),
                number("target_util", FRACTION),
                number("cold_mult"),
                integer("test_workers"),
                text("api_key"),
                integer("user_id", ID),
                Field("created_at", (Type.TEXT, Type.NUMBER)),
            ),
            *_by_document(
                Field("search_params", (Type.TEXT, Type.MAP), null=True, used=True),
                integer("cold_workers").or_null,
            ),
        ).read,
    ),
)
WORKERGROUP_CREATED: Field = record("", *_by_example(flag("success"), integer("id", ID)))

_WORKER: Fields = (
    *_by_example(
        integer("id", ID).read,
        text("status").read,
        text("url").maybe,
        Field("created_at", (Type.TEXT, Type.NUMBER), always=False),
    ),
    *_by_document(number("cur_load").read),
)
WORKERS: Field = Field(
    "",
    (Type.OBJECT, Type.LIST),
    source=Source.EXAMPLE,
    fields=_by_example(rows("workers", *_WORKER)),
    each=record("", *(field.by(Source.DOCUMENTED, _BARE_LIST) for field in _WORKER)),
    note=_BARE_LIST,
)

VOLUMES: Field = record(
    "",
    *_by_example(
        rows(
            "volumes",
            *_by_example(listed("instances", Field("", (Type.INTEGER, Type.MAP))).read),
            *_by_document(
                integer("id", ID).read,
                integer("machine_id", ID).read,
                text("label").read.or_null,
                text("name").or_null,
                text("status").read,
                number("disk_space", GB).read,
                number("storage_total_cost", USD_PER_HOUR).read,
            ),
        ).read,
    ),
)
VOLUME_CREATED: Field = record(
    "",
    *_by_example(flag("success"), text("volume_name").maybe),
    integer("volume_id", ID).maybe.by(Source.REPORTED, "instead of the name; one report, 2026-10"),
)
