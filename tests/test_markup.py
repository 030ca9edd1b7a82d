"""Markup: everything is escaped that is not markup already."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from polypref.markup import Markup, data_block, escaped, joined, tag


class Texts(HTMLParser):
    """The tags of a page and the text between them."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@given(st.text(), st.text())
def test_no_text_becomes_a_tag_or_an_attribute(text, value):
    reader = Texts()
    reader.feed(tag("p", {"title": value}, text))
    reader.close()
    assert [name for name, _ in reader.tags] == ["p"]
    assert set(reader.tags[0][1]) == {"title"}


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126)))
def test_printable_text_reads_as_it_was(text):
    reader = Texts()
    reader.feed(tag("p", {"title": text}, text))
    reader.close()
    assert reader.text == text
    assert reader.tags[0][1]["title"] == text


def test_markup_stays_and_text_does_not():
    assert joined("<b>", Markup("<i></i>"), None) == "&lt;b&gt;<i></i>"
    assert tag("details", {"open": True, "id": None, "hidden": False}) == "<details open></details>"
    assert tag("line", {"x1": 1.004, "x2": 2}) == '<line x1="1" x2="2"/>'


def test_what_no_page_should_hold_is_replaced():
    assert escaped("a\x00b\u202ec\ud800d\ne") == "a\ufffdb\ufffdc\ufffdd\ne"


@given(
    st.recursive(
        st.text() | st.integers() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_a_data_block_holds_the_value_and_ends_only_at_its_end(value):
    block = data_block("numbers", value)
    inside = re.fullmatch(r'<script type="application/json" id="numbers">(.*)</script>', block, re.DOTALL).group(1)
    assert json.loads(inside) == value
    assert not set("<>&") & set(inside)
    assert inside.isascii()
