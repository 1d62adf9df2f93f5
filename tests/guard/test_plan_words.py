"""How a question is put together: facts, reason, foreign label, code; never too long."""

from vast_mcp.guard.act import Sight
from vast_mcp.guard.plans import QUESTION_LIMIT, word
from vast_mcp.policy import Reason
from vast_mcp.policy.facts import Request

WHY = Reason(rule="no_question.hours", says="30 h is more than 24 h.")
SAID = " Why asked: 30 h is more than 24 h."


def sight(question: str, label: str = "") -> Sight:
    """A rent that is to be asked about."""
    return Sight(Request("create_instance"), {}, question, "rent-1", label=label)


def test_the_label_stands_behind_the_facts_and_the_code_last() -> None:
    """Foreign text cannot pass for our own words."""
    assert word(sight("Rent it?", "train a"), "ABCDEF") == 'Rent it? "train a" [ABCDEF]'
    assert word(sight("Rent it?"), "ABCDEF") == "Rent it? [ABCDEF]"


def test_the_reason_is_said_where_there_is_room_for_all_of_it() -> None:
    """To the character; where one is too many the facts stay whole and the reason goes."""
    room = QUESTION_LIMIT - len(SAID) - len(" [ABCDEF]")
    fits, too_long = "x" * room, "x" * (room + 1)
    assert word(sight(fits), "ABCDEF", [WHY]) == f"{fits}{SAID} [ABCDEF]"
    assert word(sight(too_long), "ABCDEF", [WHY]) == f"{too_long} [ABCDEF]"
    assert len(word(sight("x" * 900, "y" * 90), "ABCDEF", [WHY])) <= QUESTION_LIMIT


def test_that_such_an_act_always_asks_is_no_reason_to_give() -> None:
    """It would stand in every question."""
    usual = Reason(rule="levels.stop", says="A stop needs a yes.")
    assert word(sight("Stop it?"), "ABCDEF", [usual, WHY]) == f"Stop it?{SAID} [ABCDEF]"
    assert word(sight("Stop it?"), "ABCDEF", [usual]) == "Stop it? [ABCDEF]"
