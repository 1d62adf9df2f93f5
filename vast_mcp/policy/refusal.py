"""A refusal as the model reads it: short enough to be shown whole, and complete."""

from collections.abc import Iterable

from vast_mcp.policy.decision import Deny, Reason
from vast_mcp.text import clean_line

LIMIT = 600
"""No client cuts an error text of this length."""
_RULE_LIMIT = 60


def refusal_text(
    deny: Deny, done_word: str = "Not rented", *, charged: str = "nothing charged"
) -> str:
    """What happened to money, why, the model's next step, what only the person can change.

    Every rule is named; the sentences of as many as fit are given, the first ones first. Never
    more than 600 characters, and never a way around.
    """
    head = f"{clean_line(done_word, 60)}, {clean_line(charged, 60)}."
    full = _rules([reason.rule for reason in deny.reasons])
    first = _sentences(deny.reasons[:1])
    if not deny.reasons:
        return head
    if _length([head, *first, full]) > LIMIT:
        full = _rules(_grouped(deny.reasons))
    return _joined(head, deny.reasons, full[: LIMIT - len(head) - 1])


def _joined(head: str, reasons: tuple[Reason, ...], rules: str) -> str:
    said: list[str] = []
    persons: list[str] = []
    settings: list[Reason] = []
    for reason in reasons:
        says = [text for text in _sentences([reason]) if text not in said]
        own = [text for text in (_clean(reason.person_can),) if text and text not in persons]
        key = [reason] if reason.setting else []
        for more, mine, keys in ((says, own, key), (says, [], []), (says[:1], [], [])):
            changed = _changeable([*settings, *keys])
            if _length([head, *said, *more, *persons, *mine, *changed, rules]) <= LIMIT:
                said += more
                persons += mine
                settings += keys
                break
    return " ".join([head, *said, *persons, *_changeable(settings), rules])


def _changeable(settings: list[Reason]) -> list[str]:
    """Who can change these keys, and where; the model cannot, and has no tool to."""
    places: dict[str, list[str]] = {}
    for reason in settings:
        key = str(clean_line(reason.setting, _RULE_LIMIT))
        held = places.setdefault(_clean(reason.place), [])
        if key not in held:
            held.append(key)
    told = [f"{', '.join(keys)}, in {place}" for place, keys in places.items()]
    return [f"Only the user can change {'; '.join(told)}."] if told else []


def _sentences(reasons: Iterable[Reason]) -> list[str]:
    texts = (text for reason in reasons for text in (reason.says, reason.model_can))
    return [cleaned for cleaned in map(_clean, texts) if cleaned]


def _rules(names: Iterable[str]) -> str:
    shown = list(dict.fromkeys(clean_line(name, _RULE_LIMIT) for name in names))
    return f"[rule{'s' if len(shown) > 1 else ''}: {', '.join(shown)}]"


def _grouped(reasons: tuple[Reason, ...]) -> list[str]:
    """Rule names without repeating their table: `limits.max_running, max_disk_gb`."""
    tables: dict[str, list[str]] = {}
    for reason in reasons:
        table, dot, key = clean_line(reason.rule, _RULE_LIMIT).partition(".")
        tables.setdefault(table, []).append(key if dot else "")
    return [
        name
        for table, keys in tables.items()
        for name in ([f"{table}.{keys[0]}" if keys[0] else table] + [k for k in keys[1:] if k])
    ]


def _length(parts: Iterable[str]) -> int:
    return len(" ".join(parts))


def _clean(text: str) -> str:
    return str(clean_line(text, 400)) if text else ""
