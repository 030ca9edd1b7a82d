"""Persons' tastes are learned with the states: two camps, killed runs, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from polypref import Comparison, Group, PreferenceModel, Rating
from polypref.errors import PolyprefError
from polypref.models.persons import Persons
from polypref.models.tastes import Tastes
from polypref.objectives import group_judgments
from polypref.objectives.judgments import persons_of
from polypref.training.config import ConfigError, make_config
from polypref.training.progress import Report
from polypref.training.recipe import train

from .test_resuming import run_until_killed

WEATHER = ("It rains.", "Rain falls all day.", "A storm comes.", "Clouds gather over the hills.", "The wind howls.")
FOOD = ("Bread is baked.", "Soup is on the stove.", "Eat an apple.", "The cook stirs the pot.", "A cake cools.")


def camps(groups: int, seed: int, persons: int = 16, noise: float = 0.1) -> list[Group]:
    """Even persons like the weather and odd ones food, but for a few of their four votes on each group."""
    rng = np.random.default_rng(seed)
    made = []
    for number in range(groups):
        texts = [str(rng.choice(WEATHER)), str(rng.choice(FOOD))]
        turned = bool(rng.random() < 0.5)
        said = []
        for person in rng.choice(persons, size=4, replace=False):
            first = bool(person % 2 == 0) ^ turned ^ bool(rng.random() < noise)
            said.append(Comparison(0, 1, p=float(first), annotator=f"a{person:02}"))
        made.append(Group(f"Story {seed}-{number}", tuple(texts[::-1] if turned else texts), said))
    return made


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("POLYPREF_CACHE", str(tmp_path / "cache"))


def share_right(groups, read):
    right = [
        (read(c.annotator).preferences(group)[c.i, c.j] > 0.5) == (c.p > 0.5)
        for group in groups
        for c in group.comparisons
    ]
    return float(np.mean(right))


@pytest.mark.slow
def test_two_camps_of_opposite_tastes(tmp_path):
    """On held-out pairs, a tenth of them against the camp: as persons 0.9 can be reached, as anybody ½."""
    parts = camps(150, 1), camps(20, 2)
    known = {"backbone": "embedded:minilm", "frozen": True, "max_length": 32, "epochs": 8, "batch_size": 12}
    found = {
        head: train(make_config({**known, "head": head, "out": str(tmp_path / head)}), *parts).model
        for head in ("mixture", "scalar", "general")
    }
    mixture = found["mixture"]
    personal = share_right(parts[1], mixture.person)
    anybody = {head: share_right(parts[1], lambda _, model=model: model) for head, model in found.items()}
    assert personal > 0.82
    assert max(anybody.values()) < 0.65
    assert abs(anybody["mixture"] - anybody["scalar"]) < 0.15
    even, odd = (np.mean([t for n, t in mixture.persons.tastes.items() if int(n[1:]) % 2 == k], 0) for k in (0, 1))
    assert np.abs(even - odd).sum() > 0.8
    group = Group("Story new", (WEATHER[0], FOOD[0]))
    met = mixture.meet([Group("Story old", (WEATHER[1], FOOD[1]), [Comparison(0, 1)] * 3)])
    assert met.preferences(group)[0, 1] > 0.7
    by_person = mixture.by_person(group)[:, 1]
    assert ((by_person > 0) == (np.arange(16) % 2 == 1)).all()  # the odd like food
    seen = mixture.person("a00")
    assert mixture.meet(list(theirs(parts[0], "a00"))).head.weights == pytest.approx(seen.head.weights, abs=0.02)


def theirs(groups, name):
    """The groups with one person's votes alone."""
    for group in groups:
        own = [c for c in group.comparisons if c.annotator == name]
        if own:
            yield Group(group.prompt, group.responses, own)


@pytest.mark.parametrize("frozen", [False, True])
def test_a_killed_run_ends_with_the_tastes_it_would_have_had(settings, tmp_path, monkeypatch, frozen):
    groups = camps(16, 3, persons=5)
    config = settings("bert", head="mixture", frozen=frozen, epochs=2, save_steps=1)
    whole = train(config.model_copy(update={"out": str(tmp_path / "whole")}), groups).model
    run_until_killed(monkeypatch, config, 2, groups)
    resumed = train(config.model_copy(update={"resume": True}), groups).model
    assert resumed.persons == whole.persons
    assert resumed.head.weights == whole.head.weights
    assert whole.persons.names == ("a00", "a01", "a02", "a03", "a04")
    saved = PreferenceModel.from_pretrained(tmp_path / "whole")
    assert saved.persons == whole.persons
    assert np.abs(whole.persons.matrix - 0.25).max() > 0.01
    np.testing.assert_allclose(saved.preferences(groups[0]), whole.preferences(groups[0]), atol=1e-6)


def test_tastes_have_the_gradient_of_the_whole_loss_however_it_is_divided(settings, tmp_path):
    """One step from the same tastes, in passes of one group and of all."""
    groups = camps(8, 4, persons=4)
    steps = [
        train(
            settings("bert", head="mixture", tokens_per_pass=budget, max_steps=1, out=str(tmp_path / str(budget))),
            groups,
        ).model.persons.matrix
        for budget in (8, 4096)
    ]
    np.testing.assert_allclose(*steps, atol=1e-5)


def test_votes_are_pooled_for_each_person():
    said = [Comparison(0, 1, annotator="b"), Comparison(1, 0, annotator="b"), Comparison(0, 1), Comparison(0, 1, 0.0)]
    group = Group("p", ("a", "b"), [*said, Comparison(0, 1, annotator="a", weight=3)])
    found = group_judgments(group, persons={"a": 0, "b": 1})
    assert found.person.tolist() == [1, -1, 0]
    assert found.share.tolist() == [0.5, 0.5, 1]
    assert found.weight.tolist() == [2, 2, 3]
    assert group_judgments(Group("p", ("a",)), persons={}).person.tolist() == []
    assert persons_of([group]) == ("a", "b")


def test_number_minus_1_is_the_mean_of_all():
    from polypref.models.heads import make_head

    head, tastes = make_head("mixture", prototypes=2), Tastes(3, 2, seed=0)
    read = tastes.of(head, torch.tensor([0, 1, 2, -1]))
    torch.testing.assert_close(read[3], read[:3].mean(0))
    torch.testing.assert_close(read.sum(-1), torch.ones(4))
    assert tastes.mean(head) == pytest.approx(read[3].tolist(), abs=1e-6)


def test_data_without_annotators_are_refused(settings):
    nobody = [Group("p", ("a", "b"), [Comparison(0, 1)])]
    with pytest.raises(
        ConfigError, match="no comparison of the data names its annotator; name them, or train a scalar"
    ):
        train(settings("bert", head="mixture"), nobody)
    rated = [Group("p", ("a", "b"), ratings=[Rating(0, 1, annotator="a"), Rating(1, 2, annotator="a")])]
    with pytest.raises(PolyprefError, match="mean-squared objective reads ratings"):
        train(settings("bert", head="mixture", objective="mean-squared"), rated)


def test_one_name_in_two_spellings_is_told(settings):
    lines = []

    class Told(Report):
        def line(self, text):
            lines.append(text)

    groups = [Group(f"p{k}", ("a", "b"), [Comparison(0, 1, annotator=name)]) for k, name in enumerate(("Ann", "ann "))]
    found = train(settings("bert", head="mixture", max_steps=1), groups, report=Told()).model.persons
    assert isinstance(found, Persons)
    assert found.names == ("Ann", "ann ")
    assert any("spelt in several ways, such as 'Ann' and 'ann '" in line for line in lines)
