"""What looks like a credential, by its name or by a known beginning. Nothing here is certain.

The beginnings are those that providers publish so that scanners can find leaked keys.
"""

import re
from collections.abc import Iterable, Iterator, Mapping

_B = rb"(?<![A-Za-z0-9_])"
_TOKENS: tuple[tuple[str, bytes], ...] = (
    ("a Hugging Face token", _B + rb"hf_[A-Za-z0-9]{16,}"),
    # Names of style sheets begin alike: `sk-` and words of small letters.
    ("an OpenAI or Anthropic key",
     _B + rb"sk-(?![a-z]+(?:[-_]+[a-z]*[0-9]{0,3})+(?![A-Za-z0-9_-]))[A-Za-z0-9_-]{16,}"),
    ("a GitHub token", _B + rb"(?:gh[pousr]_[A-Za-z0-9]{16,}|github_pat_[A-Za-z0-9_]{16,})"),
    ("an AWS key", _B + rb"(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])"),
    ("a Slack token", _B + rb"xox[abeoprs]-[A-Za-z0-9-]{10,}"),
    ("a GitLab token", _B + rb"gl(?:pat|dt|rt|cbt|ptt)-[A-Za-z0-9_-]{16,}"),
    ("a Google key", _B + rb"AIza[A-Za-z0-9_-]{30,}"),
    ("a Google key", _B + rb"(?:GOCSPX-[A-Za-z0-9_-]{20,}|ya29\.[\w-]{20,})"),
    ("an npm token", _B + rb"npm_[A-Za-z0-9]{30,}"),
    ("a PyPI token", _B + rb"pypi-[A-Za-z0-9_-]{30,}"),
    ("a Docker token", _B + rb"dckr_(?:pat|oat)_[A-Za-z0-9_-]{16,}"),
    ("a Stripe key", _B + rb"[rs]k_(?:live|test)_[A-Za-z0-9]{16,}"),
    ("a SendGrid key", _B + rb"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"),
    ("a Replicate, Groq or xAI key", _B + rb"(?:r8_|gsk_|xai-)[A-Za-z0-9]{24,}"),
    ("a DigitalOcean token", _B + rb"do[opr]_v1_[a-f0-9]{40,}"),
    ("a Shopify token", _B + rb"shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}"),
    ("a Linear or Doppler token", _B + rb"(?:lin_api_\w{30,}|dp\.[a-z]{2}\.\w{30,})"),
    ("a Vault token", _B + rb"hv[sbr]\.[\w-]{20,}"),
    ("a wandb key", rb"(?i:wandb)[^\n]{0,60}?(?<![0-9a-f])[0-9a-f]{40}(?![0-9a-f])"),
    ("a wandb key", _B + rb"wandb_v1_[A-Za-z0-9_-]{20,}"),
    ("a private key", rb"-----BEGIN (?:[A-Z0-9]+ ){0,4}PRIVATE KEY(?: BLOCK)?-----"),
    ("a private key", rb"PuTTY-User-Key-File-[23]:"),
    ("an age key", rb"AGE-SECRET-KEY-1[A-Z0-9]{20,}"),
    ("a JSON web token", _B + rb"eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"),
    ("a webhook", rb"https://hooks\.slack\.com/services/[A-Za-z0-9/]{20,}"),
    ("a webhook", rb"https://(?:\w+\.)?discord(?:app)?\.com/api/webhooks/\d+/[\w-]{20,}"),
)  # fmt: skip
_KNOWN = tuple((kind, re.compile(pattern)) for kind, pattern in _TOKENS)
_IN_ADDRESS = re.compile(rb"[a-z][a-z0-9+.-]{1,20}://[^\s/:@\"']{0,80}:([^\s/@\"'$]{4,200})@")
_FILES = (
    ("a login for a machine", re.compile(rb"(?m)^\s*machine\s+\S+\s+login\s+\S+\s+password\s+\S")),
    (
        "an AWS key",
        re.compile(rb"(?i)aws_(?:secret_access_key|session_token)[\"']?\s*[=:]\s*\S{16,}"),
    ),
    (
        "a kubeconfig's key",
        re.compile(rb"(?m)^\s*(?:client-key-data|id-token|refresh-token):\s*\S{16,}"),
    ),
    (
        "a registry's login",
        re.compile(
            rb"\"auths?\"\s*:\s*(?:\"[A-Za-z0-9+/=]{12,}\"|\{\s*\"[^\"]+\"\s*:\s*\{[^}]{0,80}\"auth\")"
        ),
    ),
    ("an npm token", re.compile(rb"(?m)^\s*//\S+:_(?:authToken|password)\s*=\s*[^\s$]")),
    (
        "a client's secret",
        re.compile(rb"\"(?:client_secret|refresh_token|private_key)\"\s*:\s*\"[^\"\s]{10,}\""),
    ),
    ("saved passwords", re.compile(rb"\"encrypted(?:Password|Username)\"\s*:")),
    (
        "a password file",
        re.compile(rb"(?m)^[\w.*-]+:(?:\d+|\*):[^:\n]+:[^:\n]+:[^\s:]+\s*$|^root:\$\w+\$"),
    ),
    ("an Ansible vault", re.compile(rb"\A\$ANSIBLE_VAULT;")),
    ("a password store", re.compile(rb"\A\x03\xd9\xa2\x9a[\x65-\x67]\xfb\x4b\xb5")),
    ("a Java key store", re.compile(rb"\A\xfe\xed\xfe\xed")),
)
_WORD = (
    r"(?:token|secret|passwd|password|passphrase|pwd|pass|apikey|api[_-]?key|access[_-]?key(?:[_-]?id)?"
    r"|secret[_-]?key|private[_-]?key|auth[_-]?key|auth|bearer|credentials?|cookie|webhook(?:[_-]url)?"
    r"|dsn|connection[_-]?string|key|pat|jwt)"
)
_NAME = re.compile(rf"(?i)(?:^|[_\-.]|(?-i:(?<=[a-z])(?=[A-Z]))){_WORD}$")
_GIVEN = re.compile(
    r"(?<![\w$-])(?:--?(?P<flag>[A-Za-z][\w.-]*)(?:=|\s+)|(?P<name>[A-Za-z_][\w.-]*)(?:=|\s*:\s*))"
    r"(?i:bearer\s+|basic\s+)?(?P<quote>[\"']?)(?P<value>[^\s\"'$`;|&<>()]{6,})(?P=quote)"
)
"""`NAME=value`, `name: value`, `--name value`: a space divides only behind an option."""
_PLAIN = re.compile(r"(?i)true|false|none|null|yes|no|\d{1,9}|/\S*|\.{1,2}/\S*|~/\S*|<[^>]*>|\*+")


def kind_of(data: bytes) -> str:
    """What it holds, in words: "a GitHub token"; empty if nothing is known."""
    for kind, pattern in _KNOWN:
        if pattern.search(data):
            return kind
    return ""


def kind_in_file(data: bytes, *, strict: bool) -> str:
    """As `kind_of`, and the forms of files that hold logins; `strict` finds more of both."""
    if kind := kind_of(data):
        return kind
    for name, pattern in _FILES:
        if pattern.search(data):
            return name
    return "a password in an address" if strict and _IN_ADDRESS.search(data) else ""


def names_a_credential(name: str) -> bool:
    """Whether a variable or option of this name usually holds one."""
    return _NAME.search(name) is not None


def exposed(env: Mapping[str, str], texts: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """What a host would read: variables by name, and what stands in texts ("onstart", …)."""
    found: dict[str, None] = {}
    for name, value in env.items():
        if _gives_away(name, value):
            found[name] = None
    for where, text in texts:
        for what in _in_text(text):
            found[f"{what} in {where}"] = None
    return tuple(found)


def _gives_away(name: str, value: str) -> bool:
    raw = value.encode("utf-8", "replace")
    if kind_of(name.encode("utf-8", "replace") + b"=" + raw) or _IN_ADDRESS.search(raw):
        return True
    return names_a_credential(name) and len(value) >= 6 and not _PLAIN.fullmatch(value)


def _in_text(text: str) -> Iterator[str]:
    raw = text.encode("utf-8", "replace")
    named = [
        name
        for found in _GIVEN.finditer(text)
        if names_a_credential(name := found["flag"] or found["name"])
        and not _PLAIN.fullmatch(found["value"])
    ]
    yield from named
    if named:
        return
    if kind := kind_of(raw):
        yield kind
    elif _IN_ADDRESS.search(raw):
        yield "a password"


def said(names: Iterable[str], most: int = 3) -> str:
    """A few of them in a sentence; empty for none."""
    listed = list(dict.fromkeys(names))
    if not listed:
        return ""
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return f"{', '.join(listed[:most])}{more}"
