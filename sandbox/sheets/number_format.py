"""How a value is shown: Google's patterns, for the locale en_US.

Tokens: https://developers.google.com/workspace/sheets/api/guides/formats.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from sandbox.sheets.cells import EPOCH, Cell, ErrorValue

if TYPE_CHECKING:
    from sandbox.sheets.cells import NumberFormat, Stored

_TIME_TOKEN = re.compile(r'\[[hms]+\]|y+|m+|d+|h+|s+(?:\.0+)?|am/pm|a/p|"[^"]*"|\\.|.', re.IGNORECASE)
_DIGITS = re.compile(r"[#0?][#0?,]*(?:\.[#0?]+)?(?:E\+0+)?")
_LITERAL = re.compile(r'"([^"]*)"|\\(.)|([@_*])')
_EXACT = 1e15  # from here on, a double is shown with an exponent
_TEMPORAL = {"DATE", "TIME", "DATE_TIME"}


def shown(value: Stored) -> str:
    """Return the text that a person sees in the cell."""
    scalar = value.value if isinstance(value, Cell) else value
    number_format = value.number_format if isinstance(value, Cell) else None
    if isinstance(scalar, bool):
        return "TRUE" if scalar else "FALSE"
    if isinstance(scalar, (int, float)):
        return _number_shown(scalar, number_format)
    if isinstance(scalar, ErrorValue):
        return scalar.text
    return "" if scalar is None else str(scalar)


def is_temporal(number_format: NumberFormat | None) -> bool:
    """Tell whether numbers of this format are dates, times or durations."""
    return number_format is not None and number_format.type in _TEMPORAL


def _number_shown(number: float, number_format: NumberFormat | None) -> str:
    if number_format is None or number_format.type == "TEXT":
        return _general(number)
    if is_temporal(number_format):
        return _temporal(number, number_format.pattern)
    return _patterned(number, number_format.pattern)


def _general(number: float) -> str:
    if isinstance(number, int) and abs(number) < _EXACT:
        return str(number)
    text = f"{number:.10g}"
    return text if "e" not in text else re.sub(r"e([+-])0*(\d)", r"E\1\2", text)


def _patterned(number: float, pattern: str) -> str:
    section, _, _ = pattern.partition(";")
    digits = _DIGITS.search(section)
    if digits is None:
        return _general(number)
    before, after = _literal(section[: digits.start()]), _literal(section[digits.end() :])
    if "%" in after:
        number *= 100
    sign = "-" if number < 0 else ""
    return f"{sign}{before}{_digits(abs(number), digits[0])}{after}"


def _literal(text: str) -> str:
    return _LITERAL.sub(lambda match: match[1] or match[2] or "", text)


def _digits(number: float, pattern: str) -> str:
    mantissa, _, exponent = pattern.partition("E")
    _, _, decimals = mantissa.partition(".")
    if exponent:
        return f"{number:.{len(decimals)}E}"
    text = f"{number:{',' if ',' in mantissa else ''}.{len(decimals)}f}"
    optional = len(decimals) - len(decimals.rstrip("#"))
    for _ in range(optional):
        text = text.removesuffix("0")
    return text.removesuffix(".")


@lru_cache(maxsize=10_000)
def _temporal(serial: float, pattern: str) -> str:
    moment = EPOCH + timedelta(milliseconds=round(serial * 86_400_000))
    tokens = _tokens(pattern)
    halves = any(token.lower() in ("am/pm", "a/p") for token in tokens)
    return "".join(_token_shown(token, moment, serial, halves) for token in tokens)


@lru_cache
def _tokens(pattern: str) -> tuple[str, ...]:
    """Split a pattern; an `m` beside hours or seconds means minutes and is returned as `n`."""
    tokens = _TIME_TOKEN.findall(pattern)
    units = [(index, token.lower().strip("[]")[0]) for index, token in enumerate(tokens) if token[0] in "[yYmMdDhHsS"]
    for position, (index, unit) in enumerate(units):
        before = units[position - 1][1] if position else ""
        after = units[position + 1][1] if position + 1 < len(units) else ""
        if unit == "m" and (before == "h" or after == "s") and not tokens[index].startswith("["):
            tokens[index] = "n" * len(tokens[index])
    return tuple(tokens)


def _token_shown(token: str, moment: datetime, serial: float, halves: bool) -> str:  # noqa: FBT001  private, by position
    lower = token.lower()
    if lower.startswith("["):
        per_day = {"h": 24, "m": 1440, "s": 86400}[lower[1]]
        return f"{int(round(serial * 86_400_000) / 86_400_000 * per_day + 1e-9):0{len(token) - 2}}"
    if lower in ("am/pm", "a/p"):
        return moment.strftime("%p") if lower == "am/pm" else moment.strftime("%p")[0]
    if lower[0] in "ymdhns":
        return _unit_shown(lower, moment, halves)
    return _literal(token)


def _unit_shown(token: str, moment: datetime, halves: bool) -> str:  # noqa: FBT001  private, by position
    named = {"mmm": "%b", "mmmm": "%B", "ddd": "%a", "dddd": "%A"}
    if token in named:
        return moment.strftime(named[token])
    if token[0] == "y":
        return f"{moment.year:04}" if len(token) > 2 else f"{moment.year % 100:02}"  # noqa: PLR2004  yy and yyyy
    if "." in token:
        whole, _, fraction = token.partition(".")
        return f"{moment.second:0{len(whole)}}.{moment.microsecond:06}"[: len(whole) + 1 + len(fraction)]
    hour = (moment.hour - 1) % 12 + 1 if halves else moment.hour
    number = {"m": moment.month, "d": moment.day, "h": hour, "n": moment.minute, "s": moment.second}[token[0]]
    return f"{number:0{min(len(token), 2)}}"
