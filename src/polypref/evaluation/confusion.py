"""Which domain's model prefers which domain's responses: models × judgments of each domain.

    domain_confusion(
        models: Mapping[str, PreferenceModel],      # rows by name; a `DomainModels` is such a mapping
        groups: Iterable[Group],                    # of a domain, or judged by several at once, each a criterion
        *, resamples: int = 1000, seed: int = 0, progress: Progress | None = None,
    ) -> DomainConfusion

`DomainConfusion.to_json()` is one JSON object, `.board()` a `Board` for people (title, header, rows, notes), and
`write_confusion_figure(found, folder)` draws the heat map. A cell is the accuracy of the row's model on the pairs
judged in the column's domain, as `evaluation.metrics` defines it, with its interval by resampling prompts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from polypref.drawing import write_drawings
from polypref.errors import DataError
from polypref.evaluation import metrics
from polypref.evaluation.metrics import JudgedPairs
from polypref.evaluation.scoreboard import Board
from polypref.groups.model import Group
from polypref.groups.pairs import turned
from polypref.groups.rows import Progress
from polypref.groups.splitting import prompt_key
from polypref.models.preference_model import PreferenceModel
from polypref.statistics.resampling import Bootstrap, Estimate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Cell:
    """How often a model prefers what a domain prefers."""

    pairs: int
    ties: int  # pairs whose votes are split evenly, no evidence of what the domain prefers
    accuracy: Estimate | None  # a predicted tie is ½; None if all pairs are ties


@dataclass(frozen=True, slots=True)
class DomainConfusion:
    """Cells by model (rows) and domain (columns); intervals are 95 %, by resampling the prompts of the domain."""

    models: tuple[str, ...]
    domains: tuple[str, ...]
    cells: tuple[tuple[Cell, ...], ...]  # [models][domains]

    def accuracies(self) -> Floats:
        """`[models, domains]`, NaN where nothing is known."""
        values = [[np.nan if cell.accuracy is None else cell.accuracy.value for cell in row] for row in self.cells]
        return np.array(values, dtype=np.float64)

    def to_json(self) -> dict[str, Any]:
        """A JSON object: for each model and each domain, its cell."""
        cells = {
            model: {domain: asdict(cell) for domain, cell in zip(self.domains, row)}
            for model, row in zip(self.models, self.cells)
        }
        return {"models": list(self.models), "domains": list(self.domains), "cells": cells}

    def board(self) -> Board:
        """The matrix as a table for people."""
        rows = tuple((model, *map(_shown, row)) for model, row in zip(self.models, self.cells))
        pairs = ("pairs", *(f"{cell.pairs - cell.ties:,}" for cell in self.cells[0]))
        title = "How often a model (row) prefers what a domain (column) prefers, % [95 %]"
        return Board(title, ("model", *self.domains), (*rows, pairs))


def domain_confusion(
    models: Mapping[str, PreferenceModel],
    groups: Iterable[Group],
    *,
    resamples: int = 1000,
    seed: int = 0,
    progress: Progress | None = None,
) -> DomainConfusion:
    """How often each model prefers what each domain prefers; models are taken one after the other, in their order.

    `progress` is called with the model's name, and how many groups it has read of how many.
    """
    judged = [group for group in groups if any(group.domain_of(c) is not None for c in group.comparisons)]
    if not judged:
        raise DataError("no group has both a domain and comparisons, so there is nothing to compare domains on")
    said = _said(judged)
    domains = tuple(sorted(said, key=lambda domain: domain not in models))  # those without a model come last
    rows = []
    for name in models:
        margins = _margins(models[name], _counted(judged, name, progress))
        rows.append(tuple(_cell(said[domain], margins, resamples, seed) for domain in domains))
    return DomainConfusion(tuple(models), domains, tuple(rows))


class _Said(NamedTuple):
    """The comparisons of one domain, turned so that the lower-numbered response comes first; all are [C]."""

    group: Ints
    low: Ints
    high: Ints
    prompt: Ints
    share: Floats
    votes: Floats


def _said(groups: Sequence[Group]) -> dict[str, _Said]:
    rows: dict[str, list[tuple[float, ...]]] = defaultdict(list)
    prompts: dict[str, int] = {}
    for number, group in enumerate(groups):
        prompt = prompts.setdefault(prompt_key(group), len(prompts))
        for c in group.comparisons:
            domain = group.domain_of(c)
            if domain is not None:
                rows[domain].append((number, c.i, c.j, prompt, c.p, c.weight))
    columns = {domain: np.array(part, dtype=np.float64).T for domain, part in rows.items()}
    return {domain: _turned(*part[:4].astype(np.int64), *part[4:]) for domain, part in columns.items()}


def _turned(group: Ints, i: Ints, j: Ints, prompt: Ints, share: Floats, votes: Floats) -> _Said:
    low, high, for_low = turned(i, j, share)
    return _Said(group, low, high, prompt, for_low, votes)


def _margins(model: PreferenceModel, groups: Iterable[Group]) -> list[Floats]:
    """P(i ≻ j) − ½ of each group, `[K, K]`."""
    found = []
    for group, answer in model.encode(groups):
        margins = answer.margins(len(group))
        assert margins is not None  # every model has preferences
        found.append(margins)
    return found


def _cell(said: _Said, margins: Sequence[Floats], resamples: int, seed: int) -> Cell:
    margin = np.array([margins[g][i, j] for g, i, j in zip(said.group, said.low, said.high)])
    most = int(said.high.max()) + 1
    pairs = JudgedPairs.pooled(
        (said.group * most + said.low) * most + said.high, margin, said.share, said.votes, said.prompt
    )
    right = metrics.accuracy(pairs)
    bootstrap = Bootstrap(pairs.prompt, resamples=resamples, seed=seed)
    accuracy = bootstrap.widened(bootstrap.estimates({"accuracy": right})["accuracy"], right)
    return Cell(len(pairs), int((~pairs.decided).sum()), accuracy)


def _counted(groups: Sequence[Group], name: str, progress: Progress | None) -> Iterator[Group]:
    for done, group in enumerate(groups, 1):
        yield group
        if progress:
            progress(name, done, len(groups))


def _shown(cell: Cell) -> str:
    """A cell in per cent."""
    found = cell.accuracy
    if found is None:
        return "–"
    if found.low is None or found.high is None:
        return f"{100 * found.value:.0f}"
    return f"{100 * found.value:.0f} [{100 * found.low:.0f}–{100 * found.high:.0f}]"


def confusion_figure(found: DomainConfusion) -> Figure:
    """A heat map: rows are models, columns domains; ½ is white, and a domain's own model is framed."""
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    values = found.accuracies()
    figure = Figure(figsize=(1.4 + 0.62 * len(found.domains), 0.9 + 0.32 * len(found.models)), layout="constrained")
    ax = figure.subplots()
    image = ax.imshow(values, cmap="RdBu", vmin=0, vmax=1, aspect="auto")
    for i, j in zip(*np.nonzero(np.isfinite(values))):
        colour = "white" if abs(values[i, j] - 0.5) > 0.3 else "black"
        ax.text(j, i, f"{values[i, j]:.0%}", ha="center", va="center", color=colour, fontsize=7)
        if found.models[i] == found.domains[j]:
            ax.add_patch(Rectangle((j - 0.48, i - 0.48), 0.96, 0.96, fill=False, linewidth=1.2, clip_on=False))
    ax.set_xticks(range(len(found.domains)), found.domains, rotation=30, ha="right")
    ax.set_yticks(range(len(found.models)), found.models)
    ax.set_xlabel("preferences of")
    ax.set_ylabel("model of")
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    figure.colorbar(image, ax=ax, shrink=0.9, ticks=[0, 0.5, 1], format="{x:.0%}")
    return figure


def write_confusion_figure(found: DomainConfusion, folder: str | Path) -> list[Path]:
    """Write the heat map as confusion.pdf and confusion.png; the paths written."""
    return write_drawings({"confusion": partial(confusion_figure, found)}, Path(folder))
