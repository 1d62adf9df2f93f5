"""The account: its owner, keys, notices, charges and invoices."""

from vast_mcp.vendor_shapes.field import (
    EPOCH_MS,
    EPOCH_S,
    EPOCH_S_OR_ZERO,
    ID,
    USD,
    USD_PER_HOUR,
    Field,
    Fields,
    Source,
    Type,
    flag,
    integer,
    nothing,
    number,
    record,
    rows,
    text,
)

USER: Field = record(
    "",
    integer("id", ID).read,
    text("username").read.or_null,
    text("email"),
    text("fullname").or_null,
    flag("email_verified").read,
    integer("created_at", EPOCH_MS),
    number("credit", USD).read,
    number("balance", USD).read,
    number("balance_threshold", USD),
    flag("balance_threshold_enabled"),
    number("autobill_threshold", USD).or_null,
    number("autobill_amount", USD).or_null,
    number("total_spend", USD),
    number("paid_verified", USD),
    number("paid_expected", USD),
    number("billed_verified", USD),
    number("billed_expected", USD),
    integer("got_signup_credit"),
    integer("billing_creditonly"),
    integer("has_rented"),
    flag("can_pay"),
    flag("has_billing"),
    flag("has_payout"),
    flag("host_only"),
    text("last4").or_null,
    text("billaddress_line1").or_null,
    text("billaddress_country").or_null,
    text("paypal_email").or_null,
    text("wise_email").or_null,
    text("phone_number").or_null,
    nothing("password_resettable"),
    nothing("rights"),
    text("tfa_status").or_null,
    Field("tfa_login", (Type.INTEGER, Type.FLAG)),
    text("api_key"),
    integer("key_id", ID),
    text("ssh_key").or_null,
    text("crisp_hmac"),
    integer("sid"),
)

SSH_KEYS: Field = rows(
    "",
    integer("id", ID).read,
    integer("user_id", ID),
    nothing("default"),
    text("public_key").read,
    nothing("private_key"),
    number("created_at", EPOCH_S),
    number("deleted_at", EPOCH_S).or_null,
)

NOTIFICATION_TYPES: Field = record(
    "",
    flag("success"),
    rows(
        "notification_types",
        text("key"),
        text("slug"),
        text("display_name"),
        text("category", "transactional"),
        text("context", "client", "host"),
        text("topic", "account", "billing", "instance", "machine"),
        text("effects_opt_in_policy", "bypass", "required"),
        record(
            "default_preferences",
            flag("email"),
            flag("sms"),
            flag("webhooks"),
            flag("whatsapp"),
            flag("in_app").maybe,
        ),
        flag("mandatory_email"),
        flag("security_critical"),
        flag("unreleased"),
    ),
)
NOTIFICATION_WEBHOOKS: Field = record("", flag("success"), rows("webhooks"))
NOTIFICATION_INBOX: Field = record(
    "",
    number("last_seen_at", EPOCH_S).or_null,
    rows(
        "notifications",
        text("event_id").read,
        text("notif_type").read,
        text("subject"),
        text("message"),
        text("user_context", "client", "host"),
        number("created_at", EPOCH_S).read,
        record(
            "associated_id",
            integer("instance_id", ID).read.maybe,
            integer("machine_id", ID).maybe,
            number("your_bid", USD_PER_HOUR).read.maybe,
            number("new_min_bid", USD_PER_HOUR).read.maybe,
            text("actual_status").maybe,
        ),
    ),
)

_PART: Fields = (
    number("start", EPOCH_S_OR_ZERO).maybe,
    number("end", EPOCH_S_OR_ZERO).maybe,
    text("type", "gpu", "disk", "bwd", "bwu").read,
    text("description"),
    number("amount", USD).read,
    record("metadata").maybe,
    rows("items").maybe,
)
_PAGE: Fields = (
    flag("success"),
    integer("count"),
    integer("total").read,
    text("next_token").read.or_null,
)


def _by_example(*fields: Field) -> Fields:
    return tuple(field.by(Source.EXAMPLE) for field in fields)


CHARGES: Field = record(
    "",
    *_PAGE,
    rows(
        "results",
        number("start", EPOCH_S_OR_ZERO).read,
        number("end", EPOCH_S_OR_ZERO).read,
        text("type", "instance", "volume", "serverless").read,
        text("source").read,
        number("amount", USD).read,
        rows("items", *_by_example(*_PART)).read,
        text("description").read.maybe.by(Source.EXAMPLE),
        record(
            "metadata",
            *_by_example(
                text("label").or_null.maybe,
                integer("template_id", ID).or_null.maybe,
                integer("endpoint_id", ID).or_null.maybe,
                integer("workergroup_id", ID).or_null.maybe,
            ),
        ).maybe.by(Source.EXAMPLE),
    ).read,
)
INVOICES: Field = record(
    "",
    *_by_example(*_PAGE),
    text("error").maybe.by(Source.EXAMPLE),
    rows(
        "results",
        *_by_example(
            number("start", EPOCH_S_OR_ZERO),
            number("end", EPOCH_S_OR_ZERO),
            text("type"),
            text("source"),
            text("description"),
            number("amount", USD),
            record("metadata", *_by_example(integer("invoice_id", ID), text("service"))),
            rows("items"),
        ),
    ).by(Source.EXAMPLE),
)
