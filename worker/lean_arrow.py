"""Arrow without pandas, for the sources that do not use it."""

from __future__ import annotations

import sys
from importlib.abc import MetaPathFinder


def spare_pandas() -> None:
    """Keep pyarrow from importing pandas, unless somebody else has: 0.3 s and 50 MB that most loads need not pay.

    At its first conversion of a Python value pyarrow imports pandas, to recognise a Series from then on. It takes the
    answer for good, so this is for whoever will not hand it a Series: pandas must not be imported later.
    """
    if "pandas" in sys.modules:
        return
    import pyarrow as pa

    finder = _NoPandas()
    sys.meta_path.insert(0, finder)
    try:
        pa.array([None])
    finally:
        sys.meta_path.remove(finder)


class _NoPandas(MetaPathFinder):
    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError(name=fullname)
