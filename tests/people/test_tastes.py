"""Personal tastes: modes and likelihoods against SciPy, shrinkage, and what they foretell beyond clusters."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import minimize
from scipy.special import expit, log_expit
from scipy.stats import norm
from tests.people.conftest import camps, log_loss, spread

from polypref.errors import DataError
from polypref.people import Tastes, fit_clusters, fit_tastes, votes_of
from polypref.people.tastes import _everybody


@pytest.fixture(scope="module")
def fitted() -> Tastes:
    return fit_tastes(spread(200, 40).votes, 2)


def test_the_crowds_taste_is_the_logistic_regression() -> None:
    votes = camps(30, 10).votes
    d = votes.difference(slice(0, len(votes)))
    share = np.where(np.arange(len(votes)) % 5 == 0, 0.5, votes.share)
    votes = votes_of(votes.states, votes.first, votes.second, votes.person, share=share)

    def loss(theta: np.ndarray) -> float:
        s = d @ theta
        return float(-(share * log_expit(s) + (1 - share) * log_expit(-s)).sum() + theta @ theta)

    expected = minimize(loss, np.zeros(6), tol=1e-10).x
    assert fit_tastes(votes, 0, ridge=2.0).crowd == pytest.approx(expected, abs=1e-4)


def test_a_person_is_the_mode_that_scipy_finds(fitted: Tastes) -> None:
    new = spread(3, 7, seed=9).votes
    persons = fitted.meet(new)
    for u in range(3):
        own = new.of(str(u))
        d = own.difference(slice(0, 7))

        def loss(w: np.ndarray, d: np.ndarray = d, share: np.ndarray = own.share) -> float:
            s = d @ (fitted.crowd + fitted.directions @ w)
            return float(-(share * log_expit(s) + (1 - share) * log_expit(-s)).sum() + w @ w / 2)

        assert persons.mean[u] == pytest.approx(minimize(loss, np.zeros(2), tol=1e-10).x, abs=1e-4)


def test_the_likelihood_is_near_the_integral() -> None:
    """Laplace's approximation of one person's votes in one direction against quadrature."""
    states, direction = np.array([[0.0], [1.0]]), np.array([[1.2]])
    votes = votes_of(states, [1, 1, 0], [0, 0, 1], [0, 0, 0])
    integral, _ = quad(lambda w: norm.pdf(w) * expit(0.3 + 1.2 * w) ** 2 * expit(-0.3 - 1.2 * w), -10, 10)
    _, value = _everybody(votes, np.array([0.3]), direction, None)
    assert value == pytest.approx(np.log(integral), abs=0.03)


def test_the_likelihood_grows(fitted: Tastes) -> None:
    assert len(fitted.log_likelihood) > 2
    assert (np.diff(fitted.log_likelihood) > -1e-6).all()


def test_the_spread_between_people_is_found(fitted: Tastes) -> None:
    world = spread(200, 40)
    real = np.cov(world.tastes.T)
    found = fitted.directions @ fitted.directions.T
    assert np.linalg.norm(found - real) < 0.35 * np.linalg.norm(real)


def test_somebody_with_few_votes_is_close_to_the_crowd(fitted: Tastes) -> None:
    distances = []
    for number in (0, 1, 3, 30):
        new = spread(100, 30, seed=6).votes
        few = new.where(np.arange(len(new)) % 30 < number)
        persons = fitted.meet(few)
        distances.append(float(np.linalg.norm(fitted.of(persons) - fitted.crowd, axis=1).mean()))
        assert (np.trace(persons.covariance, axis1=1, axis2=2) <= 2 + 1e-9).all()
    assert distances[0] == 0
    assert distances == sorted(distances)
    assert distances[2] < 0.75 * distances[3]


def test_one_mind_stays_one_mind() -> None:
    """Where people do not differ, the directions shrink and tell persons nothing."""
    one = fit_tastes(camps(150, 20, camps=1).votes, 2)
    later = camps(150, 20, camps=1, seed=3)
    loss = log_loss(later.truth, one.preferences(later.votes, one.persons))
    anonymous = fit_tastes(camps(150, 20, camps=1).votes, 0)
    assert loss < log_loss(later.truth, anonymous.preferences(later.votes, None)) + 0.01


def test_personal_tastes_foretell_more_than_clusters_where_people_differ_by_degrees(fitted: Tastes) -> None:
    train, new = spread(200, 40).votes, spread(100, 60, seed=8)
    shown = np.arange(len(new.votes)) % 60 < 30
    known, later = new.votes.where(shown), new.votes.where(~shown)
    truth = new.truth[~shown]
    personal = log_loss(truth, fitted.preferences(later, fitted.meet(known)))
    clusters = fit_clusters(train, 3)
    clustered = log_loss(truth, clusters.preferences(later, clusters.meet(known)))
    anonymous = log_loss(truth, fitted.preferences(later, None))
    assert personal < clustered - 0.01
    assert clustered < anonymous - 0.03


def test_swapping_responses_changes_nothing(fitted: Tastes) -> None:
    votes = spread(10, 5, seed=2).votes
    swapped = votes_of(votes.states, votes.second, votes.first, votes.person, share=1 - votes.share)
    assert fitted.meet(swapped).mean == pytest.approx(fitted.meet(votes).mean)
    assert fitted.preferences(swapped, None) == pytest.approx(1 - fitted.preferences(votes, None))


def test_a_person_with_votes_on_one_response_only(fitted: Tastes) -> None:
    votes = votes_of(spread(1, 1).votes.states, [3] * 4, [5, 6, 7, 8], [0] * 4)
    persons = fitted.meet(votes)
    assert np.isfinite(persons.mean).all()
    assert (fitted.preferences(votes, persons) > fitted.preferences(votes, None)).all()


def test_a_rank_beyond_the_features_is_refused() -> None:
    with pytest.raises(DataError, match="rank: expected a rank from 0 to the 6 features of a state, got 7"):
        fit_tastes(camps(4, 3).votes, 7)
