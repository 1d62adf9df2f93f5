"""An SSH key pair of our own, made on first use; only its public half ever leaves."""

from pathlib import Path

from vast_mcp.config import place_whole
from vast_mcp.errors import ConfigInvalid

KEY_NAME = "ssh_ed25519"


def public_key(state_dir: Path) -> str:
    """The public line; the pair is made when it is missing.

    Raises:
        OSError: the state directory cannot be used.
        ConfigInvalid: the private half is damaged.
    """
    private = state_dir / KEY_NAME
    public = private.with_suffix(".pub")
    if not private.exists():
        _make(private)
    if not public.exists():
        _write_public(private, public)
    return public.read_text(encoding="ascii").strip()


# The cryptography is imported where it is used: a server that makes no key starts without it.


def _make(private: Path) -> None:
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415
        Ed25519PrivateKey,
    )

    text = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.OpenSSH,
        serialization.NoEncryption(),
    )
    place_whole(private, text)


def _write_public(private: Path, public: Path) -> None:
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415

    try:
        key = serialization.load_ssh_private_key(private.read_bytes(), password=None)
    except ValueError as error:
        raise ConfigInvalid(
            f"{private} is damaged.", hint="Remove it; a new key pair is created for new machines."
        ) from error
    line = key.public_key().public_bytes(
        serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    )
    place_whole(public, f"{line.decode()} vast-mcp\n".encode("ascii"))
