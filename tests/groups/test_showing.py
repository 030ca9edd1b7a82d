"""How a group is shown: one line in a terminal, tables in a notebook."""

from __future__ import annotations

from tests.test_notebook import read

from polypref import Comparison, Group, Rating

BAD = "<script>alert('x')</script>"


def test_a_group_on_one_line():
    group = Group("How do I boil an egg?", ["In water.", "Ask a cook."], [Comparison(0, 1)], domain="food", id="q1")
    assert repr(group) == (
        "Group('How do I boil an egg?', ['In water.', 'Ask a cook.'], 1 comparison, domain='food', id='q1')"
    )
    rated = Group([("user", "Hi"), ("assistant", "Hello")], ["a"] * 6, ratings=[Rating(0, 1), Rating(1, 2)])
    assert repr(rated) == "Group('User: Hi\\n\\nAssistant: Hello', ['a', 'a', 'a', 'a', … 2 more], 2 ratings)"


def test_a_line_of_long_texts_stays_short():
    line = repr(Group("p" * 1_000_000, ["r" * 1_000_000] * 50))
    assert line == f"Group('{'p' * 59}…', [{', '.join([repr('r' * 39 + '…')] * 4)}, … 46 more], no judgments)"


def test_a_notebook_shows_the_texts_and_the_columns_that_say_something():
    group = Group(
        (("system", "Be brief."), ("user", "Which?")),
        ("this", "that"),
        [Comparison(0, 1, p=0.25, weight=4, annotator="ann"), Comparison(1, 0)],
        [Rating(1, 5, time=1_700_000_000.0)],
        domain="food",
        sources=("one", None),
    )
    reader = read(group._repr_html_())
    assert reader.text == "".join(
        [
            "Group · food · 2 responses · 2 comparisons, 1 rating",
            *("system", "Be brief.", "user", "Which?", "response 0, one", "this", "response 1", "that"),
            *("i", "j", "p", "weight", "annotator", "0", "1", "0.25", "4", "ann", "1", "0", "1", "1", ""),
            *("i", "label", "time", "1", "5", "1700000000"),
        ]
    )


def test_a_group_without_judgments_has_no_tables_of_them():
    reader = read(Group("q", ["a"])._repr_html_())
    assert reader.text == "Group · 1 response · no judgmentspromptqresponse 0a"
    assert [name for name, _ in reader.tags].count("table") == 1


def test_hostile_text_is_shown_as_text():
    group = Group(
        [(BAD, BAD)],
        [BAD, "b"],
        [Comparison(0, 1, annotator=BAD, criterion=BAD)],
        [Rating(0, BAD, annotator=BAD)],
        domain=BAD,
        id=BAD,
        sources=[BAD, None],
        scale=[BAD],
    )
    reader = read(group._repr_html_())
    assert "script" not in {name for name, _ in reader.tags}
    assert reader.text.count(BAD) == 10


def test_long_groups_are_cut():
    group = Group(
        [("user", "hello " * 1000)] * 30,
        ["r" * 5000] * 30,
        [Comparison(0, 1)] * 1000,
        [Rating(0, 1)] * 11,
    )
    reader = read(group._repr_html_())
    assert [part for part in ("… 20 more", "… 990 more", "… 1 more") if part in reader.text] == [
        "… 20 more",
        "… 990 more",
        "… 1 more",
    ]
    assert len(reader.text) < 20 * 620 + 500
