"""Comparisons that axioms make, by hand."""

import sys

import pytest

from polypref import Comparison, Group
from polypref.collection.axioms import add_axioms
from polypref.errors import PolyprefError

GROUPS = [
    Group("How do I brew green tea?", ["With hot water, not boiling, and patience.", "No idea."], [Comparison(1, 0)]),
    Group("how do i brew  green tea?", ["Ask your aunt about it."]),
    Group("How do I brew strong coffee?", ["Grind the beans very finely indeed."], sources=("cook",)),
    Group("Why is the sky blue?", ["Light scatters in the air."]),
]


def test_relevance_takes_the_nearest_other_prompts_best_answer():
    pytest.importorskip("sklearn")
    made = add_axioms(GROUPS, ["relevance"])
    assert [group.responses[-1] for group in made[:3]] == [GROUPS[2].responses[0]] * 2 + ["No idea."]
    tea = made[0]
    assert tea.comparisons == (Comparison(1, 0), Comparison(1, 2, annotator="axiom:relevance"))
    assert tea.sources == (None, None, "axiom:relevance")
    assert made[2].sources == ("cook", "axiom:relevance")


def test_corruption_shuffles_the_words_of_what_was_preferred():
    made = add_axioms(GROUPS, ["corruption"], seed=1)
    assert made[0] == GROUPS[0]  # its best answer has two words
    sky = made[3]
    assert sorted(sky.responses[1].split()) == sorted(sky.responses[0].split())
    assert sky.responses[1] != sky.responses[0]
    assert sky.comparisons == (Comparison(0, 1, annotator="axiom:corruption"),)
    assert add_axioms(GROUPS, ["corruption"], seed=1) == made


def test_several_axioms_stand_beside_each_other():
    pytest.importorskip("sklearn")
    sky = add_axioms(GROUPS, ["relevance", "corruption", "relevance"])[3]
    assert [(c.i, c.j, c.annotator) for c in sky.comparisons] == [
        (0, 1, "axiom:relevance"),
        (0, 2, "axiom:corruption"),
    ]


def test_an_unknown_axiom_is_a_sentence():
    with pytest.raises(PolyprefError, match="unknown axiom 'truth'; known are relevance, corruption"):
        add_axioms(GROUPS, ["truth"])


def test_without_scikit_learn_it_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.feature_extraction.text", None)
    with pytest.raises(PolyprefError, match="the axiom relevance needs scikit-learn"):
        add_axioms(GROUPS, ["relevance"])
