"""The scenarios: who the people are, what they judge by, and what is known to be true of them.

Each function takes the settings, makes the people once, and returns a function that makes group g from g alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from random import Random
from typing import Any, NamedTuple

import numpy as np
from scipy.special import expit

from polypref.groups.model import Comparison, Group, Rating
from polypref.groups.simulate.population import (
    SCALE,
    Array,
    Opinions,
    People,
    camps,
    choose_pairs,
    compare,
    mixture,
    rate,
    rounded,
)
from polypref.groups.simulate.text import (
    ATTRIBUTES,
    STYLES,
    Draw,
    pick,
    sample,
    write_in_style,
    write_prompt,
    write_response,
    write_short,
)
from polypref.groups.simulate.topics import topics


@dataclass(frozen=True, slots=True)
class Settings:
    """How many responses a group has, how many people there are, how many of them judge a group, and the seed."""

    responses: int
    annotators: int
    votes: int
    seed: int


Maker = Callable[[int], Group]


def _taste(
    length: float = 0.0,
    formality: float = 0.0,
    structure: float = 0.0,
    warmth: float = 0.0,
    caution: float = 0.0,
    fit: float = 0.0,
) -> Array:
    """Weights in the order of ATTRIBUTES."""
    return np.array([length, formality, structure, warmth, caution, fit])


# Positive weights favour the second level of an attribute: long, formal, steps, warm, careful, on-topic.
CONSENSUS = _taste(length=0.4, formality=0.3, structure=0.6, warmth=0.5, caution=0.4, fit=1.0)
TWO_CAMPS = {
    "brisk": _taste(length=-0.9, formality=-0.6, structure=-0.5, warmth=-0.5, caution=-0.9, fit=0.5),
    "caring": _taste(length=0.9, formality=0.6, structure=0.5, warmth=0.5, caution=0.9, fit=0.5),
}
THREE_CAMPS = {
    "brisk": _taste(length=-1.0, formality=-0.2, structure=-0.2, warmth=-0.6, caution=-0.7, fit=0.5),
    "thorough": _taste(length=0.8, formality=0.7, structure=0.9, warmth=-0.3, caution=0.2, fit=0.5),
    "gentle": _taste(length=0.1, formality=-0.6, structure=-0.7, warmth=0.9, caution=0.6, fit=0.5),
}
STYLE_CAMPS = {  # what each camp thinks of a style
    "dreamers": {"storyteller": 2.2, "expert": 0.4, "coach": -2.2},
    "strivers": {"storyteller": -2.2, "expert": 0.4, "coach": 2.2},
}
CRITERIA = {
    "helpfulness": _taste(length=0.8, structure=0.5, warmth=0.1, caution=-0.7, fit=0.6),
    "harmlessness": _taste(length=-0.5, formality=0.2, warmth=0.3, caution=1.1, fit=0.3),
}
CRITERION_SHARES = {"helpfulness": 0.6, "harmlessness": 0.4}
DOMAINS = {
    "helpdesk": _taste(length=-0.6, formality=0.2, structure=0.8, warmth=-0.3, fit=0.6),
    "forum": _taste(length=0.2, formality=-0.8, structure=-0.5, warmth=0.6, caution=-0.2, fit=0.6),
    "classroom": _taste(length=0.8, formality=0.6, structure=0.2, warmth=0.2, fit=0.6),
    "clinic": _taste(length=-0.2, formality=0.4, structure=-0.1, warmth=0.4, caution=1.0, fit=0.6),
}
BEFORE = _taste(length=0.7, formality=0.3, structure=0.3, warmth=0.6, caution=0.3, fit=0.6)
AFTER = _taste(length=-0.7, formality=-0.3, structure=0.3, warmth=-0.6, caution=0.3, fit=0.6)
BEGIN, SPAN = 1_704_067_200.0, 30 * 86_400  # seconds since 1970, seconds
CHANGE = 0.6  # share of the span before the change
SKEWED = np.array([[0.0, 2.0, -1.0], [-2.0, 0.0, 3.0], [1.0, -3.0, 0.0]])  # log-odds between the styles
SKEWED_SPREAD = 0.15  # of a person's log-odds, as a share of these
CYCLE_STRENGTH, CYCLE_SPREAD = 1.9, 0.3  # logit of a person's preference for a style over the next: mean, deviation


class Candidates(NamedTuple):
    """A prompt and responses whose attributes are known."""

    prompt: str
    responses: tuple[str, ...]
    attributes: list[dict[str, str]]
    levels: Array  # [K, D], ±1


class Judge(NamedTuple):
    """One member of the panel of a group, with their probabilities for votes and labels."""

    name: str
    preferences: list[list[float]]  # [K, K]
    distributions: list[list[float]]  # [K, 6]
    time: float | None


def consensus(settings: Settings) -> Maker:
    """Everyone around one taste."""
    people = _people(settings, "consensus")

    def make(g: int) -> Group:
        draw = _draw(settings, "consensus", g)
        candidates = _candidates(draw, settings.responses)
        opinions = people.opinions(CONSENSUS, candidates.levels)
        panel = [_judge(people, opinions, a) for a in sample(draw, settings.annotators, settings.votes)]
        return _group(f"consensus-{g}", draw, candidates, panel, opinions.mean().as_dict())

    return make


def divided(settings: Settings) -> Maker:
    """Two or three camps, by the seed; the name of an annotator says the camp."""
    rng = _generator(settings, "divided")
    tastes = TWO_CAMPS if settings.annotators < 3 or rng.random() < 0.5 else THREE_CAMPS
    return _in_camps(settings, "divided", tastes, rng, _candidates)


def polarised(settings: Settings) -> Maker:
    """Two camps, each of which loves the style that the other hates, and one style that both can live with."""
    tastes = {camp: np.array([taste[style] for style in STYLES]) for camp, taste in STYLE_CAMPS.items()}

    def write(draw: Draw, k: int) -> Candidates:
        prompt, responses, order = _styled(draw, k)
        return Candidates(prompt, responses, [{"style": STYLES[s]} for s in order], np.eye(len(STYLES))[order])

    return _in_camps(settings, "polarised", tastes, _generator(settings, "polarised"), write)


def _in_camps(
    settings: Settings,
    scenario: str,
    tastes: Mapping[str, Array],
    rng: np.random.Generator,
    write: Callable[[Draw, int], Candidates],
) -> Maker:
    """People in two or three camps, named after theirs, who judge what is written."""
    sizes = _camp_sizes(settings.annotators, (0.55, 0.45) if len(tastes) == 2 else (0.4, 0.35, 0.25))
    members = {
        camp: People.drawn(rng, [f"{camp}-{n:02d}" for n in range(size)], len(taste))
        for (camp, taste), size in zip(tastes.items(), sizes, strict=True)
    }
    shares = {camp: len(people.names) / settings.annotators for camp, people in members.items()}
    home = [(camp, n) for camp, people in members.items() for n in range(len(people.names))]  # of each annotator

    def make(g: int) -> Group:
        draw = _draw(settings, scenario, g)
        candidates = write(draw, settings.responses)
        opinions = {camp: members[camp].opinions(tastes[camp], candidates.levels) for camp in tastes}
        truths = {camp: opinions[camp].mean() for camp in tastes}
        panel = []
        for a in sample(draw, settings.annotators, settings.votes):
            camp, row = home[a]
            panel.append(_judge(members[camp], opinions[camp], row))
        truth = mixture(shares, truths).as_dict() | {"camps": camps(shares, truths)}
        return _group(f"{scenario}-{g}", draw, candidates, panel, truth)

    return make


def hidden_context(settings: Settings) -> Maker:
    """In each group, each annotator judges by one of two criteria, drawn at random and not recorded."""
    people = _people(settings, "hidden-context")

    def make(g: int) -> Group:
        draw = _draw(settings, "hidden-context", g)
        candidates = _candidates(draw, settings.responses)
        opinions = {name: people.opinions(taste, candidates.levels) for name, taste in CRITERIA.items()}
        truths = {name: opinion.mean() for name, opinion in opinions.items()}
        panel, criteria = [], {}
        for a in sample(draw, settings.annotators, settings.votes):
            criterion = "helpfulness" if draw() < CRITERION_SHARES["helpfulness"] else "harmlessness"
            criteria[people.names[a]] = criterion
            panel.append(_judge(people, opinions[criterion], a))
        truth = mixture(CRITERION_SHARES, truths).as_dict()
        truth |= {"camps": camps(CRITERION_SHARES, truths), "criteria": criteria}
        return _group(f"hidden-context-{g}", draw, candidates, panel, truth)

    return make


def domains(settings: Settings) -> Maker:
    """One query after another, each judged with the same responses in every domain."""
    people = _people(settings, "domains")
    names = tuple(DOMAINS)

    @lru_cache(maxsize=1)  # the domains of a query follow one another
    def write(query: int) -> Candidates:
        return _candidates(_draw(settings, "domains-text", query), settings.responses)

    def make(g: int) -> Group:
        query, place = divmod(g, len(names))
        candidates = write(query)
        draw = _draw(settings, "domains", g)
        opinions = people.opinions(DOMAINS[names[place]], candidates.levels)
        panel = [_judge(people, opinions, a) for a in sample(draw, settings.annotators, settings.votes)]
        return _group(f"domains-{g}", draw, candidates, panel, opinions.mean().as_dict(), domain=names[place])

    return make


def drift(settings: Settings) -> Maker:
    """The taste of everyone changes after 60 % of the time; each annotator visits a group once, at a random time."""
    people = _people(settings, "drift")

    def make(g: int) -> Group:
        draw = _draw(settings, "drift", g)
        candidates = _candidates(draw, settings.responses)
        before, after = (people.opinions(taste, candidates.levels) for taste in (BEFORE, AFTER))
        visits = sorted((int(draw() * SPAN), a) for a in sample(draw, settings.annotators, settings.votes))
        panel = [_judge(people, before if t < CHANGE * SPAN else after, a, BEGIN + t) for t, a in visits]
        truths = {"before": before.mean(), "after": after.mean()}
        truth = mixture({"before": CHANGE, "after": 1 - CHANGE}, truths).as_dict()
        truth |= {name: part.as_dict() for name, part in truths.items()} | {"change": BEGIN + CHANGE * SPAN}
        return _group(f"drift-{g}", draw, candidates, panel, truth)

    return make


def cyclic(settings: Settings) -> Maker:
    """Three styles with the same content, each preferred to the next."""
    beats = np.roll(np.eye(3), 1, axis=1)  # style s beats style s + 1
    return _in_cycle(settings, "cyclic", CYCLE_STRENGTH * (beats - beats.T), CYCLE_SPREAD / CYCLE_STRENGTH, _styled)


def skewed(settings: Settings) -> Maker:
    """One short sentence in each of three styles; each is preferred to the next, by another margin each time."""
    return _in_cycle(settings, "skewed", SKEWED, SKEWED_SPREAD, _short)


def _in_cycle(
    settings: Settings,
    scenario: str,
    log_odds: Array,  # [3, 3] between the styles, on average over people
    spread: float,  # deviation of a person's log-odds, as a share of these
    write: Callable[[Draw, int], tuple[str, tuple[str, ...], list[int]]],
) -> Maker:
    """People who compare the styles of responses and nothing else."""
    rng = _generator(settings, scenario)
    names = [f"person-{a:02d}" for a in range(settings.annotators)]
    strength = rng.normal(1, spread, settings.annotators)[:, None, None]  # [A, 1, 1]
    lapses = People.drawn(rng, names).lapses[:, None, None]
    tastes = (1 - lapses) * expit(strength * log_odds) + lapses / 2  # [A, 3, 3]
    average = tastes.mean(axis=0)

    def make(g: int) -> Group:
        draw = _draw(settings, scenario, g)
        prompt, responses, order = write(draw, settings.responses)
        of_group = np.ix_(order, order)
        pairs = choose_pairs(draw, len(order))
        comparisons: list[Comparison] = []
        for a in sample(draw, settings.annotators, settings.votes):
            comparisons += compare(draw, names[a], tastes[a][of_group].tolist(), pairs, None)
        styles = [STYLES[s] for s in order]
        truth = {"preferences": rounded(average[of_group]), "attributes": [{"style": s} for s in styles]}
        return Group(
            prompt,
            responses,
            tuple(comparisons),
            id=f"{scenario}-{g}",
            sources=tuple(styles),
            meta={"truth": truth},
        )

    return make


class Responses(NamedTuple):
    """How many responses a group of a scenario may have."""

    fewest: int
    most: int
    usual: int


WRITTEN, STYLED = Responses(2, 32, 4), Responses(3, 6, 3)  # in any of the attributes; in the three styles


class Scenario(NamedTuple):
    """A scenario and what it shows."""

    description: str
    prepare: Callable[[Settings], Maker]
    responses: Responses = WRITTEN
    camps: int = 1  # at least; none is without a member


CATALOGUE = {
    "consensus": Scenario("everyone shares one taste, give or take", consensus),
    "divided": Scenario("two or three camps with opposed tastes", divided, camps=2),
    "polarised": Scenario("two camps, each of which loves what the other hates", polarised, STYLED, camps=2),
    "hidden-context": Scenario("an unrecorded criterion decides which taste judges", hidden_context),
    "domains": Scenario("the same queries and responses in four domains with tastes of their own", domains),
    "cyclic": Scenario("three styles that beat each other like rock, paper and scissors", cyclic, STYLED),
    "skewed": Scenario("three styles in short answers, which beat each other by unequal margins", skewed, STYLED),
    "drift": Scenario("everyone's taste changes after 60 % of the time", drift),
}


def _draw(settings: Settings, stream: str, g: int) -> Draw:
    """Uniform numbers for group g alone; Random seeded by a text gives the same in every process and Python version."""
    return Random(f"{settings.seed}:{stream}:{g}").random


def _generator(settings: Settings, scenario: str) -> np.random.Generator:
    return np.random.default_rng([settings.seed, *scenario.encode()])


def _people(settings: Settings, scenario: str) -> People:
    return People.drawn(_generator(settings, scenario), [f"person-{a:02d}" for a in range(settings.annotators)])


def _camp_sizes(annotators: int, shares: Sequence[float]) -> list[int]:
    """Whole numbers near the shares, one at least, that add up to all annotators."""
    sizes = [max(1, round(share * annotators)) for share in shares[1:]]
    return [annotators - sum(sizes), *sizes]


def _candidates(draw: Draw, k: int) -> Candidates:
    """A prompt and K responses that differ in length, formality, structure, warmth or caution; one in four strays."""
    topic = pick(draw, topics())
    prompt = write_prompt(draw, topic)
    free = [name for name in ATTRIBUTES if name != "fit"]
    attributes, levels = [], []
    for code in sample(draw, 2 ** len(free), k):
        high = {name: code >> bit & 1 for bit, name in enumerate(free)}
        high["fit"] = int(draw() < 0.75)
        attributes.append({name: ATTRIBUTES[name][high[name]] for name in ATTRIBUTES})
        levels.append([2.0 * high[name] - 1.0 for name in ATTRIBUTES])
    responses = _distinct([partial(write_response, draw, topic, kind) for kind in attributes])
    return Candidates(prompt, responses, attributes, np.array(levels))


def _styled(draw: Draw, k: int) -> tuple[str, tuple[str, ...], list[int]]:
    """A prompt, K responses with the same content, and the number of each one's style; every style occurs."""
    topic = pick(draw, topics())
    prompt = write_prompt(draw, topic)
    order = sample(draw, 3, 3) + [int(3 * draw()) for _ in range(k - 3)]
    actions = [topic.actions[a] for a in sorted(sample(draw, len(topic.actions), 3))]
    return prompt, _distinct([partial(write_in_style, draw, topic, actions, STYLES[s]) for s in order]), order


def _short(draw: Draw, k: int) -> tuple[str, tuple[str, ...], list[int]]:
    """A short question, K answers of one sentence, and the number of each one's style; every style occurs."""
    topic = pick(draw, topics())
    prompt = f"How do I {pick(draw, topic.goals)}?"
    order = sample(draw, 3, 3) + [int(3 * draw()) for _ in range(k - 3)]
    return prompt, _distinct([partial(write_short, draw, topic, STYLES[s]) for s in order]), order


def _distinct(writers: Sequence[Callable[[], str]]) -> tuple[str, ...]:
    """One text from each writer, written anew if an earlier one said the same."""
    texts: list[str] = []
    for write in writers:
        text = write()
        while text in texts:
            text = write()
        texts.append(text)
    return tuple(texts)


def _judge(people: People, opinions: Opinions, a: int, time: float | None = None) -> Judge:
    return Judge(people.names[a], opinions.preferences[a].tolist(), opinions.distributions[a].tolist(), time)


def _group(
    name: str,
    draw: Draw,
    candidates: Candidates,
    panel: Sequence[Judge],
    truth: dict[str, Any],
    domain: str | None = None,
) -> Group:
    """The group that results when every judge compares the chosen pairs and rates every response."""
    pairs = choose_pairs(draw, len(candidates.responses))
    comparisons: list[Comparison] = []
    ratings: list[Rating] = []
    for judge in panel:
        comparisons += compare(draw, judge.name, judge.preferences, pairs, judge.time)
        ratings += rate(draw, judge.name, judge.distributions, judge.time)
    truth["attributes"] = [dict(levels) for levels in candidates.attributes]
    return Group(
        candidates.prompt,
        candidates.responses,
        tuple(comparisons),
        tuple(ratings),
        domain=domain,
        id=name,
        scale=SCALE,
        meta={"truth": truth},
    )
