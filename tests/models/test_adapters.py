"""Adapters of other people load as peft itself reads them; what is damaged is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from peft import LoraConfig, TaskType, get_peft_model
from tests.models.test_lora import BASES, disturb
from tests.tolerance import ANOTHER_WAY, near
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from polypref import Group
from polypref.errors import PolyprefError
from polypref.models.lora import Lora
from polypref.models.preference_model import PreferenceModel

GROUP = Group("What is better, the answer or the question?", ("The answer.", "A question is better", "the answer"))
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning:")  # of peft


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


def test_without_peft_adapters_are_neither_added_nor_loaded_and_one_sentence_says_why(adapter, tiny, without_peft):
    for make in (
        lambda: PreferenceModel.from_backbone(tiny("llama"), lora=Lora()),
        lambda: PreferenceModel.from_pretrained(adapter),
    ):
        with pytest.raises(PolyprefError, match="adapters need peft: pip install peft"):
            make()


def test_a_tokenizer_saved_beside_an_adapter_is_preferred(adapter, tiny):
    words = AutoTokenizer.from_pretrained(tiny("llama"))
    words.chat_template = "{% for message in messages %}<{{ message['content'] }}>{% endfor %}"
    words.save_pretrained(adapter)
    model = PreferenceModel.from_pretrained(adapter)
    assert model.inputs.tokenizer.chat_template == words.chat_template
    assert words.decode(model.tokenize(Group("a", ("b",)))[0].tokens) == "<a><b>"
