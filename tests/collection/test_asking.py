"""Which pairs are asked about: each rule by hand, what all of them keep, and what design learns sooner."""

import numpy as np
import pytest
from scipy.special import expit

from polypref import Comparison, Group
from polypref.collection.asking import RULES, choose_pairs, tops
from polypref.collection.pool import make_pool
from polypref.errors import PolyprefError


def groups(count: int = 3, k: int = 4, judged: bool = True) -> list[Group]:
    said = [Comparison(0, 1, 0.9, weight=5)] if judged else []
    return [Group(f"question {at}", [f"answer {n}" for n in range(k)], said) for at in range(count)]


def features(count: int = 3, k: int = 4, width: int = 3) -> list[np.ndarray]:
    return list(np.random.default_rng(0).normal(size=(count, k, width)))


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("judged", [True, False])
def test_a_budget_is_spent_on_different_open_pairs(rule, judged):
    pool = make_pool(groups(judged=judged), features())
    asked = choose_pairs(pool, 10, rule, seed=1)
    assert len({(q.group, q.i, q.j) for q in asked}) == 10
    assert not judged or all((q.i, q.j) != (0, 1) for q in asked)
    assert asked == choose_pairs(pool, 10, rule, seed=1)
    assert all(q.why for q in asked)


def test_the_most_uncertain_first():
    pool = make_pool(groups(1, 3, judged=False), features(1, 3))
    asked = choose_pairs(pool, 3, "uncertain", shares=np.array([0.9, 0.45, 0.8]))
    assert [(q.i, q.j) for q in asked] == [(0, 2), (1, 2), (0, 1)]
    assert asked[0].why == "expected share 0.45"


def test_at_most_so_many_of_a_group():
    pool = make_pool(groups(3, 4), features())
    for rule in RULES:
        asked = choose_pairs(pool, 6, rule, per_group=2)
        assert np.bincount([q.group for q in asked]).tolist() == [2, 2, 2]


def test_a_group_of_one_response_is_settled():
    alone = make_pool([Group("q", ["a"]), *groups(1)], [np.zeros((1, 3)), *features(1)])
    top, other = tops(alone)
    assert top == (0, 1.0)
    assert other.probability < 1


def test_a_committee_differs_where_nothing_was_asked():
    rng = np.random.default_rng(0)
    known = [Group("known", ["a", "b"], [Comparison(0, 1, 0.75, weight=200)])] * 20
    seen = [np.array([[rng.normal(), 0.0], [rng.normal(), 0.0]]) for _ in known]
    unknown = [Group("along", ["a", "b"]), Group("across", ["a", "b"])]
    asked = choose_pairs(
        make_pool([*known, *unknown], [*seen, np.array([[1.0, 0], [0, 0]]), np.array([[0, 1.0], [0, 0]])]),
        2,
        "committee",
    )
    assert [q.group for q in asked] == [21, 20]


def test_design_learns_a_utility_from_fewer_answers_than_chance():
    """Half of the groups differ along the first axis, and so on: chance hardly asks about the last."""
    width, rng = 6, np.random.default_rng(0)
    axis = np.repeat(np.arange(width), [64, 32, 16, 8, 4, 4])
    seen = [np.outer([0.0, 1.0], np.eye(width)[at]) for at in axis]
    truth = rng.choice([-1, 1], width).astype(float)
    wrong = {}
    for rule in ("random", "design"):
        errors = []
        for seed in range(10):
            said = [[] for _ in axis]
            nobody = [Group(str(at), ["a", "b"]) for at in range(len(axis))]
            for q in choose_pairs(make_pool(nobody, seen), 24, rule, seed=seed, ridge=0.1):
                share = expit((seen[q.group][q.i] - seen[q.group][q.j]) @ truth)
                said[q.group].append(Comparison(q.i, q.j, share, weight=3))
            asked = [Group(str(at), ["a", "b"], judged) for at, judged in enumerate(said)]
            errors.append(np.abs(make_pool(asked, seen).fit(0.1).weights - truth).mean())
        wrong[rule] = np.mean(errors)
    assert wrong["design"] < 0.6 * wrong["random"]


def test_the_best_is_settled_when_votes_say_so():
    seen = [np.array([[1.0, 0], [0, 0], [0, 0.2]])]
    few = Group("q", list("abc"), [Comparison(0, 1, 1.0)])
    many = Group("q", list("abc"), [Comparison(0, 1, 0.98, weight=300), Comparison(0, 2, 0.98, weight=300)])
    (unsure,), (sure,) = tops(make_pool([few], seen)), tops(make_pool([many], seen))
    assert (unsure.best, sure.best) == (0, 0)
    assert not unsure.settled(0.05)
    assert sure.settled(0.05)


def test_no_more_than_the_groups_give():
    with pytest.raises(PolyprefError, match="the budget is 7 pairs, and at most 2 of each group are 6"):
        choose_pairs(make_pool(groups(), features()), 7, "design", per_group=2)
    with pytest.raises(PolyprefError, match="at most 0 pairs of a group; expected at least 1"):
        choose_pairs(make_pool(groups(), features()), 1, "random", per_group=0)


@pytest.mark.parametrize(
    ("budget", "rule", "said"),
    [
        (100, "random", "the budget is 100 pairs, and the pool has 15 that are not judged"),
        (0, "random", "the budget is 0; expected at least 1 pair"),
        (1, "best", "unknown rule 'best'; known are random, uncertain, committee, design"),
    ],
)
def test_wrong_input_is_a_sentence(budget, rule, said):
    with pytest.raises(PolyprefError, match=said):
        choose_pairs(make_pool(groups(), features()), budget, rule)


def test_a_pool_without_open_pairs():
    done = Group("q", ["a", "b"], [Comparison(0, 1)])
    with pytest.raises(PolyprefError, match="every pair of the pool is judged already"):
        choose_pairs(make_pool([done], [np.zeros((2, 3))]), 1)
    with pytest.raises(PolyprefError, match=r"group 0 has 2 responses and features of shape \(3, 3\)"):
        make_pool([done], [np.zeros((3, 3))])
