"""Preference imitation: the language-modelling loss on the best responses, read off the states' own forward pass."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint
from transformers import AutoModelForCausalLM

from polypref.models.backbones import BackboneSettings, plain_errors, quiet_loading, reads_last_token
from polypref.models.embedded import BackboneError, resolve
from polypref.models.packing import Imitated
from polypref.models.screening import check_weights

_LOGITS = 1 << 24  # computed at a time: 64 MiB, for any number of tokens


class LanguageHead(nn.Module):
    """How a language model foretells the next token from a hidden state; frozen, unless it is the embeddings."""

    def __init__(self, weight: Tensor | None, bias: Tensor | None, cap: float | None) -> None:
        super().__init__()
        self.weight = _frozen(weight)  # [vocabulary, hidden]; None: the input embeddings, which may be trained
        self.bias = _frozen(bias)  # [vocabulary]
        self.cap = cap  # logits stay below, as Gemma's do

    def forward(self, hidden: Tensor, imitated: Imitated, n: int, embeddings: Tensor) -> Tensor:
        """−log p of an imitated response's tokens, each given all before it, on average; 0 for other inputs.

        `hidden` is that of a whole pack of n inputs, `[rows, L, hidden]` → `[n]`, in single precision.
        """
        weight = embeddings if self.weight is None else self.weight
        before = hidden[imitated.before[:, 0], imitated.before[:, 1]]  # [m, hidden]
        size = max(_LOGITS // len(weight), 1)
        chunks = zip(torch.split(before, size), torch.split(imitated.tokens, size))
        losses = torch.cat([self._losses(*chunk, weight) for chunk in chunks])
        count = imitated.inputs.bincount(minlength=n).clamp(min=1)
        return losses.new_zeros(n).index_add(0, imitated.inputs, losses) / count

    def _losses(self, before: Tensor, tokens: Tensor, weight: Tensor) -> Tensor:
        """The same for each token, `[m]`, keeping none of the logits: they are computed again for their gradients."""

        def losses(before: Tensor, weight: Tensor) -> Tensor:
            return functional.cross_entropy(self.logits(before, weight), tokens, reduction="none")

        return checkpoint(losses, before, weight, use_reentrant=False, preserve_rng_state=False)

    def logits(self, hidden: Tensor, weight: Tensor) -> Tensor:
        """`[…, hidden]` → `[…, vocabulary]`, in single precision."""
        logits = functional.linear(hidden, weight, self.bias).float()
        return logits if self.cap is None else (logits / self.cap).tanh() * self.cap


def language_head(classifier: Any, name: str, settings: BackboneSettings) -> LanguageHead:
    """The language-modelling head of the checkpoint `name` that the classifier was made of."""
    if not reads_last_token(classifier):
        raise BackboneError(
            f"imitation needs a decoder, which foretells the next token, and {name!r} is an encoder; choose a decoder "
            "such as embedded:smollm2, or leave imitation out"
        )
    check_weights(resolve(name))
    with plain_errors(name), quiet_loading():
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            resolve(name),
            revision=settings.revision,
            trust_remote_code=settings.trust_remote_code,
            dtype=getattr(torch, settings.dtype),
            output_loading_info=True,
            use_safetensors=True,
        )
    model, report = loaded
    if any(not key.startswith(f"{model.base_model_prefix}.") for key in report["missing_keys"]):
        raise BackboneError(
            f"the checkpoint {name!r} has no language-modelling head, which imitation needs, nor shares it with "
            "its embeddings; start from the language model itself, or leave imitation out"
        )
    embeddings, output = model.get_input_embeddings().weight, model.get_output_embeddings()
    cap = model.config.get_text_config().to_dict().get("final_logit_softcapping")
    head = LanguageHead(None if output.weight is embeddings else output.weight, output.bias, cap)
    if not _foretells_as(head, model):
        raise BackboneError(
            f"the language-modelling head of {name!r} is more than a linear layer, which imitation does not know; "
            "leave imitation out"
        )
    return head.to(classifier.device)


@torch.no_grad()
def _foretells_as(head: LanguageHead, model: Any) -> bool:
    """Whether a small example has the model's own logits; some architectures scale them, or project first."""
    tokens = torch.arange(8)[None]
    hidden = model.base_model(input_ids=tokens, use_cache=False).last_hidden_state
    expected = model(input_ids=tokens, use_cache=False).logits.float()
    found = head.logits(hidden, model.get_output_embeddings().weight)
    tolerance = 1e-3 if model.dtype == torch.float32 else 0.03
    return bool((found - expected).abs().max() <= tolerance * expected.abs().max())


def _frozen(values: Tensor | None) -> nn.Parameter | None:
    return None if values is None else nn.Parameter(values.detach(), requires_grad=False)
