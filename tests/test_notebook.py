"""Tables for notebooks: escaped, cut short, and without colours."""

from __future__ import annotations

from polypref.notebook import LONGEST, box, facts, table
from tests.test_markup import Texts


def read(html: str) -> Texts:
    reader = Texts()
    reader.feed(html)
    reader.close()
    return reader


def test_hostile_text_is_text_wherever_it_stands():
    bad = "<script>alert(1)</script>\" onload='x'"
    reader = read(box(bad, facts([(bad, bad)]), table([bad], [[bad]])))
    assert {name for name, _ in reader.tags} <= {"div", "p", "strong", "table", "thead", "tbody", "tr", "th", "td"}
    assert reader.text == bad * 5


def test_long_texts_are_cut():
    reader = read(facts([("prompt", "a" * 10_000)]))
    assert reader.text == "prompt" + "a" * (LONGEST - 1) + "…"


def test_what_is_left_out_is_counted_across_the_table():
    reader = read(table(["i", "j"], [["0", "1"]], 1234))
    assert reader.text == "ij01… 1,234 more"
    assert reader.tags[-1][1]["colspan"] == "2"


def test_the_colours_are_the_notebooks_own():
    styles = [attributes.get("style") or "" for _, attributes in read(box("t", table(["i"], [["0"]]))).tags]
    assert any(styles)
    assert not any("color" in style or "background" in style for style in styles)
