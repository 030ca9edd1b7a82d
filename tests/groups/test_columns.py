"""Columns under other names than the format's."""

from __future__ import annotations

import gzip
import json

import pandas as pd
import pytest

from polypref.errors import DataError
from polypref.groups.columns import parse_columns
from polypref.groups.model import Comparison, Group
from polypref.groups.sources import load_groups

ROW = {"question": "q", "good": "a", "bad": "b", "topic": "birds"}
NAMES = {"prompt": "question", "chosen": "good", "rejected": "bad"}
PAIR = Group("q", ("a", "b"), (Comparison(0, 1, meta={"topic": "birds"}),))


def written(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_a_format_is_recognised_by_the_names_that_columns_are_given(tmp_path):
    for data in ([ROW], written(tmp_path / "rows.jsonl", [ROW]), pd.DataFrame([ROW])):
        assert load_groups(data, columns=NAMES) == [PAIR]


def test_names_may_change_places_and_a_column_may_serve_twice():
    row = {"prompt": "q", "chosen": "a", "rejected": "b"}
    (group,) = load_groups([row], columns={"chosen": "rejected", "rejected": "chosen"})
    assert group.responses == ("b", "a")
    (group,) = load_groups([ROW], columns={**NAMES, "id": "question"})
    assert (group.prompt, group.id) == ("q", "q")


def test_a_column_that_is_named_takes_the_place_of_another():
    (group,) = load_groups([{**ROW, "prompt": "not this"}], columns=NAMES)
    assert group == PAIR


@pytest.mark.parametrize("names", [{"prompt": "questoin"}, {**NAMES, "domain": "questoin"}])
@pytest.mark.parametrize("skip_bad", [False, True])
def test_a_name_that_no_row_has_is_refused_whatever_else_is_wrong(names, skip_bad, tmp_path):
    path = written(tmp_path / "rows.jsonl", [ROW] * 3)
    field = next(field for field, name in names.items() if name == "questoin")
    with pytest.raises(DataError) as refusal:
        load_groups(path, columns=names, skip_bad=skip_bad)
    assert str(refusal.value) == (
        f"{path}: no row has 'questoin', which is named as the column of {field}; "
        "the first has question, good, bad, topic"
    )


def test_a_name_that_late_rows_alone_have_is_none_of_these(tmp_path):
    late, names = {**ROW, "question": "q2", "why": "nature"}, {**NAMES, "domain": "why"}
    groups = load_groups(written(tmp_path / "rows.jsonl", [ROW] * 30 + [late]), columns=names)
    assert [group.domain for group in groups] == [None, "nature"]
    bad = {**ROW, "good": 5}
    path = written(tmp_path / "rows.jsonl", [ROW, bad] + [ROW] * 30 + [late])
    with pytest.raises(DataError, match=r"rows.jsonl, row 2, field chosen: "):  # the row at fault, not the name
        load_groups(path, columns=names)


def test_of_a_file_that_breaks_off_no_more_is_said(tmp_path):
    path = tmp_path / "rows.jsonl.gz"
    rows = "".join(json.dumps({**ROW, "question": f"{k} {k**9}"}) + "\n" for k in range(3000))
    path.write_bytes(gzip.compress(rows.encode())[:-2000])
    with pytest.raises(DataError, match=r"the file is truncated$"):
        load_groups(path, columns={**NAMES, "domain": "why"})
    with pytest.raises(DataError, match=r"has no rows$"):
        load_groups(written(tmp_path / "empty.jsonl", []), columns=NAMES)


def test_columns_as_text():
    assert parse_columns("prompt=the question, chosen = a=b") == {"prompt": "the question", "chosen": "a=b"}
    with pytest.raises(DataError, match=r"^columns are given as FIELD=COLUMN, such as .+; got 'prompt'$"):
        parse_columns("prompt")
    with pytest.raises(DataError, match=r"^columns name prompt twice, 'a' and 'b'$"):
        parse_columns("prompt=a,prompt=b")
