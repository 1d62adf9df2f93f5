"""Names of variables that a caller may not set.

The guard inside a machine reads CONTAINER_ID and CONTAINER_API_KEY, runs what PATH finds in a shell
that obeys ENV and IFS, keeps its notes under HOME, and calls the vendor over connections that proxy
and certificate variables can divert. A caller who sets one of these could switch it off unseen.
"""

from vast_mcp.errors import InputInvalid

_OWNED = ("VAST_", "CONTAINER_", "VMCP_")
"""The machine's own, the vendor's, and this server's: nobody sets them anywhere."""
_PREFIXES = ("LD_", "DYLD_", "PYTHON", "BASH_FUNC_", "CURL_", "GCONV_", "WGET", "SSL_CERT_")
_NAMES = frozenset(
    {
        "PATH", "HOME", "SHELL", "USER", "LOGNAME", "PWD", "OLDPWD", "IFS", "ENV", "BASH_ENV",
        "BASHOPTS", "SHELLOPTS", "POSIXLY_CORRECT", "CDPATH", "GLOBIGNORE", "PS4", "PROMPT_COMMAND",
        "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "FTP_PROXY", "NO_PROXY", "OPENSSL_CONF",
        "OPENSSL_MODULES", "HOSTALIASES", "RES_OPTIONS", "LOCALDOMAIN", "LOCPATH", "NLSPATH",
        "GREP_OPTIONS", "MALLOC_TRACE", "RESOLV_HOST_CONF", "GETCONF_DIR", "NSS_WRAPPER_HOSTS",
    }
)  # fmt: skip
_HARMLESS = frozenset(
    {
        "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "PYTHONHASHSEED", "PYTHONIOENCODING",
        "PYTHONUTF8", "PYTHONFAULTHANDLER",
    }
)  # fmt: skip


def is_owned(name: str) -> bool:
    """Whether it belongs to the machine, the vendor or this server."""
    return name.strip().upper().startswith(_OWNED)


def is_reserved(name: str) -> bool:
    """Whether it would change what the machine's own programs, or the guard inside, do."""
    upper = name.strip().upper()
    if upper in _HARMLESS:
        return False
    return is_owned(upper) or upper in _NAMES or upper.startswith(_PREFIXES)


def check_names(field: str, names: "tuple[str, ...]", *, container: bool) -> None:
    """Refuse reserved names: of a container all of them, of one command those that are owned.

    Raises:
        InputInvalid: names the variable and why.
    """
    for name in names:
        if is_owned(name):
            raise InputInvalid(
                field, f"{name} is set by the machine, Vast.ai or this server, never by a call"
            )
        if container and is_reserved(name):
            raise InputInvalid(
                field,
                f"{name} would change what the guard inside the machine does when the lease ends",
                hint="Set it in the command or script that needs it, not for the whole machine.",
            )
