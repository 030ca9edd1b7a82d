"""Causal language models: loaded by id, path or embedded name, and how likely they find K responses to a prompt."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import AutoModelForCausalLM

from polypref.groups.model import Group, Prompt
from polypref.models.adapters import names_adapter
from polypref.models.backbones import (
    BackboneSettings,
    dropout_rates,
    load_as,
    load_config,
    load_tokenizer,
    move_to,
    quiet_loading,
    with_dropout,
)
from polypref.models.embedded import BackboneError
from polypref.models.folders import staged_folder
from polypref.models.foretelling import LogProbabilities, of_responses, of_tokens, summed
from polypref.models.inputs import Input, InputFormat, Tokens, input_format
from polypref.models.limits import longest_input
from polypref.models.lora import Lora, has_lora, merged, put_adapters, without_adapters
from polypref.models.pack_reader import PackReader
from polypref.models.packing import Pack, pack_rows
from polypref.models.sharing import share_prompts

DEFAULT_MAX_LENGTH = 1024
_EXAMPLE = Group("one", ("two", "six", "seven eight nine ten"))


def load_language_model(name: str, settings: BackboneSettings, needed_by: str) -> tuple[Any, Any]:
    """A causal language model of transformers and its tokenizer, which has a padding token.

    A checkpoint that lacks the head that `needed_by` is about is refused, and so are an encoder and an adapter.
    """
    if names_adapter(name):
        raise BackboneError(f"{name!r} is an adapter, no language model: merge it with peft, and name that folder")
    model, absent = load_as(AutoModelForCausalLM, name, load_config(name, settings), settings)
    tokenizer = load_tokenizer(name, settings)
    if not absent and not _is_finite(model):
        raise BackboneError(
            f"the language model {name!r} gives NaN or infinity for the next token: it has diverged in its training, "
            "or its weights are damaged"
        )
    if not _is_causal(model):
        raise BackboneError(
            f"{needed_by} needs a decoder, which foretells the next token, and {name!r} is an encoder; choose a "
            "decoder such as embedded:smollm2"
        )
    inside = [key for key in absent if key.startswith(f"{model.base_model_prefix}.")]
    if inside:
        raise BackboneError(f"the checkpoint {name!r} is no whole language model: it has no {inside[0]}")
    if absent:
        raise BackboneError(
            f"the checkpoint {name!r} has no language-modelling head, which {needed_by} needs, nor shares it with "
            f"its embeddings; start from the language model itself, or leave {needed_by} out"
        )
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.unk_token or tokenizer.eos_token
    if tokenizer.pad_token is None:
        raise BackboneError("the tokenizer has no padding, unknown or end token that could serve for padding")
    return model, tokenizer


def chat_inputs(model: Any, tokenizer: Any, max_length: int | None) -> InputFormat:
    """How a language model reads groups: cut at `max_length` tokens, or at fewer where it reads no more."""
    limits = [limit for limit in (max_length, longest_input(model, tokenizer)) if limit is not None]
    rows = model.get_input_embeddings().weight.shape[0]
    return input_format(tokenizer, "chat", min(limits, default=DEFAULT_MAX_LENGTH), rows)


@torch.no_grad()
def _is_finite(model: Any) -> bool:
    """Whether the first token is followed by something."""
    return bool(torch.isfinite(model(input_ids=torch.tensor([[3, 4]], device=model.device)).logits).all())


@torch.no_grad()
def _is_causal(model: Any) -> bool:
    """Whether the first token does not know what follows it."""
    first, second = (
        model(input_ids=torch.tensor([ids], device=model.device)).logits[0, 0] for ids in ([3, 4, 5], [3, 5, 4])
    )
    return torch.allclose(first, second, rtol=1e-3, atol=1e-3 * float(first.abs().max()))


def cap_of(model: Any) -> float | None:
    """Below what a model keeps its logits, as Gemma does."""
    cap: float | None = model.config.get_text_config().to_dict().get("final_logit_softcapping")
    return cap


def capped(logits: Tensor, cap: float | None) -> Tensor:
    """Logits in single precision, below a cap."""
    logits = logits.float()
    return logits if cap is None else (logits / cap).tanh() * cap


@torch.no_grad()
def foretells_as(model: Any, logits: Callable[[Tensor], Tensor]) -> bool:
    """Whether `logits`, of last hidden states, are the model's own on a small example; some architectures scale them,
    or project first."""
    tokens = torch.arange(8, device=model.device)[None]
    hidden = model.base_model(input_ids=tokens, use_cache=False).last_hidden_state
    expected = model(input_ids=tokens, use_cache=False).logits.float()
    tolerance = 1e-3 if model.dtype == torch.float32 else 0.03
    return bool((logits(hidden) - expected).abs().max() <= tolerance * expected.abs().max())


class LanguageModel(PackReader):
    """A causal language model that computes a prompt once for all responses to it; with adapters, only these learn."""

    def __init__(self, model: Any, inputs: InputFormat) -> None:
        super().__init__(pad=None, segments=False)
        self.lm = model
        self.inputs = inputs
        self.cap = cap_of(model)
        self.dropout_rates: dict[str, float] = {}  # those of the checkpoint, used or not
        self.reads_hidden = False  # whether logits are a linear layer's of the last hidden states
        self._own_attention = model.config._attn_implementation

    @classmethod
    def from_pretrained(
        cls,
        name: str,
        *,
        max_length: int | None = None,
        backbone: BackboneSettings | None = None,
        lora: Lora | None = None,
        device: str | None = None,
    ) -> LanguageModel:
        """A Hugging Face id, a path, `embedded:smollm2` or `embedded:gemma3`; inputs are cut at `max_length` tokens."""
        settings = backbone or BackboneSettings()
        model, tokenizer = load_language_model(name, settings, "a policy")
        if settings.quantization is None:
            move_to(model, device or ("cuda" if torch.cuda.is_available() else "cpu"))
        found = cls(model, chat_inputs(model, tokenizer, max_length))
        found.eval()
        found.dropout_rates = dropout_rates(load_config(name, settings))
        found._settle(settings)
        if lora is not None:
            put_adapters(model, lora)
        return found

    def _settle(self, settings: BackboneSettings) -> None:
        """Find the fastest way of reading that gives the model's own log-probabilities: prompts shared, rows padded,
        one row at a time, or the model's own forward."""
        self.reads_hidden = self._has_linear_head() and foretells_as(self.lm, self._logits)
        self.reads_alone = not self.reads_hidden or not self._ignores_padding()
        share_prompts(self, settings)

    def _has_linear_head(self) -> bool:
        return isinstance(self.lm.get_output_embeddings(), nn.Linear)

    @torch.no_grad()
    def _ignores_padding(self) -> bool:
        items = [Input(np.array(ids, dtype=np.int32), 1, 0) for ids in ([3, 4, 5], [4, 5, 3, 5, 4, 3, 3, 4])]
        beside, *alone = (
            self.trial(pack_rows(part, range(len(part)), None, False, self.device)).float()
            for part in (items, *([item] for item in items))
        )
        tolerance = 1e-3 if self.lm.dtype == torch.float32 else 0.1
        return bool((beside - torch.cat(alone)).abs().max() <= tolerance * beside.abs().max())

    @property
    def model(self) -> Any:
        return self.lm

    @property
    def may_share(self) -> bool:
        return self.reads_hidden

    def trial(self, pack: Pack) -> Tensor:
        return self.hidden(pack)[pack.ends[:, 0], pack.ends[:, 1]]

    @property
    def tokenizer(self) -> Any:
        """That of the model, with a chat template and a padding token."""
        return self.inputs.tokenizer

    def _logits(self, hidden: Tensor) -> Tensor:
        return capped(self.lm.get_output_embeddings()(hidden), self.cap)

    # — tokens —

    @property
    def end(self) -> int | None:
        """The token with which the chat template ends an answer; that of the tokenizer where it has none."""
        (item,) = self.inputs.sequences(Group(_EXAMPLE.prompt, _EXAMPLE.responses[:1]))
        special = set(self.tokenizer.all_special_ids) | set(self.ends_of_generation)
        ends = [token for token in item.tokens[item.boundary :].tolist() if token in special]
        end: int | None = ends[0] if ends else self.tokenizer.eos_token_id
        return end

    @property
    def ends_of_generation(self) -> tuple[int, ...]:
        """The tokens that the checkpoint says end what it generates."""
        settings = getattr(self.lm, "generation_config", None)
        named = settings.eos_token_id if settings is not None else None
        return () if named is None else tuple(named) if isinstance(named, (list, tuple)) else (named,)

    @property
    def ends(self) -> tuple[int, ...]:
        """Every token that ends an answer, for sampling."""
        known = [self.end, self.tokenizer.eos_token_id, *self.ends_of_generation]
        return tuple(sorted({token for token in known if token is not None}))

    def prompt_tokens(self, prompt: Prompt, room: int = 0) -> Tokens:
        """What is read before an answer, cut on the left so that `room` tokens of an answer fit behind it."""
        return self.inputs.opening(prompt, room)

    def continued(self, prompt: Tokens, response: Sequence[int]) -> Input:
        """A prompt and the tokens that a model answered, its end included where it ended by itself."""
        own = np.asarray(response, dtype=np.int32)
        return Input(np.concatenate([prompt, own]), len(prompt), 0, foretold=True)

    def tokenize(self, group: Group, ended: bool | Sequence[bool] = True) -> list[Input]:
        """The inputs of a group's responses as text, each foretold to its end token, or without for those that did not
        end by themselves; what the template writes behind the end is left out."""
        did = [ended] * len(group) if isinstance(ended, bool) else list(ended)
        return [self._until_end(item, end) for item, end in zip(self.inputs.sequences(group), did, strict=True)]

    def _until_end(self, item: Input, ended: bool) -> Input:
        own = item.tokens[item.boundary :]
        at = np.flatnonzero(own == self.end)
        stop = len(item.tokens) if not len(at) else item.boundary + int(at[-1]) + int(ended)
        return replace(item, tokens=item.tokens[:stop], foretold=True)

    # — log-probabilities —

    def forward(self, pack: Pack) -> LogProbabilities:
        """Those of the pack's responses, in the order of its members, with gradients."""
        foretold = pack.foretold
        if foretold is None:
            nothing = torch.zeros(len(pack.members), device=self.device)
            return LogProbabilities(nothing, nothing.long())
        if not self.reads_hidden:
            return self._by_own_forward(pack)
        return of_responses(self.hidden(pack), foretold, self._logits, self.lm.config.get_text_config().vocab_size)

    def _by_own_forward(self, pack: Pack) -> LogProbabilities:
        """The same where only the model itself knows how it makes logits."""
        assert pack.foretold is not None
        logits = self.lm(**self.rows(pack), use_cache=False).logits
        before = pack.foretold.before
        return summed(of_tokens(logits[before[:, 0], before[:, 1]], pack.foretold.tokens), pack.foretold)

    @contextmanager
    def reference(self) -> Iterator[None]:
        """The model as it was loaded, its adapters off: one copy in memory."""
        with without_adapters(self.lm):
            yield

    @contextmanager
    def ordinary(self) -> Iterator[Any]:
        """The model of transformers with its own attention, to generate with, and for other libraries."""
        used = self.lm.config._attn_implementation
        self.lm.set_attn_implementation(self._own_attention)
        try:
            yield self.lm
        finally:
            self.lm.set_attn_implementation(used)

    def save_pretrained(self, path: str | Path) -> None:
        """Write an ordinary checkpoint, whole or not at all; adapters are merged into it."""
        model = merged(self.lm)
        with (
            staged_folder(Path(path)) as folder,
            quiet_loading(),
            with_dropout(model.config, self.dropout_rates),  # also those it is used without
        ):
            model.save_pretrained(folder)
            self.tokenizer.save_pretrained(folder)

    @property
    def has_adapters(self) -> bool:
        """Whether adapters are trained, and not all weights."""
        return has_lora(self.lm)


def log_probabilities(model: LanguageModel, packs: Sequence[Pack]) -> LogProbabilities:
    """Those of all responses of the packs, in the order of the inputs that these were made of, with gradients."""
    found = [model(pack) for pack in packs]
    members = torch.tensor([member for pack in packs for member in pack.members], device=model.device)
    order = members.argsort()
    return LogProbabilities(
        torch.cat([one.total for one in found])[order], torch.cat([one.tokens for one in found])[order]
    )
