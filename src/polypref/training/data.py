"""What is trained on: groups as tokens and judgments, without the responses nobody judged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Generic

import numpy as np
from numpy.typing import NDArray

from polypref.groups.deriving import best_response, is_ranked
from polypref.groups.model import Group
from polypref.models.inputs import Input
from polypref.models.packing import InputT
from polypref.models.preference_model import PreferenceModel
from polypref.objectives import GroupJudgments, Judgments, Objective, collate, group_judgments
from polypref.objectives.judgments import Uses


@dataclass(frozen=True, slots=True, eq=False)
class TrainingGroup(Generic[InputT]):
    """The responses of one group and what was said about them; in training only the responses that are judged."""

    inputs: Sequence[InputT]  # one per response, or two per judged pair for a joint head; features of a frozen backbone
    judgments: GroupJudgments
    responses: int
    group: Group  # as it was read
    weight: float  # of the group's judgments in the loss
    imitates: bool = False  # whether the best response is to be imitated


@dataclass(frozen=True)
class Tally:
    """What became of the data."""

    groups: int  # that are trained on
    comparisons: int
    ratings: int
    unjudged: int  # groups without a judgment that the objective uses
    cut_inputs: int  # inputs longer than the maximal length
    cut_tokens: int  # tokens left out of them
    cut_groups: int  # groups that have such inputs
    inputs: int


def training_groups(
    groups: Iterable[Group],
    model: PreferenceModel,
    objective: Objective,
    prior: float = 0.0,
    smoothing: float = 0.0,
    judged_only: bool = True,
    imitation: bool = False,
    persons: Mapping[str, int] | None = None,
) -> tuple[list[TrainingGroup[Input]], Tally]:
    """The groups the objective can learn from, tokenised, and what became of the rest.

    Responses without a judgment are left out unless `judged_only` is False: they cost time and teach nothing. With
    `imitation`, the best response of each group stays in any case and is marked. With the numbers of `persons`, each
    person's votes are judgments of their own.
    """
    labels = model.labels if objective.uses == "ratings" else None
    kept: list[TrainingGroup[Input]] = []
    comparisons = ratings = unjudged = cut_inputs = cut_tokens = cut_groups = inputs = 0
    for group in groups:
        judgments = group_judgments(group, labels, prior, smoothing, persons)
        comparisons += sum(map(is_ranked, group.comparisons))
        ratings += int(len(judgments.rated) and sum(not isinstance(r.label, str) for r in group.ratings))
        best = best_response(group) if imitation else None
        judged, pruned = _judged_only(judgments, objective.uses, best)
        if not len(pruned.first) and not len(pruned.rated):
            unjudged += 1
            continue
        if judged_only:
            judgments = pruned
        else:
            judged = np.arange(len(group))
        made = _with_tokens(group, judged, judgments, model, objective)
        if best is not None:
            made = _imitating(made, judged.tolist().index(best))
        kept.append(made)
        inputs += len(made.inputs)
        cut_inputs += sum(item.cut > 0 for item in made.inputs)
        cut_tokens += sum(item.cut for item in made.inputs)
        cut_groups += any(item.cut for item in made.inputs)
    return kept, Tally(len(kept), comparisons, ratings, unjudged, cut_inputs, cut_tokens, cut_groups, inputs)


def batch_judgments(groups: Sequence[TrainingGroup[InputT]], joint: bool) -> Judgments:
    """The judgments of several groups, whose states stand one after the other."""
    return collate([group.judgments for group in groups], [group.responses for group in groups], joint)


def _judged_only(judgments: GroupJudgments, uses: Uses, best: int | None) -> tuple[NDArray[np.int64], GroupJudgments]:
    """The responses that judgments of one kind speak of, and those judgments with indices among these responses; with
    the best response, of which judgments of the other kind may speak."""
    nobody = slice(0, 0)
    if uses == "ratings":
        judged = judgments.rated if best is None else np.union1d(judgments.rated, best)
        at = np.searchsorted(judged, judgments.rated)
        return judged, replace(_taken(judgments, nobody, slice(None)), rated=at)
    judged, at = np.unique(np.concatenate([judgments.first, judgments.second]), return_inverse=True)
    first, second = at[: len(judgments.first)], at[len(judgments.first) :]
    return judged, replace(_taken(judgments, slice(None), nobody), first=first, second=second)


def _imitating(group: TrainingGroup[Input], best: int) -> TrainingGroup[Input]:
    """The group with its best response marked, unless nothing of it is left."""
    inputs = [replace(item, foretold=at == best and len(item.answer) > 0) for at, item in enumerate(group.inputs)]
    return replace(group, inputs=inputs, imitates=any(item.foretold for item in inputs))


def _taken(judgments: GroupJudgments, pairs: slice, rated: slice) -> GroupJudgments:
    return GroupJudgments(
        first=judgments.first[pairs],
        second=judgments.second[pairs],
        share=judgments.share[pairs],
        weight=judgments.weight[pairs],
        margin=judgments.margin[pairs],
        rated=judgments.rated[rated],
        opinion=judgments.opinion[rated],
        mean=judgments.mean[rated],
        voters=judgments.voters[rated],
        person=None if judgments.person is None else judgments.person[pairs],
    )


def _with_tokens(
    group: Group, judged: NDArray[np.int64], judgments: GroupJudgments, model: PreferenceModel, objective: Objective
) -> TrainingGroup[Input]:
    only = Group(group.prompt, tuple(group.responses[at] for at in judged), id=group.id)
    if model.head.joint:
        pairs = list(zip(judgments.first.tolist(), judgments.second.tolist()))
        inputs = model.inputs.pair_sequences(only, [order for i, j in pairs for order in ((i, j), (j, i))])
    else:
        inputs = model.inputs.sequences(only)
    weights = collate([judgments], [len(judged)]).weights(objective.uses, objective.weigh)
    return TrainingGroup(inputs, judgments, len(judged), group, float(weights.sum()))
