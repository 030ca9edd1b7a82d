"""Enrichment: the ratio is exact, the order depends on the seed and the epoch alone."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polypref.training import recipe
from polypref.training.config import make_config
from polypref.training.mixing import Enrichment, MixingSampler
from tests.customization.conftest import GENERAL_TASTE, tasteful


def run_of(sampler, epochs):
    """The numbers drawn in several epochs, one after the other."""
    drawn = []
    for epoch in range(epochs):
        sampler.set_epoch(epoch)
        drawn += list(sampler)
    return drawn


@given(st.integers(1, 40), st.integers(1, 40), st.floats(0.01, 0.95), st.integers(0, 9), st.integers(1, 4))
def test_of_any_places_in_a_row_the_share_is_mixed_but_for_one(own, mixed, share, seed, epochs):
    drawn = run_of(MixingSampler(own, mixed, share, seed), epochs)
    total = np.cumsum([0, *(at >= own for at in drawn)])
    for size in (1, 8, len(drawn)):
        for start in range(len(drawn) - size + 1):
            assert abs(total[start + size] - total[start] - size * share) < 1 + 1e-4
    assert abs(total[-1] - len(drawn) * share) < 1 + 1e-4


def test_by_hand():
    """A half: every second place; three own groups make an epoch of six places."""
    sampler = MixingSampler(3, 2, 0.5, seed=1)
    drawn = list(sampler)
    assert len(sampler) == len(drawn) == 6
    assert [at >= 3 for at in drawn] == [False, True] * 3
    assert sorted(drawn[::2]) == [0, 1, 2]
    assert sorted(drawn[1:4:2]) == [3, 4]


def test_an_epoch_holds_every_own_group_where_the_numbers_allow_it():
    sampler = MixingSampler(70, 1000, 0.3, seed=0)
    for epoch in range(3):
        sampler.set_epoch(epoch)
        assert sorted(at for at in sampler if at < 70) == list(range(70))


@given(st.integers(1, 20), st.integers(1, 20), st.floats(0.05, 0.9))
def test_nothing_comes_twice_before_everything_came_once(own, mixed, share):
    drawn = run_of(MixingSampler(own, mixed, share, 3), 4)
    for kind in (range(own), range(own, own + mixed)):
        counts = Counter(at for at in drawn if at in kind)
        assert max(counts.values(), default=0) - min((counts[at] for at in kind), default=0) <= 1


def test_the_order_depends_on_the_epoch_and_the_seed_alone():
    sampler = MixingSampler(20, 9, 0.4, seed=5)
    whole = run_of(sampler, 3)
    again = MixingSampler(20, 9, 0.4, seed=5)
    again.set_epoch(2)
    assert list(again) == whole[-len(sampler) :]
    assert whole[: len(sampler)] != whole[len(sampler) : 2 * len(sampler)]
    assert list(MixingSampler(20, 9, 0.4, seed=6)) != whole[: len(sampler)]


@pytest.mark.parametrize(("share", "places"), [(0.1, 1000), (0.29, 100), (1 / 3, 300)])
def test_shares_that_floats_cannot_hold_are_exact(share, places):
    sampler = MixingSampler(places, 50, share, 0)
    assert sum(at >= places for at in islice(sampler, places)) == math.floor(round(places * share, 6))


@pytest.fixture
def read(monkeypatch):
    """The groups that were tokenised, call by call."""
    calls, real = [], recipe.training_groups
    monkeypatch.setattr(recipe, "training_groups", lambda groups, **more: calls.append(groups) or real(groups, **more))
    return calls


@pytest.mark.parametrize(("length", "few"), [({"epochs": 2}, 14), ({"max_steps": 3}, 12)])
def test_of_many_groups_only_those_that_are_mixed_in_are_read(tiny, tmp_path, read, length, few):
    """Seven groups for two epochs, or three batches of eight, half of which is mixed in; the seed says which."""
    judged = tasteful(200, GENERAL_TASTE, seed=1)
    silent = [replace(group, comparisons=()) for group in judged]
    taken = {}
    for seed in (0, 1):
        config = make_config(
            {"backbone": tiny("bert"), "out": str(tmp_path / str(seed)), "seed": seed, "batch_size": 8, **length}
        )
        enrichment = Enrichment([*silent, *judged], 0.5)
        recipe.train(config, tasteful(7, GENERAL_TASTE, seed=2), [], enrichment=enrichment)
        _, mixed, _ = read[-3:]
        taken[seed] = {group.prompt for group in mixed}
        assert len(mixed) == len(taken[seed]) == few
        assert all(group.comparisons for group in mixed)
    assert taken[0] != taken[1]


def test_of_few_groups_all_are_mixed_in(tiny, tmp_path, read):
    few = tasteful(3, GENERAL_TASTE, seed=1)
    config = make_config({"backbone": tiny("bert"), "out": str(tmp_path / "out"), "batch_size": 8})
    recipe.train(config, tasteful(7, GENERAL_TASTE, seed=2), [], enrichment=Enrichment(few, 0.5))
    assert read[1] == few
