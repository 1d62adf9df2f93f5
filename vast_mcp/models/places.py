"""Words for parts of the world, as the two-letter country codes that the vendor filters by. Pure.

The continents are the official client's tables (`launch instance --region`). `EU` is
the European Union's 27 members, which the vendor does not know as a word: its own search takes
`geolocation=EU` literally and finds nothing.
"""

import re

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
_NAMES = """
    AE United Arab Emirates, AL Albania, AM Armenia, AO Angola, AR Argentina, AT Austria,
    AU Australia, AZ Azerbaijan, BA Bosnia and Herzegovina, BD Bangladesh, BE Belgium, BG Bulgaria,
    BH Bahrain, BN Brunei, BO Bolivia, BR Brazil, BY Belarus, CA Canada, CH Switzerland, CL Chile,
    CN China, CO Colombia, CR Costa Rica, CU Cuba, CY Cyprus, CZ Czech Republic, CZ Czechia,
    DE Germany, DK Denmark, DO Dominican Republic, DZ Algeria, EC Ecuador, EE Estonia, EG Egypt,
    ES Spain, ET Ethiopia, FI Finland, FR France, GB Great Britain, GB United Kingdom, GH Ghana,
    GR Greece, GT Guatemala, HK Hong Kong, HN Honduras, HR Croatia, HU Hungary, ID Indonesia,
    IE Ireland, IL Israel, IN India, IQ Iraq, IR Iran, IS Iceland, IT Italy, JM Jamaica, JO Jordan,
    JP Japan, KE Kenya, KG Kyrgyzstan, KH Cambodia, KR Korea, KR Republic of Korea, KR South Korea,
    KW Kuwait, KZ Kazakhstan, LA Laos, LB Lebanon, LI Liechtenstein, LK Sri Lanka, LT Lithuania,
    LU Luxembourg, LV Latvia, MA Morocco, MC Monaco, MD Moldova, ME Montenegro, MK North Macedonia,
    MM Myanmar, MN Mongolia, MO Macao, MT Malta, MU Mauritius, MX Mexico, MY Malaysia,
    MZ Mozambique, NA Namibia, NG Nigeria, NI Nicaragua, NL Netherlands, NL The Netherlands,
    NO Norway, NP Nepal, NZ New Zealand, OM Oman, PA Panama, PE Peru, PH Philippines, PK Pakistan,
    PL Poland, PR Puerto Rico, PT Portugal, PY Paraguay, QA Qatar, RO Romania, RS Serbia,
    RU Russia, RU Russian Federation, RW Rwanda, SA Saudi Arabia, SE Sweden, SG Singapore,
    SI Slovenia, SK Slovakia, SN Senegal, SV El Salvador, TH Thailand, TN Tunisia, TR Turkey,
    TR Türkiye, TT Trinidad and Tobago, TW Taiwan, TZ Tanzania, UA Ukraine, UG Uganda, US USA,
    US United States, US United States of America, UY Uruguay, UZ Uzbekistan, VE Venezuela,
    VN Viet Nam, VN Vietnam, XK Kosovo, ZA South Africa, ZM Zambia, ZW Zimbabwe
"""
"""Countries where machines are offered, as the vendor's rows and people write them. Georgia is not
among them: alone, it may as well be the American state."""
_BY_NAME = {
    name.casefold(): code
    for code, name in (entry.strip().split(" ", 1) for entry in _NAMES.split(","))
}
_CODE = re.compile(r"[A-Za-z]{2}")
_LONGEST = 200


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


def country_of(place: str) -> str:
    """The country of a place as the vendor writes it, as its code; empty where none is told.

    Recorded: "Nevada, US", "California, United States"; reported: "Norway", "US", three parts, and
    a code among the parts decides wherever it stands last.
    """
    if len(place) > _LONGEST:
        return ""
    last = " ".join(place.rpartition(",")[2].split())
    if _CODE.fullmatch(last):
        return country_code(last)
    return _BY_NAME.get(last.replace("_", " ").casefold(), "")
