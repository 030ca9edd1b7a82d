"""What a run takes as its data, in Python and in settings."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import torch

from polypref.errors import DataError
from polypref.groups.writing import save_groups
from polypref.training.recipe import train

from .conftest import make_groups, weights_of

FRAME = pd.DataFrame(
    [
        {"question": f"What goes with {word}?", "good": f"{word} goes with rice.", "bad": "Nothing."}
        for word in "basil thyme lemon salt honey ginger butter mint".split()
    ]
)
NAMES = {"prompt": "question", "chosen": "good", "rejected": "bad"}


def test_a_run_on_a_data_frame_is_that_on_its_file(settings, tmp_path):
    FRAME.to_csv(tmp_path / "pairs.csv", index=False)
    changes = {"columns": NAMES, "max_steps": 2, "eval_share": 0.25}
    of_frame = train(settings(**changes, out=str(tmp_path / "frame")), FRAME)
    of_file = train(settings(**changes, out=str(tmp_path / "file"), data=[str(tmp_path / "*.csv")]))
    assert of_frame.tally == of_file.tally
    assert of_frame.tally.groups == 6
    torch.testing.assert_close(weights_of(tmp_path / "frame"), weights_of(tmp_path / "file"), rtol=0, atol=0)


def test_what_is_held_out_may_be_a_table_too(settings):
    held_out = FRAME[6:].rename(columns={name: field for field, name in NAMES.items()})
    found = train(settings(columns=NAMES, max_steps=1), FRAME[:6], [held_out.rename(columns=NAMES)])
    assert found.tally.groups == 6
    assert found.metrics["eval_accuracy"] >= 0


def test_groups_handed_over_are_taken_as_they_are_and_those_of_files_merged(settings, tmp_path):
    groups = make_groups(4)
    save_groups(groups * 2, tmp_path / "twice.jsonl")
    assert train(settings(max_steps=1, out=str(tmp_path / "a")), groups * 2).tally.groups == 8
    assert train(settings(max_steps=1, out=str(tmp_path / "b"), data=[str(tmp_path / "twice.jsonl")])).tally.groups == 4


def test_a_column_that_is_not_there_ends_the_run_before_it_begins(settings):
    with pytest.raises(DataError, match=r"^data frame: no row has 'frage', which is named as the column of prompt; "):
        train(settings(columns={**NAMES, "prompt": "frage"}), FRAME)
    assert not Path(settings().out).exists()
