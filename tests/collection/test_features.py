"""What a model reads of responses, in one unit, and what it expects of pairs that nobody has judged."""

import numpy as np
import pytest

from polypref import Comparison, Group, PreferenceModel
from polypref.collection.features import features_of, load_reader, read_responses
from polypref.collection.pool import make_pool
from polypref.errors import PolyprefError
from polypref.models.loading import Loading
from tests.models.conftest import make_checkpoint

GROUPS = [
    Group("tea or coffee", ["tea", "coffee", "nothing at all"], [Comparison(0, 1)]),
    Group("walk or swim", ["walk", "swim"]),
]


@pytest.fixture(scope="module")
def backbone(tmp_path_factory):
    return str(make_checkpoint("bert", tmp_path_factory.mktemp("backbone")))


def test_features_are_centred_and_of_mean_length_1(backbone):
    model = PreferenceModel.from_backbone(backbone)
    found = features_of(model, GROUPS)
    assert [len(part) for part in found] == [3, 2]
    rows = np.concatenate(found).astype(float)
    assert rows.mean(axis=0) == pytest.approx(0, abs=1e-5)
    assert np.square(rows).sum(axis=1).mean() == pytest.approx(1, abs=1e-5)
    weight = model.encoder.state_layer.weight.detach().numpy()[0]
    states = np.concatenate([model.states(group)[:, 0] for group in GROUPS])
    assert np.corrcoef(rows @ weight, states)[0, 1] == pytest.approx(1, abs=1e-4)  # states are linear in features


def test_expected_shares_are_those_of_the_model_in_the_order_of_the_pool(backbone):
    model = PreferenceModel.from_backbone(backbone)
    found = read_responses(model, GROUPS).shares
    pairs = make_pool(GROUPS, features_of(model, GROUPS)).open
    expected = [model.preferences(GROUPS[g])[i, j] for g, i, j in zip(pairs.group, pairs.i, pairs.j)]
    assert found == pytest.approx(expected, abs=1e-6)


def test_responses_are_read_once(backbone, monkeypatch):
    model = PreferenceModel.from_backbone(backbone)
    packs = []
    rows = model.encoder.rows
    monkeypatch.setattr(model.encoder, "rows", lambda pack: packs.append(pack) or rows(pack))
    read_responses(model, GROUPS)
    assert sum(len(pack.members) for pack in packs) == 5


def test_a_joint_head_has_no_features(backbone):
    with pytest.raises(
        PolyprefError, match="a pair head has no features of single responses, for it reads two together"
    ):
        features_of(PreferenceModel.from_backbone(backbone, "pair"), GROUPS)


def test_a_saved_model_has_preferences_of_its_own(backbone, tmp_path):
    PreferenceModel.from_backbone(backbone).save_pretrained(tmp_path / "model")
    assert load_reader(str(tmp_path / "model"), Loading())[1]
