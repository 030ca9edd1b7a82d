"""Packs: every input once, members counted through all groups, budgets kept, and what the model is then given."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from polypref import Group
from polypref.models.inputs import Input
from polypref.models.pack_reader import PackReader

from .test_encoder import GROUPS

PAD, END = 0, 9
FIRST = [[1, 2, 3, 4], [1, 2, 5], [1, 2, 3, 4]]  # two responses to one prompt, the first of them twice
SECOND = [[6, 7, 8, 6, 7]]


def inputs(*groups):
    """Groups of inputs of these tokens, the first two of which are the prompt's."""
    return [[Input(np.array(tokens, dtype=np.int32), 2, 0) for tokens in group] for group in groups]


class Reader(PackReader):
    """Reads with a model that only says what it was given."""

    def __init__(self, shares=False, alone=False, segments=False, encoder_decoder=False):
        super().__init__(PAD, segments)
        self.shares_prompts, self.reads_alone = shares, alone
        config = SimpleNamespace(is_encoder_decoder=encoder_decoder, get_text_config=lambda decoder: self.text)
        self.text = SimpleNamespace(eos_token_id=END)
        self.given = []
        self.plain = SimpleNamespace(config=config, device=torch.device("cpu"), base_model=self.remembered)

    def remembered(self, **given):
        self.given.append(given)
        return SimpleNamespace(last_hidden_state=torch.zeros(1))

    @property
    def model(self):
        return self.plain

    @property
    def may_share(self):
        return True

    def trial(self, pack):
        return self.hidden(pack)


def told(packs):
    """Members and rows of tokens of each pack."""
    return [(pack.members, pack.input_ids.tolist()) for pack in packs]


def test_rows_are_padded_and_hold_each_input_once():
    (pack,) = Reader().packs(inputs(FIRST, SECOND), 100)
    assert told([pack]) == [((3, 0, 2, 1), [[6, 7, 8, 6, 7], [1, 2, 3, 4, PAD], [1, 2, 5, PAD, PAD]])]
    assert pack.ends.tolist() == [[0, 4], [1, 3], [1, 3], [2, 2]]
    assert pack.prompts.tolist() == [[0, 1], [1, 1], [1, 1], [2, 1]]
    assert pack.attention_mask.sum(1).tolist() == [5, 4, 3]


def test_of_a_shared_prompt_there_is_one_copy():
    (pack,) = Reader(shares=True).packs(inputs(FIRST, SECOND), 100)
    assert told([pack]) == [((0, 2, 1, 3), [[1, 2, 3, 4, 5, 6, 7, 8, 6, 7]])]
    assert pack.position_ids.tolist() == [[0, 1, 2, 3, 2, 0, 1, 2, 3, 4]]
    assert pack.ends[:, 1].tolist() == [3, 3, 4, 9]
    assert pack.prompts[:, 1].tolist() == [1, 1, 1, 6]


def test_who_reads_alone_reads_one_unpadded_input_at_a_time():
    packs = Reader(alone=True).packs(inputs(FIRST, SECOND), 100)
    assert told(packs) == [((3,), [[6, 7, 8, 6, 7]]), ((0, 2), [[1, 2, 3, 4]]), ((1,), [[1, 2, 5]])]


@pytest.mark.parametrize(("shares", "rows"), [(False, [1, 2]), (True, [1, 1])])
def test_a_budget_parts_what_does_not_fit(shares, rows):
    """Eight tokens: two rows of four, the second padded, or five tokens of a tree."""
    packs = Reader(shares=shares).packs(inputs(FIRST, SECOND), 8)
    assert sorted(len(pack.input_ids) for pack in packs) == rows
    assert sorted(member for pack in packs for member in pack.members) == [0, 1, 2, 3]


def test_rows_of_an_encoder_decoder_have_as_many_end_tokens():
    given = inputs([[1, 2, END], [1, 2, END, 3, END], [4, 5, END], [1, 2, 3]])
    assert [pack.members for pack in Reader().packs(given, 100)] == [(1, 0, 2, 3)]
    assert sorted(pack.members for pack in Reader(encoder_decoder=True).packs(given, 100)) == [(0, 2), (1,), (3,)]


def test_bins_count_what_a_pass_computes():
    """Of three groups: 4 + 3 and 5 tokens, alone; rows of 4, 4 and 5, padded; trees of 5 and 5 tokens."""
    groups = inputs(FIRST, SECOND, SECOND)
    assert Reader(alone=True).bins(groups, 12) == [[0, 1], [2]]
    assert Reader(shares=True).bins(groups, 15) == [[0, 1, 2]]
    assert Reader(shares=True).bins(groups, 14) == [[0, 1], [2]]
    assert Reader().bins(groups, 20) == [[1, 2, 0]]
    assert Reader().bins(groups, 19) == [[1, 2], [0]]


def test_the_model_is_given_positions_and_trees_or_a_mask():
    for shares, expected in ((True, {"position_ids", "tree"}), (False, {"attention_mask"})):
        reader = Reader(shares=shares)
        (pack,) = reader.packs(inputs(FIRST), 100)
        reader.hidden(pack)
        (given,) = reader.given
        assert given.keys() == {"input_ids", "use_cache", *expected}
        assert given["input_ids"] is pack.input_ids
        assert given["use_cache"] is False


def test_segments_are_given_to_those_who_know_them():
    (pack,) = Reader(segments=True).packs(inputs(FIRST[:2]), 100)
    assert Reader().rows(pack).keys() == {"input_ids", "attention_mask", "token_type_ids"}
    assert pack.token_type_ids.tolist() == [[0, 0, 0, 1], [0, 0, 0, 0]]  # the separator still is the prompt's
    (pack,) = Reader().packs(inputs(FIRST[:2]), 100)
    assert Reader().rows(pack).keys() == {"input_ids", "attention_mask"}


@pytest.mark.parametrize("name", ["llama", "bloom", "bert"])
def test_a_response_given_twice_is_computed_once(built, name):
    model = built(name)
    once = model.tokenize(Group("Why?", ("So it is.", "No.")))
    again = model.tokenize(Group("Why?", ("So it is.", "No.", "So it is.", "So it is.", "No.")))
    (pack,), (same,) = (model.encoder.packs([inputs], 10_000) for inputs in (once, again))
    assert sorted(same.members) == [0, 1, 2, 3, 4]
    assert same.tokens == pack.tokens


def test_a_prompt_is_computed_once_for_all_its_responses(built):
    encoder, group = built("llama").encoder, Group("the question " * 20, ("yes", "no", "maybe", "a"))
    inputs = built("llama").tokenize(group)
    (pack,) = encoder.packs([inputs], budget=10_000)
    prompt = min(item.boundary for item in inputs)
    assert pack.tokens <= sum(len(item.tokens) for item in inputs) - 3 * prompt


@pytest.mark.parametrize("name", ["llama", "bloom", "bert"])
@pytest.mark.parametrize("budget", [40, 100, 300])
def test_no_pack_is_above_the_budget_unless_it_holds_one_input(built, name, budget):
    model = built(name)
    packs = model.encoder.packs([model.tokenize(group) for group in GROUPS], budget)
    assert all(pack.tokens <= budget or len(pack.members) == 1 for pack in packs)
    assert sorted(member for pack in packs for member in pack.members) == list(range(sum(map(len, GROUPS))))
