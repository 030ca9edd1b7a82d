"""Simulated populations: language that hides attributes from single words, and a truth that the votes converge to."""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
from collections import Counter
from functools import cache
from itertools import islice, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polypref.errors import DataError
from polypref.groups.model import Comparison, Group, Rating
from polypref.groups.simulate import ATTRIBUTES, SCENARIOS, STYLES, iter_simulated, phrases, simulate
from polypref.groups.simulate.population import CUTS, RATING_NOISE, People
from polypref.groups.simulate.text import short_style, wordings
from polypref.groups.simulate.topics import topics

RATED = tuple(name for name in SCENARIOS if name not in ("cyclic", "skewed"))
STYLED = ("cyclic", "skewed", "polarised")  # with three responses, one in each style


# --- The language ---------------------------------------------------------------------------------------------------


@cache
def sample_groups() -> list[Group]:
    """Groups with 2,000 responses whose attributes are known."""
    return simulate("consensus", 500, seed=11)


@cache
def styled_groups() -> list[Group]:
    """Groups with 2,100 responses whose style is known."""
    return simulate("cyclic", 700, seed=11)


def texts(groups: list[Group]) -> list[str]:
    return [text for group in groups for text in group.responses]


def words(text: str) -> list[str]:
    return re.findall(r"[a-z']+", text.lower())


def marks(text: str) -> list[str]:
    """Words, pieces of contractions, digits, punctuation and line ends: whatever a tokenizer might see."""
    return re.findall(r"[a-z]+|\d|[^\w\s]|\n", text.lower())


def counts(documents: list[list[str]]) -> tuple[np.ndarray, list[str]]:
    vocabulary = {word: k for k, word in enumerate(sorted({word for document in documents for word in document}))}
    table = np.zeros((len(documents), len(vocabulary)))
    for row, document in enumerate(documents):
        for word, n in Counter(document).items():
            table[row, vocabulary[word]] = n
    return table, list(vocabulary)


def best_single_token(table: np.ndarray, high: np.ndarray) -> float:
    """Balanced accuracy of the most telling token's presence (or absence)."""
    present = table > 0
    return float(0.5 + np.abs(present[high].mean(axis=0) - present[~high].mean(axis=0)).max() / 2)


def best_length_threshold(lengths: np.ndarray, high: np.ndarray) -> float:
    """Balanced accuracy of the best cut in the number of characters."""
    cuts = np.unique(lengths)
    above = [(lengths[high] >= cut).mean() + (lengths[~high] < cut).mean() for cut in cuts]
    return max(max(above), 2 - min(above)) / 2


def linear_accuracy(table: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Balanced accuracies [N] on the last 30 % of ridge regressions of `high` [R, N] on the first 70 %."""
    design = np.hstack([table, np.ones((len(table), 1))])
    split = int(0.7 * len(design))
    train, test = design[:split], design[split:]
    targets = 2.0 * high[:split] - 1
    weights = train.T @ np.linalg.solve(train @ train.T + 3.0 * np.eye(split), targets)
    said, held = test @ weights > 0, high[split:]
    return ((said & held).sum(axis=0) / held.sum(axis=0) + (~said & ~held).sum(axis=0) / (~held).sum(axis=0)) / 2


def high_levels(groups: list[Group]) -> np.ndarray:
    rows = [levels for group in groups for levels in group.meta["truth"]["attributes"]]
    return np.array([[row[name] == high for name, (_, high) in ATTRIBUTES.items()] for row in rows])


def styles(groups: list[Group]) -> np.ndarray:
    return np.array([[source == style for style in STYLES] for group in groups for source in group.sources])


@pytest.mark.parametrize("tokens", [words, marks])
def test_no_single_token_gives_an_attribute_away(tokens):
    table, _ = counts([tokens(text) for text in texts(sample_groups())])
    high = high_levels(sample_groups())
    assert len(high) == 2000
    for k, name in enumerate(ATTRIBUTES):
        assert best_single_token(table, high[:, k]) <= 0.75, name


@pytest.mark.parametrize("tokens", [words, marks])
def test_no_single_token_gives_a_style_away(tokens):
    table, _ = counts([tokens(text) for text in texts(styled_groups())])
    for style, high in zip(STYLES, styles(styled_groups()).T, strict=True):
        assert best_single_token(table, high) <= 0.75, style


def test_word_counts_together_tell_every_attribute():
    table, _ = counts([words(text) for text in texts(sample_groups())])
    accuracy = dict(zip(ATTRIBUTES, linear_accuracy(table, high_levels(sample_groups())), strict=True))
    del accuracy["fit"]  # which shows in what prompt and response share
    assert min(accuracy.values()) >= 0.9, accuracy


def test_word_counts_together_tell_every_style():
    table, _ = counts([words(text) for text in texts(styled_groups())])
    assert linear_accuracy(table, styles(styled_groups())).min() >= 0.9


def test_an_off_topic_response_shares_few_topic_words_with_its_prompt():
    vocabularies = [{word for phrase in (t.title, *sum(t[1:], ())) for word in words(phrase)} for t in topics()]
    spread = Counter(word for vocabulary in vocabularies for word in vocabulary)
    position = {word: k for k, word in enumerate(spread)}
    lexicon = np.zeros((len(vocabularies), len(position)))  # [topics, words], rare words weigh more
    for row, vocabulary in enumerate(vocabularies):
        for word in vocabulary:
            lexicon[row, position[word]] = 1 / spread[word] ** 2

    def by_topic(text: str) -> np.ndarray:
        return lexicon[:, [position[word] for word in words(text) if word in position]].sum(axis=1)

    overlap = []
    for group in sample_groups():
        subject = by_topic(group.prompt).argmax()
        for text in group.responses:
            scores = by_topic(text)
            overlap.append(scores[subject] / scores.sum())
    on_topic = high_levels(sample_groups())[:, list(ATTRIBUTES).index("fit")]
    assert best_length_threshold(np.array(overlap), on_topic) >= 0.9


def test_length_gives_away_nothing_but_itself():
    lengths, high = np.array([len(text) for text in texts(sample_groups())]), high_levels(sample_groups())
    long = high[:, 0]
    assert lengths[long].min() > lengths[~long].mean() + 50
    for k, name in list(enumerate(ATTRIBUTES))[1:]:
        assert best_length_threshold(lengths, high[:, k]) <= 0.65, name
        for part in (long, ~long):
            assert best_length_threshold(lengths[part], high[part, k]) <= 0.7, name


def test_the_styles_have_equal_length():
    lengths = np.array([len(text) for text in texts(styled_groups())])
    for style, high in zip(STYLES, styles(styled_groups()).T, strict=True):
        assert best_length_threshold(lengths, high) <= 0.65, style


def test_the_styles_of_a_group_give_the_same_advice():
    actions = {action.lower() for topic in topics() for action in topic.actions}
    for group in styled_groups()[:50]:
        advice = [{action for action in actions if action in text.lower()} for text in group.responses]
        assert len(set.intersection(*advice)) == 3


def test_every_level_and_style_has_many_phrasings():
    banks = [value for value in vars(phrases).values() if isinstance(value, tuple)]
    banks += [bank for style in phrases.STYLES.values() for bank in style]
    prompts = (phrases.GOAL_PROMPTS, phrases.TROUBLE_PROMPTS, phrases.CIRCUMSTANCES)
    for bank in banks:
        assert len(set(bank)) == len(bank) >= (12 if bank in prompts else 15)
    assert len(topics()) >= 60
    assert len({topic.title for topic in topics()}) == len(topics())


def test_prompts_are_mostly_distinct():
    forms = sum(map(len, wordings(phrases.GOAL_PROMPTS))) * 3 + sum(map(len, wordings(phrases.TROUBLE_PROMPTS))) * 3
    assert forms * len(topics()) >= 5000
    assert len({group.prompt for group in sample_groups()}) >= 0.98 * len(sample_groups())


def test_texts_are_well_formed():
    prompts = [group.prompt for group in sample_groups()]
    for text in prompts + texts(sample_groups()) + texts(styled_groups()):
        assert not re.search(r"[\[\]{}|]|  |\.\.|[,:;]\.|\s[.,:;!?]|\n\n", text), text
        assert text[-1] in '.!?"', text
        assert not re.search(r"[.!?][ \n]+[a-z](?!\) )", text), text  # a sentence starts with a capital
        assert not re.search(r"\b(\w+) \1\b", text.replace("roll up, roll up", "")), text
        assert not re.search(r"\ba (?=[aeiou])(?!one|use|uni|eu)", text, re.IGNORECASE), text
        assert not re.search(r"\ban (?![aeiou]|hour|honest)", text, re.IGNORECASE), text
        assert not re.search(r"\bi\b(?!\.)|\bI'?m am\b", text), text


def test_the_responses_of_a_group_are_distinct():
    for group in simulate("consensus", 5, responses=32) + simulate("cyclic", 50, responses=6) + sample_groups():
        assert len(set(group.responses)) == len(group)


# --- The judgments --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_pair_gets_its_votes_from_distinct_annotators(scenario):
    k = 3 if scenario in STYLED else 4
    for group in simulate(scenario, 20, votes=7):
        assert len(group) == k
        assert len(group.comparisons) == 7 * k * (k - 1) // 2
        by_pair = Counter((c.i, c.j, c.annotator) for c in group.comparisons)
        assert set(by_pair.values()) == {1}
        assert {(c.i, c.j) for c in group.comparisons} == {(i, j) for i in range(k) for j in range(i + 1, k)}
        assert {c.p for c in group.comparisons} <= {0.0, 1.0}
        assert all(c.criterion is None for c in group.comparisons + group.ratings)
        judges = {c.annotator for c in group.comparisons}
        assert len(judges) == 7
        if scenario not in RATED:
            assert group.ratings == group.scale == ()
        else:
            assert group.scale == (1, 2, 3, 4, 5, 6)
            assert Counter((r.i, r.annotator) for r in group.ratings) == {(i, a): 1 for i in range(k) for a in judges}


@pytest.mark.parametrize("k", [5, 6, 9, 20])
def test_larger_groups_compare_a_connected_choice_of_pairs(k):
    for group in simulate("consensus", 10, responses=k, votes=1):
        pairs = {(c.i, c.j) for c in group.comparisons}
        assert len(pairs) == len(group.comparisons) == 2 * k
        reached, grown = {0}, True
        while grown:
            more = {n for pair in pairs if reached & set(pair) for n in pair}
            reached, grown = reached | more, not more <= reached
        assert reached == set(range(k))


def test_the_pool_is_used_and_named():
    seen = {c.annotator for group in simulate("consensus", 100, annotators=12) for c in group.comparisons}
    assert seen == {f"person-{a:02d}" for a in range(12)}


# --- The truth ------------------------------------------------------------------------------------------------------


def parts(truth: dict) -> list[dict]:
    """The truth and the truths of its camps, criteria or times."""
    found = [truth, *truth.get("camps", {}).values()]
    return found + [truth[name] for name in ("before", "after") if name in truth]


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(sorted(SCENARIOS)), st.integers(3, 6), st.integers(3, 50), st.integers(0, 10**6))
def test_truth_is_a_preference_matrix_and_label_distributions(scenario, k, annotators, seed):
    for group in simulate(scenario, 3, responses=k, annotators=annotators, votes=3, seed=seed):
        truth = group.meta["truth"]
        assert json.loads(json.dumps(truth)) == truth
        assert len(truth["attributes"]) == k
        for part in parts(truth):
            preferences = np.array(part["preferences"])
            assert preferences.shape == (k, k)
            np.testing.assert_allclose(preferences + preferences.T, 1.0, atol=1.5e-6)
            assert (np.diag(preferences) == 0.5).all()
            assert ((preferences > 0) & (preferences < 1)).all()
            if scenario in RATED:
                distributions = np.array(part["distributions"])
                assert distributions.shape == (k, 6)
                np.testing.assert_allclose(distributions.sum(axis=1), 1.0, atol=3.1e-6)
                assert (distributions > 0).all()
                assert len(part["utilities"]) == k


def test_opinions_match_the_formulas_person_by_person():
    rng = np.random.default_rng(5)
    people = People.drawn(rng, [f"p{a}" for a in range(7)])
    taste, levels = rng.normal(size=6), rng.choice([-1.0, 1.0], (4, 6))
    opinions = people.opinions(taste, levels)

    def logistic(x: float) -> float:
        return 1 / (1 + math.exp(-x))

    for a in range(7):
        lapse = people.lapses[a]
        u = [sum((taste[d] + people.deviations[a, d]) * levels[i, d] for d in range(6)) for i in range(4)]
        assert opinions.utilities[a] == pytest.approx(u)
        for i, j in product(range(4), range(4)):
            expected = (1 - lapse) * logistic(u[i] - u[j]) + lapse / 2
            assert opinions.preferences[a, i, j] == pytest.approx(expected)
        for i in range(4):
            below = [0.0, *(logistic((cut - u[i]) / RATING_NOISE) for cut in CUTS), 1.0]
            expected = [(1 - lapse) * (below[m + 1] - below[m]) + lapse / 6 for m in range(6)]
            assert opinions.distributions[a, i] == pytest.approx(expected)


def test_label_probabilities_match_utility_plus_logistic_noise():
    people = People(("p",), np.zeros((1, 6)), np.array([0.3]))
    probabilities = people.opinions(np.full(6, 0.1), np.ones((1, 6))).distributions[0, 0]
    rng = np.random.default_rng(0)
    n = 100_000
    labels = (0.6 + rng.logistic(0, RATING_NOISE, n)[:, None] > CUTS).sum(axis=1)
    labels = np.where(rng.random(n) < 0.3, rng.integers(0, 6, n), labels)
    observed = np.bincount(labels, minlength=6)
    chi_square = ((observed - n * probabilities) ** 2 / (n * probabilities)).sum()
    assert chi_square < 25  # 5 degrees of freedom: one in 7,000


def z_score(outcomes: list[float], probabilities: list[float]) -> float:
    """Standardised sum of independent votes: about normal if the probabilities are true."""
    y, p = np.array(outcomes), np.array(probabilities)
    return float((y - p).sum() / math.sqrt((p * (1 - p)).sum()))


def first_votes(scenario: str, groups: int) -> list[tuple[Group, Comparison, Rating | None]]:
    """One independent vote and rating per group, by one annotator drawn from the pool."""
    k = 3 if scenario in STYLED else 2
    made = simulate(scenario, groups, responses=k, votes=1, seed=3)
    return [(group, group.comparisons[0], group.ratings[0] if group.ratings else None) for group in made]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_votes_and_ratings_converge_to_the_truth(scenario):
    votes = first_votes(scenario, 1500)
    truths = [group.meta["truth"] for group, _, _ in votes]
    p = np.array([truth["preferences"][c.i][c.j] for truth, (_, c, _) in zip(truths, votes, strict=True)])
    y = np.array([c.p for _, c, _ in votes])
    chi_square = 0.0
    for part in np.array_split(np.argsort(p, kind="stable"), 5):  # calibrated at every strength of preference
        chi_square += z_score(y[part], p[part]) ** 2
    assert chi_square < 25  # 5 degrees of freedom: one in 7,000
    if scenario in RATED:
        for label in range(1, 7):
            expected = [truth["distributions"][r.i][label - 1] for truth, (_, _, r) in zip(truths, votes, strict=True)]
            assert abs(z_score([float(r.label == label) for _, _, r in votes], expected)) < 4.5


def test_every_annotator_voting_gives_the_mean_of_the_pool():
    groups = simulate("divided", 120, responses=2, annotators=50, votes=50, seed=8)
    shares = np.array([np.mean([c.p for c in group.comparisons]) for group in groups])
    truth = np.array([group.meta["truth"]["preferences"][0][1] for group in groups])
    # 50 votes from 50 people: the variance is below that of independent votes
    assert (np.abs(shares - truth) < 5 * np.sqrt(truth * (1 - truth) / 50)).all()
    assert abs((shares - truth).mean()) < 5 * math.sqrt(0.25 / 50 / 120)


# --- The scenarios --------------------------------------------------------------------------------------------------


def test_every_scenario_has_a_description():
    assert list(SCENARIOS) == [
        "consensus",
        "divided",
        "polarised",
        "hidden-context",
        "domains",
        "cyclic",
        "skewed",
        "drift",
    ]
    assert all(text and "\n" not in text for text in SCENARIOS.values())


def test_consensus_has_no_camps_and_clear_majorities():
    for group in sample_groups():
        assert set(group.meta["truth"]) == {"preferences", "distributions", "utilities", "attributes"}
    preferences = np.array([group.meta["truth"]["preferences"] for group in sample_groups()])
    rows, columns = np.triu_indices(4, 1)
    assert (np.abs(preferences[:, rows, columns] - 0.5) + 0.5).mean() > 0.7


@pytest.mark.parametrize(("seed", "camps"), [(0, 2), (2, 3)])
def test_divided_camps_disagree_on_most_pairs(seed, camps):
    groups = simulate("divided", 200, seed=seed)
    truths = [group.meta["truth"] for group in groups]
    assert all(len(truth["camps"]) == camps for truth in truths)
    assert sum(camp["share"] for camp in truths[0]["camps"].values()) == pytest.approx(1)
    rows, columns = np.triu_indices(4, 1)
    preferences = np.array([[camp["preferences"] for camp in truth["camps"].values()] for truth in truths])
    sides = preferences[:, :, rows, columns] > 0.5  # [G, camps, 6]
    agree = sides.all(axis=1) | (~sides).all(axis=1)  # [G, 6]
    assert agree.mean() < 0.25
    mixed = sum(camp["share"] * np.array(camp["distributions"]) for camp in truths[0]["camps"].values())
    np.testing.assert_allclose(mixed, truths[0]["distributions"], atol=2e-6)


def test_divided_opinion_is_often_bimodal():
    def valley(p: list[float]) -> float:
        return max(min(max(p[:m]), max(p[m + 1 :])) - p[m] for m in range(1, 5))

    for seed in (0, 2):
        rated = [p for group in simulate("divided", 200, seed=seed) for p in group.meta["truth"]["distributions"]]
        assert np.mean([valley(p) > 0.05 for p in rated]) > 0.3
    rated = [p for group in sample_groups() for p in group.meta["truth"]["distributions"]]
    assert np.mean([valley(p) > 0.05 for p in rated]) < 0.02


def test_divided_annotators_vote_with_the_camp_in_their_name():
    y, p = [], []
    for group, comparison, _ in first_votes("divided", 1500):
        camp, _, number = comparison.annotator.rpartition("-")
        assert number.isdigit()
        y.append(comparison.p)
        p.append(group.meta["truth"]["camps"][camp]["preferences"][comparison.i][comparison.j])
    assert abs(z_score(y, p)) < 4
    side = np.array(p) > 0.5
    assert np.mean(np.array(y)[side]) > 0.75 > 0.25 > np.mean(np.array(y)[~side])


def test_hidden_context_follows_the_criterion_that_only_the_truth_knows():
    y, p = [], []
    for group, comparison, rating in first_votes("hidden-context", 1500):
        truth = group.meta["truth"]
        assert set(truth["criteria"]) == {comparison.annotator}
        assert comparison.criterion is rating.criterion is None
        criterion = truth["criteria"][comparison.annotator]
        y.append(comparison.p)
        p.append(truth["camps"][criterion]["preferences"][comparison.i][comparison.j])
    assert abs(z_score(y, p)) < 4
    side = np.array(p) > 0.5
    assert np.mean(np.array(y)[side]) > 0.7 > 0.3 > np.mean(np.array(y)[~side])


def test_hidden_context_criteria_pull_apart():
    truths = [group.meta["truth"] for group in simulate("hidden-context", 200)]
    best = [{name: int(np.argmax(camp["utilities"])) for name, camp in truth["camps"].items()} for truth in truths]
    assert np.mean([len(set(choice.values())) == 2 for choice in best]) > 0.5


def test_domains_prefer_different_responses_to_the_same_prompt():
    groups = simulate("domains", 400)
    different = []
    for k in range(0, 400, 4):
        block = groups[k : k + 4]
        assert len({(group.prompt, group.responses) for group in block}) == 1
        assert len({group.domain for group in block}) == 4
        different.append(len({int(np.argmax(group.meta["truth"]["utilities"])) for group in block}))
    assert np.mean(different) > 2
    assert len({group.prompt for group in groups}) > 95


def test_cyclic_groups_all_have_the_cycle():
    for group in simulate("cyclic", 50) + simulate("cyclic", 50, responses=6, seed=4):
        truth = np.array(group.meta["truth"]["preferences"])
        assert set(group.sources) == set(STYLES)
        assert set(group.meta["truth"]) == {"preferences", "attributes"}
        number = [STYLES.index(source) for source in group.sources]
        for i, j in product(range(len(group)), repeat=2):
            if (number[i] + 1) % 3 == number[j]:
                assert truth[i, j] == pytest.approx(0.85, abs=0.03)
            elif number[i] == number[j]:
                assert truth[i, j] == 0.5
    assert {group.sources for group in simulate("cyclic", 50)} > {STYLES, STYLES[::-1]}  # in any order


def test_polarised_camps_love_and_hate_the_same_style_and_agree_on_one():
    for group in simulate("polarised", 30) + simulate("polarised", 30, responses=6, seed=4):
        truth = group.meta["truth"]
        assert {attributes["style"] for attributes in truth["attributes"]} == set(STYLES)
        shares = [camp["share"] for camp in truth["camps"].values()]
        assert shares == [0.55, 0.45]
        for i, attributes in enumerate(truth["attributes"]):
            whole = truth["distributions"][i]
            dreamers, strivers = (np.array(camp["distributions"][i]) @ range(1, 7) for camp in truth["camps"].values())
            if attributes["style"] == "expert":
                assert abs(dreamers - strivers) < 0.5
                assert max(whole) == max(whole[2:5])
            else:
                assert abs(dreamers - strivers) > 3.5
                assert min(whole[0], whole[5]) > 0.3  # loved and hated
                assert sum(whole[2:4]) < 0.15


def test_drift_changes_opinion_at_60_percent_of_the_time():
    groups = simulate("drift", 400, votes=6)
    change = groups[0].meta["truth"]["change"]
    times = [c.time for group in groups for c in group.comparisons + group.ratings]
    begin, end = min(times), max(times)
    assert (change - begin) / (end - begin) == pytest.approx(0.6, abs=0.01)
    for group in groups:
        assert [c.time for c in group.comparisons] == sorted(c.time for c in group.comparisons)
    truths = [group.meta["truth"] for group in groups]
    before, after = (np.array([truth[name]["utilities"] for truth in truths]) for name in ("before", "after"))
    assert (before.argmax(axis=1) != after.argmax(axis=1)).mean() > 0.7
    mean = 0.6 * np.array(truths[0]["before"]["preferences"]) + 0.4 * np.array(truths[0]["after"]["preferences"])
    np.testing.assert_allclose(mean, truths[0]["preferences"], atol=2e-6)


def test_drift_votes_follow_the_opinion_of_their_time():
    y, p = [], []
    for group, comparison, _ in first_votes("drift", 1500):
        truth = group.meta["truth"]
        period = truth["before" if comparison.time < truth["change"] else "after"]
        y.append(comparison.p)
        p.append(period["preferences"][comparison.i][comparison.j])
    assert abs(z_score(y, p)) < 4
    side = np.array(p) > 0.5
    assert np.mean(np.array(y)[side]) > 0.7 > 0.3 > np.mean(np.array(y)[~side])


# --- Repeatability --------------------------------------------------------------------------------------------------

DIGEST = """
import hashlib, json
from polypref.groups.simulate import SCENARIOS, simulate
def record(g):
    votes = [[c.i, c.j, c.p, c.annotator, c.time] for c in g.comparisons]
    ratings = [[r.i, r.label, r.annotator, r.time] for r in g.ratings]
    return [g.id, g.prompt, g.responses, votes, ratings, g.domain, g.sources, g.scale, g.meta]
made = [record(g) for s in SCENARIOS for g in simulate(s, 10, responses=5, seed=7)]
digest = hashlib.sha256(json.dumps(made).encode()).hexdigest()
"""


def test_same_arguments_same_bytes_in_every_process():
    here: dict = {}
    exec(DIGEST, here)
    for seed in ("1", "2"):
        run = subprocess.run(
            [sys.executable, "-c", DIGEST + "print(digest)"],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert run.stdout.strip() == here["digest"]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_group_does_not_depend_on_how_many_are_asked_for(scenario):
    assert simulate(scenario, 9, seed=1)[:4] == simulate(scenario, 4, seed=1)
    assert list(islice(iter_simulated(scenario, 10**12, seed=1), 4)) == simulate(scenario, 4, seed=1)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_seeds_differ(scenario):
    one, other = (simulate(scenario, 3, seed=seed) for seed in (1, 2))
    assert all(a.responses != b.responses for a, b in zip(one, other, strict=True))
    assert [group.id for group in one] == [f"{scenario}-{g}" for g in range(3)]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"scenario": "harmony"}, "consensus, divided"),
        ({"scenario": "cyclic", "responses": 2}, "3 to 6"),
        ({"scenario": "consensus", "responses": 1}, "2 to 32"),
        ({"scenario": "consensus", "groups": -1}, "number of groups"),
        ({"scenario": "consensus", "votes": 41}, "1 to 40 votes"),
        ({"scenario": "consensus", "votes": 0}, "1 to 40 votes"),
        ({"scenario": "consensus", "seed": -1}, "seed"),
        ({"scenario": "divided", "annotators": 1, "votes": 1}, "two annotators"),
    ],
)
def test_arguments_that_make_no_sense_are_refused_at_once(arguments, named):
    with pytest.raises(DataError, match=named):
        iter_simulated(**arguments)


def test_short_answers_tell_their_style_and_a_skewed_cycle_has_its_margins():
    groups = simulate("skewed", 200, responses=5, seed=3)
    for group in groups:
        assert [short_style(text) for text in group.responses] == list(group.sources)
        assert max(len(text.split()) for text in group.responses) <= 14
    assert short_style("It depends.") is None
    first = groups[0]
    order = [first.sources.index(style) for style in STYLES]
    truth = np.array(first.meta["truth"]["preferences"])[np.ix_(order, order)]
    margins = np.log(truth / truth.T)
    assert margins[0, 1] == pytest.approx(2, abs=0.2)
    assert margins[0, 2] == pytest.approx(-1, abs=0.2)
    assert margins[1, 2] == pytest.approx(3, abs=0.5)
