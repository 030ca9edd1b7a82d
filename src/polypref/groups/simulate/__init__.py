"""Simulated populations with a known truth: plain-English prompts and responses, and people who disagree about them."""

from __future__ import annotations

from collections.abc import Iterator

from polypref.errors import DataError
from polypref.groups.model import Group
from polypref.groups.simulate.scenarios import CATALOGUE, Settings
from polypref.groups.simulate.text import ATTRIBUTES, STYLES

__all__ = ["ATTRIBUTES", "SCENARIOS", "STYLES", "iter_simulated", "simulate"]

SCENARIOS: dict[str, str] = {name: scenario.description for name, scenario in CATALOGUE.items()}


def simulate(
    scenario: str,
    groups: int = 500,
    *,
    responses: int | None = None,
    annotators: int = 40,
    votes: int = 5,
    seed: int = 0,
) -> list[Group]:
    """The groups of `iter_simulated` in a list."""
    return list(iter_simulated(scenario, groups, responses=responses, annotators=annotators, votes=votes, seed=seed))


def iter_simulated(
    scenario: str,
    groups: int = 500,
    *,
    responses: int | None = None,
    annotators: int = 40,
    votes: int = 5,
    seed: int = 0,
) -> Iterator[Group]:
    """Groups one after another, made up as one of `SCENARIOS`; any number of them takes the same memory.

    A population of `annotators` persons is drawn once. For each group, `votes` of them compare the pairs of its
    responses (all pairs of up to four, else a connected choice of 2K) and rate each response from 1 to 6; `cyclic` and
    `skewed` have comparisons only. A group has 4 responses unless told otherwise, 3 in `cyclic`, `skewed` and
    `polarised`. The same arguments give the same bytes on every run, and group g is the same whatever `groups` is. The
    texts are made for experiments and are no advice: a bold response brushes real risks aside.

    `meta["truth"]` is exact for this population (the mean over all annotators, in closed form), with six digits:
    - `preferences` [K, K]: the probability that a vote of a random annotator prefers i to j, random answers included;
    - `distributions` [K, 6]: the probability of each label in a rating by a random annotator, random answers included;
    - `utilities` [K]: the mean utility;
    - `attributes`: the level of each of `ATTRIBUTES`, for every response.

    What differs by scenario:
    - `divided`, `polarised`: also `camps`, name → `share` and the first three; an annotator is named after the camp;
    - `hidden-context`: also `camps`, by criterion, and `criteria`, what each annotator of this group judged by;
    - `domains`: every four groups in a row share a prompt and its responses, and the truth is that of the domain;
    - `drift`: also `before` and `after`, each with the first three, and `change`, the time between them; the first
      three are their mean over the time span;
    - `cyclic`, `skewed`: neither `distributions` nor `utilities`;
    - `cyclic`, `skewed`, `polarised`: `style` is the one attribute.
    """
    if scenario not in CATALOGUE:
        raise DataError(f"unknown scenario {scenario!r}: choose one of {', '.join(CATALOGUE)}")
    chosen = CATALOGUE[scenario]
    fewest, most, usual = chosen.responses
    k = usual if responses is None else responses
    if not fewest <= k <= most:
        raise DataError(f"{scenario} groups have {fewest} to {most} responses, got {k}", field="responses")
    if groups < 0:
        raise DataError(f"expected a number of groups, got {groups}", field="groups")
    if seed < 0:
        raise DataError(f"expected a seed of 0 or more, got {seed}", field="seed")
    if not 1 <= votes <= annotators:
        raise DataError(f"expected 1 to {annotators} votes from {annotators} annotators, got {votes}", field="votes")
    if annotators < chosen.camps:
        raise DataError("two camps need two annotators or more", field="annotators")
    make = chosen.prepare(Settings(k, annotators, votes, seed))
    return map(make, range(groups))
