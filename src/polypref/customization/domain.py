"""Stage 3: a domain's model from the general one, measured along the training, and the recommended one of them kept."""

from __future__ import annotations

import gc
import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from polypref.customization.config import CustomizeConfig
from polypref.customization.data import CustomizeData, Parts
from polypref.customization.distillation import check_objective, with_opinion
from polypref.customization.figures import draw, write_figures
from polypref.customization.general import (
    common_run,
    general_place,
    language_model,
    load_general,
    resumable,
    saved_head,
)
from polypref.customization.interpolation import interpolated
from polypref.customization.measuring import AllAnswers, Answers, GeneralAnswers, Yardstick
from polypref.customization.tradeoff import (
    POINTS,
    Point,
    Tradeoff,
    TradeoffWatch,
    checkpoint_at,
    described,
    read_points,
    read_tradeoff,
    recommended,
    write_tradeoff,
)
from polypref.groups.model import Group
from polypref.models.customized import domain_folder
from polypref.models.domains import save_adapter
from polypref.models.folders import LAST, remove_folder
from polypref.models.heads import Head, make_head
from polypref.models.lora import has_lora
from polypref.models.preference_model import PreferenceModel
from polypref.training.building import backbone_settings, build_model, objective_of
from polypref.training.checkpoints import read_weights
from polypref.training.config import ConfigError, TrainingConfig
from polypref.training.frozen import FrozenEncoder
from polypref.training.mixing import Enrichment
from polypref.training.progress import Report
from polypref.training.recipe import HISTORY, train
from polypref.training.resuming import CONFIG

_RUN = "run"  # the folder of an unfinished run, in the folder of what it makes
_BETWEEN = (0.25, 0.5, 0.75)  # of the way from the general to the customised weights


def customize_domain(
    config: CustomizeConfig,
    name: str,
    parts: Parts,
    data: CustomizeData,
    out: Path,
    report: Report,
    known: GeneralAnswers,
) -> Tradeoff:
    """Stage 3 for one domain, in `out/domains/NAME`, from the general model of `config.out`.

    `known` are that model's answers, from the domains and settings before, and for those to come.
    """
    assert config.domains is not None
    settings = config.domains
    folder = domain_folder(out, name)
    finished = read_tradeoff(folder)
    if finished:
        return finished
    report.line(f"stage 3: {name}")
    chooser = Yardstick(parts.choose, {name: other.choose for name, other in data.general.items()}, config.seed)
    run = stage_3_run(
        config, saved_head(general_place(config), backbone_settings(common_run(config))), str(folder / _RUN)
    )
    before = _walk(config, run, parts, data, chooser, report, known)

    general = load_general(config, run)
    points = read_points(folder / _RUN)
    end = points[-1]
    last = _trained(run, end.step)
    alphas = settings.interpolation
    if alphas is None:
        alphas = _BETWEEN if general.head == last.head and not run.quantization else ()
    for alpha in alphas:
        between = chooser.answers(interpolated(general, last, alpha))
        points.append(Point(end.step, alpha, chooser.scores(between, before)))
    best = recommended(points, settings.most_general_loss)
    model = _model_of(best, run, general, last)
    _save(model, folder, {"domain": name, "step": best.step, "alpha": best.alpha})

    report.line(f"recommended for {name}: step {best.step}, {described(best.scores)}; measuring it on the test sets")
    tester = Yardstick(parts.test, {name: other.test for name, other in data.general.items()}, config.seed)
    untouched = tester.answers(general, _remembering(known, general, run))
    at_end = tester.answers(last)
    found = Tradeoff(
        domain=name,
        points=points,
        recommended=best,
        most_general_loss=settings.most_general_loss,
        before=tester.scores(untouched, untouched),
        after=tester.scores(at_end if best == end else tester.answers(model), untouched),
        last=tester.scores(at_end, untouched),
    )
    draw(partial(write_figures, found, folder), report)
    for kept in (CONFIG, HISTORY):
        shutil.copy2(folder / _RUN / kept, folder / kept)
    write_tradeoff(folder, found)
    remove_folder(folder / _RUN)
    return found


def _walk(
    config: CustomizeConfig,
    run: TrainingConfig,
    parts: Parts,
    data: CustomizeData,
    chooser: Yardstick,
    report: Report,
    known: GeneralAnswers,
) -> AllAnswers:
    """Train from the general model, unless that is done, and measure along the way; the general model's answers.

    Neither the general model nor the one that is trained is kept in memory.
    """
    assert config.domains is not None
    general = load_general(config, run)
    before = chooser.answers(general, _remembering(known, general, run))
    if not (Path(run.out) / LAST).exists():
        groups = stage_3_groups(config, parts.train, general)
        del general  # it need not lie beside the one that is trained
        gc.collect()
        resumed = resumable(run)
        points = Path(run.out) / POINTS
        if points.exists() and not resumed.resume:
            points.unlink()
        watch = TradeoffWatch(chooser, before, Path(run.out), config.domains.most_general_loss, report)
        share = config.domains.enrichment
        enrichment = Enrichment(data.enrichment, share) if share else None
        train(resumed, groups, [], report, [watch], enrichment, language_model(config))
        gc.collect()
    return before


def _remembering(
    known: GeneralAnswers, general: PreferenceModel, run: TrainingConfig
) -> Callable[[Sequence[Group]], Answers]:
    """What answers for the general model that a run has loaded."""
    return partial(known.on, general=general, loading=(run.max_length, backbone_settings(run)))


def stage_3_run(config: CustomizeConfig, general: Head, out: str) -> TrainingConfig:
    """The configuration of a domain's run; what is not said of its head is as in that of the general model."""
    assert config.domains is not None
    run = config.stage_3(general_place(config), out)
    if run.head == general.name or "head" not in config.training.keys() | config.domains.training.keys():
        settings = {**general.settings(), **run.head_settings}
        run = run.model_copy(update={"head": general.name, "head_settings": settings})
    check_objective(objective_of(run), config.domains.distillation)
    head = make_head(run.head, **run.head_settings)
    if config.domains.interpolation and head != general:
        raise ConfigError(
            f"there are no models between a general one with a {general.name} head {general.settings()} and a "
            f"customised one with a {head.name} head {head.settings()}: leave interpolation out, or give both "
            "the same head"
        )
    return run


def stage_3_groups(config: CustomizeConfig, groups: Sequence[Group], general: PreferenceModel) -> Sequence[Group]:
    """What a domain's model is trained on, the general model's opinion included if it is to be distilled."""
    assert config.domains is not None
    weight = config.domains.distillation
    return with_opinion(groups, general, weight) if weight else groups


def _trained(run: TrainingConfig, step: int) -> PreferenceModel:
    """The model of a finished run as it was at a step; with adapters, these are in it unmerged."""
    final = PreferenceModel.from_pretrained(run.out, max_length=run.max_length, backbone=backbone_settings(run))
    model = build_model(run.model_copy(update={"imitation": 0.0}), final.head)
    model.training_opinion = final.training_opinion
    read_weights(checkpoint_at(Path(run.out), step), FrozenEncoder(model) if run.frozen else model.encoder)
    return model


def _model_of(point: Point, run: TrainingConfig, general: PreferenceModel, last: PreferenceModel) -> PreferenceModel:
    if point.step == 0:
        return interpolated(general, last, 0.0) if run.lora and last.head == general.head else general
    if point.alpha is not None:
        return interpolated(general, last, point.alpha)
    return _trained(run, point.step)


def _save(model: PreferenceModel, folder: Path, record: dict[str, Any]) -> None:
    """The recommended model: adapters beside the general model, or a model of its own."""
    if has_lora(model.encoder.classifier):
        save_adapter(model, folder, record)
    else:
        model.save_pretrained(folder, record)
