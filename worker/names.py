"""Column names: from any header text to a name that BigQuery takes without special care. Pure.

- A legal name (letters, digits, `_`, not starting with a digit; at most 300) stays as it is, its case too.
- Accents go (`Größe` is `Grosse`), whatever else is not legal becomes one `_`, and none at the ends.
- A header in another script keeps its letters by their code points (`日本` is `u65e5_u672c`), so that its name does not
  depend on its place; so does one of symbols only (`%` is `u0025`).
- A blank header is `column_<place>`, counted from 1.
- Of columns that would be the same to BigQuery, which ignores case, the one that is written so keeps the name, else the
  first; the others get `_2`, `_3`, ...
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

LONGEST = 300
_LEGAL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ILLEGAL = re.compile(r"[^A-Za-z0-9_]+")
_FORBIDDEN_PREFIXES = (
    "_TABLE_",
    "_FILE_",
    "_PARTITION",
    "_ROW_TIMESTAMP",
    "__ROOT__",
    "_COLIDENTIFIER",
    "_CHANGE_SEQUENCE_NUMBER",
    "_CHANGE_TYPE",
    "_CHANGE_TIMESTAMP",
)


def column_names(headers: Sequence[str]) -> tuple[str, ...]:
    """Return a legal name for each header, no two the same but for case."""
    wanted = [column_name(header, place) for place, header in enumerate(headers, start=1)]
    by_claim = sorted(range(len(wanted)), key=lambda place: (wanted[place] != headers[place], place), reverse=True)
    keepers = {wanted[place].casefold(): place for place in by_claim}
    taken = set(keepers)
    return tuple(
        name if keepers[name.casefold()] == place else _suffixed(name, taken) for place, name in enumerate(wanted)
    )


def column_name(header: str, place: int) -> str:
    """Return the legal name of one header, not looking at the others."""
    name = header if _LEGAL.fullmatch(header) else _legalised(header.strip()) or f"column_{place}"
    if name[0].isdigit():
        name = f"_{name}"
    if name.upper().startswith(_FORBIDDEN_PREFIXES):
        name = f"x{name}"
    return name[:LONGEST]


def _legalised(header: str) -> str:
    return _joined(_plain(header)) or _joined(_code_point(character) for character in header)


def _plain(header: str) -> Iterable[str]:
    """Take the accents off; letters without a Latin equal stay recognisable by their code points."""
    for character in unicodedata.normalize("NFKD", header.replace("ß", "ss")):
        if character.isascii():
            yield character
        elif character.isalnum():
            yield _code_point(character)
        elif not unicodedata.combining(character):
            yield "_"


def _code_point(character: str) -> str:
    return f"_u{ord(character):04x}_"


def _joined(pieces: Iterable[str]) -> str:
    return re.sub("_+", "_", _ILLEGAL.sub("_", "".join(pieces))).strip("_")


def _suffixed(name: str, taken: set[str]) -> str:
    number = 2
    while (candidate := f"{name[: LONGEST - len(f'_{number}')]}_{number}").casefold() in taken:
        number += 1
    taken.add(candidate.casefold())
    return candidate
