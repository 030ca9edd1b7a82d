"""PreferenceModel: a backbone, a head and an input format, loaded, saved and used."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Literal, overload

import torch
from torch import Tensor

from polypref.errors import PolyprefError
from polypref.groups.model import Group
from polypref.models.adapters import Lora, add_lora, merged, names_adapter
from polypref.models.answer import Floats, StateAnswer, ordered_pairs, refuse_joint
from polypref.models.backbones import (
    BackboneSettings,
    dropout_rates,
    is_classifier,
    load_classifier,
    load_config,
    move_to,
    quiet_loading,
    reads_last_token,
    renew_state_layer,
    set_dropout,
)
from polypref.models.block import BLOCK, block_of, is_model_of
from polypref.models.customized import model_folder
from polypref.models.embedded import BackboneError
from polypref.models.encoder import DEFAULT_BUDGET, StateEncoder
from polypref.models.extra import load_extra, save_extra
from polypref.models.folders import staged_folder
from polypref.models.heads import Head, make_head
from polypref.models.inputs import Input, InputFormat, Layout, input_format
from polypref.models.limits import knows_segments, longest_input
from polypref.models.reading import check_reading
from polypref.models.saved import load_saved
from polypref.models.sharing import share_prompts

CLASSIFIER, ADDED = "classifier.", "extra."  # what the names of an encoder's weights begin with
DEFAULT_MAX_LENGTH = 1024
WINDOW = 64  # groups encoded together


class PreferenceModel:
    """A preference model. Every method takes one group or a list of groups and returns NumPy."""

    def __init__(self, encoder: StateEncoder, head: Head, inputs: InputFormat) -> None:
        self.encoder = encoder
        self.head = head
        self.inputs = inputs
        self.dropout_rates: dict[str, float] = {}  # those of the backbone's configuration, used or not
        self.training_opinion: tuple[float, ...] = ()  # mean opinion of the training data over the labels, if known
        self.domain: str | None = None  # which it is of in a customised folder
        self.window = WINDOW

    def __repr__(self) -> str:
        classifier = self.encoder.classifier
        weights = sum(parameter.numel() for parameter in self.encoder.parameters())
        return (
            f"PreferenceModel({self.head}, {type(classifier).__name__} of {weights / 1e6:,.1f} M weights on "
            f"{self.encoder.device}, inputs of up to {self.inputs.max_length:,} tokens)"
        )

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
        head: str | Head = "scalar",
        *,
        max_length: int | None = None,
        seed: int = 0,
        backbone: BackboneSettings | None = None,
        lora: Lora | None = None,
        device: str | None = None,
        **head_settings: Any,
    ) -> PreferenceModel:
        """A new model on a pretrained backbone: a Hugging Face id, a path, or `embedded:minilm`, `embedded:smollm2`.

        `head_settings` are those of the head, such as `dim=8`. The classification layer is drawn from `seed`, unless
        `name` is a model of the same head already (by name and settings), which then goes on as it is.
        """
        made = make_head(head, **head_settings) if isinstance(head, str) else head
        settings = backbone or BackboneSettings()
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
        model.domain = of_domain
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
        if settings.quantization is None:
            move_to(classifier, device or ("cuda" if torch.cuda.is_available() else "cpu"))
        segments = "token_type_ids" in tokenizer.model_input_names and knows_segments(classifier)
        encoder = StateEncoder(classifier, head, classifier.config.get_text_config().pad_token_id, segments)
        encoder.eval()
        layout: Layout = "chat" if encoder.reads_last_token else "segments"
        limits = [limit for limit in (max_length, longest_input(classifier, tokenizer)) if limit is not None]
        limit = min(limits, default=DEFAULT_MAX_LENGTH)
        rows = classifier.get_input_embeddings().weight.shape[0]
        inputs = input_format(tokenizer, layout, limit, rows)
        check_reading(encoder, inputs)
        share_prompts(encoder, settings)
        return cls(encoder, head, inputs)

    # — saving —

    def save_pretrained(
        self, path: str | Path, training: dict[str, Any] | None = None, weights: dict[str, Tensor] | None = None
    ) -> None:
        """Write an ordinary checkpoint, whole or not at all; LoRA weights are merged into it.

        `training` is a record of how the model was made, kept in its configuration; `weights` stand in for those of
        the encoder where these are spread over several processes.
        """
        if names_adapter(str(path)):
            raise PolyprefError(f"{str(path)!r} holds an adapter, which would hide the model: save it elsewhere")
        with staged_folder(Path(path)) as folder:
            self.write(folder, training, weights)

    def write(
        self, folder: Path, training: dict[str, Any] | None = None, weights: dict[str, Tensor] | None = None
    ) -> None:
        """The files of the checkpoint, one by one."""
        classifier = merged(self.encoder.classifier)
        own, added = (_part(weights, CLASSIFIER), _part(weights, ADDED)) if weights is not None else (None, None)
        setattr(classifier.config, BLOCK, {**self.block(), **({"training": training} if training else {})})
        rates = dropout_rates(classifier.config)
        set_dropout(classifier.config, self.dropout_rates)  # also those it is used without
        try:
            with quiet_loading():
                classifier.save_pretrained(folder, state_dict=own)
        finally:
            set_dropout(classifier.config, rates)
        self.inputs.tokenizer.save_pretrained(folder)
        save_extra(self.encoder, folder, added)

    def block(self) -> dict[str, Any]:
        """What `config.json` says of polypref: enough to use the model again."""
        block = {
            "version": 1,
            "head": self.head.name,
            "settings": self.head.settings(),
            "max_length": self.inputs.max_length,
        }
        known = {"training_opinion": list(self.training_opinion), "state_token": self.state_token}
        return {**block, **{name: value for name, value in known.items() if value}}

    # — using —

    @overload
    def states(self, groups: Group) -> Floats: ...
    @overload
    def states(self, groups: Sequence[Group]) -> list[Floats]: ...
    def states(self, groups: Group | Sequence[Group]) -> Floats | list[Floats]:
        """One vector per response, `[K, width]`: the logits that vanilla transformers computes."""
        refuse_joint(self.head, "states")
        return self._each(groups, lambda answer: answer.states)

    @overload
    def preferences(self, groups: Group) -> Floats: ...
    @overload
    def preferences(self, groups: Sequence[Group]) -> list[Floats]: ...
    def preferences(self, groups: Group | Sequence[Group]) -> Floats | list[Floats]:
        """P[i, j] = P(i ≻ j), `[K, K]`: P + Pᵀ = 1, ½ on the diagonal."""
        return self._each(groups, lambda answer: answer.preferences)

    @overload
    def utilities(self, groups: Group) -> Floats: ...
    @overload
    def utilities(self, groups: Sequence[Group]) -> list[Floats]: ...
    def utilities(self, groups: Group | Sequence[Group]) -> Floats | list[Floats]:
        """One number per response, `[K]`, higher is better; for heads without a utility, mean log-odds in the group."""
        return self._each(groups, lambda answer: answer.utilities)

    @overload
    def distributions(self, groups: Group) -> Floats: ...
    @overload
    def distributions(self, groups: Sequence[Group]) -> list[Floats]: ...
    def distributions(self, groups: Group | Sequence[Group]) -> Floats | list[Floats]:
        """The crowd's opinion of each response over the labels, `[K, d]`; rows sum to 1."""
        refuse_joint(self.head, "distributions")
        return self._each(groups, StateAnswer.opinions)

    @overload
    def rank(self, groups: Group, rule: str = "borda") -> list[int]: ...
    @overload
    def rank(self, groups: Sequence[Group], rule: str = "borda") -> list[list[int]]: ...
    def rank(self, groups: Group | Sequence[Group], rule: str = "borda") -> list[int] | list[list[int]]:
        """Indices of the responses, best first, under `borda`, `copeland`, `kemeny`, `lottery` or `utility`."""
        return self._each(groups, lambda answer: answer.rank(rule))

    def encode(self, groups: Iterable[Group], budget: int = DEFAULT_BUDGET) -> Iterator[tuple[Group, StateAnswer]]:
        """Each group with what the model says of it, in order; groups are taken from the stream a window at a time."""
        source = iter(groups)
        while window := list(islice(source, self.window)):
            tokenized = [self.tokenize(group) for group in window]
            for group, inputs, states in zip(window, tokenized, self._computed(tokenized, budget)):
                cut = sum(item.cut for item in inputs)
                yield group, StateAnswer(self.head, states, len(group), cut, self.domain)

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

    def _each(self, groups: Group | Sequence[Group], read: Callable[[StateAnswer], Any]) -> Any:
        if isinstance(groups, Group):
            return self._each([groups], read)[0]
        return [read(answer) for _, answer in self.encode(groups)]


def _part(weights: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in weights.items() if name.startswith(prefix)}
