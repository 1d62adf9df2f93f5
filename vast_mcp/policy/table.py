"""The limits as rows and as a file to start from: for the documents, `policy show` and `init`."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from vast_mcp.policy.keys import KEYS, TABLES, keys_of, literal, shown, value_of
from vast_mcp.policy.layers import names_in_force
from vast_mcp.policy.limits import Limits


def limits_table() -> list[tuple[str, str, str]]:
    """Every key with its built-in value and its meaning, in the file's order."""
    plain = Limits()
    return [(key.dotted, shown(value_of(plain, key)), key.meaning) for key in KEYS]


def rows_in_force(limits: Limits) -> Iterator[tuple[str, str, str]]:
    """Every effective value and where it came from, budgets and levels included."""
    for key in KEYS:
        yield key.dotted, shown(value_of(limits, key)), limits.origins.get(key.dotted, "built-in")
    for dotted, value in names_in_force(limits):
        yield dotted, value, limits.origins.get(dotted, "built-in")


def starter_file() -> str:
    """A policy file that states the built-in values, each explained; unset keys are comments."""
    lines = [
        "# The policy of vast-mcp: what may be spent and done, and when a person is asked.",
        "# Read again at every decision. While it has an error, only stop and destroy work.",
        "# Money is in US dollars, days are UTC days. Only a person should edit this file.",
    ]
    for table in TABLES[: -len(_NAMED)]:
        lines += ["", f"[{table}]", *_stated(table)]
    return "\n".join((*lines, *_NAMED_EXAMPLES, ""))


def _stated(table: str) -> Iterator[str]:
    plain = Limits()
    for key in keys_of(table).values():
        value = value_of(plain, key)
        if value is None:
            yield f"# {key.name} = {_EXAMPLES[key.dotted]}  # {key.meaning}"
        else:
            yield f"{key.name} = {literal(value)}  # {key.meaning}"


_EXAMPLES: Mapping[str, str] = MappingProxyType(
    {
        "limits.max_account_usd_per_hour": "10.00",
        "allow.gpu_names": '["RTX 4090", "RTX 3090"]',
        "allow.images": '["vastai/*", "pytorch/pytorch:*"]',
        "allow.countries": '["SE", "NO"]',
        "allow.max_gpus": "2",
        "notify.webhook_url": '"https://hooks.example.org/my-notices"',
    }
)
"""What an unset key could look like; an empty list would mean "nothing"."""
_NAMED = ("budget", "levels")
_NAMED_EXAMPLES = (
    "",
    "# A cap on everything done for one task; the chat names the task:",
    "# [budget.my-task]",
    "# max_cost_usd = 5.00",
    "",
    '# [levels] makes single actions, or "*" for all, stricter: "ask", "person" or "deny".',
    '# Only "deny" refuses a stop or a destroy, and then the end of a lease too.',
    "# [levels]",
    '# run_command = "ask"',
)
