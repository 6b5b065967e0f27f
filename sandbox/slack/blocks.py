"""Block Kit's rules for what a message may hold: https://docs.slack.dev/reference/block-kit/blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

Found = Iterator[str]  # Slack's sentences, each with a JSON pointer to what is wrong

_MAX_BLOCKS = 50
_MAX_BLOCK_ID = 255


def block_errors(blocks: Any) -> list[str]:  # noqa: ANN401  whatever a client sent
    """Return what Slack would say is wrong with the blocks of a message."""
    if not isinstance(blocks, list):
        return ["must be an array [json-pointer:/blocks]"]
    if len(blocks) > _MAX_BLOCKS:
        return [f"no more than {_MAX_BLOCKS} items allowed [json-pointer:/blocks]"]
    return [error for index, block in enumerate(blocks) for error in _block(block, f"/blocks/{index}")]


def _block(block: Any, at: str) -> Found:  # noqa: ANN401  whatever a client sent
    kind = block.get("type") if isinstance(block, dict) else None
    rule = _RULES.get(kind or "")
    if rule is None:
        yield f"unsupported type: {kind} [json-pointer:{at}/type]"
        return
    if len(str(block.get("block_id", ""))) > _MAX_BLOCK_ID:
        yield f"must be less than {_MAX_BLOCK_ID + 1} characters [json-pointer:{at}/block_id]"
    yield from rule(block, at)


def _section(block: Mapping[str, Any], at: str) -> Found:
    if "text" not in block and "fields" not in block:
        yield f"missing required field: text [json-pointer:{at}]"
    if "text" in block:
        yield from _text(block["text"], f"{at}/text", limit=3000)
    yield from _items(block.get("fields", []), f"{at}/fields", 10)
    for index, text in enumerate(block.get("fields", [])):
        yield from _text(text, f"{at}/fields/{index}", limit=2000)
    if "accessory" in block:
        yield from _element(block["accessory"], f"{at}/accessory")


def _header(block: Mapping[str, Any], at: str) -> Found:
    yield from _text(block.get("text"), f"{at}/text", limit=150, kinds=("plain_text",))


def _context(block: Mapping[str, Any], at: str) -> Found:
    yield from _items(block.get("elements"), f"{at}/elements", 10)
    for index, element in enumerate(block.get("elements") or []):
        if isinstance(element, dict) and element.get("type") == "image":
            yield from _image(element, f"{at}/elements/{index}")
        else:
            yield from _text(element, f"{at}/elements/{index}", limit=2000)


def _actions(block: Mapping[str, Any], at: str) -> Found:
    yield from _items(block.get("elements"), f"{at}/elements", 25)
    for index, element in enumerate(block.get("elements") or []):
        yield from _element(element, f"{at}/elements/{index}")


def _element(element: Any, at: str) -> Found:  # noqa: ANN401  whatever a client sent
    if not isinstance(element, dict) or "type" not in element:
        yield f"missing required field: type [json-pointer:{at}]"
    elif element["type"] == "button":
        yield from _text(element.get("text"), f"{at}/text", limit=75, kinds=("plain_text",))
        yield from _short(element.get("url", ""), f"{at}/url", 3000)
        yield from _short(element.get("value", ""), f"{at}/value", 2000)


def _image(block: Mapping[str, Any], at: str) -> Found:
    for name, limit in (("image_url", 3000), ("alt_text", 2000)):
        if not block.get(name):
            yield f"missing required field: {name} [json-pointer:{at}]"
        yield from _short(block.get(name, ""), f"{at}/{name}", limit)


def _rich_text(block: Mapping[str, Any], at: str) -> Found:
    yield from _items(block.get("elements"), f"{at}/elements", 1000)


def _markdown(block: Mapping[str, Any], at: str) -> Found:
    yield from _short(block.get("text", ""), f"{at}/text", 12_000)


_RULES: Mapping[str, Callable[[Mapping[str, Any], str], Found]] = {
    "section": _section,
    "header": _header,
    "context": _context,
    "actions": _actions,
    "image": _image,
    "rich_text": _rich_text,
    "markdown": _markdown,
    "divider": lambda _block, _at: iter(()),
}


def _text(text: Any, at: str, *, limit: int, kinds: tuple[str, ...] = ("plain_text", "mrkdwn")) -> Found:  # noqa: ANN401  whatever a client sent
    if not isinstance(text, dict) or not isinstance(text.get("text"), str):
        yield f"missing required field: text [json-pointer:{at}]"
        return
    if text.get("type") not in kinds:
        yield f"must be one of: {', '.join(kinds)} [json-pointer:{at}/type]"
    if not text["text"]:
        yield f"must be more than 0 characters [json-pointer:{at}/text]"
    yield from _short(text["text"], f"{at}/text", limit)


def _short(text: Any, at: str, limit: int) -> Found:  # noqa: ANN401  whatever a client sent
    if len(str(text)) > limit:
        yield f"must be less than {limit + 1} characters [json-pointer:{at}]"


def _items(items: Any, at: str, limit: int) -> Found:  # noqa: ANN401  whatever a client sent
    if not isinstance(items, list):
        yield f"must be an array [json-pointer:{at}]"
    elif len(items) > limit:
        yield f"no more than {limit} items allowed [json-pointer:{at}]"
