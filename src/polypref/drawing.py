"""What all figures share: size and style for a paper, and how they are written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polypref.errors import DataError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, RED, GREY = "#2b5c8a", "#b2432f", "#8a8a8a"  # also told apart in grey and by colour-blind readers
_STYLE: dict[str, Any] = {
    "font.size": 8,
    "font.family": "serif",
    "mathtext.fontset": "dejavuserif",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "pdf.fonttype": 42,  # letters stay letters in the PDF
    "savefig.dpi": 200,
}
_METADATA: dict[str, dict[str, Any]] = {".pdf": {"CreationDate": None}, ".png": {"Software": None}}


def write_drawings(
    drawings: Mapping[str, Callable[[], Figure | None]], folder: Path, endings: Sequence[str] = (".pdf", ".png")
) -> list[Path]:
    """Draw figures and write those that there are, each with every ending; the paths written."""
    try:
        from matplotlib import rc_context
    except ImportError:
        raise DataError("figures need matplotlib: pip install matplotlib") from None
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"cannot be made a folder ({error.strerror})", file=folder) from None
    written = []
    for name, draw in drawings.items():
        with rc_context(_STYLE):  # type: ignore[arg-type]  # its stub names every key there is
            figure = draw()
            if figure is None:
                continue
            for ending in endings:
                path = folder / (name + ending)
                figure.savefig(path, metadata=_METADATA[ending], bbox_inches="tight")
                written.append(path)
    return written


def new_axes(widths: list[float], height: float = 2.1) -> tuple[Figure, list[Axes]]:
    """A figure with panels side by side, in inches."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(sum(widths), height), layout="constrained")
    axes = figure.subplots(1, len(widths), width_ratios=widths, squeeze=False)[0]
    return figure, list(axes)
