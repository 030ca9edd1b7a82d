"""Packing: every input in one place, prefixes shared where they are whole, budgets kept."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from polypref.models.inputs import Input
from polypref.models.packing import fill_by_tokens, fill_padded, pack_rows, pack_trees, trees_of

PAD = 0
CPU = torch.device("cpu")


def made(*sequences, boundary=0, cut=0):
    return [Input(np.array(tokens, dtype=np.int32), boundary, cut) for tokens in sequences]


def unpacked(pack):
    """The sequences that a row of trees holds, in the order of the pack: of each, tokens and positions."""
    ids, positions = pack.input_ids[0].tolist(), pack.position_ids[0].tolist()
    sequences, at = [], 0
    for tree in pack.row.trees:
        prefix = range(at, at + tree.prefix)
        at += tree.prefix
        for length in tree.branches:
            own = [*prefix, *range(at, at + length)]
            sequences.append(([ids[i] for i in own], [positions[i] for i in own], own))
            at += length
    return sequences


tokens = st.lists(st.integers(1, 3), min_size=1, max_size=12)


@given(st.lists(tokens, min_size=1, max_size=6), st.integers(1, 40))
def test_a_row_of_trees_holds_every_input_whole_at_its_own_positions(sequences, budget):
    inputs = made(*sequences)
    parts = [part for tree in trees_of(inputs, range(len(inputs))) for part in tree.split(budget)]
    assert all(part.tokens <= budget or len(part.inputs) == 1 for part in parts)
    pack = pack_trees(parts, PAD, CPU)
    assert sorted(pack.members) == list(range(len(inputs)))
    assert pack.tokens == sum(part.tokens for part in parts)
    for member, end, (ids, positions, places) in zip(pack.members, pack.ends.tolist(), unpacked(pack), strict=True):
        assert ids == sequences[member]
        assert positions == list(range(len(ids)))
        assert end == [0, places[-1]]


def test_what_all_begin_with_is_laid_out_once():
    (tree,) = trees_of(made([5, 6, 7, 1], [5, 6, 7, 2, 3], [5, 6, 9]), [0, 1, 2])
    assert (tree.prefix, tree.tokens) == (2, 2 + 2 + 3 + 1)
    assert pack_trees([tree], PAD, CPU).input_ids.tolist() == [[5, 6, 7, 1, 7, 2, 3, 9]]


def test_each_input_keeps_a_token_of_its_own_even_when_it_begins_another():
    (tree,) = trees_of(made([5, 6], [5, 6], [5, 6, 7]), [0, 1, 2])
    assert tree.prefix == 1


def test_an_input_whose_prompt_is_cut_stands_alone():
    whole, cut = made([5, 6, 1], [5, 6, 2]), made([5, 6, 3], cut=4)
    trees = trees_of([whole[0], cut[0], whole[1]], [0, 1, 2])
    assert [(tree.members, tree.prefix) for tree in trees] == [((0, 2), 2), ((1,), 0)]


def test_the_state_is_read_off_the_last_token_that_is_no_padding_and_the_gate_off_the_prompts_last():
    inputs = made([5, 6, 7, 1, PAD], [5, 6, 7, 8], boundary=3)
    pack = pack_trees(trees_of(inputs, [0, 1]), PAD, CPU)  # 5 6 7 | 1 0 | 8
    assert pack.ends.tolist() == [[0, 3], [0, 5]]
    assert pack.prompts.tolist() == [[0, 2], [0, 2]]
    assert pack_rows(inputs, [0, 1], PAD, False, CPU).ends.tolist() == [[0, 3], [1, 3]]


def test_without_padding_that_is_named_the_state_is_read_off_the_very_last_token():
    inputs = made([5, 6, 7, 1, PAD], [5, 6, 7, 8], boundary=3)
    assert pack_trees(trees_of(inputs, [0, 1]), None, CPU).ends.tolist() == [[0, 4], [0, 5]]
    rows = pack_rows(inputs, [0, 1], None, False, CPU)
    assert rows.ends.tolist() == [[0, 4], [1, 3]]
    assert rows.attention_mask.tolist() == [[1, 1, 1, 1, 1], [1, 1, 1, 1, 0]]


def test_padded_rows_say_where_the_input_ends_and_which_part_is_the_response():
    first, second = *made([2, 7, 3, 8, 3], boundary=2), *made([2, 3, 8, 3], boundary=1)
    pack = pack_rows([first, second], [4, 9], PAD, True, CPU)
    assert pack.input_ids.tolist() == [[2, 7, 3, 8, 3], [2, 3, 8, 3, PAD]]
    assert pack.attention_mask.tolist() == [[1, 1, 1, 1, 1], [1, 1, 1, 1, 0]]
    assert pack.token_type_ids.tolist() == [[0, 0, 0, 1, 1], [0, 0, 1, 1, 0]]
    assert pack.members == (4, 9)


@given(st.lists(st.integers(1, 50), max_size=20), st.integers(1, 80))
def test_bins_hold_at_most_the_budget_or_one_item(costs, budget):
    for bins, used in (
        (fill_by_tokens(costs, budget), lambda filled: sum(costs[at] for at in filled)),
        (fill_padded(costs, budget), lambda filled: len(filled) * max(costs[at] for at in filled)),
    ):
        assert sorted(at for filled in bins for at in filled) == list(range(len(costs)))
        assert all(used(filled) <= budget or len(filled) == 1 for filled in bins)


def test_few_inputs_of_different_lengths_are_padded_little():
    """As many inputs of each of ten domains cost about what they cost together."""
    lengths = np.random.default_rng(0).integers(30, 500, 240).tolist()

    def computed(part):
        return sum(part[filled[0]] * len(filled) for filled in fill_padded(part, 4096))

    together, apart = computed(lengths), sum(computed(lengths[at::10]) for at in range(10))
    assert sum(lengths) < together < 1.15 * sum(lengths)
    assert apart < 1.1 * together


def test_short_inputs_still_share_a_pass():
    assert fill_padded([100, 90, 20, 10], 4096) == [[0, 1, 2, 3]]


@given(st.lists(st.tuples(st.integers(1, 50), st.integers(1, 4)), max_size=20), st.integers(1, 200))
def test_padded_bins_of_items_with_several_rows_count_them_all(items, budget):
    lengths, rows = [length for length, _ in items], [count for _, count in items]
    bins = fill_padded(lengths, budget, rows)
    assert sorted(at for filled in bins for at in filled) == list(range(len(items)))
    for filled in bins:
        used = max(lengths[at] for at in filled) * sum(rows[at] for at in filled)
        assert used <= budget or len(filled) == 1
