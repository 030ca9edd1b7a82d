"""`polypref eval`: how well preference models predict judgments, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from polypref.cli import common
from polypref.errors import DataError

if TYPE_CHECKING:
    from polypref.evaluation.assessment import Assessment
    from polypref.groups.model import Group
    from polypref.models.preference_model import PreferenceModel


def evaluate(
    models: Annotated[
        list[str],
        typer.Argument(metavar="MODEL…", help="Folders or Hugging Face ids of preference models.", show_default=False),
    ],
    data: common.DataFiles,
    format: common.FormatName = None,
    preferred: common.Preferred = None,
    skip_bad: common.SkipBad = False,
    without: common.Without = None,
    pairs_from_ratings: Annotated[
        bool, typer.Option("--pairs-from-ratings", help="Add the comparisons that each annotator's ratings imply.")
    ] = False,
    resamples: Annotated[int, typer.Option("--resamples", min=1, help="Resamples of prompts for intervals.")] = 1000,
    seed: common.Seed = 0,
    max_length: common.MaxLength = None,
    dtype: common.DtypeName = "float32",
    device: common.Device = None,
    trust_remote_code: common.TrustRemoteCode = False,
    json: common.Json = False,
) -> None:
    """Measure preference models on judgments: accuracy, calibration, distance to the crowd's opinion."""
    sources = common.Sources(data, format=format, preferred=preferred, skip_bad=skip_bad, without=without)
    groups = list(sources)
    sources.report_skipped()
    if pairs_from_ratings:
        from polypref.groups.deriving import comparisons_from_ratings

        groups = [comparisons_from_ratings(group) for group in groups]
    _check_judged(groups, ", ".join(data))
    found = {}
    for name in dict.fromkeys(models):  # one after the other, so that only one is in memory
        model = common.load_model(
            name, max_length=max_length, dtype=dtype, device=device, trust_remote_code=trust_remote_code
        )
        found[name] = _assessment(model, name, groups, resamples, seed)
        del model
    _check_measured(found, groups)
    if json:
        common.print_json({"data": data, "models": {name: one.to_dict() for name, one in found.items()}})
    else:
        show(found)


def show(found: Mapping[str, Assessment]) -> None:
    """Print assessments for people."""
    from polypref.evaluation.scoreboard import scoreboard

    short = {name: Path(name).name for name in found}  # in tables of 80 columns long paths are hard to read
    if len(set(short.values())) == len(found):
        found = {short[name]: one for name, one in found.items()}
    for board in scoreboard(found):
        common.print_table(board.rows, header=board.header, title=board.title)
        for remark in board.notes:
            print(f"  {remark}")


def _assessment(model: PreferenceModel, name: str, groups: Sequence[Group], resamples: int, seed: int) -> Assessment:
    from polypref.evaluation.assessment import Assessor
    from polypref.evaluation.predicting import prediction

    assessor = Assessor(constant=model.training_opinion or None, resamples=resamples, seed=seed)
    cut = 0
    with common.progress_bar(name) as progress:
        for done, (group, known) in enumerate(model.encode(groups), 1):
            assessor.add(group, prediction(model, known))
            cut += known.cut
            progress("assessing", done, len(groups))
    common.note_cut(name, cut, model.inputs.max_length)
    return assessor.assessment()


def _check_judged(groups: Sequence[Group], name: str) -> None:
    if not any(group.comparisons or group.ratings for group in groups):
        raise DataError("hold no comparisons and no ratings, so there is nothing to measure a model on", file=name)


def _check_measured(found: Mapping[str, Assessment], groups: Sequence[Group]) -> None:
    """Ratings alone measure only models that predict a crowd's opinion of numeric labels."""
    if all(one.pairwise is None and one.crowd is None and one.truth is None for one in found.values()):
        raise DataError(
            f"the data hold {sum(len(group.ratings) for group in groups):,} ratings and no comparisons, which only a "
            "distributional model predicts, and of numbers; derive comparisons with --pairs-from-ratings"
        )
