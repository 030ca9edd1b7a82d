"""A sweep over settings of stage 3, which share stages 1 and 2: here, or on a Ray cluster."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from polypref.customization.config import CustomizeConfig
from polypref.customization.data import CustomizeData, load_data
from polypref.customization.figures import write_sweep_figure
from polypref.customization.measuring import GeneralAnswers, Scores
from polypref.customization.stages import SWEEP, check_same_data, customise_domain, draw
from polypref.customization.tradeoff import Tradeoff, read_tradeoff, write_json
from polypref.errors import PolyprefError
from polypref.models.customised import domain_folder
from polypref.training.progress import Report

_OF_TRAINING = frozenset(("learning_rate", "lora"))  # what stands in the training settings of stage 3


@dataclass(frozen=True)
class SweepRow:
    """The recommended model of one setting for one domain, measured on the test sets."""

    setting: str
    domain: str
    step: int
    alpha: float | None
    chosen: Scores  # of the same model on the choosing sets
    before: Scores  # of the general model
    after: Scores


def sweep(
    config: CustomizeConfig, data: CustomizeData, report: Report, known: GeneralAnswers, ray: str | None = None
) -> list[SweepRow]:
    """Customise with every setting, each in `out/sweep/SETTING`, and write `sweep.json` and `sweep.png`.

    A setting is a folder: one that is finished is read, one that was killed goes on, and one that fails is named when
    the others are finished. `known` are the general model's answers in this process.
    """
    made = dict(settings(config))
    failed = _here(made, data, report, known) if ray is None else _on_ray(made, data, ray, report)
    for name in made:
        if name not in failed and any(_finished(config, name, domain) is None for domain in data.domains):
            failed[name] = f"left nothing in {_folder(config, name)}; do all machines of the cluster see that folder?"
    rows = [_row(config, name, domain) for name in made if name not in failed for domain in data.domains]
    table = Path(config.out) / f"{SWEEP}.json"
    write_json(table, [asdict(row) for row in rows])
    if rows:
        chosen = {(row.setting, row.domain): row.chosen for row in rows}
        draw(partial(write_sweep_figure, chosen, Path(config.out)), report)
    if failed:
        reasons = "; ".join(f"{name} ({reason})" for name, reason in failed.items())
        raise PolyprefError(
            f"{len(failed)} of {len(made)} settings failed, the others are finished and in {table}: {reasons}; mend "
            "what they failed of, or take them out of sweep, and run it again"
        )
    return rows


def settings(config: CustomizeConfig) -> Iterator[tuple[str, CustomizeConfig]]:
    """Each setting by name, such as `enrichment=0.3,lora=8`: the configuration with these in stage 3."""
    assert config.sweep is not None
    assert config.domains is not None
    grid = {name: values for name, values in config.sweep if values}
    for values in itertools.product(*grid.values()):
        chosen = dict(zip(grid, values))
        own = {name: value for name, value in chosen.items() if name not in _OF_TRAINING}
        training = {name: value for name, value in chosen.items() if name in _OF_TRAINING}
        if training.get("lora") is not None:
            given = {**config.training, **config.domains.training}.get("lora") or {}
            training["lora"] = {"alpha": 2 * training["lora"], **given, "rank": training["lora"]}
        own["training"] = {**config.domains.training, **training}
        name = ",".join(f"{key}={'none' if value is None else format(value, 'g')}" for key, value in chosen.items())
        yield name, config.model_copy(update={"domains": config.domains.model_copy(update=own)})


def _folder(config: CustomizeConfig, name: str) -> Path:
    return Path(config.out) / SWEEP / name


def _customise(config: CustomizeConfig, name: str, data: CustomizeData, report: Report, known: GeneralAnswers) -> None:
    for domain, parts in data.domains.items():
        customise_domain(config, domain, parts, data, _folder(config, name), report, known)


def _finished(config: CustomizeConfig, name: str, domain: str) -> Tradeoff | None:
    return read_tradeoff(domain_folder(_folder(config, name), domain))


def _row(config: CustomizeConfig, name: str, domain: str) -> SweepRow:
    found = _finished(config, name, domain)
    assert found is not None
    best = found.recommended
    return SweepRow(name, domain, best.step, best.alpha, best.scores, found.before, found.after)


def _here(
    made: Mapping[str, CustomizeConfig], data: CustomizeData, report: Report, known: GeneralAnswers
) -> dict[str, str]:
    """Run the settings one after the other; those that failed, and why."""
    failed: dict[str, str] = {}
    for name, one in made.items():
        report.line(f"setting {name}")
        try:
            _customise(one, name, data, report, known)
        except Exception as error:  # whatever it is, the others may go well
            failed[name] = _reason(error)
            report.line(f"setting {name} failed: {failed[name]}")
    return failed


def _reason(error: BaseException) -> str:
    """The last line of what an error says, with its kind if it is none of ours."""
    said, kind = str(error).strip(), type(error).__name__
    last = said.splitlines()[-1] if said else ""
    return last if isinstance(error, PolyprefError) else f"{kind}: {last}" if last else kind


def _on_ray(made: Mapping[str, CustomizeConfig], data: CustomizeData, address: str, report: Report) -> dict[str, str]:
    """Run the settings that are not finished as tasks of a cluster, each with one GPU, where there are any; those that
    failed, and why."""
    try:
        import ray
    except ImportError:
        raise PolyprefError(
            "a sweep on a cluster needs Ray, which is not installed; install it with pip install ray, or "
            "leave --ray out"
        ) from None
    waiting = {name: one for name, one in made.items() if any(_finished(one, name, d) is None for d in data.domains)}
    opened = not ray.is_initialized()
    try:
        if opened:  # or else in the session that this process is in already
            ray.init(address=address, log_to_driver=False)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise PolyprefError(f"cannot join the Ray cluster {address!r}: {str(error).splitlines()[0]}") from error
    failed: dict[str, str] = {}
    try:
        task = ray.remote(num_gpus=int("GPU" in ray.cluster_resources()))(_run_setting)  # type: ignore[no-untyped-call]
        running: dict[Any, str] = {
            task.remote(_wherever(one).model_dump(mode="json", exclude_unset=True), name): name
            for name, one in waiting.items()
        }
        while running:
            (ended,), _ = ray.wait(list(running))
            name = running.pop(ended)
            try:
                ray.get(ended)
            except ray.exceptions.RayError as error:
                cause = error.cause if isinstance(error, ray.exceptions.RayTaskError) else error
                failed[name] = _reason(cause or error)
                report.line(f"setting {name} failed, {len(running)} to go: {failed[name]}")
            else:
                report.line(f"setting {name} is finished, {len(running)} to go")
    finally:
        if opened:
            ray.shutdown()
    return failed


def _wherever(config: CustomizeConfig) -> CustomizeConfig:
    """The configuration with the places it names in full, for processes that start in another folder."""
    changes: dict[str, Any] = {"out": str(Path(config.out).absolute())}
    if config.names_backbone:
        changes["backbone"] = _place(config.backbone)
    if config.instruction:
        changes["instruction"] = config.instruction.model_copy(update={"data": _places(config.instruction.data)})
    if config.general:
        files = {"data": _places(config.general.data), "eval_data": _places(config.general.eval_data)}
        model = {"model": _place(config.general.model)} if config.general.model else {}
        changes["general"] = config.general.model_copy(update={**files, **model})
    if config.domains:
        files = {"data": _places(config.domains.data), "eval_data": _places(config.domains.eval_data)}
        changes["domains"] = config.domains.model_copy(update=files)
    return config.model_copy(update=changes)


def _places(files: Mapping[str, Sequence[str]] | Sequence[str]) -> dict[str, tuple[str, ...]] | tuple[str, ...]:
    if isinstance(files, Mapping):
        return {name: tuple(map(_place, given)) for name, given in files.items()}
    return tuple(map(_place, files))


def _place(name: str) -> str:
    """A path in full; ids on the hub and embedded models are no paths."""
    return str(Path(name).absolute()) if Path(name).exists() else name


def _run_setting(config: dict[str, Any], name: str) -> None:
    """One setting, in a process of a cluster."""
    made = CustomizeConfig(**config)
    data = load_data(made, Report())
    check_same_data(data, Path(made.out))  # another machine may see other files
    _customise(made, name, data, Report(), GeneralAnswers())
