"""Clusters of people: known camps are found, and a mixture foretells what one taste cannot."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import adjusted_rand_score
from tests.people.conftest import camps, log_loss

from polypref.errors import DataError
from polypref.people import choose_clusters, fit_clusters, votes_of


@pytest.mark.parametrize("hard", [False, True])
def test_camps_are_found_from_twenty_votes(hard: bool) -> None:
    world = camps(150, 20)
    found = fit_clusters(world.votes, 3, hard=hard)
    assert adjusted_rand_score(world.camp, found.labels) >= 0.9
    assert found.sizes.sum() == pytest.approx(1)
    assert (np.diff(found.sizes) <= 0).all()


def test_clusters_foretell_more_than_one_taste_and_know_newcomers() -> None:
    found, one = fit_clusters(camps(150, 20).votes, 3), fit_clusters(camps(150, 20).votes, 1)
    new, later = camps(60, 8, seed=5), camps(60, 30, seed=5)
    members = found.meet(new.votes)
    assert (new.camp == later.camp).all()
    personal = log_loss(later.truth, found.preferences(later.votes, members))
    anonymous = log_loss(later.truth, one.preferences(later.votes, None))
    oracle = log_loss(later.truth, later.truth)
    assert personal < anonymous - 0.15
    assert personal < oracle + 0.1


def test_the_number_of_clusters_is_chosen() -> None:
    assert choose_clusters(camps(120, 30).votes, restarts=2).clusters == 3
    assert choose_clusters(camps(120, 30, camps=1).votes, restarts=2).clusters == 1


def test_a_posterior_by_hand() -> None:
    votes = votes_of([[0.0], [1.0]], [1, 1, 0], [0, 0, 1], [0, 0, 1], share=[1, 0.5, 1], names=["a", "b", "silent"])
    found = fit_clusters(camps(20, 10, f=1).votes, 2)
    ratio = np.array([expit(t) * np.sqrt(expit(t) * expit(-t)) for t in found.tastes[:, 0]]) * found.sizes
    members = found.meet(votes)
    assert members[0] == pytest.approx(ratio / ratio.sum())
    other = expit(-found.tastes[:, 0]) * found.sizes
    assert members[1] == pytest.approx(other / other.sum())
    assert members[2] == pytest.approx(found.sizes)


def test_a_ridge_draws_clusters_to_the_crowd() -> None:
    votes = camps(60, 10).votes
    loose, tight = fit_clusters(votes, 2, ridge=0.1), fit_clusters(votes, 2, ridge=100.0)
    assert np.linalg.norm(tight.tastes[0] - tight.tastes[1]) < 0.5 * np.linalg.norm(loose.tastes[0] - loose.tastes[1])


def test_the_same_seed_gives_the_same_clusters() -> None:
    votes = camps(40, 10).votes
    assert (fit_clusters(votes, 3, seed=3).tastes == fit_clusters(votes, 3, seed=3).tastes).all()


def test_too_many_clusters_are_refused() -> None:
    with pytest.raises(DataError, match="expected 1 to 4 clusters of 4 persons, got 5"):
        fit_clusters(camps(4, 3).votes, 5)
