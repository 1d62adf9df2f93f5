"""docs/coverage.md is current, and what it leaves out has a reason that holds."""

import pytest

from tests.parity.coverage import (
    INSIDE,
    PAGE,
    command_rows,
    declared_as,
    inventory,
    operations,
    page,
    simulated,
    tools_of,
)
from vast_mcp.operations import OPERATIONS, Data, Money
from vast_mcp.operations.left_out import COMMANDS, ROUTES, WhyNot
from vast_mcp.policy import Level
from vast_mcp.policy.actions import ACTS
from vast_mcp.served import TOOLS
from vast_mcp.tools._spec import ToolSpec
from vast_mcp.tools.vendor_commands import every_command


def test_the_page_is_what_make_docs_would_write() -> None:
    """Nobody keeps it by hand, so nobody can let it rot."""
    assert page() == PAGE.read_text(encoding="utf-8"), "run `make docs`"


def test_every_command_of_the_official_client_is_known_to_the_tools() -> None:
    """A model that calls one by its name is told what does it, or that nothing does."""
    assert {one.name for one in every_command()} >= inventory()["commands"].keys()


def test_every_operation_that_is_declared_is_simulated_and_reached() -> None:
    """What no tool sends is dead; what the simulator does not answer was never tried."""
    for one in OPERATIONS:
        assert tools_of([one]), f"{one.name}: no tool reaches it"
    declared = [route for route in operations() if declared_as(route)]
    assert [route for route in declared if not simulated(route)] == []


def test_what_is_left_out_exists_and_is_not_done_all_the_same() -> None:
    """A reason for what has a tool, or for nothing, would be a lie by now."""
    known = set(operations())
    for route in ROUTES:
        assert route in known, route
        assert not tools_of(declared_as(route)), route
    with_tool = {row[0] for row in command_rows() if row[1]}
    assert not with_tool & COMMANDS.keys()
    assert inventory()["commands"].keys() >= COMMANDS.keys()


def test_every_reason_is_used() -> None:
    """The list is closed in both directions."""
    assert {*ROUTES.values(), *COMMANDS.values()} == set(WhyNot)


def test_no_operation_is_named_inside_a_tool_that_has_its_own() -> None:
    """An entry that nothing needs hides the next mistake."""
    names = {spec.name for spec in TOOLS}
    assert not INSIDE.keys() & names
    assert set(INSIDE.values()) <= names
    assert INSIDE.keys() <= {one.name for one in OPERATIONS}


@pytest.mark.parametrize("spec", TOOLS, ids=lambda spec: spec.name)
def test_the_hints_and_the_level_of_a_tool_fit_what_its_operation_does(spec: ToolSpec) -> None:
    """Risk is declared once; where a tool was written by hand it is compared here."""
    name = spec.name
    found = [one for one in OPERATIONS if one.name == name]
    for one in found:
        assert spec.reads == one.reads
        if one.data is Data.DESTROYS:
            assert spec.destroys
        if not one.reads:
            rule = ACTS[name]
            asked = rule.level is not Level.ALLOW
            assert asked or one.data is not Data.DESTROYS, "a loss is asked about"
            if one.money is Money.SPENDS:
                assert rule.priced or rule.by_numbers or rule.coverable or rule.rises
            if one.money is Money.SAVES:
                assert rule.reduces
    assert len(found) <= 1, "two operations of one name"
