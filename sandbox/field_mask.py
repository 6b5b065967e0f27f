"""Google's `fields` parameter: which parts of an answer are wanted.

Grammar: https://developers.google.com/workspace/sheets/api/guides/field-masks, `a,b.c,d(e,f/g)`, with `*` for all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_TOKEN = re.compile(r"[A-Za-z0-9_*@-]+|[.,/()]")


class FieldMaskError(ValueError):
    """The `fields` parameter cannot be read."""


@dataclass(frozen=True)
class FieldMask:
    """A tree of wanted names; a mask without names wants everything."""

    names: Mapping[str, FieldMask] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> FieldMask:
        """Read a mask; an empty one, like `*`, wants everything. Raises `FieldMaskError`."""
        if not text:
            return cls()
        return _Parser(text).mask()

    def at(self, *path: str) -> FieldMask | None:
        """Return the mask for what lies at `path`, or None when it is not wanted."""
        mask: FieldMask = self
        for name in path:
            if not mask.names:
                return mask
            if name not in mask.names:
                return None
            mask = mask.names[name]
        return mask

    def select(self, document: Any) -> Any:  # noqa: ANN401  JSON
        """Return the wanted parts of a document; what is neither object nor array is taken whole."""
        if not self.names:
            return document
        if isinstance(document, dict):
            return {name: mask.select(document[name]) for name, mask in self.names.items() if name in document}
        if isinstance(document, list):
            return [self.select(item) for item in document]
        return document

    def paths(self) -> Iterator[tuple[str, ...]]:
        """Yield the path of every leaf."""
        for name, mask in self.names.items():
            if mask.names:
                yield from ((name, *path) for path in mask.paths())
            else:
                yield (name,)

    def merge(self, other: FieldMask) -> FieldMask:
        """Return the mask that wants what either wants."""
        if not self.names or not other.names:
            return FieldMask()
        names = dict(self.names)
        for name, mask in other.names.items():
            names[name] = names[name].merge(mask) if name in names else mask
        return FieldMask(names)


class _Parser:
    """Recursive descent over the tokens of one mask."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _TOKEN.findall(text)
        if "".join(self._tokens) != re.sub(r"\s", "", text):
            raise FieldMaskError(text)

    def mask(self) -> FieldMask:
        mask = self._list()
        if self._tokens:
            raise FieldMaskError(self._text)
        return mask

    def _list(self) -> FieldMask:
        mask = self._path()
        while self._next_is(","):
            mask = mask.merge(self._path())
        return mask

    def _path(self) -> FieldMask:
        name = self._name()
        if self._next_is(".") or self._next_is("/"):
            below = self._path()
        elif self._next_is("("):
            below = self._list()
            if not self._next_is(")"):
                raise FieldMaskError(self._text)
        else:
            below = FieldMask()
        return FieldMask() if name == "*" else FieldMask({name: below})

    def _name(self) -> str:
        if not self._tokens or self._tokens[0] in ".,/()":
            raise FieldMaskError(self._text)
        return str(self._tokens.pop(0))

    def _next_is(self, token: str) -> bool:
        if self._tokens[:1] != [token]:
            return False
        self._tokens.pop(0)
        return True
