"""What this server does not do on purpose, each for one of a closed list of reasons.

Everything else that no tool reaches is simply not there yet; docs/coverage.md tells the two apart.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class WhyNot(StrEnum):
    """The reasons there are."""

    SECOND_FACTOR = "a second factor is set up and answered by a person, never by a model"
    OWN_KEY = "it replaces the key that this server works with"
    OLDER_TWIN = "an older form of a route that is used"
    MANY_AT_ONCE = "the machines of one request cannot be bound to one approval"
    HOST_DIAGNOSIS = "a host's own diagnosis, which rents its own machine"
    LOCAL = "it concerns the official client itself, and sends nothing"


ROUTES: Mapping[str, WhyNot] = MappingProxyType(
    {
        **dict.fromkeys(
            (
                "POST /api/v0/tfa", "DELETE /api/v0/tfa", "POST /api/v0/tfa/authorize-new-method",
                "PUT /api/v0/tfa/authorize-new-method", "POST /api/v0/tfa/confirm-new",
                "POST /api/v0/tfa/email", "PUT /api/v0/tfa/regen-backup-codes",
                "POST /api/v0/tfa/sms", "POST /api/v0/tfa/sms/resend",
                "POST /api/v0/tfa/totp-setup", "PUT /api/v0/tfa/update",
            ),
            WhyNot.SECOND_FACTOR,
        ),
        "PUT /api/v0/commands/reset_apikey": WhyNot.OWN_KEY,
        "PUT /api/v0/launch_instance": WhyNot.OLDER_TWIN,
        "PUT /api/v0/search/asks": WhyNot.OLDER_TWIN,
        "POST /get_autogroup_logs": WhyNot.OLDER_TWIN,
        "GET /api/v0/users/me/invoices": WhyNot.OLDER_TWIN,
        "POST /api/v0/contracts/fetch": WhyNot.OLDER_TWIN,
        "PUT /api/v0/commands/rsync": WhyNot.OLDER_TWIN,
        "POST /api/v0/asks/bulk": WhyNot.MANY_AT_ONCE,
        "PUT /api/v0/instances": WhyNot.MANY_AT_ONCE,
        "DELETE /api/v0/instances": WhyNot.MANY_AT_ONCE,
    }
)  # fmt: skip
"""By method and route, ids written `{id}`, without the last slash."""

COMMANDS: Mapping[str, WhyNot] = MappingProxyType(
    {
        **dict.fromkeys(
            ("help", "repl", "set api-key", "set role", "uninstall", "update"), WhyNot.LOCAL
        ),
        **dict.fromkeys(
            (
                "tfa activate", "tfa auth-new", "tfa delete", "tfa login", "tfa regen-codes",
                "tfa resend-sms", "tfa send-email", "tfa send-sms", "tfa totp-setup", "tfa update",
            ),
            WhyNot.SECOND_FACTOR,
        ),
        "reset api-key": WhyNot.OWN_KEY,
        "self-test machine": WhyNot.HOST_DIAGNOSIS,
        "dump-logs": WhyNot.HOST_DIAGNOSIS,
    }
)  # fmt: skip
"""By the command of the official client."""
