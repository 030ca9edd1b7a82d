"""Simulated language hides attributes from single words and from length, and tells them all together."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache

import numpy as np
import pytest
from tests.groups.simulate.test_scenarios import sample_groups

from polypref.groups.model import Group
from polypref.groups.simulate import ATTRIBUTES, STYLES, phrases, simulate
from polypref.groups.simulate.text import short_style, wordings
from polypref.groups.simulate.topics import topics


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
