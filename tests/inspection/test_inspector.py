"""Inspections: what they say of populations whose truth is known, and of real data."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from dataclasses import replace
from functools import cache

import pytest
from tests.conftest import ROOT
from tests.inspection.cases import CASES, PINNED

from polypref import Comparison, Group, Inspection, Rating, Undefined, inspect_groups, load_groups, simulate
from polypref.inspection.conflicts import Conflict
from polypref.inspection.findings import Contradictions, Duplicates, Spread

DATA = ROOT.parent / "shared" / "data"


@cache
def seen(scenario: str, seed: int = 1) -> Inspection:
    return inspect_groups(simulate(scenario, 200, seed=seed))


@pytest.mark.parametrize(
    ("scenario", "head"),
    [
        ("consensus", "scalar"),
        ("divided", "distributional"),
        ("hidden-context", "distributional"),
        ("domains", "scalar"),
        ("cyclic", "general"),
    ],
)
def test_the_head_that_fits_is_recommended(scenario, head):
    assert seen(scenario).recommended_head == head


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


def test_domains_conflict_on_the_pairs_they_share():
    conflicts = seen("domains").conflicts
    assert conflicts
    assert all(c.kind == "domain" and c.method == "observed" and c.disagree > c.within for c in conflicts)
    assert any("one customised model per domain" in reason for reason in seen("domains").reasons)


def test_drift_is_found_where_it_happened():
    groups = simulate("drift", 200, seed=1)
    times = [c.time for group in groups for c in group.comparisons]
    change = min(times) + 0.6 * (max(times) - min(times))
    found = inspect_groups(groups)
    assert found.drift.detected
    assert found.drift.time == pytest.approx(change, abs=0.1 * (max(times) - min(times)))


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


def test_counts_repeats_and_contradictions():
    groups = [
        Group("q", ("a", "b"), [Comparison(0, 1, annotator="x"), Comparison(1, 0, annotator="x")]),
        Group("Q ", ("c", "c"), [Comparison(0, 1, annotator="y", weight=3)]),
        Group("r", ("d", "e", "f"), [Comparison(0, 1), Comparison(0, 1, p=0)], [Rating(2, "fine")]),
    ]
    found = inspect_groups(groups)
    assert (found.groups, found.prompts, found.responses, found.comparisons, found.ratings) == (3, 2, 7, 5, 1)
    assert found.annotators == 2
    assert found.duplicates == Duplicates(prompts=1, responses=1, judgments=0)
    assert found.contradictions == Contradictions(pairs=2, by_one_annotator=1)
    assert found.labels == {"fine": 1}
    assert found.votes.per_pair == Spread(min=2.0, median=2.0, max=3.0)


def test_length_bias_is_the_share_of_longer_winners():
    groups = [Group(f"q{k}", ("xxxx", "yy"), [Comparison(0, 1, p=0.0 if k < 3 else 1.0)]) for k in range(12)]
    bias = inspect_groups(groups).length_bias
    assert bias.longer_wins == pytest.approx(9 / 12)
    assert bias.odds_per_doubling == pytest.approx(3.0)  # one doubling, odds 9 : 3


def test_order_of_responses_and_groups_does_not_matter():
    def turned(group: Group) -> Group:
        last = len(group) - 1
        return replace(
            group,
            responses=group.responses[::-1],
            sources=group.sources[::-1],
            comparisons=tuple(replace(c, i=last - c.j, j=last - c.i, p=1 - c.p) for c in group.comparisons),
        )

    groups = simulate("cyclic", 40, seed=3)
    one, other = inspect_groups(groups), inspect_groups([turned(group) for group in groups])
    assert other.cyclic_share.value == pytest.approx(one.cyclic_share.value)
    assert other.agreement.comparisons.alpha == pytest.approx(one.agreement.comparisons.alpha)
    assert other.length_bias.longer_wins == pytest.approx(one.length_bias.longer_wins)
    assert other.contradictions == one.contradictions


def test_nothing_to_inspect_is_undefined():
    with pytest.raises(Undefined, match="no groups"):
        inspect_groups([])


def test_the_same_data_give_the_same_bytes_in_every_process():
    code = (
        "import json, polypref; print(json.dumps(polypref.inspect_groups(polypref.simulate('domains', 40)).as_dict()))"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(printed) == 1
    assert json.loads(printed.pop())["groups"] == 40


def alike(found: object, pinned: object, where: str) -> None:
    """The same keys in the same order, types and values; the last digits of a float are the processor's."""
    assert type(found) is type(pinned), where
    if isinstance(pinned, dict):
        assert list(found) == list(pinned), where
        for key, value in pinned.items():
            alike(found[key], value, f"{where}.{key}")
    elif isinstance(pinned, list):
        assert len(found) == len(pinned), where
        for k, value in enumerate(pinned):
            alike(found[k], value, f"{where}[{k}]")
    else:
        assert found == (pytest.approx(pinned, rel=1e-9) if isinstance(pinned, float) else pinned), where


@pytest.mark.parametrize("case", CASES)
def test_the_json_is_as_it_was(case):
    pinned = json.loads(PINNED.read_text(encoding="utf-8"))[case]
    alike(json.loads(json.dumps(inspect_groups(CASES[case]).as_dict())), pinned, case)


def crowded(domain: str, prompts: int, prefers: str, seed: int) -> list[Group]:
    """Prompts with many votes each: long answers are liked, or short ones, four times in five."""
    rng = random.Random(seed)
    groups = []
    for q in range(prompts):
        lengths = rng.sample(range(1, 40), 8)
        pairs = [(i, j) for i in range(8) for j in range(i)]
        votes = []
        for i, j in pairs:
            longer = lengths[i] > lengths[j]
            votes.append(
                Comparison(i, j, p=float((longer if prefers == "long" else not longer) ^ (rng.random() < 0.2)))
            )
        groups.append(Group(f"{domain} {q}", [f"word{n} " * n for n in lengths], votes, domain=domain))
    return groups


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


def test_groups_of_one_prompt_are_one_prompt():
    groups = [*crowded("law", 12, "long", 0), *crowded("art", 12, "short", 1)]
    alike = [replace(group, prompt=f"{group.domain} {k % 3}") for k, group in enumerate(groups)]
    assert inspect_groups(alike).prompts == 6
    assert not inspect_groups(alike).conflicts
    apart, together = inspect_groups(groups).length_bias, inspect_groups(alike).length_bias
    assert apart.longer_wins == together.longer_wins
    assert together.high - together.low > apart.high - apart.low


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


@pytest.mark.skipif(not DATA.exists(), reason="the real data are not here")
class TestRealData:
    @staticmethod
    @cache
    def inspect(name: str) -> Inspection:
        with pytest.warns(UserWarning, match="left out"):
            return inspect_groups(load_groups(DATA / f"{name}.jsonl.gz", skip_bad=True))

    def test_helpful_and_harmless_votes_conflict(self):
        (conflict,) = self.inspect("hidden_context/both.train").conflicts
        assert {conflict.a, conflict.b} == {"helpful", "harmless"}
        assert conflict.method == "predicted"
        assert conflict.serious

    def test_the_longer_answer_wins_alpaca_eval(self):
        found = self.inspect("alpaca_eval/pairs.train")
        assert found.length_bias.longer_wins == pytest.approx(0.89, abs=0.03)
        assert found.cyclic_share is None
        assert "close no loop" in found.why["cyclic share"] or "close a loop" in found.why["cyclic share"]

    def test_every_domain_prefers_its_own(self):
        conflicts = self.inspect("dsp/domains.train").conflicts
        assert len(conflicts) == 6
        assert all(c.method == "observed" and c.disagree > 0.9 for c in conflicts)

    def test_twelve_topics_of_one_crowd_show_no_conflict(self):
        path = DATA / "convarg" / "crowd.train.jsonl.gz"
        if not path.exists():
            pytest.skip("the arguments judged by a crowd are not here")
        found = inspect_groups(load_groups(path))
        assert found.comparisons > 30_000
        assert set(found.sizes.domains.values()) == {2}
        assert not any(c.serious for c in found.conflicts)
        assert found.recommended_head == "scalar"
        assert not any("domain" in reason for reason in found.reasons)


def test_nobody_agrees_with_themselves():
    alone = [Group(f"q{k}", ("a", "b"), [Comparison(0, 1, annotator="ann")] * 3) for k in range(20)]
    found = inspect_groups(alone)
    assert found.agreement.comparisons is None
    assert found.duplicates.judgments == 40
    both = [replace(g, comparisons=(*g.comparisons, Comparison(0, 1, annotator="bob"))) for g in alone[:10]]
    both += [replace(g, comparisons=(*g.comparisons, Comparison(1, 0, annotator="bob"))) for g in alone[10:]]
    # each pair has one vote of ann and one of bob: they agree on half, where chance would have them agree on half
    assert inspect_groups(both).agreement.comparisons.observed == pytest.approx(0.5)


def test_votes_behind_a_share_can_contradict_each_other():
    groups = [Group(f"q{k}", ("a", "b"), [Comparison(0, 1, p=0.6, weight=10)]) for k in range(5)]
    groups += [Group("single", ("a", "b"), [Comparison(0, 1, p=0.6)])]  # a judge's doubt is no contradiction
    assert inspect_groups(groups).contradictions.pairs == 5


def test_disagreement_within_a_criterion_is_a_share():
    def votes(criterion: str) -> list[Comparison]:
        return [Comparison(0, 1, p=0.5, weight=1.1, criterion=criterion)]

    few = inspect_groups(Group(f"q{k}", ("a", "b"), [*votes("x"), *votes("y")]) for k in range(40))
    assert few.conflicts[0].within is None  # a vote and a tenth cannot disagree
    twice = [Comparison(0, 1, p=p, criterion=c) for p in (0.0, 1.0) for c in ("x", "y")]
    (conflict,) = inspect_groups(Group(f"q{k}", ("a", "b"), twice) for k in range(40)).conflicts
    assert conflict.within == pytest.approx(1.0)
    assert conflict.disagree == pytest.approx(0.5)


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
