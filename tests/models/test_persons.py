"""Persons beside a checkpoint: views of them, new ones by their votes, forgetting, and what is refused."""

import json

import numpy as np
import pytest

from polypref import Comparison, Group, PreferenceModel, Rating
from polypref.errors import DataError, PolyprefError
from polypref.models.embedded import BackboneError
from polypref.models.persons import PERSONS, PersonError, Persons, forget, spelt_alike

GROUP = Group("What is better?", ("The answer.", "A question is better", "the answer"))
TASTES = {"a7": (0.7, 0.2, 0.1), "Zoë": (0.1, 1 / 3, 1 - 0.1 - 1 / 3), "b": (0.25, 0.25, 0.5)}


@pytest.fixture
def model(tiny):
    made = PreferenceModel.from_backbone(tiny("bert"), "mixture", prototypes=3)
    made.persons = Persons(TASTES)
    made.head = made.head.as_person(tuple(made.persons.matrix.mean(axis=0).tolist()))
    return made


def test_a_person_sees_the_same_states_with_a_taste_of_their_own(model):
    states, seen = model.states(GROUP), model.person("a7")
    np.testing.assert_array_equal(seen.states(GROUP), states)
    np.testing.assert_allclose(seen.utilities(GROUP), states @ TASTES["a7"])
    assert np.abs(seen.preferences(GROUP) - model.preferences(GROUP)).max() > 1e-6
    by_person = model.by_person(GROUP)
    assert by_person.shape == (3, 3)
    np.testing.assert_allclose(by_person[0], seen.utilities(GROUP) - seen.utilities(GROUP)[0], atol=1e-12)


def test_persons_come_back_to_the_last_bit_and_a_view_saves_nobody_else(model, tmp_path):
    model.save_pretrained(tmp_path / "all")
    again = PreferenceModel.from_pretrained(tmp_path / "all")
    assert again.persons == model.persons
    assert again.head.weights == model.head.weights
    model.person("a7").save_pretrained(tmp_path / "one")
    assert not (tmp_path / "one" / PERSONS).exists()
    one = PreferenceModel.from_pretrained(tmp_path / "one")
    np.testing.assert_allclose(one.preferences(GROUP), model.person("a7").preferences(GROUP), atol=1e-6)
    with pytest.raises(PolyprefError, match="the model knows no persons"):
        one.person("a7")


def test_persons_of_an_earlier_model_do_not_stay_in_its_folder(model, tmp_path):
    model.save_pretrained(tmp_path)
    model.person("a7").save_pretrained(tmp_path)
    assert not (tmp_path / PERSONS).exists()


def test_forgetting_one_leaves_the_others_bit_for_bit(model, tmp_path):
    model.save_pretrained(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.name != PERSONS}
    assert forget(tmp_path, "a7").names == ("Zoë", "b")
    assert "a7" not in (tmp_path / PERSONS).read_text()
    assert PreferenceModel.from_pretrained(tmp_path).persons == Persons(TASTES).without("a7")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.name != PERSONS} == before
    with pytest.raises(PersonError, match="knows nobody called 'a7'"):
        forget(tmp_path, "a7")


def test_a_model_without_persons_has_nobody_to_forget(tmp_path):
    with pytest.raises(DataError, match="nobody to forget"):
        forget(tmp_path, "a7")


def test_who_is_not_known_is_told_who_is_spelt_alike(model):
    with pytest.raises(PersonError, match="nobody called 'A7 ', only 3 others; did you mean 'a7'"):
        model.person("A7 ")
    with pytest.raises(PersonError, match=r"nobody called 'xyz', only 3 others$"):
        model.person("xyz")
    assert spelt_alike(["Ann Lee", "ann  lee", "Bob"]) == {"ann lee": ["Ann Lee", "ann  lee"]}


def test_a_new_person_is_met_by_votes_and_nothing_else_changes(model):
    states = model.states(GROUP)
    likes = int(np.argmax(states[0] - states[1]))  # the prototype that likes response 0 best, against 1
    met = model.meet(Group(GROUP.prompt, GROUP.responses, [Comparison(0, 1, annotator="whoever", weight=1e6)]))
    assert met.head.weights[likes] == max(met.head.weights)
    assert met.persons is None
    few = model.meet([Group(GROUP.prompt, GROUP.responses, [Comparison(0, 1, weight=1e-6)]), GROUP])
    np.testing.assert_allclose(few.head.weights, model.head.weights, atol=1e-4)
    np.testing.assert_array_equal(model.states(GROUP), states)


def test_votes_that_compare_nothing_are_refused(model):
    rated = Group("p", ("a",), ratings=[Rating(0, 5)])
    with pytest.raises(PersonError, match="hold 1 ratings and no comparison of two responses"):
        model.meet([rated])


def test_heads_without_persons_say_which_has_some(tiny):
    model = PreferenceModel.from_backbone(tiny("bert"), "general", dim=4)
    with pytest.raises(PolyprefError, match="a general head knows of no persons; train one that does: mixture"):
        model.person("a7")
    with pytest.raises(PolyprefError, match="a general head knows of no persons"):
        model.meet(Group("p", ("a", "b"), [Comparison(0, 1)]))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "cannot be read"),
        (json.dumps({"version": 1, "persons": {"a": [float("nan")]}}), "cannot be read"),
        (json.dumps({"version": 9, "persons": {}}), "newer polypref"),
        (json.dumps({"version": 1, "persons": {"a": [0.5, 0.5]}}), "gives 'a' 2 weights, where the model reads 3"),
    ],
)
def test_a_damaged_file_of_persons_is_one_sentence(model, tmp_path, text, reason):
    model.save_pretrained(tmp_path)
    (tmp_path / PERSONS).write_text(text)
    with pytest.raises(BackboneError, match=reason):
        PreferenceModel.from_pretrained(tmp_path)
