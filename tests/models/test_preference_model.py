"""What a model says of groups: whatever the order, the company and the number of responses; and the same every time."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from tests.tolerance import near, products

from polypref import Group
from polypref.errors import PolyprefError
from polypref.models.answer import ordered_pairs
from polypref.models.attention import LOOP
from polypref.models.backbones import BackboneSettings
from polypref.models.preference_model import PreferenceModel

GROUPS = [
    Group("What is better?", ("The answer.", "A question", "the answer is", "no")),
    Group("Hi", ("Hello!", "the user")),
    Group("Why?", ("So.",)),
]
HEADS = {
    "scalar": {},
    "general": {"dim": 4},
    "distributional": {"labels": (1, 2, 3)},
    "gaussian": {},
    "pair": {},
}


@pytest.fixture(params=HEADS)
def model(built, request):
    return built("llama", request.param, **HEADS[request.param])


def terms_of(model, group):
    """How large the products are that a log-odds subtracts; logits of pairs are about 1."""
    return 1.0 if model.head.joint else products(model.states(group))


def test_preferences_are_probabilities_that_sum_to_one_with_their_opposites(model):
    for group, P in zip(GROUPS, model.preferences(GROUPS), strict=True):
        assert P.shape == (len(group), len(group))
        np.testing.assert_allclose(P + P.T, 1, atol=1e-6)
        np.testing.assert_allclose(np.diag(P), 0.5, atol=1e-6)
        assert ((P >= 0) & (P <= 1)).all()


def test_permuted_responses_have_permuted_preferences_utilities_and_ranks(model):
    group, order = GROUPS[0], [2, 0, 3, 1]
    turned = Group(group.prompt, tuple(group.responses[i] for i in order))
    near(model.preferences(turned), model.preferences(group)[np.ix_(order, order)], terms_of(model, group) / 4)
    near(model.utilities(turned), model.utilities(group)[order], terms_of(model, group))
    assert [order[i] for i in model.rank(turned)] == model.rank(group)


def test_a_response_given_twice_ties_with_itself(model):
    P = model.preferences(Group("Hi", ("Hello!", "the user", "Hello!")))
    near(P[0, 2], 0.5)
    near(P[0, 1], P[2, 1])


def test_a_list_of_groups_is_answered_in_order_and_as_each_alone(model):
    groups = [GROUPS[at] for at in random.Random(0).choices(range(3), k=7)]
    for group, P, u in zip(groups, model.preferences(groups), model.utilities(groups), strict=True):
        near(P, model.preferences(group), terms_of(model, group) / 4)
        near(u, model.utilities(group), terms_of(model, group))


def test_no_groups_have_no_answers(model):
    assert model.preferences([]) == model.utilities([]) == model.rank([]) == []


def test_one_response_is_preferred_to_itself_by_half(model):
    np.testing.assert_array_equal(model.preferences(GROUPS[2]), [[0.5]])
    assert model.utilities(GROUPS[2]).shape == (1,)
    assert model.rank(GROUPS[2]) == [0]


@pytest.mark.parametrize("rule", ["borda", "copeland", "kemeny", "lottery", "utility"])
def test_every_rule_ranks_all_responses(model, rule):
    assert sorted(model.rank(GROUPS[0], rule)) == [0, 1, 2, 3]


def test_an_unknown_rule_is_answered_with_the_known_ones(built):
    with pytest.raises(PolyprefError, match=r"'coin'.*borda.*utility"):
        built("llama", "scalar").rank(GROUPS[0], "coin")


def test_utilities_of_a_scalar_head_are_the_logits_and_order_the_preferences(built):
    model = built("llama", "scalar")
    r = model.utilities(GROUPS[0])
    np.testing.assert_allclose(r, model.states(GROUPS[0])[:, 0])
    near(model.preferences(GROUPS[0]), 1 / (1 + np.exp(r[None] - r[:, None])))
    assert model.rank(GROUPS[0], "utility") == np.argsort(-r).tolist() == model.rank(GROUPS[0])


def test_a_pair_head_reads_both_orders_of_every_pair(built, vanilla):
    model, group = built("llama", "pair"), GROUPS[0]
    assert ordered_pairs(3) == [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)]
    (rows,) = vanilla(model, [group])
    f = np.zeros((4, 4))
    for (i, j), logit in zip(ordered_pairs(4), rows[:, 0], strict=True):
        f[i, j] = logit
    log_odds = (f - f.T) / 2
    near(model.preferences(group), 1 / (1 + np.exp(-log_odds)), terms_of(model, group) / 4)
    near(model.utilities(group), log_odds.sum(1) / 3, terms_of(model, group))


def test_a_pair_head_has_no_states_of_single_responses(built):
    for ask in (built("llama", "pair").states, built("llama", "pair").distributions):
        with pytest.raises(PolyprefError, match="pair head has no"):
            ask(GROUPS[0])


def test_an_encoder_reads_pairs_too(built):
    P = built("bert", "pair").preferences(GROUPS[0])
    np.testing.assert_allclose(P + P.T, 1, atol=1e-6)


# — plain strings, and log-odds —


def test_log_odds_are_those_of_the_preferences_and_mean_to_the_utilities_of_heads_without_any(model):
    for group, x in zip(GROUPS, model.log_odds(GROUPS), strict=True):
        P = model.preferences(group)
        near(x, np.log(P / P.T), terms_of(model, group))
        np.testing.assert_array_equal(x, -x.T)
    if model.head.name in ("general", "pair"):
        x = model.log_odds(GROUPS[0])
        near(model.utilities(GROUPS[0]), x.sum(1) / 3, terms_of(model, GROUPS[0]))


def test_plain_strings_are_judged_as_their_group_is(model):
    group = GROUPS[0]
    said = model.judge(group.prompt, list(group.responses))
    np.testing.assert_array_equal(said.preferences, model.preferences(group))
    np.testing.assert_array_equal(said.log_odds, model.log_odds(group))
    np.testing.assert_array_equal(said.utilities, model.utilities(group))
    assert said.rank("kemeny") == model.rank(group, "kemeny")
    assert said.best == model.rank(group)[0]
    assert repr(said).startswith(f"StateAnswer(best={said.best}, utilities=[")


def test_chat_messages_are_judged_as_their_group_is(built):
    model = built("llama")
    turns = [{"role": "system", "content": "the user"}, {"role": "user", "content": "Hi"}]
    group = Group(turns, ("Hello!", "no"))
    np.testing.assert_array_equal(model.judge(turns, ["Hello!", "no"]).log_odds, model.log_odds(group))
    assert model.judge([("user", "Hi")], ["no"]).log_odds.tolist() == [[0.0]]


@pytest.mark.parametrize(
    ("prompt", "responses", "complaint"),
    [
        ("Hi", "Hello!", "field responses: expected a list of texts, got one text"),
        ("Hi", [], "field responses: expected at least one response"),
        ("Hi", ["Hello!", ""], r"field responses\[1\]: is empty"),
        ("", ["Hello!"], "field prompt: is empty"),
        ([{"role": "user"}], ["Hello!"], r"field prompt\[0\]: expected a chat message"),
    ],
)
def test_what_cannot_be_judged_is_refused_in_one_sentence(built, prompt, responses, complaint):
    with pytest.raises(PolyprefError, match=complaint):
        built("llama", "scalar").judge(prompt, responses)


# — on a device —


def test_a_model_goes_to_a_device_as_a_whole(tiny):
    model = PreferenceModel.from_backbone(tiny("llama"), "general", dim=4, gate=True, device="cpu")
    assert model.to("cpu") is model
    assert model.encoder.extra is not None
    model.to(torch.device("meta"))
    assert {parameter.device.type for parameter in model.encoder.parameters()} == {"meta"}


@pytest.mark.parametrize("device", ["toaster", "cuda:977"])
def test_a_device_that_is_not_there_is_one_sentence_and_the_model_stays(tiny, device):
    model = PreferenceModel.from_backbone(tiny("bert"), device="cpu")
    with pytest.raises(PolyprefError, match=f"cannot put the model on the device '{device}': "):
        model.to(device)
    assert model.preferences(GROUPS[2]).tolist() == [[0.5]]


# — the same every time —


def weights(model):
    return {name: tensor.clone() for name, tensor in model.encoder.state_dict().items()}


@pytest.mark.parametrize("backbone", ["llama", "bert"])
def test_the_seed_alone_decides_the_new_weights(tiny, backbone):
    torch.manual_seed(1)
    first = weights(PreferenceModel.from_backbone(tiny(backbone), seed=3))
    torch.manual_seed(2)
    again, other = (weights(PreferenceModel.from_backbone(tiny(backbone), seed=seed)) for seed in (3, 4))
    assert all(torch.equal(tensor, again[name]) for name, tensor in first.items())
    differing = {name for name, tensor in first.items() if not torch.equal(tensor, other[name])}
    assert differing == {"classifier.score.weight" if backbone == "llama" else "classifier.classifier.weight"}


def test_making_loading_and_using_a_model_leaves_the_random_numbers_alone(tiny, tmp_path):
    torch.manual_seed(7)
    np.random.seed(7)  # noqa: NPY002
    random.seed(7)
    before = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()  # noqa: NPY002
    model = PreferenceModel.from_backbone(tiny("llama"))
    model.preferences(GROUPS)
    model.save_pretrained(tmp_path)
    PreferenceModel.from_pretrained(tmp_path)
    assert torch.equal(torch.get_rng_state(), before[0])
    np.testing.assert_array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002
    assert random.getstate() == before[2]


def test_answers_do_not_depend_on_whether_the_model_is_in_training(tiny):
    model = PreferenceModel.from_backbone(tiny("bert"))  # which has dropout
    expected = model.preferences(GROUPS[0])
    model.encoder.train()
    np.testing.assert_array_equal(model.preferences(GROUPS[0]), expected)
    assert model.encoder.training


# — how it is loaded —


@pytest.mark.parametrize(("attention", "shares"), [("auto", True), ("sdpa", True), ("eager", False)])
def test_prompts_are_shared_unless_another_attention_is_asked_for(tiny, built, attention, shares):
    settings = BackboneSettings(attention=attention)
    model = PreferenceModel.from_backbone(tiny("llama"), "general", dim=4, backbone=settings)
    assert model.encoder.shares_prompts == shares
    near(model.states(GROUPS[0]), built("llama").states(GROUPS[0]))


@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile:UserWarning")
def test_flex_attention_gives_the_same_states(tiny, built):
    for name in ("llama", "mistral"):
        settings = BackboneSettings(attention="flex_attention")
        model = PreferenceModel.from_backbone(tiny(name), "general", dim=4, backbone=settings)
        assert model.encoder.shares_prompts
        near(model.states(GROUPS[0]), built(name).states(GROUPS[0]))


@pytest.mark.parametrize("name", ["distilbert", "roberta"])
def test_segment_ids_are_given_only_to_backbones_that_know_them(tiny, built, tmp_path, name):
    """A tokenizer may offer segment ids that its backbone has no place for."""
    import shutil

    from transformers import AutoTokenizer

    folder = shutil.copytree(tiny(name), tmp_path / name)
    words = AutoTokenizer.from_pretrained(folder)
    words.model_input_names = ["input_ids", "token_type_ids", "attention_mask"]
    words.save_pretrained(folder)
    model = PreferenceModel.from_backbone(str(folder), "general", dim=4)
    near(model.states(GROUPS[0]), built(name).states(GROUPS[0]))


@pytest.mark.parametrize("error", [NotImplementedError, RuntimeError, ValueError, ImportError])
def test_where_flex_attention_fails_prompts_are_shared_piece_by_piece(tiny, built, monkeypatch, error):
    import torch.nn.attention.flex_attention as flex

    def fails(*_args, **_settings):
        raise error("no kernel for this")

    monkeypatch.setattr(flex, "flex_attention", fails)
    settings = BackboneSettings(attention="flex_attention")
    model = PreferenceModel.from_backbone(tiny("llama"), "general", dim=4, backbone=settings)
    assert model.encoder.shares_prompts
    assert model.encoder.classifier.config._attn_implementation == LOOP
    near(model.states(GROUPS[0]), built("llama").states(GROUPS[0]))


def test_running_out_of_memory_is_no_reason_to_attend_otherwise(tiny, monkeypatch):
    import torch.nn.attention.flex_attention as flex

    def fails(*_args, **_settings):
        raise torch.OutOfMemoryError("full")

    monkeypatch.setattr(flex, "flex_attention", fails)
    with pytest.raises(torch.OutOfMemoryError):
        PreferenceModel.from_backbone(tiny("llama"), backbone=BackboneSettings(attention="flex_attention"))


@pytest.mark.parametrize(("dtype", "off", "close"), [("bfloat16", 0.02, True), ("bfloat16", 0.05, False)])
def test_half_precision_excuses_rounding_and_no_more(dtype, off, close):
    from polypref.models.sharing import _close

    states = torch.tensor([[1.0, -4.0]])
    assert _close(states + 4 * off, states, getattr(torch, dtype)) == close


def test_a_model_tells_what_it_is(built):
    told = repr(built("llama", "general", dim=4))
    assert told.startswith("PreferenceModel(GeneralHead(dim=4, temperature=None, normalize=False, gate=False), Llama")
    assert "M weights on cpu, inputs of up to" in told
