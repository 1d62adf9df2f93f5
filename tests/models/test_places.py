"""Where a machine stands: every form that the vendor's rows were seen in gives a country."""

import pytest

from vast_mcp.models.places import countries_of, country_code, country_of


@pytest.mark.parametrize(
    ("place", "country"),
    [
        # Recorded.
        ("Sweden, SE", "SE"), ("South Korea, KR", "KR"), ("Guangxi, CN", "CN"),
        ("Nevada, US", "US"), ("California, United States", "US"),
        # Reported.
        ("Norway", "NO"), ("US", "US"), ("Oslo, Norway, NO", "NO"), ("Oslo, Norway", "NO"),
        # Near them.
        ("SE", "SE"), ("se", "SE"), (", VN", "VN"), ("  sweden ,  se ", "SE"), ("UK", "GB"),
        ("London, United  Kingdom", "GB"), ("Korea, Republic of, KR", "KR"), ("Czechia", "CZ"),
        ("Ho Chi Minh City, Viet Nam", "VN"), ("united_states", "US"), ("Türkiye", "TR"),
        # None is told, and none is guessed: Georgia alone is a country and an American state.
        ("", ""), (",", ""), ("Somewhere", ""), ("Atlanta, Georgia", ""), ("Georgia, US", "US"),
        ("Sweden, SWE", ""), ("Sweden, S1", ""), ("SE, Somewhere", ""), ("," * 199, ""),
        ("Sweden, " * 40 + "SE", ""), (" " * 5000, ""),
    ],
)  # fmt: skip
def test_a_place_in_any_form_gives_its_country_or_none(place: str, country: str) -> None:
    """Whoever allows Norway means a machine in "Oslo, Norway, NO", "Norway" and "NO"."""
    assert country_of(place) == country


def test_no_name_of_a_country_stands_for_two() -> None:
    """A name in the table is found under its own code, however often that code stands there."""
    assert country_of("South Korea") == country_of("Republic of Korea") == "KR"
    assert country_code("uk") == "GB"
    assert countries_of("eu") is not None
    assert countries_of("Norway") is None
