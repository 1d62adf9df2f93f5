"""Words for parts of the world, as the two-letter country codes that the vendor filters by.

The continents are the official client's tables (`launch instance --region`, vast-api §5). `EU` is
the European Union's 27 members, which the vendor does not know as a word: its own search takes
`geolocation=EU` literally and finds nothing.
"""

_TABLES = {
    "EU": ("AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK"),
    "North_America": ("AG BS BB BZ CA CR CU DM DO SV GD GT HT HN JM MX NI PA KN LC VC TT US"),
    "South_America": "AR BO BR CL CO EC FK GF GY PY PE SR UY VE",
    "Europe": (
        "AL AD AT BY BE BA BG HR CY CZ DK EE FI FR DE GR HU IS IE IT LV LI LT LU MT MD MC ME NL MK "
        "NO PL PT RO RU SM RS SK SI ES SE CH UA GB VA XK"
    ),
    "Asia": (
        "AF AM AZ BH BD BT BN KH CN GE IN ID IR IQ IL JP JO KZ KW KG LA LB MY MV MN MM NP KP OM PK "
        "PH QA SA SG KR LK SY TW TJ TH TL TR TM AE UZ VN YE HK MO"
    ),
    "Oceania": "AS AU CK FJ PF GU KI MH FM NR NC NZ NU MP PW PG PN WS SB TK TO TV VU WF",
    "Africa": (
        "DZ AO BJ BW BF BI CV CM CF TD KM CG CD CI DJ EG GQ ER SZ ET GA GM GH GN GW KE LS LR LY MG "
        "MW ML MR MU MA MZ NA NE NG RW ST SN SC SL SO ZA SS SD TZ TG TN UG ZM ZW"
    ),
}

REGIONS = tuple(_TABLES)
_ALIASES = {"UK": "GB"}
"""Codes that people write and the vendor's list of places does not know."""


def countries_of(word: str) -> tuple[str, ...] | None:
    """The countries of a region (`EU`, `Europe`, `north america` …); None for any other word."""
    wanted = word.replace(" ", "_").casefold()
    for name, codes in _TABLES.items():
        if name.casefold() == wanted:
            return tuple(codes.split())
    return None


def country_code(text: str) -> str:
    """A two-letter code as the vendor knows it, whatever its case."""
    code = text.upper()
    return _ALIASES.get(code, code)
