"""Prompt and response told apart in conversations that a template wrote."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from polypref import Group, PreferenceModel
from polypref.groups.model import Message
from polypref.serving.errors import Refused
from polypref.serving.transcripts import Transcripts, prompt_of, sound, text_of, without_end


@pytest.mark.parametrize("backbone", ["llama", "bert"])
def test_what_is_read_of_a_rendered_text_is_what_is_read_of_its_parts(
    model: Callable[..., PreferenceModel], backbone: str
) -> None:
    inputs = model(backbone).inputs
    transcripts = Transcripts.of(inputs)
    assert transcripts is not None
    turns = [{"role": "user", "content": "Tea or coffee?"}, {"role": "assistant", "content": "coffee, thank you"}]
    text = inputs.tokenizer.apply_chat_template(turns, tokenize=False)
    assert isinstance(text, str)
    for sent in (text, text.removeprefix(transcripts.start)):
        prompt, response = transcripts.split(sent)
        assert prompt + response == text
        read = inputs.rendered(text, len(prompt))
        [expected] = inputs.sequences(Group("Tea or coffee?", ("coffee, thank you",)))
        np.testing.assert_array_equal(read.tokens, expected.tokens)
        assert (read.boundary, read.cut) == (expected.boundary, expected.cut)


def test_a_long_text_is_cut_as_its_parts_are(model: Callable[..., PreferenceModel]) -> None:
    inputs = model("llama", max_length=24).inputs
    transcripts = Transcripts.of(inputs)
    assert transcripts is not None
    group = Group("Tea or coffee? " * 20, ("coffee",))
    turns = [{"role": "user", "content": group.prompt}, {"role": "assistant", "content": "coffee"}]
    text = inputs.tokenizer.apply_chat_template(turns, tokenize=False)
    assert isinstance(text, str)
    prompt, _ = transcripts.split(text)
    [expected] = inputs.sequences(group)
    read = inputs.rendered(text, len(prompt))
    np.testing.assert_array_equal(read.tokens, expected.tokens)
    assert read.cut == expected.cut > 0


def test_the_last_turn_is_the_response(model: Callable[..., PreferenceModel]) -> None:
    inputs = model().inputs
    transcripts = Transcripts.of(inputs)
    assert transcripts is not None
    words = ("hello", "hello you", "Tea?", "yes")
    turns = [{"role": ("user", "assistant")[k % 2], "content": word} for k, word in enumerate(words)]
    text = inputs.tokenizer.apply_chat_template(turns, tokenize=False)
    assert isinstance(text, str)
    assert transcripts.split(text)[1] == "yes" + transcripts.closing
    with pytest.raises(Refused, match="empty"):
        transcripts.split(transcripts.split(text)[0] + transcripts.closing)


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("yes", "yes"),
        ("yes<|im_end|>\n", "yes"),
        ("yes<|eot_id|><|end_of_text|>", "yes"),
        ("yes</s></s>", "yes"),
        ("yes\n", "yes\n"),
        ("</s>", ""),
        ("yes<END>", "yes"),
    ],
)
def test_what_ends_a_turn_is_not_said(said: str, left: str) -> None:
    assert without_end(said, own="<END>") == left


def test_texts_of_messages() -> None:
    assert text_of([{"type": "text", "text": "a"}, {"type": "image"}, {"text": "b"}]) == "ab"
    assert text_of(None) == ""
    assert prompt_of([Message("user", "Tea?")]) == "Tea?"
    assert prompt_of([Message("system", "Be kind")]) == (Message("system", "Be kind"),)
    assert sound("ärger") == "ärger"
    with pytest.raises(Refused):
        sound("\udc80")
