"""The pictures of a customisation: accuracies over the training, and what a domain gained against what was lost."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from polypref.customization.curve import LearningCurve
from polypref.customization.measuring import Scores
from polypref.customization.tradeoff import Point, Tradeoff
from polypref.drawing import BLUE, GREY, RED, new_axes, write_drawings
from polypref.statistics.resampling import Estimate
from polypref.training.progress import Report

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MARKERS = "osv^<>ph*8"
_DASHES = ["--", ":", "-.", (0, (5, 1)), (0, (1, 3))]


def draw(write: Callable[[], list[Path]], report: Report) -> None:
    """Write figures, if there is what draws them."""
    if importlib.util.find_spec("matplotlib") is None:
        report.line("no figures are drawn, for they need matplotlib: pip install matplotlib")
    else:
        write()


def write_figures(tradeoff: Tradeoff, folder: Path) -> list[Path]:
    """Write `curves.png` and `frontier.png`; the paths written."""
    drawings = {"curves": lambda: curves_figure(tradeoff), "frontier": lambda: frontier_figure(tradeoff)}
    return write_drawings(drawings, folder, (".png",))


def write_sweep_figure(chosen: Mapping[tuple[str, str], Scores], folder: Path) -> list[Path]:
    """Write `sweep.png`; the paths written."""
    return write_drawings({"sweep": lambda: sweep_figure(chosen)}, folder, (".png",))


def write_learning_figure(curve: LearningCurve, folder: Path) -> list[Path]:
    """Write `curve.png`; the paths written."""
    return write_drawings({"curve": lambda: learning_figure(curve)}, folder, (".png",))


def curves_figure(tradeoff: Tradeoff) -> Figure:
    """Domain accuracy and that of every general set over the steps, with 95 % bands for the domain and the mean."""
    points = [point for point in tradeoff.points if point.alpha is None]
    steps = [point.step for point in points]
    figure, (ax,) = new_axes([4.2], height=2.6)
    _band(ax, steps, [point.scores.domain for point in points], BLUE, f"domain: {tradeoff.domain}")
    _band(ax, steps, [point.scores.mean for point in points], RED, "general, mean")
    names = list(points[0].scores.general)
    for at, name in enumerate(names if len(names) > 1 else []):
        values = [point.scores.general[name].value for point in points]
        ax.plot(steps, values, color=GREY, linewidth=0.9, linestyle=_DASHES[at % len(_DASHES)], label=name)
    best = tradeoff.recommended
    if best.alpha is None:
        ax.axvline(best.step, color="black", linewidth=0.8, linestyle=":", label="recommended")
    ax.set(xlabel="step", ylabel="accuracy on the choosing sets")
    ax.margins(x=0.03)
    figure.legend(loc="outside upper left", frameon=False, fontsize=7, ncols=3)
    return figure


def frontier_figure(tradeoff: Tradeoff) -> Figure:
    """Domain against mean general accuracy: along the training, and between the general and the last model."""
    along = [point for point in tradeoff.points if point.alpha is None]
    between = [point for point in tradeoff.points if point.alpha is not None]
    figure, (ax,) = new_axes([3.4], height=2.9)
    ax.plot(*_places(along), "-o", color=BLUE, linewidth=0.9, markersize=3, label="along the training")
    if between:
        path = [along[0], *sorted(between, key=lambda point: point.alpha or 0.0), along[-1]]
        ax.plot(*_places(path), "--", color=RED, linewidth=0.9)
        ax.plot(
            *_places(between), "s", color=RED, markersize=3.5, markerfacecolor="white", label="interpolated weights"
        )
    ax.plot(*_places(along[:1]), "D", color="black", markersize=5, label="general model")
    _ring(ax, tradeoff.recommended.scores)
    _floor(ax, along[0].scores.mean.value - tradeoff.most_general_loss, "least general\naccuracy allowed")
    ax.set(xlabel="general accuracy, mean over sets", ylabel=f"domain accuracy: {tradeoff.domain}")
    figure.legend(loc="outside upper left", frameon=False, fontsize=7, ncols=2)
    return figure


def sweep_figure(chosen: Mapping[tuple[str, str], Scores]) -> Figure:
    """The recommended model of every setting, a panel for each domain: domain against mean general accuracy."""
    domains = list(dict.fromkeys(domain for _, domain in chosen))
    settings = list(dict.fromkeys(setting for setting, _ in chosen))
    figure, axes = new_axes([2.8] * len(domains), height=2.6 + 0.14 * len(settings))
    for ax, domain in zip(axes, domains):
        for at, setting in enumerate(settings):
            scores = chosen[setting, domain]
            ax.plot(scores.mean.value, scores.domain.value, _MARKERS[at % len(_MARKERS)], markersize=5, label=setting,
                    color=(BLUE, RED, GREY, "black")[at // len(_MARKERS) % 4], markerfacecolor="none")  # fmt: skip
        before = next(iter(scores for (_, name), scores in chosen.items() if name == domain))
        ax.plot(before.mean.value + before.lost.value, before.domain.value - before.gained.value, "D", color="black",
                markersize=5, label="general model")  # fmt: skip
        ax.set(xlabel="general accuracy, mean over sets", ylabel=f"domain accuracy: {domain}")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", frameon=False, fontsize=6, ncols=1)
    return figure


def learning_figure(curve: LearningCurve) -> Figure:
    """Accuracy against the number of comparisons, with 95 % bands: from the general model and from scratch."""
    numbers = [point.comparisons for point in curve.points]
    figure, (ax,) = new_axes([3.6], height=2.5)
    _band(ax, numbers, [point.customised for point in curve.points], BLUE, "from the general model")
    _band(ax, numbers, [point.scratch for point in curve.points], RED, "from scratch")
    ax.axhline(curve.general.value, color=GREY, linewidth=0.9, linestyle="--", label="the general model alone")
    ax.set_xscale("log", base=2)
    ax.set_xticks(numbers, [f"{number:,}" for number in numbers])
    ax.minorticks_off()
    ax.set(xlabel="comparisons learned from", ylabel=f"domain accuracy: {curve.domain}")
    figure.legend(loc="outside upper left", frameon=False, fontsize=7, ncols=2)
    return figure


def _places(points: Sequence[Point]) -> tuple[list[float], list[float]]:
    return [point.scores.mean.value for point in points], [point.scores.domain.value for point in points]


def _band(ax: Axes, steps: Sequence[int], values: Sequence[Estimate], color: str, label: str) -> None:
    ax.plot(steps, [one.value for one in values], "-o", color=color, linewidth=1.2, markersize=2.5, label=label)
    if all(one.low is not None for one in values):
        low, high = [one.low or 0.0 for one in values], [one.high or 0.0 for one in values]
        ax.fill_between(steps, low, high, color=color, alpha=0.15, linewidth=0)


def _ring(ax: Axes, scores: Scores) -> None:
    """The recommended point, with the intervals of both accuracies."""
    x, y = scores.mean, scores.domain
    if x.low is not None and x.high is not None:
        ax.plot([x.low, x.high], [y.value, y.value], color="black", linewidth=0.5)
    if y.low is not None and y.high is not None:
        ax.plot([x.value, x.value], [y.low, y.high], color="black", linewidth=0.5)
    ax.plot(x.value, y.value, "o", color="black", markersize=9, markerfacecolor="none",
            label="recommended, 95 % intervals")  # fmt: skip


def _floor(ax: Axes, accuracy: float, label: str) -> None:
    ax.axvline(accuracy, color=GREY, linewidth=0.8, linestyle=":")
    ax.annotate(label, (accuracy, 0), xycoords=("data", "axes fraction"), xytext=(-2, 2), fontsize=6,
                textcoords="offset points", ha="right", va="bottom", color=GREY)  # fmt: skip
