"""Few-shot customisation: accuracy against the number of comparisons, from the general model and from scratch."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter

from polypref.customization.config import CustomizeConfig
from polypref.customization.curve import LearningCurve, LearningPoint
from polypref.customization.data import CustomizeData, Parts
from polypref.customization.domain import stage_3_groups, stage_3_run
from polypref.customization.figures import draw, write_learning_figure
from polypref.customization.general import (
    common_run,
    general_place,
    language_model,
    load_general,
    resumable,
    saved_head,
)
from polypref.customization.ledger import FEW_SHOT
from polypref.customization.measuring import Yardstick
from polypref.customization.tradeoff import write_json
from polypref.groups.model import Group
from polypref.models.customized import domain_folder
from polypref.models.folders import LAST
from polypref.models.preference_model import PreferenceModel
from polypref.statistics.resampling import Estimate
from polypref.training.building import backbone_settings
from polypref.training.config import TrainingConfig
from polypref.training.mixing import Enrichment
from polypref.training.progress import Report
from polypref.training.recipe import train

# what learning from scratch has of stage 3: the head, what trains it, and for how long
_SHARED = "head head_settings objective objective_settings batch_size accumulation epochs max_steps".split()


def learning_curve(
    config: CustomizeConfig, name: str, parts: Parts, data: CustomizeData, base: str, report: Report
) -> LearningCurve:
    """Train with `config.few_shot` numbers of comparisons and with all, in `out/few_shot/NAME`.

    From the general model as in stage 3, enrichment, imitation and distillation included; from scratch on the domain's
    comparisons alone, as in stage 2, but for as long as in stage 3. The models at the end of their training are
    measured, and not kept.
    """
    assert config.domains is not None
    folder = domain_folder(Path(config.out) / FEW_SHOT, name)
    head = saved_head(general_place(config), backbone_settings(common_run(config)))
    stage_3 = stage_3_run(config, head, "")
    if config.few_shot_steps:
        stage_3 = stage_3.model_copy(update={"max_steps": config.few_shot_steps})
    general = load_general(config, stage_3)
    yardstick = Yardstick(parts.test, {}, config.seed)
    share = config.domains.enrichment
    total = sum(len(group.comparisons) for group in parts.train)
    points = []
    for number in [*sorted({number for number in config.few_shot if number < total}), total]:
        groups = first_comparisons(parts.train, number, config.seed)
        shots = f"{number}-in-{config.few_shot_steps}-steps" if config.few_shot_steps else str(number)
        custom = stage_3.model_copy(update={"out": str(folder / f"{shots}-customised")})
        taught = stage_3_groups(config, groups, general)
        from_general = _measured(
            custom,
            taught,
            yardstick,
            report,
            Enrichment(data.enrichment, share) if share else None,
            language_model(config),
        )
        changes = {name: getattr(custom, name) for name in _SHARED} | {"best_metric": None, "patience": None}
        scratch = config.stage_2(base, str(folder / f"{shots}-scratch")).model_copy(update=changes)
        points.append(LearningPoint(number, from_general, _measured(scratch, groups, yardstick, report)))
    curve = LearningCurve(name, yardstick.accuracy(general), points)
    write_json(folder / "curve.json", asdict(curve))
    draw(partial(write_learning_figure, curve, folder), report)
    return curve


def first_comparisons(groups: Sequence[Group], number: int, seed: int) -> list[Group]:
    """The first `number` comparisons of the groups, shuffled by the seed: whole groups, of which the last may be cut.

    A smaller number gives a part of what a larger one gives.
    """
    found: list[Group] = []
    for at in np.random.default_rng(seed).permutation(len(groups)).tolist():
        comparisons = groups[at].comparisons[: max(number, 0)]
        number -= len(comparisons)
        if comparisons:
            found.append(replace(groups[at], comparisons=comparisons))
    return found


def _measured(
    run: TrainingConfig,
    groups: Sequence[Group],
    yardstick: Yardstick,
    report: Report,
    enrichment: Enrichment | None = None,
    imitated: str | None = None,  # the language model whose head imitation uses
) -> Estimate:
    """Train a model, or go on, and measure it; what was measured before is read."""
    folder = Path(run.out)
    path = folder.with_suffix(".json")
    if path.exists():
        shutil.rmtree(folder, ignore_errors=True)  # if the process ended in between
        return TypeAdapter(Estimate).validate_json(path.read_bytes())
    report.line(f"few shots: {folder.name}")
    model = (
        PreferenceModel.from_pretrained(folder, max_length=run.max_length, backbone=backbone_settings(run))
        if (folder / LAST).exists()
        else train(resumable(run), groups, [], report, enrichment=enrichment, language_model=imitated).model
    )
    accuracy = yardstick.accuracy(model)
    write_json(path, asdict(accuracy))
    shutil.rmtree(folder, ignore_errors=True)
    return accuracy
