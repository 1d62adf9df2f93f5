"""Names of cards and places, as people write them."""

import pytest

from vast_mcp.errors import InputInvalid
from vast_mcp.market.gpus import all_cards, resolve_countries, resolve_gpu_names

KNOWN = (
    "RTX 4090", "RTX 4090D", "RTX 4080S", "RTX 3060", "RTX 3060 Ti", "RTX 6000Ada", "RTX A6000",
    "H100 SXM", "H100 NVL", "H100 PCIE", "A100 SXM4", "L40", "L40S", "Tesla V100",
)  # fmt: skip


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("RTX 4090", ["RTX 4090"]),
        ("RTX_4090", ["RTX 4090"]),
        ("rtx 4090", ["RTX 4090"]),
        ("rtx4090", ["RTX 4090"]),
        ("4090", ["RTX 4090"]),
        ("NVIDIA GeForce RTX 4090", ["RTX 4090"]),
        ("4080 Super", ["RTX 4080S"]),
        ("3060", ["RTX 3060"]),
        ("3060 ti", ["RTX 3060 Ti"]),
        ("3060ti", ["RTX 3060 Ti"]),
        ("RTX 4090 GPU", ["RTX 4090"]),
        ("h100 gpus", ["H100 SXM", "H100 NVL", "H100 PCIE"]),
        ("RTX 6000 Ada", ["RTX 6000Ada"]),
        ("H100", ["H100 SXM", "H100 NVL", "H100 PCIE"]),
        ("h100-sxm", ["H100 SXM"]),
        ("L40", ["L40"]),
        ("V100", ["Tesla V100"]),
    ],
)
def test_a_card_is_found_however_it_is_written(written: str, meant: list[str]) -> None:
    """Names on the wire have spaces, people write them in many ways (docs/design.md#tools)."""
    assert list(all_cards(resolve_gpu_names([written], KNOWN))) == meant


def test_an_unknown_card_is_an_error_that_names_the_nearest() -> None:
    """Vendor trap: an unknown name matches nothing, silently (docs/vendor-api.md#offers)."""
    with pytest.raises(InputInvalid, match=r"gpu_names: Vast.ai has no GPU 'RTX 4091'.*RTX 4090"):
        resolve_gpu_names(["RTX 4091"], KNOWN)


@pytest.mark.parametrize("nothing", ["", "  ", "_", "potato\x1b[31m"])
def test_a_name_that_means_nothing_is_refused_without_terminal_codes(nothing: str) -> None:
    """Empty text must not mean every card."""
    with pytest.raises(InputInvalid) as refused:
        resolve_gpu_names([nothing], KNOWN)
    assert "\x1b" not in str(refused.value)


@pytest.mark.parametrize("written", ["A100 80GB", "a100-80gb", "A100 80 GB"])
def test_a_memory_in_a_cards_name_is_led_to_its_own_filter(written: str) -> None:
    """The vendor's names hold none: dropping it silently would rent half of it."""
    with pytest.raises(InputInvalid, match=r"min_gpu_ram_gb=80\. Near: A100 SXM4") as refused:
        resolve_gpu_names([written], KNOWN)
    assert refused.value.field == "gpu_names"


def test_two_writings_of_one_card_are_one() -> None:
    """No filter is sent twice."""
    assert all_cards(resolve_gpu_names(["4090", "RTX_4090"], KNOWN)) == ("RTX 4090",)


def test_a_region_becomes_its_countries_and_a_code_its_capitals() -> None:
    """The vendor takes `EU` literally and finds nothing."""
    codes = resolve_countries(["se", "EU"])
    assert codes[0] == "SE"
    assert {"DE", "FI", "SE"} <= set(codes)
    assert len(codes) == len(set(codes))


def test_the_united_kingdom_is_found_by_what_people_write() -> None:
    """UK is no ISO code: the vendor would find nothing, silently."""
    assert resolve_countries(["uk", "GB", "SE"]) == ("GB", "SE")


def test_a_country_may_be_given_by_its_name() -> None:
    """People write Norway; the vendor filters by NO."""
    assert resolve_countries(["Norway", "no", "South Korea", "Asia"])[:2] == ("NO", "KR")


def test_what_is_no_country_is_an_error_that_names_the_regions() -> None:
    """It would match nothing, silently."""
    with pytest.raises(InputInvalid, match=r"countries: 'Atlantis'.*Europe"):
        resolve_countries(["Atlantis"])
