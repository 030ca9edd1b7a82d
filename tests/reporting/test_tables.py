"""Tables and figures of a report: every cell has its name, and nothing in a cell becomes a tag."""

from __future__ import annotations

from polypref.markup import tag
from polypref.reporting.tables import figure, folded, panel, table


def test_a_table_names_its_columns_rows_and_itself() -> None:
    made = str(table(["model", "accuracy"], [["ours", "0.9"], ["<b>", "0.8"]], "Who is right"))
    assert made.count('<th scope="col">') == made.count('<th scope="row">') == 2
    assert made.count("<td>") == 2
    assert "<caption>Who is right</caption>" in made
    assert 'aria-label="Who is right"' in made
    assert "<b>" not in made


def test_long_tables_can_be_searched_and_short_ones_cannot() -> None:
    searched = [str(table(["a"], [["x"]] * rows, "t")) for rows in (11, 12)]
    assert ["data-searchable" in made for made in searched] == [False, True]
    assert "data-sortable" not in str(table(["a"], [["x"]] * 12, "t", sortable=False))


def test_a_figure_has_its_sentence_and_its_numbers() -> None:
    plot = tag("svg", None)
    made = str(figure("Loss", "falls", [panel("ours", plot, 1), panel("all", plot)], table(["step"], [["1"]], "t")))
    assert "<strong>Loss</strong> falls" in made
    assert str(folded("The numbers", table(["step"], [["1"]], "t"))) in made
    assert made.count("<svg") == 2
    assert 'data-model="1"' in made
    assert "The numbers" not in str(figure("Loss", "falls", [plot]))
