"""Several models as one: means and spreads by hand, pessimism, and what is refused."""

import numpy as np
import pytest

from polypref import Group, PreferenceModel
from polypref.errors import PolyprefError
from polypref.models.ensemble import Ensemble

GROUPS = [
    Group("What is better?", ("The answer.", "A question is better", "the answer")),
    Group("Hi", ("Hello!", "the user")),
]


@pytest.fixture
def members(tiny):
    made = [PreferenceModel.from_backbone(tiny("bert"), "scalar", seed=seed) for seed in range(3)]
    for model in made:
        model.encoder.state_layer.weight.data *= 20
    return made


def test_preferences_are_the_mean_and_the_spread_is_that_of_the_leads(members):
    for group, answer in Ensemble(members).encode(GROUPS):
        np.testing.assert_allclose(
            answer.preferences, np.mean([m.preferences(group) for m in members], axis=0), atol=1e-5
        )
        np.testing.assert_allclose(1 / (1 + np.exp(-answer.log_odds)), answer.preferences)
        K = len(group)
        utilities = np.stack([m.utilities(group) for m in members])
        leads = (utilities - utilities.mean(1, keepdims=True)) * K / (K - 1)
        np.testing.assert_allclose(answer.utilities, leads.mean(0), atol=1e-4)
        np.testing.assert_allclose(answer.spread, leads.std(0, ddof=1), atol=1e-4)
        assert answer.spread.min() > 1e-3


def test_a_pessimist_trusts_less_what_members_disagree_about(members):
    calm, wary = (Ensemble(members, pessimism=k).answer(GROUPS[0]) for k in (0.0, 2.0))
    np.testing.assert_allclose(wary.utilities, calm.utilities - 2 * calm.spread, atol=1e-4)
    np.testing.assert_allclose(wary.log_odds, wary.utilities[:, None] - wary.utilities)
    assert wary.rank() == np.argsort(-wary.utilities).tolist()
    assert calm.rank("utility") == np.argsort(-calm.utilities).tolist()


def test_equal_members_have_no_spread_and_say_what_each_says(members, tmp_path):
    members[0].save_pretrained(tmp_path)
    same = Ensemble.from_pretrained([tmp_path, tmp_path], pessimism=1.0).answer(GROUPS[0])
    np.testing.assert_allclose(same.spread, 0, atol=1e-5)
    np.testing.assert_allclose(same.log_odds[0, 1] > 0, members[0].preferences(GROUPS[0])[0, 1] > 0.5)


def test_what_has_no_meaning_is_refused(members):
    with pytest.raises(PolyprefError, match="at least two models, got 1"):
        Ensemble(members[:1])
    with pytest.raises(PolyprefError, match="unknown rule 'best'"):
        Ensemble(members).answer(GROUPS[0]).rank("best")
    with pytest.raises(PolyprefError, match="pessimism is -1"):
        Ensemble(members, pessimism=-1)
