"""From data to a file of tasks: a pool is read, pairs are chosen, and what needs no asking any more is said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from polypref.collection.asking import choose_pairs, tops
from polypref.collection.features import load_reader, read_responses
from polypref.collection.pool import make_pool
from polypref.collection.tasks import FORMS, Task, make_tasks, write_tasks
from polypref.errors import DataError, PolyprefError, unknown
from polypref.groups.model import Group
from polypref.models.loading import Loading

_BLIND = "random"  # the rule that reads no responses
_BEST = "design"


@dataclass(frozen=True)
class Inquiry:
    """What is asked, and what need not be asked any more."""

    out: str
    rule: str
    tasks: list[Task]
    open: int  # pairs that nobody had judged
    settled: list[str] | None  # groups (by id, or by their number) whose best response is known; None without a model
    notes: list[str]

    def as_dict(self) -> dict[str, Any]:
        """A JSON object."""
        return {
            "out": self.out,
            "rule": self.rule,
            "open_pairs": self.open,
            "asked": [
                {"id": t.id, **{k: getattr(t.question, k) for k in ("i", "j", "value", "why")}} for t in self.tasks
            ],
            "settled": self.settled,
        }


def inquire(
    groups: Sequence[Group],
    budget: int,
    out: str | Path,
    *,
    model: str | None = None,
    rule: str | None = None,
    per_group: int | None = None,
    form: str = "polypref",
    error: float = 0.05,
    ridge: float | None = None,
    seed: int = 0,
    loading: Loading | None = None,
    progress: Callable[[int], None] | None = None,
) -> Inquiry:
    """Choose `budget` open pairs of the groups and write them to `out`; see `choose_pairs` for the rules.

    Without a model the rule is random, with one it is design unless another is named.
    """
    rule = rule or (_BLIND if model is None else _BEST)
    if model is None and rule != _BLIND:
        raise PolyprefError(f"the rule {rule} reads responses: give --model, such as embedded:minilm, or use random")
    if form not in FORMS:
        raise PolyprefError(unknown("form", form, FORMS))
    if not 0 < error < 1:
        raise PolyprefError(f"the error is {error:g}; expected a number between 0 and 1")
    if not groups:
        raise DataError("has no rows")
    shares = None
    if model is None:
        pool = make_pool(groups, [np.zeros((len(group), 0)) for group in groups])
    else:
        reader, knows = load_reader(model, loading or Loading())
        read = read_responses(reader, groups, progress)
        pool = make_pool(groups, read.features)
        shares = read.shares if knows else None
    ridge = pool.likeliest_ridge() if ridge is None else ridge
    questions = choose_pairs(pool, budget, rule, shares=shares, per_group=per_group, seed=seed, ridge=ridge)
    tasks = make_tasks(groups, questions, rule, seed=seed)
    write_tasks(tasks, out, form)
    settled = None
    if model is not None:
        found = zip(groups, tops(pool, seed=seed, ridge=ridge))
        settled = [group.id or str(at) for at, (group, top) in enumerate(found, 1) if top.settled(error)]
    return Inquiry(str(out), rule, tasks, len(pool.open), settled, _notes(pool.shares))


def _notes(shares: np.ndarray[Any, np.dtype[np.float64]]) -> list[str]:
    if len(shares) and (shares == 0.5).all():
        return [f"all {len(shares):,} judged pairs are ties, which tell nothing of what people prefer"]
    return []
