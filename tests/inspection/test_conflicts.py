"""Conflicts between domains and criteria: intervals over prompts, and a smallest difference that matters."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.inspection.crowds import crowded, seen

from polypref import Comparison, Group, Rating, inspect_groups, simulate
from polypref.inspection.conflicts import Conflict


def test_domains_conflict_on_the_pairs_they_share():
    conflicts = seen("domains").conflicts
    assert conflicts
    assert all(c.kind == "domain" and c.method == "observed" and c.disagree > c.within for c in conflicts)
    assert any("one customised model per domain" in reason for reason in seen("domains").reasons)


def with_criteria(group: Group) -> Group:
    """The criterion each annotator followed, from the simulation's truth."""
    criteria = group.meta["truth"]["criteria"]
    named = tuple(replace(c, criterion=criteria[c.annotator]) for c in group.comparisons)
    return replace(group, comparisons=named, ratings=(), scale=())


def test_a_hidden_criterion_is_a_conflict_when_given_and_plain_disagreement_when_withheld():
    groups = simulate("hidden-context", 300, seed=2)
    given = inspect_groups(map(with_criteria, groups))
    withheld = inspect_groups(replace(group, ratings=(), scale=()) for group in groups)
    (conflict,) = given.conflicts
    assert {conflict.a, conflict.b} == {"helpfulness", "harmlessness"}
    assert conflict.serious
    assert conflict.disagree > conflict.within + 0.1
    assert given.recommended_head == "gaussian"
    assert not withheld.conflicts
    assert withheld.agreement.comparisons.alpha < given.agreement.comparisons.alpha - 0.1
    assert any("agree little" in reason for reason in withheld.reasons)


def test_criteria_that_rate_the_same_responses_are_compared_by_their_ratings():
    up = [Rating(k, k + 1, criterion="depth") for k in range(3)]
    down = [Rating(k, 3 - k, criterion="brevity") for k in range(3)]
    same = [Rating(k, k + 1, criterion="care") for k in range(3)]
    found = inspect_groups(Group(f"q{n}", ("a", "b", "c"), ratings=[*up, *down, *same]) for n in range(30))
    disagree = {frozenset((c.a, c.b)): c.disagree for c in found.conflicts}
    assert disagree == {
        frozenset(("depth", "brevity")): 1.0,
        frozenset(("depth", "care")): 0.0,
        frozenset(("brevity", "care")): 1.0,
    }


def test_two_prompts_a_domain_allow_no_conflict_however_many_votes():
    few = inspect_groups([*crowded("law", 4, "long", 0), *crowded("art", 4, "short", 1)])
    assert few.comparisons == 224
    assert not few.conflicts
    assert "prompts (10 each)" in few.why["conflicts"]
    assert not any("per domain" in reason for reason in few.reasons)
    enough = inspect_groups([*crowded("law", 12, "long", 0), *crowded("art", 12, "short", 1)])
    (conflict,) = enough.conflicts
    assert conflict.serious
    assert conflict.excess_low > 0.3


@pytest.mark.parametrize(("prompts", "known"), [(9, False), (10, True)])
def test_judges_of_the_same_pairs_need_ten_prompts_for_an_interval(prompts, known):
    apart = [Comparison(0, 1, criterion="x"), Comparison(1, 0, criterion="y")]
    (conflict,) = inspect_groups(Group(f"q{k}", ("a", "b"), apart) for k in range(prompts)).conflicts
    assert conflict.disagree == 1
    assert (conflict.low is not None) == (conflict.high is not None) == known
    assert conflict.serious == known


def test_a_difference_too_small_to_matter_is_no_conflict():
    def conflict(within: float | None, disagree: float, low: float, excess_low: float | None = None) -> Conflict:
        method = "observed" if excess_low is None else "predicted"
        return Conflict("domain", "x", "y", disagree, within, low, 1.0, 9, method, excess_low, excess_low and 1.0)

    assert not conflict(0.30, 0.34, 0.33, excess_low=0.03).serious
    assert conflict(0.30, 0.36, 0.33, excess_low=0.03).serious
    assert not conflict(0.30, 0.50, 0.29, excess_low=-0.01).serious
    assert not conflict(0.30, 0.34, 0.32).serious
    assert conflict(0.30, 0.36, 0.32).serious
    assert not conflict(None, 0.30, 0.20).serious


def test_disagreement_within_a_criterion_is_a_share():
    def votes(criterion: str) -> list[Comparison]:
        return [Comparison(0, 1, p=0.5, weight=1.1, criterion=criterion)]

    few = inspect_groups(Group(f"q{k}", ("a", "b"), [*votes("x"), *votes("y")]) for k in range(40))
    assert few.conflicts[0].within is None  # a vote and a tenth cannot disagree
    twice = [Comparison(0, 1, p=p, criterion=c) for p in (0.0, 1.0) for c in ("x", "y")]
    (conflict,) = inspect_groups(Group(f"q{k}", ("a", "b"), twice) for k in range(40)).conflicts
    assert conflict.within == pytest.approx(1.0)
    assert conflict.disagree == pytest.approx(0.5)
