"""What is measured: agreement, camps, cycles, drift, and what length wins."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.inspection.crowds import seen

from polypref import Comparison, Group, inspect_groups, simulate


def test_consensus_shows_no_camps_no_cycles_no_drift():
    found = seen("consensus")
    assert not found.camps.detected
    assert found.cyclic_share.p_value > 0.05
    assert found.cyclic_share.value == pytest.approx(found.cyclic_share.noise, abs=0.05)
    assert found.drift is None


def test_camps_show_in_a_divided_crowd_only():
    assert seen("divided").camps.opposition > 0.3
    assert all(seen(other).camps.opposition < 0.1 for other in ("consensus", "cyclic"))


def test_a_cycle_shows_within_prompts_and_between_styles():
    found = seen("cyclic")
    assert found.cyclic_share.low > found.cyclic_share.noise_high
    cycle = found.sources.cycles[0]
    assert set(cycle.members) == set(found.sources.names)
    assert cycle.strength > 0.75


def test_drift_is_found_where_it_happened():
    groups = simulate("drift", 200, seed=1)
    times = [c.time for group in groups for c in group.comparisons]
    change = min(times) + 0.6 * (max(times) - min(times))
    found = inspect_groups(groups)
    assert found.drift.detected
    assert found.drift.time == pytest.approx(change, abs=0.1 * (max(times) - min(times)))


def test_length_bias_is_the_share_of_longer_winners():
    groups = [Group(f"q{k}", ("xxxx", "yy"), [Comparison(0, 1, p=0.0 if k < 3 else 1.0)]) for k in range(12)]
    bias = inspect_groups(groups).length_bias
    assert bias.longer_wins == pytest.approx(9 / 12)
    assert bias.odds_per_doubling == pytest.approx(3.0)  # one doubling, odds 9 : 3


def test_nobody_agrees_with_themselves():
    alone = [Group(f"q{k}", ("a", "b"), [Comparison(0, 1, annotator="ann")] * 3) for k in range(20)]
    found = inspect_groups(alone)
    assert found.agreement.comparisons is None
    assert found.duplicates.judgments == 40
    both = [replace(g, comparisons=(*g.comparisons, Comparison(0, 1, annotator="bob"))) for g in alone[:10]]
    both += [replace(g, comparisons=(*g.comparisons, Comparison(1, 0, annotator="bob"))) for g in alone[10:]]
    # each pair has one vote of ann and one of bob: they agree on half, where chance would have them agree on half
    assert inspect_groups(both).agreement.comparisons.observed == pytest.approx(0.5)


def test_cyclic_shares_do_not_mix_criteria():
    # each criterion is transitive, and they oppose each other: pooled, nothing would be left
    def votes(order: tuple[int, int, int], criterion: str) -> list[Comparison]:
        a, b, c = order
        return [Comparison(x, y, criterion=criterion, weight=3) for x, y in ((a, b), (b, c), (a, c))]

    groups = [Group(f"q{k}", ("a", "b", "c"), [*votes((0, 1, 2), "x"), *votes((2, 1, 0), "y")]) for k in range(20)]
    found = inspect_groups(groups).cyclic_share
    assert found.groups == 40
    assert found.value == pytest.approx(1 / 9)  # three equal log-odds in a row are not quite additive


def test_the_test_for_cycles_says_when_votes_depend_on_each_other():
    assert not seen("cyclic").cyclic_share.independent_votes
    pairs = [(0, 1), (1, 2), (2, 0)]
    groups = [
        Group(f"q{k}", ("a", "b", "c"), [Comparison(i, j, annotator=f"a{n}") for n, (i, j) in enumerate(pairs * 3)])
        for k in range(8)
    ]
    assert inspect_groups(groups).cyclic_share.independent_votes


def test_sources_are_listed_by_the_votes_they_win():
    groups = [
        Group(f"q{k}", ("a", "b", "c"), [Comparison(0, 1), Comparison(0, 2, p=0.75)], sources=("x", "y", "z"))
        for k in range(4)
    ]
    rates = inspect_groups(groups).sources.win_rates
    assert rates == {"x": 0.875, "z": 0.25, "y": 0.0}
    assert list(rates) == ["x", "z", "y"]
