"""The stages of a customisation, each of which is left alone where it is finished and goes on where it was begun."""

from __future__ import annotations

import gc
import importlib.util
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from polypref.customization.config import CustomizeConfig
from polypref.customization.data import A_DOMAIN, CustomizeData, Parts
from polypref.customization.distillation import check_objective, with_opinion
from polypref.customization.figures import write_figures
from polypref.customization.interpolation import interpolated
from polypref.customization.measuring import AllAnswers, Answers, GeneralAnswers, Yardstick
from polypref.customization.tradeoff import (
    POINTS,
    TRADEOFF,
    Point,
    Tradeoff,
    TradeoffWatch,
    checkpoint_at,
    described,
    read_points,
    read_tradeoff,
    recommended,
    write_json,
    write_tradeoff,
)
from polypref.groups.model import Group
from polypref.models.adapters import base_of, has_lora, names_adapter
from polypref.models.backbones import BackboneSettings, load_config
from polypref.models.block import block_of, head_of_block, names_own_adapter
from polypref.models.customised import GENERAL, domain_folder, model_folder
from polypref.models.domains import save_adapter
from polypref.models.embedded import resolve
from polypref.models.folders import LAST, remove_folder
from polypref.models.heads import Head, make_head
from polypref.models.preference_model import PreferenceModel
from polypref.models.screening import check_weights
from polypref.training.checkpoints import COMPLETE, last_complete, read_weights
from polypref.training.config import ConfigError, TrainingConfig, make_config
from polypref.training.frozen import FrozenEncoder
from polypref.training.instruction import tune
from polypref.training.mixing import Enrichment
from polypref.training.progress import Report
from polypref.training.recipe import (
    CONFIG,
    HISTORY,
    backbone_settings,
    build_model,
    check_run,
    objective_of,
    train,
)

RESOLVED = "customize.json"  # the resolved configuration, in `out`; written last of what `begin` writes
DATA = "data.json"  # the fingerprints of the data, beside it
INSTRUCTION, SWEEP, FEW_SHOT = "instruction", "sweep", "few_shot"  # folders in `out`
RUN = "run"  # the folder of an unfinished run, in the folder of what it makes
_BETWEEN = (0.25, 0.5, 0.75)  # of the way from the general to the customised weights
_OF_LOADING = ("dtype", "trust_remote_code")
_OF_DATA = frozenset(("data", "eval_data", "only"))  # settings of domains that its fingerprints tell more about


def begin(config: CustomizeConfig, data: CustomizeData) -> None:
    """Write the resolved configuration into `out`, where nothing must have been made with another, or of other data.

    What no stage has used yet may change, and domains may be added.
    """
    out = Path(config.out)
    if (out / LAST).exists():
        raise ConfigError(
            f"{out} already holds a model, and customize makes a folder of several models: choose another --out"
        )
    made, settings = {}, config.model_dump(mode="json")
    if (out / RESOLVED).exists():
        made = _check_same(settings, data, out)
    write_json(out / DATA, {**made, **data.fingerprints()})
    write_json(out / RESOLVED, settings)


def base_model(config: CustomizeConfig, data: CustomizeData, report: Report) -> str:
    """Stage 1, in `out/instruction`, unless it is skipped; what stage 2 and learning from scratch start from."""
    if config.instruction is None:
        return config.backbone
    folder = Path(config.out) / INSTRUCTION
    if not (folder / LAST).exists():
        loading = backbone_settings(common_run(config))
        tune(config.instruction, config.backbone, data.instruction, folder, config.seed, report, loading)
    return str(folder)


def language_model(config: CustomizeConfig) -> str:
    """The checkpoint with the language-modelling head that imitation uses; classifiers have none of their own."""
    if config.instruction:
        return str(Path(config.out) / INSTRUCTION)
    if config.general and config.general.model and not config.names_backbone:
        return model_folder(config.general.model, None)[0]
    return config.backbone


def make_general(config: CustomizeConfig, data: CustomizeData, backbone: str, report: Report) -> None:
    """Stage 2, in `out/general`: trained on all general sets, the checkpoint that is named, or the base model."""
    assert config.general is not None
    folder = Path(config.out) / GENERAL
    if (folder / LAST).exists():
        return
    if config.general.skip:
        report.line(f"stage 2 is skipped: {backbone} with a new head stands in for a general model")
        run, held_out = config.stage_2(backbone, ""), data.general_held_out
        PreferenceModel.from_backbone(
            backbone,
            check_run(run, [*data.enrichment, *held_out], (), evaluated=bool(held_out)),
            max_length=run.max_length,
            seed=run.seed,
            backbone=replace(backbone_settings(run), quantization=None),
        ).save_pretrained(folder)
        return
    if config.general.model:
        report.line(f"stage 2: the general model is {config.general.model}")
        held_out_here = [name for name in config.general.data if name not in config.general.eval_data]
        if held_out_here:
            report.line(
                f"{config.general.model} is measured on a share of {', '.join(held_out_here)}; if it was trained on "
                "that, its accuracy there is too high, and so is what customising loses: name sets it has not seen "
                "with general.eval_data"
            )
        loading = replace(backbone_settings(common_run(config)), quantization=None)
        PreferenceModel.from_pretrained(config.general.model, backbone=loading).save_pretrained(folder)
        return
    report.line("stage 2: a general model")
    train(resumable(config.stage_2(backbone, str(folder))), data.enrichment, data.general_held_out, report)


def customise_domain(
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
        config, saved_head(general_place(config), backbone_settings(common_run(config))), str(folder / RUN)
    )
    before = _walk(config, run, parts, data, chooser, report, known)

    general = load_general(config, run)
    points = read_points(folder / RUN)
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
        shutil.copy2(folder / RUN / kept, folder / kept)
    write_tradeoff(folder, found)
    remove_folder(folder / RUN)
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


def general_place(config: CustomizeConfig) -> str:
    """Where the general model lies, whatever folder a run starts in."""
    return str((Path(config.out) / GENERAL).absolute())


def load_general(config: CustomizeConfig, run: TrainingConfig) -> PreferenceModel:
    """The general model as a domain's run reads it: with its precision, and inputs cut where that cuts them."""
    return PreferenceModel.from_pretrained(
        general_place(config), max_length=run.max_length, backbone=backbone_settings(run)
    )


def _remembering(
    known: GeneralAnswers, general: PreferenceModel, run: TrainingConfig
) -> Callable[[Sequence[Group]], Answers]:
    """What answers for the general model that a run has loaded."""
    return partial(known.on, general=general, loading=(run.max_length, backbone_settings(run)))


def saved_head(name: str, settings: BackboneSettings) -> Head:
    """The head of a saved model."""
    folder, _ = model_folder(name, None)
    if names_adapter(folder):
        base_of(folder)
        if not names_own_adapter(folder, settings):
            return make_head("scalar")  # anybody's
    else:
        check_weights(resolve(folder))
    config = load_config(folder, settings)
    return head_of_block(block_of(config, folder), folder, config.num_labels)


def common_run(config: CustomizeConfig) -> TrainingConfig:
    """The settings that all stages have in common."""
    return make_config(config.training)


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


def draw(write: Callable[[], list[Path]], report: Report) -> None:
    """Write figures, if there is what draws them."""
    if importlib.util.find_spec("matplotlib") is None:
        report.line("no figures are drawn, for they need matplotlib: pip install matplotlib")
    else:
        write()


def resumable(run: TrainingConfig) -> TrainingConfig:
    """A run that goes on from its last checkpoint, if it has one."""
    return run.model_copy(update={"resume": last_complete(Path(run.out)) is not None})


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


def check_same_data(data: CustomizeData, out: Path) -> None:
    """Refuse other data than those that `out` was begun with."""
    _refuse_changed(_read_json(out / DATA), data.fingerprints(), out)


def _check_same(now: dict[str, Any], data: CustomizeData, out: Path) -> dict[str, str]:
    """Refuse to add to what was made with other settings, or of other data; the fingerprints of what was made."""
    before, made = _read_json(out / RESOLVED), _read_json(out / DATA)
    begun = {what for what in made if what.startswith(A_DOMAIN) and _has_domain(out, what.removeprefix(A_DOMAIN))}
    third = bool(begun)
    second = third or _is_begun(out / GENERAL)
    first = second or _is_begun(out / INSTRUCTION)
    used = {"backbone": first, "seed": first, "instruction": first, "training": second, "general": second}
    changed = {name for name, is_used in used.items() if is_used and before.get(name) != now[name]}
    if first and not second:  # stage 1 loads its model as the others do
        changed |= {
            f"training.{name}" for name in _OF_LOADING if before["training"].get(name) != now["training"].get(name)
        }
    if third and before["domains"] and now["domains"]:
        names = now["domains"].keys() - _OF_DATA
        changed |= {f"domains.{name}" for name in names if before["domains"].get(name) != now["domains"][name]}
    if changed:
        raise ConfigError(
            f"{out} was made with other settings for {', '.join(sorted(changed))} (see {out / RESOLVED}); go on with "
            "the same, or choose another --out"
        )
    general = before["general"] or {}
    is_trained = not general.get("model") and not general.get("skip")
    learned = third or (second and is_trained)  # from the general sets, or chosen by them
    made = {
        what: digest
        for what, digest in made.items()
        if what in begun or (not what.startswith(A_DOMAIN) and (first if what == "instruction.data" else learned))
    }
    _refuse_changed(made, {what: digest for what, digest in data.fingerprints().items() if what in made}, out)
    return made


def _has_domain(out: Path, name: str) -> bool:
    """Whether stage 3, the sweep or the learning curve has begun with a domain."""
    places = [out, *(out / SWEEP).glob("*/")]
    return (
        any(_is_begun(domain_folder(place, name)) for place in places) or domain_folder(out / FEW_SHOT, name).exists()
    )


def _is_begun(folder: Path) -> bool:
    """Whether there is a model, a checkpoint to go on from, or what was measured of one."""
    return (folder / LAST).exists() or any(any(folder.rglob(name)) for name in (COMPLETE, TRADEOFF))


def _refuse_changed(before: dict[str, str], now: dict[str, str], out: Path) -> None:
    changed = [what for what, digest in now.items() if before.get(what) != digest]
    if changed:
        raise ConfigError(
            f"{out} was made of other data than there are now for {', '.join(changed)}; go on with the same data, "
            "split alike (eval_share, choose_share, choose_most, what other sets hold out), or choose another --out"
        )


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot read {path} ({error}); start again with a new --out") from error
    return found
