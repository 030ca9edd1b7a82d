"""Frozen backbones: features computed once and kept on disk, so that trying another head takes seconds."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from polypref.errors import PolyprefError
from polypref.files import whole_path
from polypref.models.embedded import cache_folder, resolve
from polypref.models.inputs import Input
from polypref.models.packing import PackEncoder
from polypref.models.preference_model import PreferenceModel
from polypref.training.data import TrainingGroup

_CHUNK = 64  # groups whose features are computed together

FeaturesDone = Callable[[int, int], None]  # groups done, of how many


@dataclass(frozen=True, eq=False)
class FeaturePack:
    """Features of n inputs, in the place of their tokens."""

    members: tuple[int, ...]
    features: Tensor  # [n, hidden]


class FrozenEncoder(PackEncoder[Tensor, FeaturePack]):
    """The state layer alone, the very layer of the model it was taken from, reading features."""

    def __init__(self, model: PreferenceModel) -> None:
        super().__init__()
        if model.encoder.extra is not None:
            raise PolyprefError(
                f"{model.head.added} reads the backbone and cannot be trained with it frozen; leave one out"
            )
        self.layer = model.encoder.state_layer
        self.tastes = model.encoder.tastes

    def forward(self, pack: FeaturePack) -> Tensor:
        return self.layer(pack.features.to(self.layer.weight))

    def packs(self, groups: Sequence[Sequence[Tensor]], budget: int) -> list[FeaturePack]:
        """All features in one pack: a linear layer needs no rationing."""
        rows = [feature for features in groups for feature in features]
        return [FeaturePack(tuple(range(len(rows))), torch.stack(rows).to(self.layer.weight.device))]

    def bins(self, groups: Sequence[Sequence[Tensor]], budget: int) -> list[list[int]]:
        """All groups together."""
        return [list(range(len(groups)))]


def with_features(
    groups: Sequence[TrainingGroup[Input]],
    model: PreferenceModel,
    backbone: str,
    progress: FeaturesDone | None = None,
) -> list[TrainingGroup[Tensor]]:
    """The groups with the backbone's features in the place of tokens, from disk where they were computed before."""
    from safetensors.torch import load_file

    if not groups:
        return []
    inputs = [group.inputs for group in groups]
    path = cache_folder() / "features" / f"{_fingerprint(inputs, model, backbone)}.safetensors"
    if path.exists():
        features = load_file(path)["features"]
    else:
        features = torch.cat(_computed(inputs, model, progress))
        _keep(features, path)
    rows = iter(features)
    return [_with_inputs(group, [next(rows) for _ in group.inputs]) for group in groups]


def _with_inputs(group: TrainingGroup[Input], features: list[Tensor]) -> TrainingGroup[Tensor]:
    return TrainingGroup(features, group.judgments, group.responses, group.group, group.weight, group.imitates)


def _keep(features: Tensor, path: Path) -> None:
    """Write the features whole or not at all, even if other processes write the same."""
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_path(path) as unfinished:
            save_file({"features": features}, unfinished)
    except (OSError, SafetensorError) as error:
        raise PolyprefError(f"cannot keep the features of the backbone in {path.parent}: {error}") from error


def _computed(inputs: Sequence[Sequence[Input]], model: PreferenceModel, progress: FeaturesDone | None) -> list[Tensor]:
    model.encoder.eval()
    done: list[Tensor] = []
    for start in range(0, len(inputs), _CHUNK):
        done += [part.cpu() for part in model.encoder.all_features(inputs[start : start + _CHUNK])]
        if progress:
            progress(min(start + _CHUNK, len(inputs)), len(inputs))
    return done


def _fingerprint(inputs: Sequence[Sequence[Input]], model: PreferenceModel, backbone: str) -> str:
    """What the features depend on: the weights before the state layer, how they are read, and the tokens."""
    digest = hashlib.sha256()
    place = resolve(backbone)
    encoder, classifier = model.encoder, model.encoder.classifier
    described: list[object] = [place, str(classifier.dtype), encoder.pad]
    described += [model.state_token, encoder.reads_last_token, encoder.reads_alone]
    described.append(classifier.config.to_diff_dict().get("quantization_config"))
    files = sorted([*Path(place).glob("*.safetensors"), *Path(place).glob("*.bin")])
    described += [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    digest.update(repr(described).encode())
    for parameter in _not_in_the_files(model, bool(files)):
        digest.update(parameter.detach().float().cpu().numpy().tobytes())
    for group in inputs:
        for item in group:
            digest.update(item.boundary.to_bytes(4, "little"))
            digest.update(item.tokens.tobytes())
    return digest.hexdigest()[:32]


def _not_in_the_files(model: PreferenceModel, files: bool) -> list[nn.Parameter]:
    """Weights before the state layer that the files do not vouch for: what a bare backbone lacks, such as a pooler, is
    new with every seed; and all of them where there are none, for what a hub has under a name may change."""
    classifier = model.encoder.classifier
    last = {id(parameter) for parameter in model.encoder.state_layer.parameters()}
    base = f"{classifier.base_model_prefix}."
    return [
        parameter
        for name, parameter in classifier.named_parameters()
        if id(parameter) not in last and (not files or not name.startswith(base) or ".pooler." in name)
    ]
