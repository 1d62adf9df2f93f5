"""Answers of writes, of log requests, and refusals."""

from dataclasses import replace

from vast_mcp.vendor_shapes.field import (
    COUNT,
    ID,
    SECONDS,
    Field,
    Source,
    Type,
    flag,
    integer,
    number,
    record,
    text,
)

CREATED: Field = record(
    "",
    flag("success").read.by(Source.PASTED),
    integer("new_contract", ID).read.or_null.maybe.by(Source.PASTED),
    text("instance_api_key").maybe.by(Source.PASTED),
    text("error").read.maybe.by(
        Source.DOCUMENTED, "the official client prints it; refusals with 200 were seen without it"
    ),
    text("msg").read.maybe.by(Source.REPORTED),
)
"""A rent. `success: false` with `new_contract` was seen of a bid that does not win yet."""

CHANGED: Field = record(
    "",
    flag("success").read.by(Source.PASTED),
    text("error").read.maybe.by(Source.PASTED),
    text("msg").read.maybe.by(Source.PASTED),
)
"""A start, stop, destroy, label and the like. A queued start is `success: false` with 200."""

REQUEST_LOGS: Field = record(
    "",
    flag("success").by(Source.EXAMPLE),
    text("result_url").read.maybe.by(Source.EXAMPLE),
    text("temp_download_url").read.maybe.by(Source.REPORTED),
    text("msg").read.maybe.by(Source.REPORTED),
    text("writeable_path").read.maybe.by(
        Source.DOCUMENTED, "the official client takes it out of a command's output"
    ),
)

REFUSAL: Field = replace(
    record(
        "",
        flag("success").read.maybe.by(Source.PASTED),
        text("error").read.maybe,
        text("msg").read.maybe,
        text("detail").read.maybe.by(Source.EXAMPLE),
        integer("ask_id", ID).maybe.by(Source.PASTED),
        number("retry_after", SECONDS).read.maybe,
        number("limit", COUNT).maybe,
        number("remaining", COUNT).maybe,
    ),
    types=(Type.OBJECT, Type.TEXT),
)
"""Every answer from 400 on. A text is the HTML page that a burst of requests was answered with."""
