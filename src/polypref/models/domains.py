"""The models of a customised folder: many domains by name, their adapters on one base model in memory."""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from polypref.errors import PolyprefError
from polypref.groups.model import Group, shown
from polypref.models.adapters import Adapter, base_name, base_of, read_adapter, set_parameter, write_adapter
from polypref.models.answer import StateAnswer
from polypref.models.backbones import BackboneSettings, load_config, set_dropout
from polypref.models.block import BLOCK, block_of, head_of_block, names_own_adapter
from polypref.models.card import write_card
from polypref.models.customized import (
    ADAPTER,
    GENERAL,
    OWN,
    DomainError,
    check_customized,
    check_general,
    domain_names,
    has_general,
    model_folder,
)
from polypref.models.encoder import DEFAULT_BUDGET, StateEncoder
from polypref.models.extra import load_extra, save_extra
from polypref.models.folders import staged_folder
from polypref.models.heads import Head
from polypref.models.lora import has_lora
from polypref.models.packing import Pack
from polypref.models.preference_model import (
    WINDOW,
    PreferenceModel,
)

_MOST_WINDOWS = 16  # the groups of so many windows at most are gathered before they are sorted by domain


def save_adapter(model: PreferenceModel, folder: str | Path, training: dict[str, Any] | None = None) -> None:
    """Write what a model with LoRA adds to its base model: a small folder, whole or not at all.

    `PreferenceModel.from_pretrained(folder)` merges it into the base model, which the folder names: by a path from
    itself where the base model lies beside it, so that both can be moved together. peft reads it too; its state layer
    is among `modules_to_save`. `training` is a record of how it was made, kept in `config.json`.
    """
    classifier, folder = model.encoder.classifier, Path(folder)
    if not has_lora(classifier):
        raise PolyprefError("the model has no adapters to keep apart: train it with lora, or use save_pretrained")
    if list(folder.glob("model*.safetensors")):
        raise PolyprefError(f"{str(folder)!r} holds a whole model already: save the adapter elsewhere")
    config = copy.deepcopy(classifier.config)
    setattr(config, BLOCK, {**model.block(), **({"training": training} if training else {})})
    set_dropout(config, model.dropout_rates)
    with staged_folder(folder, last=ADAPTER) as stage:
        write_adapter(classifier, stage, base_name(classifier.name_or_path, folder))
        save_extra(model.encoder, stage)
        config.save_pretrained(stage)
        write_card(stage, folder, model, training or {}, adapter=True)


class AdaptedLayers:
    """The layers of one classifier with the adapters of several domains, of which at most one is in use at a time.

    A layer that an adapter changes computes Wx + B(Ax): A and B are read from the adapter in use. Not for several
    threads at once.
    """

    def __init__(self, classifier: Any) -> None:
        self.classifier = classifier
        self._hooked: set[str] = set()
        self._used: Adapter | None = None

    def add(self, adapter: Adapter) -> None:
        """Let the layers know of another adapter."""
        for name in adapter.low_rank.keys() - self._hooked:
            self.classifier.get_submodule(name).register_forward_hook(partial(self._output, name))
            self._hooked.add(name)

    @contextmanager
    def using(self, adapter: Adapter) -> Iterator[None]:
        """The classifier is that of the adapter; afterwards it is the base model again."""
        before = {name: self.classifier.get_parameter(name) for name in adapter.own}
        try:
            self._used = adapter
            for name, tensor in adapter.own.items():
                set_parameter(self.classifier, name, nn.Parameter(tensor, requires_grad=False))
            yield
        finally:
            self._used = None
            for name, parameter in before.items():
                set_parameter(self.classifier, name, parameter)

    def _output(self, name: str, _layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        """Add what the adapter in use says to the output of a layer, `[…, outputs]`, without another of that size."""
        if self._used is None or name not in self._used.low_rank:
            return
        A, B = self._used.low_rank[name]
        low = linear(inputs[0], A)  # […, rank]
        output.view(-1, len(B)).addmm_(low.view(-1, len(A)), B.T)


class AdaptedEncoder(StateEncoder):
    """The encoder of a domain: that of the base model, with the domain's adapter in use while it computes."""

    def __init__(self, base: StateEncoder, head: Head, layers: AdaptedLayers, adapter: Adapter) -> None:
        super().__init__(base.classifier, head, base.pad, base.segments)
        self.shares_prompts = base.shares_prompts
        self.reads_last_token, self.reads_alone = base.reads_last_token, base.reads_alone
        self._layers, self._adapter = layers, adapter

    def forward(self, pack: Pack) -> Tensor:
        with self._layers.using(self._adapter):
            return super().forward(pack)

    def features(self, pack: Pack) -> Tensor:
        with self._layers.using(self._adapter):
            return super().features(pack)


class _Together(PreferenceModel):
    """A model on whose weights others are: it stays where they are."""

    def to(self, device: str | torch.device) -> PreferenceModel:
        raise PolyprefError(
            "this model shares its weights with those of other domains, which stay together: name the device when they "
            "are loaded, as DomainModels.from_pretrained(…, device=…)"
        )


class _Shared(_Together):
    """A model that shares its weights with others: to be used, not saved."""

    def write(
        self, folder: Path, training: dict[str, Any] | None = None, weights: dict[str, Tensor] | None = None
    ) -> None:
        raise PolyprefError(
            "this model shares its weights with those of other domains; to save it by itself, load it with "
            "PreferenceModel.from_pretrained(…, domain=…)"
        )


class OwnDomains(_Shared):
    """Reads each group with the model of its own domain, and with the general model where that has none."""

    def __init__(self, models: DomainModels) -> None:
        general = models[GENERAL]
        super().__init__(general.encoder, general.head, general.inputs)
        self.domain = OWN
        self.window = WINDOW * min(len(models), _MOST_WINDOWS)  # enough to fill packs of every domain
        self.read = 0  # groups so far
        self.by_general = 0  # those of them that no domain's model is for
        self._models = models

    def encode(self, groups: Iterable[Group], budget: int = DEFAULT_BUDGET) -> Iterator[tuple[Group, StateAnswer]]:
        """Each group with what its domain's model says, in order; a window is sorted by domain: a pack is of one."""
        source = iter(groups)
        while window := list(islice(source, self.window)):
            places: dict[str, list[int]] = defaultdict(list)
            for place, group in enumerate(window):
                places[self._models.name_for(group)].append(place)
            self.read += len(window)
            self.by_general += len(places[GENERAL]) if GENERAL in places else 0
            found: dict[int, StateAnswer] = {}
            for name, at in sorted(places.items()):
                found |= zip(at, self._answers(name, [window[place] for place in at], budget))
            yield from ((group, found[place]) for place, group in enumerate(window))

    def _answers(self, domain: str, groups: list[Group], budget: int) -> list[StateAnswer]:
        model = self._models[domain]  # held no longer than this, for it may have to make room for the next
        return [answer for _, answer in model.encode(groups, budget)]


class DomainModels(Mapping[str, PreferenceModel]):
    """The models of a customised folder by domain; the general one is called `general` and comes first.

    `models["academy"]` is a PreferenceModel like any other, and `models.own` one that reads each group with the model
    of its own domain. Models that are adapters on the general one share its weights in memory. Of the others only the
    one used last is kept, and loaded again when its turn comes.
    """

    def __init__(self, path: str, max_length: int | None, settings: BackboneSettings, device: str | None) -> None:
        check_customized(path)
        self.path = path
        self._names = [*([GENERAL] if has_general(path) else []), *domain_names(path)]
        self._max_length, self._settings, self._device = max_length, settings, device
        self._sharing: dict[str, PreferenceModel] = {}  # the general model and those that are adapters on it
        self._layers: AdaptedLayers | None = None
        self._last: tuple[str, PreferenceModel] | None = None

    @classmethod
    def from_pretrained(
        cls,
        path: str | Path,
        *,
        max_length: int | None = None,
        backbone: BackboneSettings | None = None,
        device: str | None = None,
    ) -> DomainModels:
        """The models of a folder that `polypref customize` made; each is loaded when it is first used."""
        return cls(str(path), max_length, backbone or BackboneSettings(), device)

    @property
    def own(self) -> OwnDomains:
        """The model that reads each group with that of its own domain."""
        check_general(self.path)
        return OwnDomains(self)

    def name_for(self, group: Group) -> str:
        """The domain whose model reads a group: its own, or the one that judges it; not one of several at once."""
        judges = {group.domain} if group.domain is not None else set(map(group.domain_of, group.comparisons))
        ours = [name for name in self._names if name in judges]
        if ours and len(judges) > 1:
            raise DomainError(
                f"the group with the prompt {shown(group.prompt_text)} has no domain, and is judged by several, each "
                "by its own taste: choose one with --preferred, or name the domain whose model should read all groups"
            )
        return ours[0] if ours else GENERAL

    def __getitem__(self, domain: str) -> PreferenceModel:
        folder, _ = model_folder(self.path, domain)
        if domain not in self._sharing and (domain == GENERAL or self._is_shared(folder)):
            self._sharing[domain] = self._load(domain) if domain == GENERAL else self._adapted(domain, folder)
        if domain in self._sharing:
            return self._sharing[domain]
        if self._last is None or self._last[0] != domain:
            self._last = None  # before the next is loaded
            self._last = (domain, self._load(domain))
        return self._last[1]

    def __contains__(self, domain: object) -> bool:
        return domain in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def _load(self, domain: str) -> PreferenceModel:
        kind = _Together if domain == GENERAL else PreferenceModel
        return kind.from_pretrained(
            self.path, domain=domain, max_length=self._max_length, backbone=self._settings, device=self._device
        )

    def _is_shared(self, folder: str) -> bool:
        """Whether a domain's model is an adapter on the general one, its states read off the same token."""
        general = (Path(self.path) / GENERAL).resolve()
        if not names_own_adapter(folder, self._settings) or Path(base_of(folder)).resolve() != general:
            return False
        read_off = block_of(load_config(folder, self._settings), folder).loading(self._settings).state_token
        return read_off in ("checkpoint", self[GENERAL].state_token)

    def _adapted(self, domain: str, folder: str) -> PreferenceModel:
        """The general model as a domain's adapter makes it."""
        general = self[GENERAL]
        classifier = general.encoder.classifier
        config = load_config(folder, self._settings)
        block = block_of(config, folder)
        head = head_of_block(block, folder, config.num_labels)
        adapter = read_adapter(folder)
        adapter.check(classifier, folder)
        adapter = adapter.to(classifier.device, classifier.dtype)
        self._layers = self._layers or AdaptedLayers(classifier)
        self._layers.add(adapter)
        encoder = AdaptedEncoder(general.encoder, head, self._layers, adapter)
        encoder.eval()
        load_extra(encoder, head, folder, self._settings.revision)
        inputs = general.inputs
        if block.max_length and not self._max_length:
            inputs = replace(inputs, max_length=block.max_length)
        model = _Shared(encoder, head, inputs)
        model.dropout_rates = general.dropout_rates
        model.training_opinion = tuple(block.training_opinion)
        model.temperature = block.temperature
        model.domain = domain
        return model
