"""Everything that can go wrong, as types; each carries the next thing to do.

VastMcpError
├── ConfigInvalid          a setting, file or flag cannot be used
├── InputInvalid           an argument is wrong; names the field, nothing was sent
├── PolicyDenied           a rule refuses; nothing was sent, nothing was charged
├── LedgerUnavailable      the ledger cannot be read or written; spending is closed
├── PermitMissing          a request without a permit reached the transport: a defect of ours
└── ApiError               the vendor, or the way to it
    ├── KeyMissing         no API key is set
    ├── Unauthorized       the vendor does not know the key
    │   └── SessionEnded   the login session behind the key has ended; a plain key may still work
    ├── Forbidden          the key is right and lacks a permission, which `permission` names
    │   └── TwoFactorNeeded  the account wants a two-factor session for this
    ├── NotFound           no such instance, endpoint, template …
    ├── OfferGone          the offer was rented by somebody else or withdrawn
    │   └── BidTooLow      the offer is there, and the bid does not win it now
    ├── StartQueued        accepted: the machine starts by itself once its GPU is free
    ├── RateLimited        429; `retry_after_s` says when
    │   └── BurstBlocked   a web page with status 403: the vendor's guard against bursts
    ├── VendorRefused      any other definite refusal
    ├── VendorUnreadable   an answer that cannot be trusted: HTML, truncated, half a page
    ├── VendorDown         a read failed after its retries
    ├── NeverSent          the connection failed before a byte left
    └── OutcomeUnknown     sent, and nothing that is known to be a yes or a no came back
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
        self.key_replaced = False
        """The key was refused, nothing was done, and another one is in use by now."""


class KeyMissing(ApiError):
    """No API key is set."""


class Unauthorized(ApiError):
    """The vendor does not know the key."""


class SessionEnded(Unauthorized):
    """The login session that this key stands for has ended; the account's plain key has not."""


class Forbidden(ApiError):
    """The key is right but lacks a permission. `permission` is which, as far as it was said."""

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        status: int | None = None,
        code: str = "",
        permission: str = "",
    ) -> None:
        super().__init__(message, hint=hint, status=status, code=code)
        self.permission = permission


class TwoFactorNeeded(Forbidden):
    """The account does this only for a two-factor session."""


class NotFound(ApiError):
    """The thing does not exist, or is not the key owner's."""


class OfferGone(ApiError):
    """The offer was rented by somebody else or withdrawn."""


class BidTooLow(OfferGone):
    """The bid does not win the offer now; nothing was rented."""


class StartQueued(ApiError):
    """Not refused: the start is queued, and happens by itself once the GPU is free."""


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


class BurstBlocked(RateLimited):
    """A web page instead of an answer: too many requests at once. No matter of permissions."""


class VendorRefused(ApiError):
    """A definite refusal; nothing was executed."""


class VendorUnreadable(ApiError):
    """An answer came that cannot be trusted: HTML, truncated JSON, a wrong type, half a page."""


class VendorDown(ApiError):
    """A read failed after its retries; it had no effect."""


class NeverSent(ApiError):
    """The connection failed before a byte of the request left; it had no effect."""


class OutcomeUnknown(ApiError):
    """The request left, and nothing came back that is known to be a yes or a no.

    `answered`: the vendor's own answer came, and is not known to be a refusal; a page of a gateway
    is none. `named` is the instance id in it, if any: a claim, not a proof. `failed`: it called
    itself an error.
    """

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        status: int | None = None,
        code: str = "",
        answered: bool = False,
        named: int | None = None,
        failed: bool = False,
    ) -> None:
        super().__init__(message, hint=hint, status=status, code=code)
        self.answered = answered
        self.named = named
        self.failed = failed
