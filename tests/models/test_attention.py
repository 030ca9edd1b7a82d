"""Attention over trees, against a dense mask that says for every two tokens whether one sees the other."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.tolerance import near
from torch import nn

from polypref.models.attention import Branching, Row, UnsupportedAttention, by_flex, by_pieces

CPU = torch.device("cpu")
branchings = st.builds(Branching, st.integers(0, 6), st.lists(st.integers(1, 5), min_size=1, max_size=3).map(tuple))


def dense(row, query, key, value, scaling, window):
    """Softmax attention in NumPy under the mask written out token by token: [1, heads, T, d] → [1, T, heads, d]."""
    tokens = []  # of each token: its tree, its branch (None in the prefix) and its position
    for number, tree in enumerate(row.trees):
        tokens += [(number, None, at) for at in range(tree.prefix)]
        for branch, length in enumerate(tree.branches):
            tokens += [(number, branch, tree.prefix + at) for at in range(length)]
    sees = np.zeros((len(tokens), len(tokens)), dtype=bool)
    for i, (tree, branch, position) in enumerate(tokens):
        for j, (other_tree, other_branch, other_position) in enumerate(tokens):
            ancestor = other_branch is None or other_branch == branch
            inside = window is None or position - other_position < window
            sees[i, j] = tree == other_tree and ancestor and other_position <= position and inside
    repeats = query.shape[1] // key.shape[1]
    q, k, v = query[0].numpy(), key[0].numpy().repeat(repeats, 0), value[0].numpy().repeat(repeats, 0)
    scores = np.where(sees, scaling * q @ k.transpose(0, 2, 1), -np.inf)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    return (weights / weights.sum(-1, keepdims=True) @ v).transpose(1, 0, 2)[None]


def parts(length, heads, key_heads, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(1, h, length, 16, generator=generator) for h in (heads, key_heads, key_heads)]


def told(window):
    """What the model hands on of its mask."""
    return None if window is None else torch.tensor(window)


@given(st.lists(branchings, min_size=1, max_size=3), st.sampled_from([None, 1, 2, 4, 9]), st.sampled_from([1, 2, 4]))
@settings(max_examples=60, deadline=None)
def test_by_pieces_every_token_sees_what_its_sequence_shows_it(trees, window, key_heads):
    row = Row(tuple(trees), CPU)
    q, k, v = parts(sum(row.pieces), 4, key_heads)
    found, _ = by_pieces(nn.Identity(), q, k, v, told(window), scaling=0.3, tree=row, sliding_window=window)
    near(found, dense(row, q, k, v, 0.3, window))


FLEX_ON_CPU = pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile:UserWarning")


@FLEX_ON_CPU
@pytest.mark.parametrize("window", [None, 3, 40])
@pytest.mark.parametrize("key_heads", [4, 2, 1])
def test_by_flex_computes_the_same(window, key_heads):
    row = Row((Branching(20, (30, 1, 17)), Branching(0, (25,)), Branching(50, (2, 3))), CPU)
    q, k, v = parts(sum(row.pieces), 4, key_heads)
    settings = {"scaling": 0.25, "tree": row, "sliding_window": window}
    expected, _ = by_pieces(nn.Identity(), q, k, v, told(window), **settings)
    found, _ = by_flex(nn.Identity(), q, k, v, told(window), **settings)
    near(found, expected)
    near(found, dense(row, q, k, v, 0.25, window))


@pytest.mark.parametrize("attend", [by_pieces, by_flex])
@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"softcap": 50.0}, "softcap"),
        ({"s_aux": torch.zeros(4)}, "s_aux"),
        ({"tree": None}, "does not pass on"),
        ({"sliding_window": 4}, "window"),
        ({"attention_mask": torch.tensor(4)}, "window"),
    ],
)
def test_what_it_does_not_know_is_refused_not_ignored(attend, settings, said):
    q, k, v = parts(5, 4, 4)
    known = {"attention_mask": None, "tree": Row((Branching(2, (3,)),), CPU)}
    with pytest.raises(UnsupportedAttention, match=said):
        attend(nn.Identity(), q, k, v, **{**known, **settings})


def test_flex_attention_refuses_dropout():
    q, k, v = parts(5, 4, 4)
    with pytest.raises(UnsupportedAttention, match="dropout"):
        by_flex(nn.Identity(), q, k, v, None, dropout=0.1, tree=Row((Branching(2, (3,)),), CPU))
