"""A saved model is an ordinary checkpoint, and loading gives back what it said."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.models.conftest import make_checkpoint
from tests.tolerance import ANOTHER_WAY, near
from transformers import AutoModelForSequenceClassification

from polypref import Group
from polypref.errors import PolyprefError
from polypref.models.answer import StateAnswer
from polypref.models.backbones import BackboneSettings
from polypref.models.encoder import StateEncoder
from polypref.models.heads import make_head
from polypref.models.preference_model import PreferenceModel

GROUPS = [
    Group("What is better, the answer or the question?", ("The answer.", "A question is better", "the answer")),
    Group("Hi", ("Hello!", "the user")),
]
HEADS = {
    "scalar": {"temperature": 2.0},
    "general": {"dim": 6, "normalize": True},
    "hybrid": {"dim": 4, "bound": 2.0},
    "distributional": {"labels": (0.0, 1.0, 4.0)},
    "mixture": {"prototypes": 3, "form": "ideal"},
    "gaussian": {},
    "pair": {},
}


def reloaded(model, folder, **settings):
    model.save_pretrained(folder)
    return PreferenceModel.from_pretrained(folder, **settings)


def encoded(model):
    return [known.rows.numpy() for _, known in model.encode(GROUPS)]


@pytest.mark.parametrize("backbone", ["llama", "bert"])
@pytest.mark.parametrize("head", HEADS)
def test_a_model_comes_back_as_it_was_saved(built, tmp_path, backbone, head):
    model = built(backbone, head, **HEADS[head], max_length=200)
    again = reloaded(model, tmp_path)
    assert again.head == model.head
    assert again.inputs.max_length == 200
    assert again.encoder.shares_prompts == model.encoder.shares_prompts
    for ours, expected in zip(encoded(again), encoded(model), strict=True):
        near(ours, expected)
    near(again.preferences(GROUPS[0]), model.preferences(GROUPS[0]))


def test_the_configuration_says_what_to_do_with_the_states(built, tmp_path):
    built("llama", "general", dim=6).save_pretrained(tmp_path, training={"objective": "logistic"})
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["architectures"] == ["LlamaForSequenceClassification"]
    assert len(config["id2label"]) == 6
    settings = {"dim": 6, "temperature": None, "normalize": False, "gate": False}
    assert config["polypref"] == {
        "version": 1,
        "head": "general",
        "settings": settings,
        "max_length": 512,
        "state_token": "before_padding",
        "training": {"objective": "logistic"},
    }
    assert not list(tmp_path.glob("*.bin")) + list(tmp_path.glob("*.p*kl*"))


def test_the_prompt_gate_comes_back(tiny, tmp_path):
    model = PreferenceModel.from_backbone(tiny("llama"), "general", dim=4, gate=True)
    for known in encoded(model):
        np.testing.assert_allclose(known[:, 4:], 1, atol=1e-6)  # λ = 1 to begin with
    torch.manual_seed(0)
    torch.nn.init.normal_(model.encoder.extra.weight)
    again = reloaded(model, tmp_path)
    assert (tmp_path / "polypref.safetensors").exists()
    for ours, expected in zip(encoded(again), encoded(model), strict=True):
        assert np.abs(ours[:, 4:] - 1).max() > 0.01
        np.testing.assert_allclose(ours[:, 4:].mean(1), 1, atol=1e-5)
        near(ours, expected)
    near(again.states(GROUPS[0]), encoded(model)[0][:, :4])


def test_the_file_of_a_prompt_gate_is_that_of_version_0_1(tiny, tmp_path):
    """Its name, and the names of its tensors; the gate is exactly what the file says."""
    model = PreferenceModel.from_backbone(tiny("llama"), "general", dim=4, gate=True)
    model.save_pretrained(tmp_path)
    shapes = {name: tuple(tensor.shape) for name, tensor in load_file(tmp_path / "polypref.safetensors").items()}
    assert shapes == {"weight": (2, 32), "bias": (2,)}
    written = {"weight": torch.linspace(-1, 1, 64).reshape(2, 32), "bias": torch.tensor([0.25, -0.5])}
    save_file(written, tmp_path / "polypref.safetensors")
    read = PreferenceModel.from_pretrained(tmp_path).encoder.extra.state_dict()
    assert read.keys() == written.keys()
    assert all(torch.equal(read[name], written[name]) for name in written)


def test_the_mean_opinion_of_the_training_data_comes_back(tiny, tmp_path):
    model = PreferenceModel.from_backbone(tiny("llama"), "distributional", labels=(1, 2))
    model.training_opinion = (0.25, 0.75)
    assert reloaded(model, tmp_path).training_opinion == (0.25, 0.75)


@pytest.mark.parametrize("backbone", ["llama", "bert"])
def test_anybodys_reward_model_with_one_logit_is_a_scalar_head(tiny, tmp_path, backbone):
    from transformers import AutoTokenizer

    torch.manual_seed(0)
    reward = AutoModelForSequenceClassification.from_pretrained(tiny(backbone), num_labels=1).eval()
    reward.save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(tiny(backbone)).save_pretrained(tmp_path)
    model = PreferenceModel.from_pretrained(tmp_path)
    assert model.head.name == "scalar"
    for item, rated in zip(model.tokenize(GROUPS[0]), model.utilities(GROUPS[0]), strict=True):
        inputs = {"input_ids": torch.tensor(item.tokens[None].astype("int64"))}
        if backbone == "bert":
            inputs["token_type_ids"] = torch.tensor((np.arange(len(item.tokens)) > item.boundary)[None].astype("int64"))
        near(rated, reward(**inputs).logits.item(), roundings=ANOTHER_WAY)


def test_training_goes_on_from_a_saved_model_as_backbone(built, tmp_path):
    model = built("llama", "general", dim=4)
    model.save_pretrained(tmp_path)
    again = PreferenceModel.from_backbone(str(tmp_path), "general", dim=4)
    near(again.states(GROUPS[0]), model.states(GROUPS[0]))


def test_a_saved_model_as_backbone_of_another_head_gets_a_new_classification_layer(built, tmp_path):
    built("llama", "scalar").save_pretrained(tmp_path)
    general = PreferenceModel.from_backbone(str(tmp_path), "general", dim=4)
    assert general.states(GROUPS[0]).shape == (3, 4)


def test_half_precision_weights_load_and_give_nearly_the_same(built, tmp_path):
    model = built("llama", "scalar")
    half = reloaded(model, tmp_path, backbone=BackboneSettings(dtype="bfloat16"))
    assert half.encoder.classifier.dtype == torch.bfloat16
    assert half.encoder.shares_prompts
    difference = np.abs(half.states(GROUPS[0]) - model.states(GROUPS[0])).max()
    assert 0 < difference < 0.1 * np.abs(model.states(GROUPS[0])).max()


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_gated_model_loads_in_either_precision(tiny, tmp_path, dtype):
    model = PreferenceModel.from_backbone(tiny("llama"), "general", dim=4, gate=True)
    loaded = reloaded(model, tmp_path, backbone=BackboneSettings(dtype=dtype))
    assert np.isfinite(loaded.preferences(GROUPS[0])).all()


def test_a_half_precision_model_is_saved_in_half_precision(tiny, tmp_path):
    model = PreferenceModel.from_backbone(tiny("gpt2"), backbone=BackboneSettings(dtype="bfloat16"))
    model.save_pretrained(tmp_path)
    assert AutoModelForSequenceClassification.from_pretrained(tmp_path, dtype="auto").dtype == torch.bfloat16


def test_saving_over_a_model_replaces_it(built, tmp_path):
    built("llama", "general", dim=4).save_pretrained(tmp_path)
    again = reloaded(built("bert", "scalar"), tmp_path)
    assert again.head.name == "scalar"
    assert again.encoder.classifier.config.model_type == "bert"
    near(again.states(GROUPS[0]), built("bert", "scalar").states(GROUPS[0]))


def test_training_goes_on_with_the_prompt_gate_of_a_saved_model(tiny, tmp_path):
    model = PreferenceModel.from_backbone(tiny("llama"), "general", dim=4, gate=True)
    torch.manual_seed(0)
    torch.nn.init.normal_(model.encoder.extra.weight)
    model.save_pretrained(tmp_path)
    again = PreferenceModel.from_backbone(str(tmp_path), "general", dim=4, gate=True)
    torch.testing.assert_close(again.encoder.extra.weight, model.encoder.extra.weight)
    near(again.preferences(GROUPS[0]), model.preferences(GROUPS[0]))


@pytest.mark.parametrize("backbone", ["llama", "bert"])
def test_another_head_of_the_same_width_gets_a_new_state_layer(built, tmp_path, backbone):
    model = built(backbone, "general", dim=2)
    model.save_pretrained(tmp_path)
    before = model.encoder.state_layer.weight
    for head, settings in (("gaussian", {}), ("general", {"dim": 2, "normalize": True})):
        made = PreferenceModel.from_backbone(str(tmp_path), head, seed=7, **settings)
        after = made.encoder.state_layer.weight
        assert after.shape == before.shape
        assert (after - before).abs().max() > 0.1
        again = PreferenceModel.from_backbone(str(tmp_path), head, seed=7, **settings)
        assert torch.equal(again.encoder.state_layer.weight, after)


def test_a_classifier_of_topics_lends_no_head_its_layer_of_topics(tiny, tmp_path):
    from transformers import AutoTokenizer

    topics = AutoModelForSequenceClassification.from_pretrained(tiny("bert"), num_labels=2)
    topics.save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(tiny("bert")).save_pretrained(tmp_path)
    made = PreferenceModel.from_backbone(str(tmp_path), "gaussian")
    assert (made.encoder.state_layer.weight - topics.classifier.weight).abs().max() > 0.1


# — other people's reward models are read as they were trained —


def published(folder, name, backbone, tokenizer=None, **config):
    """A reward model with one logit as someone would publish it, with settings of its own in `config.json`."""
    from transformers import AutoTokenizer

    torch.manual_seed(0)
    reward = AutoModelForSequenceClassification.from_pretrained(backbone, num_labels=1).eval()
    for key, value in config.items():
        setattr(reward.config, key, value)
    reward.save_pretrained(folder / name)
    words = AutoTokenizer.from_pretrained(backbone)
    for key, value in (tokenizer or {}).items():
        setattr(words, key, value)
    words.save_pretrained(folder / name)
    return folder / name, reward


@pytest.mark.parametrize("pad", [0, 1, 2])  # <pad>, <s> and </s>, with which every text here ends
def test_the_padding_token_is_the_one_that_the_checkpoint_names(tiny, tmp_path, pad):
    folder, reward = published(tmp_path, "reward", tiny("llama"), pad_token_id=pad)
    model = PreferenceModel.from_pretrained(folder)
    assert model.encoder.classifier.config.pad_token_id == pad == model.inputs.tokenizer.pad_token_id
    items = model.tokenize(GROUPS[0])
    assert all(item.tokens[-1] == 2 for item in items)
    with torch.no_grad():
        expected = [reward(torch.tensor(item.tokens[None].astype("int64"))).logits.item() for item in items]
    near(model.utilities(GROUPS[0]), expected, roundings=ANOTHER_WAY)
    for ours, rated in zip(reloaded(model, tmp_path / "again").utilities(GROUPS[0]), expected, strict=True):
        near(ours, rated, roundings=ANOTHER_WAY)


@pytest.mark.parametrize("named", [None, -1])
def test_a_checkpoint_that_names_no_padding_token_gets_that_of_its_tokenizer(tiny, tmp_path, named):
    folder, _ = published(tmp_path, "reward", tiny("llama"), pad_token_id=named)
    model = PreferenceModel.from_pretrained(folder)
    assert model.encoder.classifier.config.pad_token_id == model.inputs.tokenizer.pad_token_id == 0


def rated(reward, model, pad):
    """What transformers says of each response, of one unpadded text at a time."""
    reward.config.pad_token_id = pad
    items = model.tokenize(GROUPS[0])
    assert all(item.tokens[-1] == END for item in items)
    with torch.no_grad():
        return [reward(torch.tensor(item.tokens[None].astype("int64"))).logits.item() for item in items]


END = 2  # </s>, with which every text here ends


@pytest.mark.parametrize("words", [{"pad_token": "</s>"}, {"pad_token": None, "unk_token": None}])
def test_a_reward_model_that_names_no_padding_is_read_off_the_very_last_token(tiny, tmp_path, words):
    """So does transformers, one text at a time; the end token that pads here is read."""
    folder, reward = published(tmp_path, "reward", tiny("llama"), words, pad_token_id=None)
    model = PreferenceModel.from_pretrained(folder)
    expected = rated(reward, model, None)
    assert np.abs(np.array(expected) - rated(reward, model, END)).max() > 1e-2  # it matters
    near(model.utilities(GROUPS[0]), expected, roundings=ANOTHER_WAY)
    near(reloaded(model, tmp_path / "again").utilities(GROUPS[0]), expected, roundings=ANOTHER_WAY)
    going_on = PreferenceModel.from_backbone(str(folder), "scalar")
    near(going_on.utilities(GROUPS[0]), expected, roundings=ANOTHER_WAY)


@pytest.mark.parametrize(("named", "choice", "read"), [(None, "before_padding", END), (END, "last", None)])
def test_which_token_is_read_can_be_chosen_and_is_kept(tiny, tmp_path, named, choice, read):
    folder, reward = published(tmp_path, "reward", tiny("llama"), {"pad_token": "</s>"}, pad_token_id=named)
    model = PreferenceModel.from_pretrained(folder, backbone=BackboneSettings(state_token=choice))
    expected = rated(reward, model, read)
    near(model.utilities(GROUPS[0]), expected, roundings=ANOTHER_WAY)
    model.save_pretrained(tmp_path / "again")
    again = PreferenceModel.from_pretrained(tmp_path / "again")
    near(again.utilities(GROUPS[0]), expected, roundings=ANOTHER_WAY)
    vanilla = AutoModelForSequenceClassification.from_pretrained(tmp_path / "again").eval()
    near(rated(vanilla, model, vanilla.config.pad_token_id), expected, roundings=ANOTHER_WAY)


def test_an_encoder_offers_no_choice_of_the_token_that_is_read(tiny):
    with pytest.raises(PolyprefError, match="state_token"):
        PreferenceModel.from_backbone(tiny("bert"), backbone=BackboneSettings(state_token="last"))


def test_a_reward_model_reads_as_much_as_it_can(tmp_path):
    backbone = make_checkpoint("llama", tmp_path / "long", max_position_embeddings=3000)
    folder, _ = published(tmp_path, "reward", backbone)
    assert PreferenceModel.from_pretrained(folder).inputs.max_length == 3000
    assert PreferenceModel.from_pretrained(folder, max_length=99).inputs.max_length == 99
    assert PreferenceModel.from_backbone(str(backbone)).inputs.max_length == 1024
    limited, _ = published(tmp_path, "limited", backbone, tokenizer={"model_max_length": 2000})
    assert PreferenceModel.from_pretrained(limited).inputs.max_length == 2000


def test_a_backbone_without_a_limit_reads_what_it_is_told_to(tiny, tmp_path):
    folder, _ = published(tmp_path, "reward", tiny("bloom"))
    assert PreferenceModel.from_pretrained(folder).inputs.max_length == 1024
    assert PreferenceModel.from_pretrained(folder, max_length=5000).inputs.max_length == 5000


# — dropout —


@pytest.mark.parametrize(
    ("name", "rates"),
    [
        ("bert", {"hidden_dropout_prob": 0.3, "attention_probs_dropout_prob": 0.3}),
        ("llama", {"attention_dropout": 0.3}),
        ("gpt2", {"attn_pdrop": 0.3, "embd_pdrop": 0.3, "resid_pdrop": 0.3}),
        ("opt", {"dropout": 0.3, "attention_dropout": 0.3}),
        ("falcon", {"hidden_dropout": 0.3, "attention_dropout": 0.3}),
    ],
)
def test_dropout_is_used_only_if_asked_for_and_stays_in_the_saved_configuration(tmp_path, name, rates):
    backbone = str(make_checkpoint(name, tmp_path / "backbone", **rates))
    for dropout in (False, True):
        settings = BackboneSettings(dropout=dropout, attention="sdpa" if name != "llama" else "eager")
        model = PreferenceModel.from_backbone(backbone, "general", dim=4, backbone=settings)
        pack = model.encoder.packs([model.tokenize(GROUPS[0])], 4096)[0]
        model.encoder.train()
        assert torch.equal(model.encoder(pack), model.encoder(pack)) != dropout
        model.save_pretrained(tmp_path / "saved")
        assert json.loads((tmp_path / "saved" / "config.json").read_text()).items() >= rates.items()


# — devices —


def test_the_prompt_gate_lies_where_the_classifier_lies(tiny):
    classifier = AutoModelForSequenceClassification.from_pretrained(tiny("llama"), num_labels=4, dtype=torch.bfloat16)
    gate = StateEncoder(classifier.to("meta"), make_head("general", dim=4, gate=True), 0, False).extra
    assert gate.weight.device.type == "meta"
    assert gate.weight.dtype == torch.bfloat16


class OnDeviceWithoutDoubles(torch.Tensor):
    """As on Apple's MPS."""

    def double(self):
        raise TypeError("the device has no double precision")

    def cpu(self):
        return self.as_subclass(torch.Tensor)


def test_numbers_leave_the_device_before_they_get_double_precision(built):
    from polypref.evaluation.scoring import Scorer

    model = built("llama", "scalar")
    states = torch.tensor([[1.0], [0.25]]).as_subclass(OnDeviceWithoutDoubles)
    known = StateAnswer(model.head, states, 2)
    np.testing.assert_allclose(known.utilities, [1, 0.25])
    assert Scorer(model, "m").scores(known)["states"] == [[1], [0.25]]
