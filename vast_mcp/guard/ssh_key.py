"""An SSH key pair of our own, made on first use; only its public half ever leaves."""

import os
from pathlib import Path

KEY_NAME = "ssh_ed25519"


def public_key(state_dir: Path) -> str:
    """The public line; the pair is made when it is missing.

    Raises:
        OSError: the state directory cannot be used.
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

    private.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    text = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.OpenSSH,
        serialization.NoEncryption(),
    )
    try:
        descriptor = os.open(private, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return  # another process was first; its key is as good
    with os.fdopen(descriptor, "wb") as file:
        file.write(text)


def _write_public(private: Path, public: Path) -> None:
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415

    key = serialization.load_ssh_private_key(private.read_bytes(), password=None)
    line = key.public_key().public_bytes(
        serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    )
    public.write_text(f"{line.decode()} vast-mcp\n", encoding="ascii")
