"""From groups to arrays: votes are pooled, orientations agree, and rows point at the right responses."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from polypref import Comparison, DataError, Group, Rating
from polypref.choice import preference_matrix
from polypref.models.heads import make_head
from polypref.objectives import collate, group_judgments, labels_of

comparisons = st.lists(
    st.builds(
        Comparison,
        st.integers(0, 1),
        st.integers(2, 4),
        st.floats(0, 1),
        weight=st.floats(0.5, 10),
    )
)


def test_preparing_judgments_needs_no_torch():
    code = "import sys; from polypref.objectives import group_judgments; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_comparisons_of_one_pair_are_merged_whichever_way_round_they_are():
    votes = [Comparison(0, 1, 1.0, weight=3), Comparison(1, 0, 0.75, weight=4), Comparison(2, 0)]
    judged = group_judgments(Group("p", ["a", "b", "c"], votes))
    assert judged.first.tolist() == [0, 0]
    assert judged.second.tolist() == [1, 2]
    assert judged.weight.tolist() == [7, 1]
    np.testing.assert_allclose(judged.share, [(3 + 4 * 0.25) / 7, 0])


@given(comparisons)
def test_merged_shares_are_those_of_the_preference_matrix(votes):
    judged = group_judgments(Group("p", list("abcde"), votes))
    columns = ([c.i for c in votes], [c.j for c in votes], [c.p for c in votes], [c.weight for c in votes])
    arrays = [np.array(column, dtype=kind) for column, kind in zip(columns, (int, int, float, float))]
    P, W = preference_matrix(*arrays, size=5)
    assert len(judged.first) == np.count_nonzero(np.triu(W))
    np.testing.assert_allclose(judged.share, P[judged.first, judged.second], atol=1e-12)
    np.testing.assert_allclose(judged.weight, W[judged.first, judged.second])


def test_a_margin_says_how_much_better_the_preferred_response_is():
    votes = [
        Comparison(1, 0, 1.0, margin=3.0),
        Comparison(0, 1, 1.0, margin=1.0, weight=2),
        Comparison(0, 1, 1.0, weight=5),  # nobody asked how much
        Comparison(0, 2, 0.0, margin=2.0),
        Comparison(1, 2),
    ]
    judged = group_judgments(Group("p", ["a", "b", "c"], votes))
    np.testing.assert_allclose(judged.margin, [(2 * 1 - 3) / 3, -2, 0])


def test_opinions_are_the_shares_of_the_labels_and_their_mean():
    ratings = [Rating(2, 1), Rating(2, 3, weight=3), Rating(0, 2)]
    judged = group_judgments(Group("p", ["a", "b", "c"], ratings=ratings), labels=(1, 2, 3))
    assert judged.rated.tolist() == [0, 2]
    np.testing.assert_allclose(judged.opinion, [[0, 1, 0], [0.25, 0, 0.75]])
    np.testing.assert_allclose(judged.mean, [2, 2.5])
    np.testing.assert_allclose(judged.voters, [1, 4])


def test_a_prior_adds_votes_for_every_label_to_the_opinion_only():
    judged = group_judgments(Group("p", ["a"], ratings=[Rating(0, 3, weight=2)]), labels=(1, 2, 3), prior=1)
    np.testing.assert_allclose(judged.opinion, [[0.2, 0.2, 0.6]])
    assert judged.mean.tolist() == [3]
    assert judged.voters.tolist() == [2]


def test_smoothing_moves_mass_of_the_certain_to_the_next_label():
    ratings = [Rating(0, 3), Rating(1, 3), Rating(1, 1)]
    judged = group_judgments(Group("p", ["a", "b"], ratings=ratings), labels=(1, 2, 3), smoothing=0.1)
    np.testing.assert_allclose(judged.opinion, [[0, 0.1, 0.9], [0.5, 0, 0.5]])


def test_without_labels_there_are_means_and_names_are_left_out():
    group = Group("p", ["a", "b"], ratings=[Rating(0, 3.25), Rating(0, "good"), Rating(1, "bad")])
    judged = group_judgments(group)
    assert judged.opinion.shape == (1, 0)
    assert judged.mean.tolist() == [3.25]
    assert judged.voters.tolist() == [1]


def test_a_label_that_the_head_does_not_have_is_refused_with_its_group():
    group = Group("p", ["a"], ratings=[Rating(0, 7)], id="q17")
    with pytest.raises(DataError, match=r"'q17' has a rating 7, which is none of the labels 1, 2, 3"):
        group_judgments(group, labels=(1, 2, 3))


@pytest.mark.parametrize("use", [lambda group: group_judgments(group, labels=(1, 2)), lambda group: labels_of([group])])
def test_labels_with_names_are_refused_because_they_have_no_order(use):
    with pytest.raises(DataError, match=r"'What\?' has a label 'good', and names have no order"):
        use(Group("What?", ["a"], ratings=[Rating(0, "good")]))


def test_labels_are_those_of_the_scale_or_else_those_seen():
    seen = Group("p", ["a"], ratings=[Rating(0, 7), Rating(0, 2.5)])
    declared = Group("p", ["a"], ratings=[Rating(0, 2)], scale=(1, 2, 3))
    assert labels_of([seen]) == (2.5, 7)
    assert labels_of([declared]) == (1, 2, 3)
    assert labels_of([declared, seen]) == (1, 2, 2.5, 3, 7)
    assert labels_of([]) == ()


def test_a_group_nobody_judged_is_no_trouble():
    silent = group_judgments(Group("p", ["a"]), labels=(1, 2))
    batch = collate([silent, silent], [1, 1])
    assert batch.first.tolist() == batch.rated.tolist() == []
    assert batch.opinion.shape == (0, 2)
    assert batch.weights("comparisons", "groups").tolist() == []


def test_a_batch_counts_rows_over_all_its_groups(batch):
    assert batch.first.tolist() == [0, 0, 1, 3]
    assert batch.second.tolist() == [1, 2, 2, 4]
    assert batch.pair_group.tolist() == [0, 0, 0, 1]
    assert batch.rated.tolist() == [0, 2, 3, 4]
    assert batch.rated_group.tolist() == [0, 0, 1, 1]
    np.testing.assert_allclose(batch.share, [0.8, 0, 0, 0])
    np.testing.assert_allclose(batch.opinion, [[0.5, 0, 0.5], [0, 0.25, 0.75], [1, 0, 0], [0, 1, 0]])


def test_a_choice_of_groups_is_the_batch_of_just_these(groups):
    judged = [group_judgments(group) for group in groups]
    batch = collate([judged[1], judged[0]], [2, 3])
    assert batch.first.tolist() == [0, 2, 2, 3]
    assert collate([], []).first.tolist() == []


def test_votes_count_alike_or_groups_do(batch):
    assert batch.weights("comparisons", "votes").tolist() == [5, 2, 1, 1]
    assert batch.weights("ratings", "votes").tolist() == [2, 4, 1, 1]
    np.testing.assert_allclose(batch.weights("comparisons", "groups"), [5 / 8, 2 / 8, 1 / 8, 1])
    np.testing.assert_allclose(batch.weights("ratings", "groups"), [2 / 6, 4 / 6, 1 / 2, 1 / 2])


def test_a_joint_head_reads_two_rows_per_pair(groups):
    judged = [group_judgments(group) for group in groups]
    batch = collate(judged, [3, 2], joint=True)
    states = torch.arange(8.0)[:, None] ** 2  # of the four pairs, forwards and backwards
    assert batch.log_odds(make_head("scalar"), states).tolist() == [-1, -5, -9, -13]


def test_numbers_change_their_type_and_indices_do_not(batch):
    single = batch.to("cpu", torch.float32)
    assert single.share.dtype == single.opinion.dtype == torch.float32
    assert single.first.dtype == single.rated_group.dtype == torch.int64
