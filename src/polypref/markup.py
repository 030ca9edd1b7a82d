"""HTML and SVG built from Python values; whatever is not markup already is escaped."""

from __future__ import annotations

import html
import json
import re
from typing import Any, Union

# control characters, half surrogate pairs and directional overrides, with which a text could disturb what is around it
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
_VOID = frozenset("br circle ellipse hr input line meta path polygon polyline rect".split())


class Markup(str):
    """Text that is HTML; only this module's functions make it."""

    __slots__ = ()


Child = Union[str, Markup, None]
Attribute = Union[str, int, float, bool, None]


def printable(text: str) -> str:
    """The text with U+FFFD for characters that no page should hold."""
    return _UNPRINTABLE.sub("\ufffd", text)


def cut(text: str, length: int) -> str:
    """The text, or as much of its beginning as fits."""
    return text if len(text) <= length else f"{text[: length - 1].rstrip()}…"


def escaped(text: str) -> Markup:
    """Text as HTML; markup stays as it is."""
    return text if isinstance(text, Markup) else Markup(html.escape(printable(text)))


def joined(*children: Child) -> Markup:
    """Children one after the other; None is nothing."""
    return Markup("".join(escaped(child) for child in children if child is not None))


def tag(name: str, attributes: dict[str, Attribute] | None = None, *children: Child) -> Markup:
    """An element; an attribute that is None or False is left out, one that is True has no value."""
    parts = [name]
    for key, value in (attributes or {}).items():
        if value is True:
            parts.append(key)
        elif value is not None and value is not False:
            parts.append(f'{key}="{escaped(_number(value) if isinstance(value, float) else str(value))}"')
    opening = " ".join(parts)
    if name in _VOID and not children:
        return Markup(f"<{opening}>" if name in {"br", "hr", "input", "meta"} else f"<{opening}/>")
    return Markup(f"<{opening}>{joined(*children)}</{name}>")


def data_block(identifier: str, value: Any) -> Markup:
    """A JSON value that scripts can read and no parser of HTML takes for anything else."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(f'<script type="application/json" id="{escaped(identifier)}">{text}</script>')


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
