"""What vanilla transformers computes with a saved folder: our states, padded or not, and our prompt gate."""

from __future__ import annotations

import pytest
import torch
from tests.models.test_saving import GROUPS, HEADS, encoded
from tests.tolerance import ANOTHER_WAY, near
from torch.nn.functional import linear
from transformers import AutoModelForSequenceClassification

from polypref.models.preference_model import PreferenceModel


@pytest.mark.parametrize("backbone", ["llama", "bert"])
@pytest.mark.parametrize("head", ["scalar", "general", "distributional"])
def test_vanilla_transformers_computes_the_states(built, vanilla, backbone, head):
    model = built(backbone, head, **HEADS[head])
    for ours, expected in zip(model.states(GROUPS), vanilla(model, GROUPS), strict=True):
        assert ours.shape[1] == model.head.width
        near(ours, expected, roundings=ANOTHER_WAY)


def test_a_padded_batch_of_vanilla_transformers_gives_them_too(built, tmp_path):
    """Only the saved folder is used, as an outside tool would: its tokenizer, its padding and its chat template."""
    from transformers import AutoTokenizer

    built("llama").save_pretrained(tmp_path)
    words, plain = AutoTokenizer.from_pretrained(tmp_path), AutoModelForSequenceClassification.from_pretrained(tmp_path)
    chats = [
        [{"role": "user", "content": GROUPS[0].prompt}, {"role": "assistant", "content": text}]
        for text in GROUPS[0].responses
    ]
    batch = words.apply_chat_template(chats, padding=True, return_tensors="pt", return_dict=True)
    logits = plain.eval()(**batch).logits.detach().numpy()
    near(built("llama").states(GROUPS[0]), logits, roundings=ANOTHER_WAY)


@pytest.mark.parametrize(("backbone", "max_length"), [("llama", None), ("bloom", None), ("llama", 30)])
def test_the_gate_is_that_of_the_prompt_alone(tiny, tmp_path, backbone, max_length):
    """λ read off the prompt's last hidden state by vanilla transformers; prompts are shared, not shared, or cut."""
    model = PreferenceModel.from_backbone(tiny(backbone), "general", dim=4, gate=True, max_length=max_length)
    torch.manual_seed(0)
    torch.nn.init.normal_(model.encoder.extra.weight)
    model.save_pretrained(tmp_path)
    base = AutoModelForSequenceClassification.from_pretrained(tmp_path).eval().base_model
    gates = encoded(model)[0][:, 4:]
    for item, found in zip(model.tokenize(GROUPS[0]), gates, strict=True):
        prompt = torch.tensor(item.tokens[None, : item.boundary].astype("int64"))
        with torch.no_grad():
            gate = model.encoder.extra
            weights = linear(base(prompt).last_hidden_state[0, -1], gate.weight, gate.bias).softmax(-1) * 2
        near(found, weights, roundings=ANOTHER_WAY)
