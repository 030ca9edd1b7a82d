"""The encoder of persons: newcomers without a gradient, and what it must not depend on."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.people.conftest import camps, log_loss

from polypref.errors import DataError, Undefined
from polypref.people import fit_tastes, votes_of
from polypref.people.encoder import EncoderSettings, PersonEncoder, train_encoder

SETTINGS = EncoderSettings(episodes=300, width=32, heads=2)


@pytest.fixture(scope="module")
def encoder() -> PersonEncoder:
    return train_encoder(camps(300, 20, camps=2).votes, SETTINGS)


def test_newcomers_are_known_without_a_gradient(encoder: PersonEncoder) -> None:
    new = camps(100, 30, camps=2, seed=4)
    shown = np.arange(len(new.votes)) % 30 < 10
    later, truth = new.votes.where(~shown), new.truth[~shown]
    anonymous = fit_tastes(camps(300, 20, camps=2).votes, 0)
    stranger = log_loss(truth, anonymous.preferences(later, None))
    losses = []
    for number in (0, 2, 10):
        tastes = encoder.meet(new.votes.where(np.arange(len(new.votes)) % 30 < number))
        losses.append(log_loss(truth, encoder.preferences(later, tastes)))
    assert losses[0] < stranger + 0.03
    assert losses[1] < losses[0] - 0.05
    assert losses[2] < losses[1] - 0.05
    assert losses[2] < stranger - 0.2


def test_the_order_of_votes_and_of_responses_does_not_matter(encoder: PersonEncoder) -> None:
    votes = camps(3, 6, camps=2, seed=7).votes
    share = np.where(np.arange(18) % 4 == 0, 0.5, votes.share)
    votes = votes_of(votes.states, votes.first, votes.second, votes.person, share=share)
    swapped = votes_of(votes.states, votes.second, votes.first, votes.person, share=1 - share)
    order = np.random.default_rng(0).permutation(18)
    columns = (votes.first[order], votes.second[order], votes.person[order])
    shuffled = votes_of(votes.states, *columns, share=share[order])
    expected = encoder.meet(votes)
    assert encoder.meet(swapped) == pytest.approx(expected, abs=1e-5)
    assert encoder.meet(shuffled) == pytest.approx(expected, abs=1e-5)


def test_a_person_depends_on_nobody_else(encoder: PersonEncoder) -> None:
    votes = camps(300, 6, camps=2, seed=7).votes
    together = encoder.meet(votes)
    for name in ("0", "255", "299"):
        assert encoder.meet(votes.of(name))[0] == pytest.approx(together[int(name)], abs=1e-5)


def test_the_same_seed_gives_the_same_encoder() -> None:
    votes, settings = camps(20, 6).votes, EncoderSettings(episodes=3, width=8, heads=2)
    torch.manual_seed(1)
    first = train_encoder(votes, settings).meet(votes)
    torch.manual_seed(2)
    assert (train_encoder(votes, settings).meet(votes) == first).all()


def test_single_votes_train_nothing() -> None:
    with pytest.raises(Undefined, match="two votes or more"):
        train_encoder(camps(5, 1).votes, SETTINGS)
    with pytest.raises(DataError, match="a width of 10 cannot be dealt to 4 heads"):
        EncoderSettings(width=10)
