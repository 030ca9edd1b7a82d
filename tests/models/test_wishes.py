"""One's own taste from several models: weighed log-odds by hand, other weights without a training, what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from polypref import Group, PreferenceModel
from polypref.errors import PolyprefError
from polypref.models.wishes import Wishes, read_wishes

GROUPS = [
    Group("What is better?", ("The answer.", "A question is better", "the answer")),
    Group("Hi", ("Hello!", "the user")),
]


@pytest.fixture
def models(tiny) -> dict[str, PreferenceModel]:
    heads = {"helpful": "scalar", "short": "general", "kind": "scalar"}
    made = {
        name: PreferenceModel.from_backbone(tiny("bert"), head, seed=seed)
        for seed, (name, head) in enumerate(heads.items())
    }
    for model in made.values():
        model.encoder.state_layer.weight.data *= 20
    return made


def log_odds(model: PreferenceModel, group: Group) -> np.ndarray:
    [(_, answer)] = model.encode([group])
    return answer.log_odds


def test_log_odds_are_weighed_sums(models) -> None:
    wishes = Wishes(models, {"helpful": 0.7, "short": -0.3})
    for group, answer in wishes.encode(GROUPS):
        wanted = 0.7 * log_odds(models["helpful"], group) - 0.3 * log_odds(models["short"], group)
        np.testing.assert_allclose(answer.log_odds, wanted, rtol=1e-4, atol=1e-3)  # single precision, batched otherwise
        np.testing.assert_allclose(answer.preferences, 1 / (1 + np.exp(-wanted)), atol=1e-5)
        leads = wanted.sum(1) / (len(group) - 1)
        np.testing.assert_allclose(answer.utilities, leads, rtol=1e-4, atol=1e-3)
        assert answer.rank("utility") == np.argsort(-leads).tolist()
        assert sorted(answer.rank("lottery")) == list(range(len(group)))


def test_one_wish_ranks_as_its_model_and_its_opposite_the_other_way_round(models) -> None:
    own = models["helpful"].rank(GROUPS[0])
    assert Wishes(models, {"helpful": 2.0}).answer(GROUPS[0]).rank() == own
    assert Wishes(models, {"helpful": -1.0}).answer(GROUPS[0]).rank() == own[::-1]


def test_other_weights_need_no_training(models) -> None:
    before = Wishes(models, {"helpful": 1.0})
    after = before.weighed(helpful=0, kind=0.5)
    assert after.weights == {"kind": 0.5}
    np.testing.assert_allclose(after.answer(GROUPS[0]).log_odds, 0.5 * log_odds(models["kind"], GROUPS[0]), atol=1e-5)


def test_wishes_for_saved_models(models, tmp_path) -> None:
    for name in ("helpful", "kind"):
        models[name].save_pretrained(tmp_path / name)
    found = Wishes.from_pretrained("helpful=0.7, kind=0.3", tmp_path).answer(GROUPS[1])
    known = Wishes(models, {"helpful": 0.7, "kind": 0.3}).answer(GROUPS[1])
    np.testing.assert_allclose(found.log_odds, known.log_odds, atol=1e-5)


def test_policies_may_follow_them(models) -> None:
    from polypref.alignment.guidance import leads

    answer = Wishes(models, {"helpful": 0.7, "short": 0.3}).answer(GROUPS[0])
    np.testing.assert_allclose(leads(answer), answer.log_odds)
    np.testing.assert_allclose(answer.scores(3), answer.utilities)


@pytest.mark.parametrize("text", ["helpful", "=0.5", "helpful=much", "helpful=nan", "helpful=1,"])
def test_unreadable_wishes_are_refused(text: str) -> None:
    with pytest.raises(PolyprefError, match=r"expected wishes such as helpful=0\.7,short=0\.3"):
        read_wishes(text)


def test_wishes_that_contradict_or_say_nothing_are_refused(models) -> None:
    with pytest.raises(PolyprefError, match="'a' is wished for twice in 'a=1,a=2'"):
        read_wishes("a=1,a=2")
    with pytest.raises(PolyprefError, match="one is not 0"):
        Wishes(models, {"helpful": 0.0})
    with pytest.raises(PolyprefError, match="unknown attribute 'helpfull'"):
        Wishes(models, {"helpfull": 1.0})
    with pytest.raises(PolyprefError, match="unknown rule 'best'"):
        Wishes(models, {"kind": 1.0}).answer(GROUPS[0]).rank("best")
