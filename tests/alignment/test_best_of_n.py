"""The best of n, by rules that differ where preferences are cyclic or crowds divided."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch

from polypref import Comparison, Group
from polypref.alignment.best_of_n import best_of_n, divergence_bound
from polypref.errors import PolyprefError
from polypref.models.answer import StateAnswer
from polypref.models.heads import make_head


class Guide:
    """States given by the text itself; a stand-in for a model, which only encodes."""

    def __init__(self, head, states) -> None:
        self.head, self.states = head, states

    def encode(self, groups):
        for group in groups:
            yield (
                group,
                StateAnswer(self.head, torch.tensor([self.states[text] for text in group.responses]), len(group)),
            )


UTILITIES = Guide(make_head("scalar"), {"a": [0.0], "b": [2.0], "c": [1.0]})
CYCLE = Guide(
    make_head("general", dim=2), {"a": [1.0, 0.0], "b": [-0.5, 0.75**0.5], "c": [-0.5, -(0.75**0.5)], "d": [0.0, 0.0]}
)


def test_the_best_has_the_highest_utility_and_only_that_is_left() -> None:
    group = Group("Prompt", ("a", "b", "c"), [Comparison(0, 1)], sources=("x", "y", "z"), id="1")
    for by in ("log-odds", "win-rate", "expected", "lottery"):
        (chosen,) = best_of_n(UTILITIES, [group], by)
        assert chosen == Group("Prompt", ("b",), sources=("y",), id="1")


def test_in_a_cycle_the_lottery_draws_evenly_and_so_does_chance() -> None:
    for by in ("lottery", "win-rate"):
        chosen = [group.responses[0] for group in best_of_n(CYCLE, [Group("Prompt", ("a", "b", "c"))] * 900, by)]
        assert all(abs(count - 300) < 80 for count in Counter(chosen).values())
    assert chosen == [g.responses[0] for g in best_of_n(CYCLE, [Group("Prompt", ("a", "b", "c"))] * 900, by)]


def test_the_bound() -> None:
    assert divergence_bound(1) == 0
    n, p = 4, np.full(1000, 1e-3)  # many equally likely samples in a strict order
    best = np.diff(np.cumsum(np.r_[0.0, p]) ** n)
    assert float((best * np.log(best / p)).sum()) == pytest.approx(divergence_bound(n), abs=1e-2)


def test_blocks_choose_nothing() -> None:
    with pytest.raises(PolyprefError, match="choose the best by 'log-odds'"):
        next(best_of_n(CYCLE, [Group("Prompt", ("a", "b"))], "blocks"))
