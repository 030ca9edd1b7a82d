"""What clusters like, and who is far from all."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit
from tests.people.conftest import camps

from polypref.people import Clusters, fit_clusters, votes_of
from polypref.people.describing import far_from_all, likings


def test_likings_are_the_pairs_on_which_a_cluster_differs_most() -> None:
    states = np.array([[0.0, 1.0], [2.0, 0.0], [0.0, 0.0], [0.0, 3.0]])
    votes = votes_of(states, [0, 2], [1, 3], [0, 1])
    found = Clusters(np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([0.6, 0.4]), np.eye(2), 0.0)
    first, second = likings(votes, found)
    assert [(one.preferred, one.other) for one in first] == [(1, 0), (2, 3)]
    assert first[0].within == pytest.approx(expit(2))
    assert first[0].elsewhere == pytest.approx(expit(-1))
    assert first[1].within == pytest.approx(0.5)
    assert (second[1].preferred, second[1].within) == (3, pytest.approx(expit(3)))
    assert len(likings(votes, found, most=1)[0]) == 1


def test_who_votes_against_every_cluster_is_far_from_all() -> None:
    world = camps(80, 30, camps=2)
    tosses = np.random.default_rng(0).integers(2, size=30)
    share = world.votes.share.copy()
    share[world.votes.person == 7] = tosses
    votes = votes_of(world.votes.states, world.votes.first, world.votes.second, world.votes.person, share=share)
    found = far_from_all(votes, fit_clusters(votes, 2))
    assert found[0].name == "7"
    assert found[0].votes == 30
    assert len(found) <= 3
