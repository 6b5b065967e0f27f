"""The SQL, in named and commented blocks: a block's name is the method's that runs it, and its test's.

-- name: claim_runs
-- Why it is as it is.
select ...
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

from sqlalchemy import TextClause, text

_NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


@cache
def queries(file: str) -> dict[str, TextClause]:
    """Return the blocks of `<file>.sql` by name."""
    content = files(__name__).joinpath(f"{file}.sql").read_text()
    _, *pieces = _NAME.split(content)
    return {name: text(block) for name, block in zip(pieces[::2], pieces[1::2], strict=True)}
