"""What is fitted to states when everything else is trained: persons' tastes, and the temperature."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from polypref.models.persons import Persons
from polypref.models.preference_model import PreferenceModel
from polypref.objectives import Judgments
from polypref.statistics.temperature import fit_temperature


def fit_persons(model: PreferenceModel, parts: Iterable[tuple[Tensor, Judgments]], names: Sequence[str]) -> None:
    """Give a model the tastes of all persons by states [N, width] and the judgments on them, and end their training.

    They are what `PreferenceModel.meet` finds for these votes, whatever rate they were learned at, and their mean
    is the taste of the population. `names` are the persons that the judgments number.
    """
    tastes = model.encoder.tastes
    assert tastes is not None
    head = model.head.as_person(tastes.mean(model.head))
    rows: list[tuple[Tensor, ...]] = []  # first and second states, share, votes and person of every pair
    for read, said in parts:
        states = read.cpu().double()
        assert said.person is not None
        rows.append((states[said.first], states[said.second], said.share, said.weight, said.person))
    first, second, share, votes, person = (torch.cat(column) for column in zip(*rows))
    found = {
        name: tuple(head.taste_of(first[at], second[at], share[at].numpy(), votes[at].numpy()).tolist())
        for name, at in zip(names, _rows_of(person, len(names)))
    }
    model.persons = Persons(found)
    model.head = head.as_person(tuple(model.persons.matrix.mean(axis=0).tolist()))
    model.encoder.tastes = None


@torch.no_grad()
def calibrate(model: PreferenceModel, parts: Iterable[tuple[Tensor, Judgments]]) -> None:
    """Give a model the temperature that makes held-out votes likeliest, each read as its person's where known.

    `parts` are states [N, width] and the judgments on them. Heads that say a crowd's opinions or the spread of
    utilities keep 1: what they say of two responses follows from what they say of each, and would not any more.
    """
    if not {"opinions", "spread"}.isdisjoint(model.head.says):
        return
    log_odds, share, votes = [], [], []
    for states, said in parts:
        if model.persons is not None and said.person is not None:
            tastes = torch.tensor([*model.persons.tastes.values(), model.head.mean_taste], dtype=torch.float64)
            said = replace(said, tastes=tastes[said.person.cpu()])
        log_odds.append(said.to("cpu").log_odds(model.head, states.cpu().double()))
        share.append(said.share.cpu())
        votes.append(said.weight.cpu())
    if sum(map(len, votes)):
        model.temperature = fit_temperature(*(torch.cat(part).numpy() for part in (log_odds, share, votes)))


def _rows_of(person: Tensor, persons: int) -> list[Tensor]:
    """The rows that each number from 0 has, in their order."""
    order = person.argsort(stable=True)
    counts = torch.bincount(person[person >= 0], minlength=persons)
    return list(torch.split(order[int((person < 0).sum()) :], counts.tolist()))
