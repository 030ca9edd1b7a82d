"""LoRA: our adapters leave an ordinary checkpoint, and other people's load as peft itself reads them."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from peft import LoraConfig, TaskType, get_peft_model
from tests.tolerance import ANOTHER_WAY, near
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from polypref import Group
from polypref.errors import PolyprefError
from polypref.models.adapters import Lora, has_lora
from polypref.models.preference_model import PreferenceModel

GROUP = Group("What is better, the answer or the question?", ("The answer.", "A question is better", "the answer"))
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning:")  # of peft
BASES = {"llama": "score", "gpt2": "score", "bert": "classifier", "roberta": "classifier"}


def disturb(model, seed=1):
    """Give every trained parameter another value, as training would."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter += 0.3 * torch.randn(parameter.shape, generator=generator)


@pytest.fixture
def adapted(tiny):
    return lambda name, **settings: PreferenceModel.from_backbone(tiny(name), "general", dim=4, lora=Lora(**settings))


@pytest.mark.parametrize("name", BASES)
def test_only_adapters_and_the_classification_layer_are_trained(adapted, name):
    classifier = adapted(name, rank=2).encoder.classifier
    trained = {key for key, parameter in classifier.named_parameters() if parameter.requires_grad}
    base = f"{classifier.base_model_prefix}."
    inside = {key for key in trained if key.startswith(base)}
    assert inside
    assert all("lora_" in key for key in inside)
    outside = {key for key, _ in classifier.named_parameters() if not key.startswith(base)}
    assert outside <= trained


def test_adapters_start_without_effect(adapted, built):
    near(adapted("llama").states(GROUP), built("llama").states(GROUP))


def test_named_layers_only_get_adapters(adapted):
    classifier = adapted("llama", targets=("q_proj", "v_proj")).encoder.classifier
    held = {key.split(".")[-4] for key, _ in classifier.named_parameters() if "lora_" in key}
    assert held == {"q_proj", "v_proj"}


@pytest.mark.parametrize("name", BASES)
def test_a_model_with_adapters_is_saved_merged_and_comes_back_equal(adapted, tmp_path, name):
    model = adapted(name, rank=2)
    before = model.states(GROUP)
    disturb(model.encoder)
    expected = model.states(GROUP)
    assert np.abs(expected - before).max() > 0.01
    model.save_pretrained(tmp_path)
    assert has_lora(model.encoder.classifier)  # training can go on
    near(model.states(GROUP), expected)
    again = PreferenceModel.from_pretrained(tmp_path)
    assert not has_lora(again.encoder.classifier)
    near(again.states(GROUP), expected, roundings=ANOTHER_WAY)
    plain = AutoModelForSequenceClassification.from_pretrained(tmp_path)
    assert not [key for key in plain.state_dict() if "lora" in key or "base_layer" in key]
    assert not (tmp_path / "adapter_config.json").exists()


def test_prompts_are_shared_under_adapters_too(adapted):
    assert adapted("llama").encoder.shares_prompts


@pytest.mark.parametrize("name", BASES)
def test_somebodys_adapter_of_a_reward_model_loads_as_peft_reads_it(tiny, tmp_path, name):
    torch.manual_seed(0)
    base = AutoModelForSequenceClassification.from_pretrained(tiny(name), num_labels=1)
    words = AutoTokenizer.from_pretrained(tiny(name))
    base.config.pad_token_id = words.pad_token_id
    transposed = name == "gpt2"
    config = LoraConfig(r=2, task_type=TaskType.SEQ_CLS, target_modules="all-linear", fan_in_fan_out=transposed)
    reward = get_peft_model(base, config).eval()
    disturb(reward)
    reward.save_pretrained(tmp_path)
    model = PreferenceModel.from_pretrained(tmp_path)
    assert model.head.name == "scalar"
    for item, rated in zip(model.tokenize(GROUP), model.utilities(GROUP), strict=True):
        inputs = {"input_ids": torch.tensor(item.tokens[None].astype("int64"))}
        if name == "bert":
            inputs["token_type_ids"] = torch.tensor((np.arange(len(item.tokens)) > item.boundary)[None].astype("int64"))
        near(rated, reward(**inputs).logits.item(), roundings=ANOTHER_WAY)
    model.save_pretrained(tmp_path / "merged")
    again = PreferenceModel.from_pretrained(tmp_path / "merged")
    near(again.utilities(GROUP), model.utilities(GROUP), roundings=ANOTHER_WAY)


@pytest.fixture
def adapter(tiny, tmp_path):
    """A folder with a reward model's adapter."""
    base = AutoModelForSequenceClassification.from_pretrained(tiny("llama"), num_labels=1)
    config = LoraConfig(r=2, task_type=TaskType.SEQ_CLS, target_modules=["q_proj"])
    get_peft_model(base, config).save_pretrained(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("adapter_config.json", "{"),
        ("adapter_config.json", "{}"),
        ("adapter_config.json", "[]"),
        ("adapter_model.safetensors", "no tensors"),
        ("adapter_model.safetensors", None),
    ],
)
def test_a_damaged_adapter_is_refused_in_one_sentence(adapter, file, text):
    (adapter / file).unlink() if text is None else (adapter / file).write_text(text)
    with pytest.raises(PolyprefError) as refusal:
        PreferenceModel.from_pretrained(adapter)
    assert str(adapter) in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_an_adapter_whose_base_is_gone_is_refused_in_one_sentence(adapter):
    path = adapter / "adapter_config.json"
    path.write_text(path.read_text().replace('"base_model_name_or_path": "', '"base_model_name_or_path": "/gone'))
    with pytest.raises(PolyprefError, match="/gone") as refusal:
        PreferenceModel.from_pretrained(adapter)
    assert "\n" not in str(refusal.value)


def test_an_adapter_without_a_classification_layer_is_no_reward_model(tiny, tmp_path):
    base = AutoModelForSequenceClassification.from_pretrained(tiny("llama"), num_labels=1)
    get_peft_model(base, LoraConfig(r=2, target_modules=["q_proj"])).save_pretrained(tmp_path)
    with pytest.raises(PolyprefError, match="no classification layer with one logit"):
        PreferenceModel.from_pretrained(tmp_path)


@pytest.fixture
def without_peft(monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "peft"] + ["peft"]:
        monkeypatch.setitem(sys.modules, name, None)  # importing it fails


def test_without_peft_adapters_are_neither_added_nor_loaded_and_one_sentence_says_why(adapter, tiny, without_peft):
    for make in (
        lambda: PreferenceModel.from_backbone(tiny("llama"), lora=Lora()),
        lambda: PreferenceModel.from_pretrained(adapter),
    ):
        with pytest.raises(PolyprefError, match="adapters need peft: pip install peft"):
            make()


def test_without_peft_models_are_saved_and_hold_no_adapters(built, tmp_path, without_peft):
    model = built("llama", "scalar")
    assert not has_lora(model.encoder.classifier)
    model.save_pretrained(tmp_path)
    assert (tmp_path / "config.json").exists()


def test_a_tokenizer_saved_beside_an_adapter_is_preferred(adapter, tiny):
    words = AutoTokenizer.from_pretrained(tiny("llama"))
    words.chat_template = "{% for message in messages %}<{{ message['content'] }}>{% endfor %}"
    words.save_pretrained(adapter)
    model = PreferenceModel.from_pretrained(adapter)
    assert model.inputs.tokenizer.chat_template == words.chat_template
    assert words.decode(model.tokenize(Group("a", ("b",)))[0].tokens) == "<a><b>"
