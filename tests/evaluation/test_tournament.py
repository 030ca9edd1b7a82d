"""The game between policies, against rates, equilibria and gaps worked out by hand or by linear programming."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.optimize import linprog
from tests.evaluation.test_policies import Judge, sampled, sigma

from polypref import Group
from polypref.errors import DataError
from polypref.evaluation.policies import NO_ANSWER, Judgment
from polypref.evaluation.prediction import Prediction
from polypref.evaluation.tournament import read_game, sample_gaps, tournament


class Circle:
    """Rock, paper and scissors by the first letter, as sure as it is told; counts what it is shown."""

    def __init__(self, *sure: float) -> None:
        self.sure = sure
        self.shown: list[Group] = []

    def encode(self, groups):
        game = np.zeros((3, 3))
        for (i, j), lead in zip(((1, 0), (2, 1), (0, 2)), self.sure):
            game[i, j], game[j, i] = lead, -lead
        for group in groups:
            self.shown.append(group)
            kinds = ["rps".index(text[0]) for text in group.responses]
            yield group, Prediction(preferences=0.5 + game[np.ix_(kinds, kinds)])


def least_value_strategy(game: np.ndarray) -> np.ndarray:
    """An equilibrium by linear programming: the largest v such that every column is won by at least v."""
    k = len(game)
    program = linprog(
        np.r_[np.zeros(k), -1],
        A_ub=np.c_[-game.T, np.ones(k)],
        b_ub=np.zeros(k),
        A_eq=[[1.0] * k + [0.0]],
        b_eq=[1],
        bounds=[(0, None)] * k + [(None, None)],
    )
    return program.x[:k]


def test_a_tournament_is_skew() -> None:
    policies = {"one": sampled(("a",), ("a",)), "two": sampled(("aa",), ("aa",)), "none": sampled(("b",), ("b",))}
    found = tournament(Judge(), policies)
    rates = found.rates()
    np.testing.assert_allclose(rates + rates.T, 1)
    np.testing.assert_allclose(rates[0], [0.5, sigma(-1), sigma(1)])
    assert found.policies == ("one", "two", "none")
    assert found.prompts == 2
    assert [share.value for share in found.equilibrium] == [0, 1, 0]


def test_rates_are_means_over_prompts_and_their_intervals_mirror_each_other() -> None:
    policies = {"one": sampled(("aa", "b"), ("a",), ("a",)), "two": sampled(("a",), ("a", "aaa"), ("aa",))}
    found = tournament(Judge(), policies)
    of_prompts = [(sigma(1) + sigma(-1)) / 2, (0.5 + sigma(-2)) / 2, sigma(-1)]
    rate, mirror = found.win_rates[0][1], found.win_rates[1][0]
    assert rate.value == pytest.approx(np.mean(of_prompts))
    assert min(of_prompts) <= rate.low < rate.value < rate.high <= max(of_prompts)
    assert (mirror.low, mirror.high) == (1 - rate.high, 1 - rate.low)
    diagonal = found.win_rates[0][0]
    assert (diagonal.value, diagonal.low, diagonal.high) == (0.5, 0.5, 0.5)


def test_the_equilibrium_is_that_of_linear_programming() -> None:
    policies = {name: sampled(*[(name,)] * 4) for name in ("rock", "paper", "scissors")}
    found = tournament(Circle(0.3, 0.2, 0.1), policies)
    np.testing.assert_allclose(found.rates()[1, 0], 0.8)
    shares = [share.value for share in found.equilibrium]
    np.testing.assert_allclose(shares, least_value_strategy(found.rates() - 0.5), atol=1e-9)
    np.testing.assert_allclose(shares, [2 / 6, 1 / 6, 3 / 6], atol=1e-9)  # each by the lead between the other two
    for share in found.equilibrium:  # all prompts are alike, so nothing moves
        assert share.low == pytest.approx(share.value)
        assert share.high == pytest.approx(share.value)


def test_gaps_by_hand() -> None:
    policies = {
        "rock": sampled(*[("rock",)] * 3),
        "even": sampled(*[("r", "p", "s")] * 3),
        "two": sampled(*[("r", "p")] * 3),
    }
    found = tournament(Circle(0.4, 0.4, 0.4), policies)
    # paper beats rock by 0.4; nothing beats the even mixture; paper and scissors win (0.4 + 0) / 2 and (−0.4 + 0.4) / 2
    np.testing.assert_allclose([gap.value for gap in found.gaps], [0.8, 0, 0.4], atol=1e-12)


def test_gaps_are_never_negative_and_nought_at_the_equilibrium() -> None:
    rng = np.random.default_rng(5)
    for _ in range(20):
        wins = rng.random((6, 6))
        P = (1 + wins - wins.T) / 2
        gaps = sample_gaps(Judgment((Group("?", ("a", "b")), Group("?", ("c", "d", "e", "f"))), P))
        assert (gaps >= 0).all()
        assert gaps[0] == pytest.approx(2 * (P[:, :2] - 0.5).mean(axis=1).max())
    sure = Circle(0.2, 0.2, 0.2)
    assert tournament(sure, {"even": sampled(("r", "p", "s")), "it": sampled(("s", "r", "p"))}).gaps[0].value < 1e-12


def test_each_text_is_judged_once_in_one_group_for_each_prompt() -> None:
    judge = Circle(0.1, 0.1, 0.1)
    policies = {"one": sampled(("r", "p"), ("r", "r")), "two": sampled(("r", "s"), (NO_ANSWER, "p"))}
    rates = tournament(judge, policies).rates()
    assert [group.responses for group in judge.shown] == [("r", "p", "s"), ("r", "p")]
    first = (0.5 + 0.6 + 0.6 + 0.4) / 4  # r-r, r-s, p-r, p-s
    assert rates[0, 1] == pytest.approx((first + (1 + 0.4) / 2) / 2)


def test_policies_that_all_say_nothing_tie_and_no_judge_is_asked() -> None:
    judge = Circle(0.1, 0.1, 0.1)
    found = tournament(judge, {"one": sampled((NO_ANSWER,)), "two": sampled((NO_ANSWER, NO_ANSWER))})
    assert not judge.shown
    assert found.rates().tolist() == [[0.5, 0.5], [0.5, 0.5]]
    assert found.win_rates[0][1].low is None  # one prompt has no interval


def test_intervals_cover_the_true_rate() -> None:
    rng = np.random.default_rng(1)
    hits, true = 0, 0.55
    for _ in range(40):
        leads = rng.choice([0.45, -0.35], size=30)  # a prompt's rate is 0.95 or 0.15
        policies = {"one": sampled(*[("x",)] * 30), "two": sampled(*[("y",)] * 30)}
        rate = tournament(Known(leads), policies, resamples=200).win_rates[0][1]
        hits += rate.low <= true <= rate.high
    assert hits >= 34


class Known:
    """The first text leads by a known margin on each prompt."""

    def __init__(self, leads) -> None:
        self.leads = leads

    def encode(self, groups):
        for group, lead in zip(groups, self.leads):
            yield group, Prediction(preferences=np.array([[0.5, 0.5 + lead], [0.5 - lead, 0.5]]))


def test_what_is_written_is_read(tmp_path) -> None:
    found = tournament(Circle(0.3, 0.2, 0.1), {name: sampled(*[(name,)] * 2) for name in ("rock", "paper")})
    path = tmp_path / "game.json"
    path.write_text(json.dumps(found.to_dict()))
    assert read_game(path) == found
    path.write_text("{}")
    with pytest.raises(DataError, match="holds no game between policies"):
        read_game(path)


def test_mistakes_get_one_sentence() -> None:
    with pytest.raises(DataError, match="1 policies make no game: give at least two"):
        tournament(Judge(), {"one": sampled(("a",))})
    with pytest.raises(DataError, match="no prompt in common"):
        tournament(Judge(), {"one": sampled(("a",)), "two": [Group("Other?", ("a",))]})
