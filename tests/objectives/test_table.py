"""The table of heads, objectives and data says what the classes say."""

from polypref.models.heads import all_heads
from polypref.objectives import all_objectives
from polypref.objectives.table import markdown, table


def test_every_head_has_one_default_that_comes_first():
    for head in all_heads():
        rows = [row for row in table() if row.head == head]
        assert [row.default for row in rows] == [True] + [False] * (len(rows) - 1)


def test_there_is_a_row_for_every_head_that_an_objective_trains():
    fitting = {(h, o) for o, objective in all_objectives().items() for h in objective.heads()}
    assert {(row.head, row.objective) for row in table()} == fitting


def test_the_table_is_markdown_with_a_line_per_row():
    lines = markdown().splitlines()
    assert len(lines) == 2 + len(table())
    assert {line.count("|") for line in lines} == {6}
    assert "| `distributional` | `transport` (default) | optimal transport" in markdown()
