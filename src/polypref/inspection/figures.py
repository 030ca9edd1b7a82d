"""The pictures of an inspection, sized and styled for a paper: agreement, cycles, conflicts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from polypref.drawing import BLUE, GREY, RED, new_axes, write_drawings
from polypref.inspection.findings import Alpha, Cyclic, Inspection, JudgmentKind, SourceGame
from polypref.inspection.screen import conflict_matrix

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_NODES = 10
_PLURAL = {"criterion": "criteria", "domain": "domains"}


def write_figures(seen: Inspection, folder: str | Path) -> list[Path]:
    """Write the figures that the data allow as PDF and PNG; the paths written."""
    drawings: dict[str, Callable[[], Figure | None]] = {
        "agreement": lambda: agreement_figure(seen),
        "cycles": lambda: cycle_figure(seen),
        "conflicts": lambda: conflict_figure(seen),
    }
    return write_drawings(drawings, Path(folder))


def agreement_figure(seen: Inspection) -> Figure | None:
    """Alpha with its interval, how large the majorities are, and how the labels are used; what there is of these."""
    known = dict(seen.agreement.known())
    majorities = seen.votes.majority_shares
    panels: list[Callable[[Axes], None]] = []
    if known:
        panels.append(lambda ax: _draw_alpha(ax, known))
    if sum(majorities):
        panels.append(lambda ax: _draw_majorities(ax, majorities))
    if seen.labels and len(seen.labels) <= 12:
        panels.append(lambda ax: _draw_labels(ax, seen.labels))
    if not panels:
        return None
    figure, axes = new_axes([2.3] * len(panels))
    for ax, draw in zip(axes, panels):
        draw(ax)
    return figure


def _draw_alpha(ax: Axes, known: dict[JudgmentKind, Alpha]) -> None:
    for y, found in enumerate(known.values()):
        ax.plot([found.low, found.high], [y, y], color=BLUE, linewidth=1.2)
        ax.plot(found.alpha, y, "o", color=BLUE, markersize=4, clip_on=False)
    ax.axvline(0, color=GREY, linewidth=0.6, linestyle=":")
    ax.set_yticks(range(len(known)), list(known))
    ax.set(xlim=(min(-0.1, *(f.low for f in known.values())), 1), ylim=(-0.6, len(known) - 0.4))
    ax.set_xlabel("Krippendorff's α (0: chance, 1: perfect)")


def _draw_majorities(ax: Axes, counts: list[int]) -> None:
    edges = np.linspace(0.5, 1, len(counts) + 1)
    ax.bar(edges[:-1], np.array(counts) / sum(counts), np.diff(edges), align="edge", color=BLUE, edgecolor="white")
    ax.set(xlabel="share of the majority", ylabel="share of pairs", xlim=(0.5, 1))


def _draw_labels(ax: Axes, labels: dict[str, float]) -> None:
    ax.bar(list(labels), np.array(list(labels.values())) / sum(labels.values()), color=BLUE, width=0.8)
    ax.set(xlabel="label", ylabel="share of ratings")
    if any(len(label) > 3 for label in labels):
        ax.tick_params(axis="x", rotation=30)


def cycle_figure(seen: Inspection) -> Figure | None:
    """The cyclic share against what noise gives, and who beats whom where the responses have named sources."""
    known = [(where.replace(" ", "\n"), found) for where, found in seen.cycles.items()]
    drawable = seen.sources is not None and 3 <= len(seen.sources.names) <= _MOST_NODES
    if not known and not drawable:
        return None
    widths = ([2.6] if known else []) + ([2.6] if drawable else [])
    figure, axes = new_axes(widths, height=2.4)
    if known:
        _draw_shares(axes[0], known)
    if drawable:
        assert seen.sources is not None
        _draw_graph(axes[-1], seen.sources)
    return figure


def _draw_shares(ax: Axes, known: list[tuple[str, Cyclic]]) -> None:
    for x, (_, found) in enumerate(known):
        ax.plot([x, x], [found.low, found.high], color=BLUE, linewidth=1.2)
        label = "observed, 95 % interval" if x == 0 else None
        ax.plot(x, found.value, "o", color=BLUE, markersize=4, clip_on=False, label=label, zorder=3)
        ax.fill_between(
            [x - 0.25, x + 0.25], 0, found.noise_high, color=GREY, alpha=0.35, linewidth=0,
            label="sampling noise, 95 %" if x == 0 else None,
        )  # fmt: skip
    ax.set_xticks(range(len(known)), [name for name, _ in known])
    ax.set(xlim=(-0.6, len(known) - 0.4), ylim=(0, 1.04), ylabel="cyclic share")
    ax.legend(frameon=False, fontsize=7, loc="upper center", bbox_to_anchor=(0.5, 1.2), ncols=2, handlelength=1)


def _draw_graph(ax: Axes, sources: SourceGame) -> None:
    names, preferences = sources.names, np.array(sources.preferences, dtype=float)
    angle = np.pi / 2 - 2 * np.pi * np.arange(len(names)) / len(names)
    place = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    members = sources.cycles[0].members if sources.cycles else []
    in_cycle = set(zip(members, [*members[1:], *members[:1]]))
    for i, winner in enumerate(names):
        for j, loser in enumerate(names):
            if i == j or not preferences[i, j] > 0.5:
                continue
            strong = (winner, loser) in in_cycle
            colour = RED if strong else GREY
            ax.annotate(
                "", place[j] * 0.98, place[i] * 0.98,
                arrowprops={"arrowstyle": "-|>", "color": colour, "linewidth": 1.4 if strong else 0.7,
                            "shrinkA": 12, "shrinkB": 12, "connectionstyle": "arc3,rad=0.08"},
            )  # fmt: skip
            if strong or len(names) <= 5:
                middle = 0.5 * (place[i] + place[j])
                ax.text(middle[0], middle[1], f"{preferences[i, j]:.0%}", ha="center", va="center", color=colour,
                        fontsize=7, bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6})  # fmt: skip
    for (x, y), name in zip(place, names):
        ax.plot(x, y, "o", markersize=9, color="white", markeredgecolor="black", markeredgewidth=0.8, zorder=3)
        ax.text(x * 1.25, y * 1.25, name, ha="center" if abs(x) < 0.3 else ("left" if x > 0 else "right"), va="center")
    ax.set(xlim=(-1.5, 1.5), ylim=(-1.5, 1.5), aspect="equal")
    ax.set_axis_off()


def conflict_figure(seen: Inspection) -> Figure | None:
    """A matrix of how often two criteria or domains would disagree on the same pair."""
    if not seen.conflicts:
        return None
    kinds = dict.fromkeys(conflict.kind for conflict in seen.conflicts)
    figure, axes = new_axes([2.8] * len(kinds), height=2.4)
    for ax, kind in zip(axes, kinds):
        names, values, within = conflict_matrix(c for c in seen.conflicts if c.kind == kind)
        matrix, noise = (np.array(part, dtype=float) for part in (values, within))
        image = ax.imshow(matrix, cmap="RdBu_r", vmin=0, vmax=1)
        for i, j in zip(*np.nonzero(np.isfinite(matrix))):
            dark = abs(matrix[i, j] - 0.5) > 0.3
            text = f"{matrix[i, j]:.0%}" + (f"\n({noise[i, j]:.0%})" if np.isfinite(noise[i, j]) else "")
            ax.text(j, i, text, ha="center", va="center", color="white" if dark else "black", fontsize=7)
        ax.set_xticks(range(len(names)), names, rotation=30, ha="right")
        ax.set_yticks(range(len(names)), names)
        brackets = "\n(in brackets: noise within one)" if np.isfinite(noise).any() else ""
        ax.set_title(f"how often two {_PLURAL[kind]} disagree{brackets}", fontsize=7, loc="left")
        ax.figure.colorbar(image, ax=ax, shrink=0.8, ticks=[0, 0.5, 1], format="{x:.0%}")
    return figure
