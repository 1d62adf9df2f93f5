"""Our mark in an instance's label: whose it is, which intent it is, until when it may run.

`<user text> vm1.<owner7>.<intent11>.until-YYYYMMDDHHMMZ.m<mac8>`, at most 256 characters. The
label is the one place every layer can read: another process, a later start with a lost ledger,
the guard inside the instance, a person in the vendor's console. A mark counts as ours only when
its MAC verifies under the key file that lies beside the ledger.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from vast_mcp.clock import MINUTE_US
from vast_mcp.errors import InputInvalid
from vast_mcp.text import clean_line

USER_TEXT_LIMIT = 200
ENV_NAME = "VMCP_INTENT"
_MARK = re.compile(r"(?:^| )vm1\.([a-z0-9]{7})\.([a-z0-9]{11})\.until-(\d{12})Z\.m([0-9a-f]{8})\Z")
_ENDPOINT_MARK = re.compile(r"-vm1-([a-z0-9]{11})\Z")
INTENT_LENGTH = 11


@dataclass(frozen=True, slots=True)
class Mark:
    """A verified mark."""

    intent_id: str
    until_us: int


class Marker:
    """Writes and reads marks under one key."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        digest = hmac.new(key, b"owner", hashlib.sha256).hexdigest()
        self.owner = digest[:7]

    def label(self, user_text: str, intent_id: str, until_us: int) -> str:
        """The whole label for an instance."""
        stem = f"vm1.{self.owner}.{intent_id}.until-{stamp(until_us)}"
        return f"{check_label(user_text)} {stem}.m{self._mac(stem)}".lstrip()

    def read(self, raw_label: str) -> Mark | None:
        """The mark in a label if it is ours; None for none, a stranger's or a forged one."""
        found = _MARK.search(raw_label)
        if found is None:
            return None
        owner, intent_id, until, mac = found.groups()
        stem = f"vm1.{owner}.{intent_id}.until-{until}Z"
        if owner != self.owner or not hmac.compare_digest(mac, self._mac(stem)):
            return None
        try:
            moment = datetime.strptime(until, "%Y%m%d%H%M").replace(tzinfo=UTC)
        except ValueError:
            return None
        return Mark(intent_id, int(moment.timestamp()) * 1_000_000)

    def relabel(self, raw_label: str, user_text: str) -> str:
        """The same mark behind another user text."""
        found = _MARK.search(raw_label)
        text = check_label(user_text)
        return text if found is None else f"{text} {found.group(0).strip()}".lstrip()

    def _mac(self, stem: str) -> str:
        return hmac.new(self._key, stem.encode(), hashlib.sha256).hexdigest()[:8]


def user_part(raw_label: str) -> str:
    """What a person wrote in a label: everything before any mark, ours or another's."""
    return _MARK.sub("", raw_label).strip()


def check_label(user_text: str) -> str:
    """The user's text as it may stand in a label.

    Raises:
        InputInvalid: too long, or it imitates a mark.
    """
    if len(user_text) > USER_TEXT_LIMIT:
        raise InputInvalid("label", f"at most {USER_TEXT_LIMIT} characters")
    if " vm1." in f" {user_text}":
        raise InputInvalid("label", "must not contain the text ' vm1.'; it marks a lease")
    if clean_line(user_text) != user_text.strip():
        raise InputInvalid("label", "must be one line without control or invisible characters")
    return user_text.strip()


def endpoint_name(name: str, intent_id: str) -> str:
    """An endpoint's name with our mark; endpoints have no label."""
    return f"{name}-vm1-{intent_id}"


def endpoint_intent(name: str) -> str | None:
    """The intent named in an endpoint's name. Not a proof: the ledger must know it."""
    found = _ENDPOINT_MARK.search(name)
    return None if found is None else found.group(1)


def floor_minute_us(at_us: int) -> int:
    """The beginning of that minute: leases end on whole minutes, so label and ledger agree."""
    return at_us // MINUTE_US * MINUTE_US


def stamp(at_us: int) -> str:
    """An instant as it stands in a mark, `YYYYMMDDHHMMZ`."""
    return datetime.fromtimestamp(at_us // 1_000_000, UTC).strftime("%Y%m%d%H%MZ")
