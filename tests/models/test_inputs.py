"""From text to tokens: the chat template, two segments, and what is cut when an input is too long."""

from __future__ import annotations

import numpy as np
import pytest
from transformers import AutoTokenizer

from polypref import Group
from polypref.errors import DataError, PolyprefError
from polypref.models.inputs import InputFormat, input_format
from polypref.models.preference_model import PreferenceModel

LONG = 10**6


@pytest.fixture
def chat(tiny):
    """A decoder's format of a maximal length; its tokenizer has no template of its own."""
    return lambda max_length=LONG: input_format(AutoTokenizer.from_pretrained(tiny("llama")), "chat", max_length)


@pytest.fixture(params=["bert", "roberta"])
def segments(tiny, request):
    """An encoder's format of a maximal length."""
    folder = tiny(request.param)
    if request.param == "bert":
        return lambda max_length=LONG: input_format(AutoTokenizer.from_pretrained(folder), "segments", max_length)
    return lambda max_length=LONG: input_format(doubled_separator(folder), "segments", max_length)


def doubled_separator(folder):
    """RoBERTa's frame: <s> prompt </s></s> response </s>."""
    from tokenizers import processors

    made = AutoTokenizer.from_pretrained(folder)
    ends = [(token, made.convert_tokens_to_ids(token)) for token in ("<s>", "</s>")]
    frame = processors.TemplateProcessing("<s> $A </s>", "<s> $A </s> </s> $B </s>", ends)
    made.backend_tokenizer.post_processor = frame
    return made


def text_of(made: InputFormat, ids) -> str:
    return made.tokenizer.decode(ids)


def parts(made: InputFormat, item) -> tuple[str, str]:
    """What is the prompt's, and what comes after it."""
    return text_of(made, item.tokens[: item.boundary]), text_of(made, item.tokens[item.boundary :])


# — chats —


def test_without_a_chat_template_turns_are_role_and_content(chat):
    made = chat()
    first, second = made.sequences(Group("Why?", ("Because.", "answer")))
    assert parts(made, first) == ("<s>User: Why?\n\nAssistant: ", "Because.</s>")
    assert parts(made, second) == ("<s>User: Why?\n\nAssistant:", " answer</s>")  # one token with the blank before it
    assert first.cut == second.cut == 0


def test_a_conversation_is_rendered_turn_by_turn(chat):
    made = chat()
    turns = (("system", "Be brief."), ("user", "Why?"), ("assistant", "So."), ("user", "How?"))
    first, second = made.sequences(Group(turns, ("a", "b c")))
    opening = "<s>System: Be brief.\n\nUser: Why?\n\nAssistant: So.\n\nUser: How?\n\nAssistant: "
    assert text_of(made, first.tokens) == opening + "a</s>"
    assert text_of(made, second.tokens) == opening + "b c</s>"


def test_a_text_prompt_is_one_user_turn(chat):
    made = chat()
    (text,), (turn,) = (made.sequences(Group(prompt, ("So.",))) for prompt in ("Why?", (("user", "Why?"),)))
    np.testing.assert_array_equal(text.tokens, turn.tokens)


def test_the_tokenizers_own_template_is_used_where_it_has_one(tiny):
    words = AutoTokenizer.from_pretrained(tiny("llama"))
    words.chat_template = (
        "{% for m in messages %}[{{ m['content'] }}]{% endfor %}{% if add_generation_prompt %}[{% endif %}"
    )
    made = input_format(words, "chat", LONG)
    (item,) = made.sequences(Group("Why?", ("So.",)))
    assert text_of(made, item.tokens) == "[Why?][So.]"
    assert parts(made, item)[0] == "[Why?]["


def test_special_tokens_are_those_of_the_template_only(chat):
    made = chat()
    (item,) = made.sequences(Group("Why?", ("So.",)))
    assert item.tokens.tolist().count(made.tokenizer.bos_token_id) == 1


def test_the_plain_template_is_saved_with_the_model(tiny, tmp_path):
    model = PreferenceModel.from_backbone(tiny("gpt2"))
    model.save_pretrained(tmp_path)
    group = Group((("user", "Why?"),), ("So.",))
    rendered = AutoTokenizer.from_pretrained(tmp_path).apply_chat_template(
        [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "So."}], tokenize=False
    )
    assert text_of(model.inputs, model.tokenize(group)[0].tokens) == rendered


@pytest.mark.parametrize("identity", ["q17", None])
def test_a_conversation_that_the_template_refuses_is_named(tiny, identity):
    words = AutoTokenizer.from_pretrained(tiny("llama"))
    words.chat_template = (
        "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    )
    group = Group((("system", "Be brief."), ("user", "Why?")), ("So.",), id=identity)
    with pytest.raises(DataError, match=r"(q17|Be brief).*chat template.*System role not supported") as refusal:
        input_format(words, "chat", LONG).sequences(group)
    assert "\n" not in str(refusal.value)


# — two segments —


def test_an_encoder_reads_what_its_tokenizer_makes_of_two_texts(segments):
    made = segments()
    for item, response in zip(made.sequences(Group("Why is it?", ("Because", "a b\nc"))), ("Because", "a b\nc")):
        assert item.tokens.tolist() == made.tokenizer("Why is it?", response)["input_ids"]
        assert parts(made, item)[0] == "<s>Why is it?"


# — cutting —


def test_what_is_too_long_is_cut_from_the_left_of_the_prompt(chat):
    group = Group("abcdefgh " * 30, ("the answer", "no"))
    for whole, item in zip(chat().sequences(group), chat(60).sequences(group), strict=True):
        assert len(item.tokens) == 60
        assert item.cut == len(whole.tokens) - 60
        assert item.boundary == whole.boundary - item.cut
        assert item.tokens[0] == whole.tokens[0]  # <s>
        np.testing.assert_array_equal(item.tokens[1:], whole.tokens[1 + item.cut :])


def test_two_segments_are_cut_from_the_left_of_the_first(segments):
    group = Group("abcdefgh " * 30, ("the answer", "no"))
    for whole, item in zip(segments().sequences(group), segments(60).sequences(group), strict=True):
        assert len(item.tokens) == 60
        assert item.cut == len(whole.tokens) - 60
        np.testing.assert_array_equal(item.tokens[1:], whole.tokens[1 + item.cut :])


def test_the_response_is_cut_from_its_left_once_nothing_of_the_prompt_is_left(chat, segments):
    group = Group("Why?", ("abcdefgh " * 30 + "end",))
    for kind, frame in ((chat, "<s>"), (segments, None)):
        (whole,), (item,) = kind().sequences(group), kind(30).sequences(group)
        before, after = parts(kind(), item)
        assert len(item.tokens) == 30
        assert item.cut == len(whole.tokens) - 30
        assert before == "<s>"
        assert after.endswith("end</s>")
        if frame is None:  # the separators stay
            separators = whole.tokens[whole.boundary :].tolist().count(whole.tokens[-1])
            assert item.tokens[item.boundary :].tolist().count(whole.tokens[-1]) == separators


def test_a_template_without_a_first_token_leaves_none_of_the_prompt(tiny):
    words = AutoTokenizer.from_pretrained(tiny("llama"))
    words.chat_template = "{% for m in messages %}{{ m['content'] }}|{% endfor %}"
    (item,) = input_format(words, "chat", 10).sequences(Group("Why?", ("abcdefgh" * 10,)))
    assert (len(item.tokens), item.boundary) == (10, 0)


@pytest.mark.parametrize("name", ["llama", "bert"])
def test_a_hundred_thousand_tokens_fit_the_maximal_length(built, name):
    model = built(name, max_length=64)
    group = Group("Why?", ("q#" * 50_000, "short"))
    long, short = model.tokenize(group)
    assert len(long.tokens) == 64
    assert long.cut > 99_000
    assert short.cut == 0
    ((_, known),) = model.encode([group])
    assert known.cut == long.cut
    assert np.isfinite(model.preferences(group)).all()


def test_the_maximal_length_is_at_most_what_the_backbone_reads(built):
    assert built("llama", max_length=100_000).inputs.max_length == 512
    assert built("roberta", max_length=100_000).inputs.max_length == 513  # of 514 positions, 0 is the padding's
    assert built("phi3", max_length=100_000).inputs.max_length == 64  # beyond, states depend on the longest input
    for name in ("llama", "gpt2", "bert", "roberta", "modernbert"):
        model = built(name, max_length=100_000)
        assert np.isfinite(model.states(Group("Why?", ("q#" * 1000,)))).all()


@pytest.mark.parametrize("max_length", [1, 7])
def test_a_maximal_length_too_short_for_anything_is_refused(chat, max_length):
    with pytest.raises(PolyprefError, match=f"max_length is {max_length}"):
        chat(max_length)


# — pairs —


def test_a_pair_is_read_as_two_labelled_responses(chat):
    made = chat()
    (item,) = made.pair_sequences(Group("Why?", ("one", "two")), [(1, 0)])
    assert text_of(made, item.tokens).endswith("Assistant: Response A:\ntwo\n\nResponse B:\none</s>")
    assert made.pair_sequences(Group("Why?", ("one",)), []) == []
