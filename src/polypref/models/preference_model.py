"""PreferenceModel: a backbone, a head and an input format, loaded, saved and used."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from polypref.errors import PolyprefError
from polypref.groups.model import Group
from polypref.models import showing
from polypref.models.adapters import names_adapter
from polypref.models.answer import Floats, StateAnswer, ordered_pairs
from polypref.models.asking import Answering, Asked
from polypref.models.assembling import DEFAULT_MAX_LENGTH, assembled
from polypref.models.backbones import (
    BackboneSettings,
    dropout_rates,
    is_classifier,
    load_classifier,
    load_config,
    move_to,
    reads_last_token,
    renew_state_layer,
)
from polypref.models.block import BLOCK, VERSION, base_named, block_of, is_model_of
from polypref.models.card import write_card
from polypref.models.customized import model_folder
from polypref.models.embedded import BackboneError
from polypref.models.encoder import DEFAULT_BUDGET, StateEncoder
from polypref.models.extra import load_extra
from polypref.models.folders import check_place, staged_folder
from polypref.models.heads import Head, make_head, plain_head
from polypref.models.inputs import Input, InputFormat
from polypref.models.lora import Lora, add_lora
from polypref.models.meeting import taste_of
from polypref.models.persons import PERSONS, Persons, read_persons, write_persons
from polypref.models.record import read_record
from polypref.models.saved import load_saved
from polypref.models.saving import write_checkpoint_files

WINDOW = 64  # groups encoded together


class PreferenceModel(Answering):
    """A preference model. What takes groups takes one group or a list of groups, and returns NumPy."""

    def __init__(self, encoder: StateEncoder, head: Head, inputs: InputFormat) -> None:
        self.encoder = encoder
        self.head = head
        self.inputs = inputs
        self.dropout_rates: dict[str, float] = {}  # those of the backbone's configuration, used or not
        self.training_opinion: tuple[float, ...] = ()  # mean opinion of the training data over the labels, if known
        self.temperature = 1.0  # what log-odds are divided by, fitted to held-out groups
        self.base: str | None = None  # the id on the hub of the backbone it was made of, if known
        self.record: dict[str, Any] = {}  # of its training, if known
        self.domain: str | None = None  # which it is of in a customised folder
        self.persons: Persons | None = None  # whose tastes it knows, for heads that tell persons apart
        self.window = WINDOW

    def __repr__(self) -> str:
        return showing.line(self)

    def _repr_html_(self) -> str:
        return showing.html(self)

    @property
    def labels(self) -> tuple[float, ...] | None:
        """The values of the labels over which the head predicts the crowd's opinion, `[d]`; None for other heads."""
        return self.head.labels

    @property
    def state_token(self) -> Literal["last", "before_padding"] | None:
        """Which token a decoder's states are read off: the very last, or the last that does not pad; None: encoders."""
        if not reads_last_token(self.encoder.classifier):
            return None
        return "last" if self.encoder.pad is None else "before_padding"

    # — making —

    @classmethod
    def from_backbone(
        cls,
        name: str,
        head: str | Head | None = None,
        *,
        max_length: int | None = None,
        seed: int = 0,
        backbone: BackboneSettings | None = None,
        lora: Lora | None = None,
        device: str | None = None,
        **head_settings: Any,
    ) -> PreferenceModel:
        """A new model on a pretrained backbone: a Hugging Face id, a path, or an embedded model.

        Embedded are `embedded:minilm`, `embedded:smollm2` and `embedded:gemma3`, each with a package of its own.
        The head is that of a plain reward model if left out, and `head_settings` are its own, such as `dim=8`. The
        classification layer is drawn from `seed`, unless `name` is a model of the same head already (by name and
        settings), which then goes on as it is.
        """
        named = plain_head().name if head is None else head
        made = make_head(named, **head_settings) if isinstance(named, str) else named
        settings = backbone or BackboneSettings()
        check_place(name)
        if names_adapter(name):
            raise BackboneError(
                f"{name!r} is an adapter, no backbone: save PreferenceModel.from_pretrained of it, and name that folder"
            )
        config = load_config(name, settings)
        goes_on = is_model_of(made, config, name)
        if BLOCK in config.to_dict():
            settings = block_of(config, name).loading(settings)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            classifier, tokenizer = load_classifier(name, made.width, settings)
            if not goes_on and is_classifier(config):
                renew_state_layer(classifier)
            if lora is not None:
                add_lora(classifier, lora)
        model = cls._assembled(classifier, tokenizer, made, max_length or DEFAULT_MAX_LENGTH, settings, device)
        model.dropout_rates = dropout_rates(config)
        model.base = base_named(config, name)
        if goes_on:
            load_extra(model.encoder, made, name, settings.revision)
        return model

    @classmethod
    def from_pretrained(
        cls,
        path: str | Path,
        *,
        domain: str | None = None,
        max_length: int | None = None,
        backbone: BackboneSettings | None = None,
        device: str | None = None,
    ) -> PreferenceModel:
        """A saved model, anybody's reward model with one logit (a scalar head), or a LoRA adapter that makes one.

        Of a customised folder it is the model of `domain`, or the general model if left out (`DomainModels` loads
        several). Inputs are cut at `max_length` tokens: at that of the saved model, or all that the backbone reads, if
        left out.
        """
        (name, of_domain), settings = model_folder(str(path), domain), backbone or BackboneSettings()
        saved = load_saved(name, settings)
        limit = max_length or saved.block.max_length
        model = cls._assembled(saved.classifier, saved.tokenizer, saved.head, limit, settings, device)
        model.dropout_rates = dropout_rates(saved.config)
        model.training_opinion = tuple(saved.block.training_opinion)
        model.temperature = saved.block.temperature
        model.record = read_record(saved.config.to_dict().get(BLOCK))
        model.base = base_named(saved.config, name)
        model.domain = of_domain
        model.persons = read_persons(Path(name), saved.head.tastes)
        load_extra(model.encoder, saved.head, name, settings.revision)
        return model

    @classmethod
    def _assembled(
        cls,
        classifier: Any,
        tokenizer: Any,
        head: Head,
        max_length: int | None,
        settings: BackboneSettings,
        device: str | None,
    ) -> PreferenceModel:
        encoder, inputs = assembled(classifier, tokenizer, head, max_length, settings, device)
        return cls(encoder, head, inputs)

    # — saving —

    def save_pretrained(
        self, path: str | Path, training: dict[str, Any] | None = None, weights: dict[str, Tensor] | None = None
    ) -> None:
        """Write an ordinary checkpoint, whole or not at all; LoRA weights are merged into it.

        `training` is a record of how the model was made, kept in its configuration and told by its card; that of a
        loaded model if left out. `weights` stand in for those of the encoder where these are spread over several
        processes.
        """
        if names_adapter(str(path)):
            raise PolyprefError(f"{str(path)!r} holds an adapter, which would hide the model: save it elsewhere")
        with staged_folder(Path(path)) as folder:
            self.write(folder, training, weights)
            if self.persons is None:
                (Path(path) / PERSONS).unlink(missing_ok=True)  # of a model that was here before
            else:
                write_persons(self.persons, folder)
            write_card(folder, Path(path), self, self.record if training is None else training)

    def push_to_hub(
        self,
        repo_id: str,
        *,
        private: bool | None = None,
        revision: str | None = None,
        message: str = "Upload a polypref model",
        token: str | None = None,
    ) -> str:
        """Save the model into a repository of the Hugging Face hub, made if there is none; returns its address."""
        from polypref.models.publishing import push_to_hub

        return push_to_hub(self, repo_id, private=private, revision=revision, message=message, token=token)

    def write(
        self, folder: Path, training: dict[str, Any] | None = None, weights: dict[str, Tensor] | None = None
    ) -> None:
        """The files of the checkpoint, one by one, without a card."""
        write_checkpoint_files(self, folder, training, weights)

    def block(self) -> dict[str, Any]:
        """What `config.json` says of polypref: enough to use the model again."""
        block = {
            "version": VERSION,
            "head": self.head.name,
            "settings": self.head.settings(),
            "max_length": self.inputs.max_length,
        }
        known = {
            "training_opinion": list(self.training_opinion),
            "state_token": self.state_token,
            "base": self.base,
            "temperature": None if self.temperature == 1 else self.temperature,
        }
        return {**block, **{name: value for name, value in known.items() if value}}

    # — persons —

    def person(self, name: str) -> PreferenceModel:
        """The model as a person sees it, by the annotator's name in the data it was trained on."""
        if self.persons is None:
            self.head.as_person(self.head.mean_taste)  # heads that know of no persons refuse
            raise PolyprefError("the model knows no persons: its data named no annotators, or it is a person's already")
        return self._as_person(self.persons.taste(name))

    def meet(self, judgments: Group | Iterable[Group]) -> PreferenceModel:
        """The model as a new person sees it, whose votes these groups hold, whoever is named as their annotator.

        Nothing but the person's taste is fitted, to one vote or many: a few of them leave it near the population's.
        """
        return self._as_person(taste_of(self, [judgments] if isinstance(judgments, Group) else list(judgments)))

    @property
    def by_person(self) -> Asked[Floats]:
        """`model.by_person(groups)`: the utilities `[persons, K]` of each person known, in the order of their names.

        They are given less that of the first response, for nobody compares them between persons.
        """
        if self.persons is None:
            raise PolyprefError("the model knows no persons: its data named no annotators, or it is a person's already")
        tastes = self.persons.matrix
        return Asked(self, lambda answer: answer.utilities_of(tastes))

    def _as_person(self, taste: tuple[float, ...]) -> PreferenceModel:
        seen = copy.copy(self)
        seen.head, seen.persons = self.head.as_person(taste), None
        return seen

    # — using —

    def to(self, device: str | torch.device) -> PreferenceModel:
        """Put the model on a device, such as `cuda` or `cpu`, and return it."""
        move_to(self.encoder.classifier, device)
        self.encoder.to(device)  # with what the head adds
        return self

    def encode(self, groups: Iterable[Group], budget: int = DEFAULT_BUDGET) -> Iterator[tuple[Group, StateAnswer]]:
        """Each group with what the model says of it, in order; groups are taken from the stream a window at a time."""
        source = iter(groups)
        while window := list(islice(source, self.window)):
            tokenized = [self.tokenize(group) for group in window]
            for group, inputs, states in zip(window, tokenized, self._computed(tokenized, budget)):
                yield group, self.answer(group, inputs, states)

    def answer(self, group: Group, inputs: Sequence[Input], states: Tensor) -> StateAnswer:
        """What the model says of a group whose inputs have these states."""
        cut = sum(item.cut for item in inputs)
        return StateAnswer(self.head, states, len(group), cut, self.domain, self.temperature)

    def tokenize(self, group: Group) -> list[Input]:
        """The inputs of a group: one per response, or for a joint head one per ordered pair i ≠ j, row by row."""
        if not self.head.joint:
            return self.inputs.sequences(group)
        return self.inputs.pair_sequences(group, ordered_pairs(len(group)))

    def _computed(self, tokenized: Sequence[Sequence[Input]], budget: int) -> list[Tensor]:
        training = self.encoder.training
        self.encoder.eval()
        try:
            return self.encoder.states(tokenized, budget)
        finally:
            self.encoder.train(training)
