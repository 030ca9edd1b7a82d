"""The domain confusion matrix, against counting by hand and against the accuracies of `polypref eval`."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from polypref import Comparison, Group
from polypref.errors import DataError
from polypref.evaluation.assessment import assess
from polypref.evaluation.confusion import domain_confusion, write_confusion_figure
from polypref.models.answer import StateAnswer
from polypref.models.heads import make_head
from polypref.models.preference_model import PreferenceModel


class ByLength(PreferenceModel):
    """Utility is the length of a response, or the opposite."""

    def __init__(self, sign: float) -> None:
        self.head, self.sign = make_head("scalar"), sign

    def encode(self, groups, budget=0):
        for group in groups:
            yield (
                group,
                StateAnswer(self.head, torch.tensor([[self.sign * len(r)] for r in group.responses]), len(group)),
            )


MODELS = {"general": ByLength(0.0), "long": ByLength(1.0), "short": ByLength(-1.0)}
TEXTS = ("a", "bbb", "cc")


def said(prompt, domain, *comparisons):
    return Group(prompt, TEXTS, [Comparison(*c) for c in comparisons], domain=domain)


GROUPS = [
    said("p1", "long", (1, 0), (1, 2), (0, 2, 0.25)),  # all three say: the longer
    said("p2", "long", (0, 1), (0, 2, 0.5)),  # the shorter, and a tie
    said("p1", "short", (0, 1, 0.8), (0, 1, 0.1), (2, 1)),  # two votes on one pair: 0.45 is for the longer; the shorter
    said("p3", "elsewhere", (0, 1, 0.5)),
    said("p4", None, (0, 1)),
    Group("p5", TEXTS, domain="long"),
]


def test_a_cell_is_how_often_the_model_of_the_row_prefers_what_the_domain_of_the_column_does():
    found = domain_confusion(MODELS, GROUPS, resamples=50)
    assert found.models == ("general", "long", "short")
    assert found.domains == ("long", "short", "elsewhere")  # those that have a model first
    expected = [[1 / 2, 1 / 2, np.nan], [3 / 4, 1 / 2, np.nan], [1 / 4, 1 / 2, np.nan]]
    np.testing.assert_allclose(found.accuracies(), expected)
    assert [(cell.pairs, cell.ties) for cell in found.cells[0]] == [(5, 1), (2, 0), (1, 1)]


def test_where_several_domains_judge_a_group_each_criterion_is_a_domain():
    """The same judgments in one group, and in a group of each domain."""
    apart = [said("p1", "long", (1, 0), (1, 2)), said("p1", "short", (0, 1), (1, 2))]
    criteria = [replace(c, criterion=group.domain) for group in apart for c in group.comparisons]
    together = [Group("p1", TEXTS, [*criteria, Comparison(0, 2)])]
    assert domain_confusion(MODELS, together, resamples=50) == domain_confusion(MODELS, apart, resamples=50)


def random_groups(seed, count=40):
    rng = np.random.default_rng(seed)
    for k in range(count):
        texts = tuple("x" * int(n) for n in rng.choice(np.arange(1, 30), 3, replace=False))
        pairs = [rng.choice(3, 2, replace=False).tolist() for _ in range(4)]
        comparisons = [Comparison(i, j, p=float(rng.choice([0, 0.3, 0.5, 1])), weight=2) for i, j in pairs]
        yield Group(f"prompt {k % 15}", texts, comparisons, domain=("long", "short", "other")[k % 3])


def test_cells_and_intervals_are_those_of_an_assessment():
    groups = list(random_groups(1))
    found = domain_confusion(MODELS, groups, resamples=60, seed=3)
    for name, row in zip(found.models, found.cells):
        domains = assess(MODELS[name].encode(groups), resamples=60, seed=3).domains
        assert {domain: cell.accuracy for domain, cell in zip(found.domains, row)} == {
            domain: domains[domain].accuracy for domain in found.domains
        }
    for cell in found.cells[1]:
        assert cell.accuracy.low <= cell.accuracy.value <= cell.accuracy.high


def test_it_is_written_as_json_and_shown_as_a_table():
    found = domain_confusion(MODELS, GROUPS, resamples=50)
    written = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert written["models"] == ["general", "long", "short"]
    assert written["domains"] == ["long", "short", "elsewhere"]
    assert written["cells"]["long"]["long"]["accuracy"]["value"] == 0.75
    assert written["cells"]["long"]["elsewhere"] == {"pairs": 1, "ties": 1, "accuracy": None}
    board = found.board()
    assert board.header == ("model", "long", "short", "elsewhere")
    assert [row[0] for row in board.rows] == ["general", "long", "short", "pairs"]
    assert board.rows[1][1].startswith("75 [")
    assert board.rows[1][3] == "–"
    assert board.rows[3] == ("pairs", "4", "2", "0")


def test_models_are_asked_one_after_the_other_and_progress_is_told():
    told = []
    domain_confusion(MODELS, GROUPS, resamples=5, progress=lambda *step: told.append(step))
    assert told == [(name, done, 4) for name in MODELS for done in (1, 2, 3, 4)]


def test_without_judgments_of_domains_there_is_nothing_to_compare():
    with pytest.raises(DataError, match="no group has both a domain and comparisons"):
        domain_confusion(MODELS, GROUPS[4:])


def test_the_heat_map_is_written_twice(tmp_path):
    pytest.importorskip("matplotlib")
    written = write_confusion_figure(domain_confusion(MODELS, random_groups(2), resamples=5), tmp_path)
    assert [path.name for path in written] == ["confusion.pdf", "confusion.png"]
    assert all(path.stat().st_size > 1000 for path in written)
