"""Everything that can go wrong, as types; each carries the next thing to do.

VastMcpError
├── ConfigInvalid          a setting, file or flag cannot be used
├── InputInvalid           an argument is wrong; names the field, nothing was sent
├── PolicyDenied           a rule refuses; nothing was sent, nothing was charged
├── LedgerUnavailable      the ledger cannot be read or written; spending is closed
├── PermitMissing          a request without a permit reached the transport: a defect of ours
└── ApiError               the vendor, or the way to it
    ├── KeyMissing         no API key is set
    ├── Unauthorized       the key is refused (401, or 404 with `auth_error`)
    ├── Forbidden          the key lacks a permission
    ├── NotFound           no such instance, endpoint, template …
    ├── OfferGone          the offer was rented by somebody else or withdrawn
    ├── RateLimited        429; `retry_after_s` says when
    ├── VendorRefused      any other definite refusal; may name a contract it left behind
    ├── VendorUnreadable   an answer that cannot be trusted: HTML, truncated, half a page
    ├── VendorDown         a read failed after its retries
    ├── NeverSent          the connection failed before a byte left
    └── OutcomeUnknown     sent, and no answer that can be trusted came back
"""


class VastMcpError(Exception):
    """Root of the tree. `str()` is what the reader sees: what happened, then what to do."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        if not self.hint:
            return self.message
        stop = "" if self.message.endswith((".", "!", "?", ":")) else "."
        return f"{self.message}{stop} {self.hint}".strip()


class ConfigInvalid(VastMcpError):
    """A setting, file or flag cannot be used."""


class InputInvalid(VastMcpError):
    """An argument is wrong; the message names the field. Nothing was sent."""

    def __init__(self, field: str, message: str, *, hint: str = "") -> None:
        super().__init__(f"{field}: {message}", hint=hint)
        self.field = field


class PolicyDenied(VastMcpError):
    """A rule refuses. Nothing was sent and nothing was charged."""

    def __init__(self, message: str, *, rules: tuple[str, ...] = (), hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.rules = rules


class LedgerUnavailable(VastMcpError):
    """The ledger cannot be read or written: spending is closed, stop and destroy still work."""


class PermitMissing(VastMcpError):
    """A request that is not on the read list reached the transport without its permit."""


class ApiError(VastMcpError):
    """The vendor refused, or could not be reached or understood."""

    def __init__(
        self, message: str, *, hint: str = "", status: int | None = None, code: str = ""
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.code = code


class KeyMissing(ApiError):
    """No API key is set."""


class Unauthorized(ApiError):
    """The vendor does not know the key."""


class Forbidden(ApiError):
    """The key lacks the permission for this."""


class NotFound(ApiError):
    """The thing does not exist, or is not the key owner's."""


class OfferGone(ApiError):
    """The offer was rented by somebody else or withdrawn."""


class RateLimited(ApiError):
    """Too many requests; nothing was executed."""

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        status: int | None = 429,
        code: str = "",
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, hint=hint, status=status, code=code)
        self.retry_after_s = retry_after_s


class VendorRefused(ApiError):
    """A definite refusal. `new_contract` is the instance it left behind all the same, if any."""

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        status: int | None = None,
        code: str = "",
        new_contract: int | None = None,
    ) -> None:
        super().__init__(message, hint=hint, status=status, code=code)
        self.new_contract = new_contract


class VendorUnreadable(ApiError):
    """An answer came that cannot be trusted: HTML, truncated JSON, a wrong type, half a page."""


class VendorDown(ApiError):
    """A read failed after its retries; it had no effect."""


class NeverSent(ApiError):
    """The connection failed before a byte of the request left; it had no effect."""


class OutcomeUnknown(ApiError):
    """The request left and no trustworthy answer came back: it may have been executed."""
