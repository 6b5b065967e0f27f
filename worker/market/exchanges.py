"""Which calendar a ticker follows, by its symbol as Yahoo writes it. Pure.

A suffix names the exchange (`SAP.DE`); without one a stock trades in New York, and a class of shares takes a hyphen
(`BRK-B`). Indices (`^GSPC`) say nothing of their exchange, so the large ones are listed.
Source: Yahoo's "Exchanges and data providers", https://help.yahoo.com/kb/SLN2310.html.
"""

from __future__ import annotations

from worker.errors import ConfigurationError

NEW_YORK = "XNYS"
SUFFIXES = {
    "AS": "XAMS",
    "AT": "ASEX",
    "AX": "XASX",
    "BA": "XBUE",
    "BD": "XBUD",
    "BK": "XBKK",
    "BO": "XBOM",
    "BR": "XBRU",
    "CL": "XBOG",
    "CO": "XCSE",
    "DE": "XETR",
    "DU": "XDUS",
    "F": "XFRA",
    "HE": "XHEL",
    "HK": "XHKG",
    "HM": "XHAM",
    "IC": "XICE",
    "IR": "XDUB",
    "IS": "XIST",
    "JK": "XIDX",
    "JO": "XJSE",
    "KL": "XKLS",
    "KQ": "XKRX",
    "KS": "XKRX",
    "L": "XLON",
    "LS": "XLIS",
    "MC": "XMAD",
    "MI": "XMIL",
    "MX": "XMEX",
    "NS": "XBOM",
    "NZ": "XNZE",
    "OL": "XOSL",
    "PA": "XPAR",
    "PR": "XPRA",
    "PS": "XPHS",
    "RG": "XRIS",
    "RO": "XBSE",
    "SA": "BVMF",
    "SG": "XSTU",
    "SI": "XSES",
    "SN": "XSGO",
    "SR": "XSAU",
    "SS": "XSHG",
    "ST": "XSTO",
    "SW": "XSWX",
    "SZ": "XSHG",
    "T": "XTKS",
    "TA": "XTAE",
    "TL": "XTAL",
    "TO": "XTSE",
    "TW": "XTAI",
    "TWO": "XTAI",
    "V": "XTSE",
    "VI": "XWBO",
    "VS": "XLIT",
    "WA": "XWAR",
}
INDICES = {
    **dict.fromkeys(("^GSPC", "^IXIC", "^DJI", "^NDX", "^NYA", "^OEX", "^RUT", "^SOX", "^SP500TR", "^VIX"), NEW_YORK),
    "^FTSE": "XLON",
    "^GDAXI": "XETR",
    "^STOXX50E": "XETR",
    "^FCHI": "XPAR",
    "^AEX": "XAMS",
    "^IBEX": "XMAD",
    "^SSMI": "XSWX",
    "^N225": "XTKS",
    "^HSI": "XHKG",
    "^KS11": "XKRX",
    "^TWII": "XTAI",
    "^STI": "XSES",
    "^BSESN": "XBOM",
    "^NSEI": "XBOM",
    "^AXJO": "XASX",
    "^GSPTSE": "XTSE",
    "^BVSP": "BVMF",
    "^MXX": "XMEX",
}


def calendar_name(symbol: str) -> str:
    """Return the name, in exchange-calendars, of the calendar that a symbol follows.

    Raises:
        ConfigurationError: the symbol does not tell.
    """
    stem, dot, suffix = symbol.rpartition(".")
    if dot and stem:
        found = SUFFIXES.get(suffix)
    elif symbol.startswith("^"):
        found = INDICES.get(symbol)
    else:
        found = None if "=" in symbol or symbol.endswith("-USD") else NEW_YORK
    if found is None:
        raise ConfigurationError(
            f"source.calendar: expected the calendar of {symbol}, which its symbol does not tell, got nothing; "
            "set it to a name of exchange-calendars, such as XNYS or 24/7"
        )
    return found
