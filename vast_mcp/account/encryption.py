"""Environment values and files of a job, encrypted with the server's own key.

The same text always gives the same seal, so that the same call is the same question. An equal seal
tells that two jobs were given the same values, and nothing else.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass

from vast_mcp.errors import VastMcpError

_NONCE = 12


@dataclass(frozen=True, slots=True)
class Sealed:
    """What a job's machine gets and nobody else sees."""

    env: Mapping[str, str]
    files: Mapping[str, str]


class Seal:
    """AES-256-GCM under a key derived from the seal key."""

    def __init__(self, seal_key: bytes) -> None:
        self._key = hmac.digest(seal_key, b"vast-mcp jobs", hashlib.sha256)

    def close(self, content: Sealed) -> str:
        """Encrypted text; empty when there is nothing to hide."""
        if not content.env and not content.files:
            return ""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

        plain = json.dumps([dict(content.env), dict(content.files)], sort_keys=True).encode()
        nonce = hmac.digest(self._key, plain, hashlib.sha256)[:_NONCE]
        return base64.b64encode(nonce + AESGCM(self._key).encrypt(nonce, plain, None)).decode()

    def open(self, text: str) -> Sealed:
        """What was sealed.

        Raises:
            VastMcpError: sealed with another key, or damaged.
        """
        if not text:
            return Sealed({}, {})
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

        raw = base64.b64decode(text)
        try:
            plain = AESGCM(self._key).decrypt(raw[:_NONCE], raw[_NONCE:], None)
        except InvalidTag as error:
            raise VastMcpError(
                "The job's environment and files were encrypted with another key.",
                hint="seal.key beside the ledger was replaced; run the job again.",
            ) from error
        env, files = json.loads(plain)
        return Sealed(env, files)
