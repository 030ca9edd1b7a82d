"""Models as plain reward models of one logit: exact where that can be, and otherwise honest about what is lost."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from tests.models.conftest import load_vanilla, vanilla_logits
from tests.models.test_saving import GROUPS
from tests.tolerance import ANOTHER_WAY, near

from polypref.errors import PolyprefError
from polypref.models.exporting import export_reward
from polypref.models.preference_model import PreferenceModel

BASELINE = [*GROUPS, *(type(GROUPS[0])(f"Question {n}?", (f"the answer {n}", f"{n} users", "Hi")) for n in range(20))]
EXACT = [("scalar", {"temperature": 2.0}), ("gaussian", {}), ("general", {"dim": 6, "temperature": 0.5})]
FITTED = [
    ("general", {"dim": 4, "normalize": True}),
    ("hybrid", {"dim": 4}),
    ("distributional", {"labels": (0.0, 1.0, 4.0)}),
    ("distributional", {"kind": "beta"}),
]


def spoken(tiny, backbone, head, settings):
    """A model whose logits differ enough for its head to be far from linear."""
    return PreferenceModel.from_backbone(tiny(backbone), head, seed=3, **settings)


@pytest.mark.parametrize("backbone", ["llama", "bert", "roberta"])
@pytest.mark.parametrize(("head", "settings"), EXACT, ids=str)
def test_plain_transformers_read_the_very_reward(tiny, tmp_path, backbone, head, settings):
    model = spoken(tiny, backbone, head, settings)
    made = export_reward(model, tmp_path, BASELINE)
    assert (made.exact, made.agreement) == (True, None)
    plain = load_vanilla(tmp_path)
    assert plain.config.num_labels == 1
    found = vanilla_logits(plain, model, GROUPS[0])
    assert found.shape == (3, 1)
    if head == "general":  # the mean over the baseline of s(i ≻ b)/τ, by the definition of s
        rows = np.concatenate(model.states(BASELINE))
        mine = model.states(GROUPS[0])
        s = mine[:, None, 0::2] * rows[None, :, 1::2] - mine[:, None, 1::2] * rows[None, :, 0::2]
        expected = s.sum(-1).mean(1) / 0.5
    else:
        expected = model.utilities(GROUPS[0])
    near(found[:, 0] - found[0, 0], expected - expected[0], roundings=10 * ANOTHER_WAY)
    np.testing.assert_allclose(found[:, 0] - found[0, 0], expected - expected[0], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(("head", "settings"), FITTED, ids=str)
def test_others_get_the_nearest_linear_map_and_say_what_is_lost(tiny, tmp_path, head, settings):
    model = spoken(tiny, "llama", head, settings)
    made = export_reward(model, tmp_path, BASELINE)
    assert not made.exact
    assert 0.5 < made.agreement <= 1
    kept = json.loads((tmp_path / "config.json").read_text())["polypref"]["training"]
    assert kept == {"made_of": f"a {head} head", "exact": False, "order_of_pairs_kept": round(made.agreement, 4)}
    assert f"- made_of: a {head} head" in (tmp_path / "README.md").read_text()
    again = PreferenceModel.from_pretrained(tmp_path)
    assert again.head.name == "scalar"
    near(
        again.utilities(GROUPS[0]),
        vanilla_logits(load_vanilla(tmp_path), model, GROUPS[0])[:, 0],
        roundings=ANOTHER_WAY,
    )


@pytest.mark.parametrize("head", [head for head, _ in FITTED if head != "distributional"])
def test_heads_without_a_utility_need_responses_to_compare_with(built, tmp_path, head):
    with pytest.raises(PolyprefError, match="give baseline responses to compare with"):
        export_reward(built("llama", head), tmp_path)


def test_what_cannot_be_done_is_one_sentence(built, tiny, tmp_path):
    with pytest.raises(PolyprefError, match="reads two responses together cannot become one logit"):
        export_reward(built("llama", "pair"), tmp_path, BASELINE)
    with pytest.raises(PolyprefError, match="has a prompt gate, which a plain checkpoint lacks, cannot"):
        export_reward(PreferenceModel.from_backbone(tiny("llama"), "general", gate=True), tmp_path, BASELINE)
    with pytest.raises(PolyprefError, match="no linear map of its logits"):
        export_reward(built("llama", "distributional"), tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_model_itself_stays_as_it_was(tiny, tmp_path):
    model = spoken(tiny, "bert", "gaussian", {})
    before = model.states(GROUPS[0])
    weight = model.encoder.state_layer.weight.clone()
    export_reward(model, tmp_path)
    assert torch.equal(model.encoder.state_layer.weight, weight)
    assert model.encoder.classifier.config.num_labels == 2
    assert np.array_equal(model.states(GROUPS[0]), before)
